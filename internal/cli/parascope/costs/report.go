package costs

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/report"
	"github.com/parascope/parascope/internal/term"
)

type reportOptions struct {
	on      flags.Stack
	timeout time.Duration
	json    bool
}

// addReportFlags defines the flags of the command cost itself.
func addReportFlags(c *cobra.Command, o *reportOptions) {
	o.on.Add(c)
	c.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "maximum time for each request to AWS; what takes longer is unknown")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

func runReport(cmd *cobra.Command, p *cli.Process, o reportOptions) error {
	cfg, err := awsconf.Load(cmd.Context(), o.on.AWS)
	if err != nil {
		return err
	}
	if !cost.IsRegion(cfg.Region) {
		return noRegion(cfg.Region)
	}
	l, err := priceList(nil)
	if err != nil {
		return err
	}
	t := o.on.Target(cmd)
	r, err := report.Look(cmd.Context(), cfg, l, report.Ask{Stack: o.on.Name, Now: time.Now(), Bound: o.timeout,
		Up: t.Command("up"), Status: t.Command("status")})
	if err != nil {
		return err
	}
	if o.json {
		return p.PrintJSON(r)
	}
	printReport(p.Stdout, term.Style(p.Stdout, p.Getenv), term.Width(p.Stdout), r)
	return nil
}

// printReport writes a report within a number of columns.
func printReport(w io.Writer, style term.Styler, width int, r report.Report) {
	width = max(min(width, widest), 30)
	line := func(title, format string, args ...any) { // the title is the first word
		for i, text := range term.Wrap(style.Bold(title)+" "+fmt.Sprintf(format, args...), width-2) {
			if i == 0 {
				text = strings.Replace(text, style.Bold(title)+" ", style.Bold(title)+"  ", 1)
			} else {
				text = "  " + text
			}
			fmt.Fprintln(w, text)
		}
	}
	line("Cost", "%s in %s, %s to %s UTC", r.Stack, r.Region, r.From.Format(time.DateOnly), r.To.Format("2006-01-02 15:04"))
	row := func(soFar, month, what string) {
		numbers := fmt.Sprintf("  %*s %*s", numberWidth, soFar, numberWidth, month)
		if what == "" || width >= narrow {
			indent := strings.Repeat(" ", len(numbers)+2)
			for i, text := range term.Wrap(what, width-len(indent)) {
				if i > 0 {
					numbers = indent[2:]
				}
				fmt.Fprintln(w, numbers+"  "+text)
			}
			if what == "" {
				fmt.Fprintln(w, numbers)
			}
			return
		}
		for _, text := range term.Wrap(what, width) {
			fmt.Fprintln(w, text)
		}
		fmt.Fprintln(w, numbers)
	}
	row("so far", "this month", "")
	for i, l := range r.SoFar.Lines {
		row(l.Dollars.String(), r.Forecast.Lines[i].Dollars.String(), l.What)
	}
	row(total(r.SoFar), total(r.Forecast), "total")
	printUsage(line, r)
}

// printUsage writes what was counted, and what could not be.
func printUsage(line func(title, format string, args ...any), r report.Report) {
	if r.Samples != nil {
		line("Usage", "%d active series, about %s samples ingested, %s read by queries", *r.Series,
			cost.Count(r.Samples.Decimal), cost.Count(r.Queried.Decimal))
	}
	for _, c := range r.Clusters {
		line("Cluster", "%s: %.0f%% of the samples of the last hour, %s of ingestion this month", term.Clean(c.Name), 100*c.Share,
			c.Dollars)
	}
	if n := r.Licences; n != nil && n.Editors+n.Viewers+n.Groups > 0 {
		text := fmt.Sprintf("%d admins and editors, %d viewers by role", n.Editors, n.Viewers)
		if n.Groups > 0 {
			text += fmt.Sprintf(", and the members of %d groups, who are not counted: the upper bound is unknown", n.Groups)
		} else {
			text += fmt.Sprintf(": at most %s; users who do not sign in and do not use the API are not billed", n.Dollars)
		}
		line("Grafana", "%s", text)
	}
	for _, what := range slices.Sorted(maps.Keys(r.Unknown)) {
		line("Unknown", "%s: %s", what, term.Clean(r.Unknown[what]))
	}
	if len(r.Forecast.Unknown()) > 0 && r.Unknown["usage"] == "" && r.Unknown["stack"] == "" {
		line("Next", "%s", cost.NextStep(r.Region))
	}
}
