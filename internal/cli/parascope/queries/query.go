// Package queries has the command query of the program parascope.
package queries

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/duration"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

type queryOptions struct {
	aws       awsconf.Options
	workspace string
	time      string
	span      string
	step      string
	json      bool
}

// New makes the command.
func New(p *cli.Process) *cobra.Command {
	var o queryOptions
	c := &cobra.Command{
		Use:   "query EXPR",
		Short: "Query an AMP workspace in PromQL",
		Long: `Query an Amazon Managed Prometheus workspace in PromQL, signed with your AWS
credentials. An instant query prints a table; --range draws a plot. The workspace
need not be given if there is only one.

Durations are written as Prometheus writes them: 90s, 15m, 1h30m, 7d.`,
		Example: `  parascope query up                                    # which targets are up?
  parascope query 'node_load1'
  parascope query 'sum by (instance) (rate(node_network_receive_bytes_total[5m]))' --range 1h
  parascope query 'node_memory_MemAvailable_bytes' --range 1d --step 10m
  parascope query 'up == 0' --time 2026-11-23T09:00:00Z
  parascope query 'count(up)' --json | jq '.data.result[0].value[1]'
  parascope query up --workspace my-cluster --region us-west-2`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("expected one PromQL expression in quotes, got %d arguments", len(args))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runQuery(cmd.Context(), p, args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.workspace, "workspace", p.Getenv("PARASCOPE_WORKSPACE"), "`ID|ALIAS` of the workspace (environment: PARASCOPE_WORKSPACE)")
	f.StringVar(&o.time, "time", "", "`TIME` of an instant query or end of a range: RFC 3339 or Unix seconds (default: now)")
	f.StringVar(&o.span, "range", "", "plot this `DURATION` up to --time")
	f.StringVar(&o.step, "step", "", "`DURATION` between the points of a range (default: chosen by the terminal's width)")
	f.BoolVar(&o.json, "json", false, "print Prometheus' JSON response")
	flags.AddAWS(f, &o.aws)
	c.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		explained := cli.ExplainFlag(cmd, err)
		if strings.HasPrefix(err.Error(), "unknown shorthand flag") { // there are none: it is a minus sign
			explained = hint.New(hint.Usage, explained, "put -- before an expression that begins with a minus sign: parascope query -- '-1'")
		}
		return explained
	})
	complete := func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeWorkspaces(cmd.Context(), o.aws), cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc("workspace", complete); err != nil {
		panic(err) // only for a flag that is not defined above
	}
	return c
}

// moments is when a query is about: one moment, or a range.
type moments struct {
	at         time.Time // end of a range; zero: the server's now
	span, step time.Duration
}

func runQuery(ctx context.Context, p *cli.Process, expr string, o queryOptions) error {
	if strings.TrimSpace(expr) == "" {
		return hint.New(hint.BadInput, fmt.Errorf("the PromQL expression is empty"), "'parascope query up' shows which targets are up")
	}
	m, err := readMoments(o, term.PlotColumns(term.Width(p.Stdout)))
	if err != nil {
		return err
	}
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return err
	}
	workspace, err := amp.FindWorkspace(ctx, cfg, o.workspace)
	if err != nil {
		return err
	}
	client, err := amp.NewQueryClient(cfg, workspace.Endpoint)
	if err != nil {
		return err
	}
	var result amp.Result
	if m.span > 0 {
		if m.at.IsZero() {
			m.at = time.Now()
		}
		result, err = client.QueryRange(ctx, expr, m.start(), m.at, m.step)
	} else {
		result, err = client.Query(ctx, expr, m.at)
	}
	if err != nil {
		return err
	}
	for _, w := range result.Warnings {
		_ = term.Printf(p.Stderr, "Warning: %s\n", w)
	}
	if result.Empty() {
		_ = term.Printf(p.Stderr, "No series in workspace %s match this query%s.\n", workspace.ID, m)
	}
	return printResult(p, result, m, o.json)
}

// start is the first point of a range: the last one is its end, so that a step longer
// than the range leaves the newest point.
func (m moments) start() time.Time { return m.at.Add(-m.span.Truncate(m.step)) }

// String says when, for a sentence.
func (m moments) String() string {
	when := ""
	if !m.at.IsZero() {
		when = " at " + m.at.Format(time.RFC3339)
	}
	if m.span > 0 {
		when += " or in the " + model.Duration(m.span).String() + " before"
	}
	return when
}

func readMoments(o queryOptions, columns int) (moments, error) {
	var m moments
	var err error
	if m.at, err = readTime(o.time); err != nil {
		return m, err
	}
	if o.span == "" {
		if o.step != "" {
			return m, hint.New(hint.Usage, fmt.Errorf("--step requires --range"), "add --range, such as --range 1h")
		}
		return m, nil
	}
	if m.span, err = readDuration("--range", o.span); err != nil {
		return m, err
	}
	if o.step == "" {
		m.step = max(time.Second, (m.span / time.Duration(columns-1)).Round(time.Second))
		return m, nil
	}
	if m.step, err = readDuration("--step", o.step); err != nil {
		return m, err
	}
	if m.span/m.step > mostPoints {
		fits := (m.span + mostPoints*time.Second - 1) / (mostPoints * time.Second) * time.Second // rounded up to seconds
		return m, hint.New(hint.Usage, fmt.Errorf("--range %s with --step %s has more than %d points for each series, which Prometheus refuses",
			o.span, o.step, mostPoints), fmt.Sprintf("use --step %s or longer", model.Duration(fits)))
	}
	return m, nil
}

// mostPoints is how many steps Prometheus takes in a range.
const mostPoints = 11_000

func readDuration(flag, text string) (time.Duration, error) {
	d, err := duration.Parse(text)
	if err != nil {
		return 0, hint.New(hint.Usage, fmt.Errorf("%s %q is not a duration", flag, text), "give a duration such as 90s, 15m, 1h30m or 7d")
	}
	if d <= 0 {
		return 0, hint.New(hint.Usage, fmt.Errorf("%s %q must be positive", flag, text), "give a duration such as 90s, 15m, 1h30m or 7d")
	}
	return d, nil
}

func readTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	// Beyond the year 9999 a time has no RFC 3339 form to be printed in.
	if s, err := strconv.ParseFloat(text, 64); err == nil && s >= 0 && s < 253402300800 {
		whole, part := math.Modf(s)
		return time.Unix(int64(whole), int64(part*1e9)), nil
	}
	return time.Time{}, hint.New(hint.Usage, fmt.Errorf("--time %q is not a time", text),
		"give a time such as 2026-11-23T09:00:00Z, or Unix seconds")
}

// completeWorkspaces offers the workspaces to a shell: by alias where that names
// only one, else by id. There is nobody to tell of an error, so it offers none.
func completeWorkspaces(ctx context.Context, o awsconf.Options) []cobra.Completion {
	cfg, err := awsconf.Load(ctx, o)
	if err != nil {
		return nil
	}
	all, err := amp.ListWorkspaces(ctx, cfg)
	if err != nil {
		return nil
	}
	holders := map[string]int{}
	for _, w := range all {
		holders[w.Alias]++
	}
	var names []cobra.Completion
	for _, w := range all {
		if w.Alias != "" && holders[w.Alias] == 1 {
			names = append(names, cobra.CompletionWithDesc(w.Alias, w.ID+" "+w.Status))
		} else {
			names = append(names, cobra.CompletionWithDesc(w.ID, strings.TrimSpace(w.Alias+" "+w.Status)))
		}
	}
	return names
}
