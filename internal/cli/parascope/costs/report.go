package costs

import (
	"fmt"
	"maps"
	"slices"
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
	on   flags.Stack
	json bool
}

// addReportFlags defines the flags of the command cost itself.
func addReportFlags(c *cobra.Command, o *reportOptions) {
	o.on.Add(c)
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

func runReport(cmd *cobra.Command, p *cli.Process, o reportOptions) error {
	cfg, err := awsconf.Load(cmd.Context(), o.on.AWS)
	if err != nil {
		return err
	}
	l, err := priceList(nil)
	if err != nil {
		return err
	}
	t := o.on.Target(cmd)
	r, err := report.Look(cmd.Context(), cfg, l, report.Ask{Stack: o.on.Name, Now: time.Now(), Up: t.Command("up")})
	if err != nil {
		return err
	}
	if o.json {
		return p.PrintJSON(r)
	}
	printReport(p, r)
	return nil
}

func printReport(p *cli.Process, r report.Report) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(format string, args ...any) { fmt.Fprintf(p.Stdout, format+"\n", args...) }
	line("%s  %s in %s, %s to %s UTC", style.Bold("Cost"), r.Stack, r.Region, r.From.Format(time.DateOnly), r.To.Format("2006-01-02 15:04"))
	line("  %12s %12s", "so far", "this month")
	for i, l := range r.SoFar.Lines {
		line("  %12s %12s  %s", l.Dollars, r.Forecast.Lines[i].Dollars, term.Clean(l.What))
	}
	line("  %12s %12s  in all", total(r.SoFar), total(r.Forecast))
	if r.Unknown["usage"] == "" {
		line("%s  %d active series, %s samples ingested (about), %s read by queries", style.Bold("Usage"), r.Series,
			cost.Count(r.Samples.Decimal), cost.Count(r.Queried.Decimal))
	}
	for _, c := range r.Clusters {
		line("%s  %s: %.0f%% of the samples of the last hour, %s of ingestion this month", style.Bold("Cluster"), term.Clean(c.Name), 100*c.Share,
			c.Dollars)
	}
	if n := r.Licences; n.Editors+n.Viewers+n.Groups > 0 {
		text := fmt.Sprintf("%d admins and editors, %d viewers by role", n.Editors, n.Viewers)
		if n.Groups > 0 {
			text += fmt.Sprintf(", and the members of %d groups, who are not counted: the upper bound is unknown", n.Groups)
		} else {
			text += fmt.Sprintf(": at most %s; users who neither sign in nor use the API are not billed", n.Dollars)
		}
		line("%s  %s", style.Bold("Grafana"), text)
	}
	for _, what := range slices.Sorted(maps.Keys(r.Unknown)) {
		line("%s  %s: %s", style.Bold("Unknown"), what, term.Clean(r.Unknown[what]))
	}
	if len(r.Forecast.Unknown()) > 0 && r.Unknown["usage"] == "" {
		line("%s", cost.NextStep(r.Region))
	}
}
