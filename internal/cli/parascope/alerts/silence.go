package alerts

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/duration"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/rules"
	"github.com/parascope/parascope/internal/term"
)

type silenceOptions struct {
	on     flags.Stack
	quiet  alerts.Quiet
	end    string
	list   bool
	asJSON bool
}

func newSilence(p *cli.Process) *cobra.Command {
	var o silenceOptions
	c := &cobra.Command{
		Use:   "silence [ALERT|LABEL=VALUE]…",
		Short: "Silence alerts for a time, list silences, or end a silence",
		Long: `Silence the alerts that match all given matchers, for a time.
A matcher is the name of an alert, or LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX or
LABEL!~REGEX. Silenced alerts still fire, and 'parascope alerts list' shows them.`,
		Example: `  parascope alerts silence NodeDown cluster=demo --for 2h --comment 'rolling update'
  parascope alerts silence node=~'gpu-dy-p5-[1-4]' --for 1d
  parascope alerts silence --list
  parascope alerts silence --end ID`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			defer func() { err = p.ReportFailure(o.asJSON, err) }()
			o.quiet.Matchers = args
			return runSilence(cmd, p, o)
		},
	}
	f := c.Flags()
	duration.Var(f, &o.quiet.For, "for", time.Hour, "`DURATION` of the silence, such as 30m or 1d (default 1h)")
	f.StringVar(&o.quiet.Comment, "comment", "", "`TEXT` with the reason for the silence")
	f.BoolVar(&o.list, "list", false, "list the silences that have not ended")
	f.StringVar(&o.end, "end", "", "`ID` of a silence to end")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.Lookup("for").DefValue = "" // the text says it
	o.on.Add(c)
	c.ValidArgsFunction = cobra.FixedCompletions(names(), cobra.ShellCompDirectiveNoFileComp)
	return c
}

// names are those of all alerts.
func names() (all []cobra.Completion) {
	for _, g := range rules.Groups() {
		for _, a := range g.Alerts {
			all = append(all, a.Name)
		}
	}
	return all
}

func runSilence(cmd *cobra.Command, p *cli.Process, o silenceOptions) error {
	asked := 0
	for _, is := range []bool{o.list, o.end != "", len(o.quiet.Matchers) > 0} {
		if is {
			asked++
		}
	}
	if asked != 1 {
		return hint.New(hint.Usage, errors.New("give exactly one of: the alerts to silence, --list, or --end ID"),
			"'parascope alerts silence --help' has examples")
	}
	if o.quiet.For <= 0 {
		return hint.New(hint.Usage, errors.New("--for must be positive"), "give a duration such as 2h")
	}
	if len(o.quiet.Matchers) > 0 {
		if _, err := alerts.ReadMatchers(o.quiet.Matchers); err != nil {
			return err
		}
	}
	cfg, at, err := open(cmd, &o.on)
	if err != nil {
		return err
	}
	switch {
	case o.list:
		all, err := alerts.Silences(cmd.Context(), cfg, at)
		if err != nil {
			return err
		}
		return printSilences(p, all, o.asJSON)
	case o.end != "":
		if err := alerts.Unmute(cmd.Context(), cfg, at, o.end); err != nil {
			return err
		}
		return term.Printf(p.Stdout, "silence %s has ended\n", o.end)
	}
	o.quiet.From, o.quiet.By = time.Now(), cmp.Or(p.Getenv("USER"), "parascope")
	o.quiet.Comment = cmp.Or(o.quiet.Comment, "created by parascope alerts silence")
	id, err := alerts.Mute(cmd.Context(), cfg, at, o.quiet)
	if err != nil {
		return err
	}
	ends := o.quiet.From.Add(o.quiet.For).UTC()
	if o.asJSON {
		return p.PrintJSON(map[string]any{"id": id, "endsAt": ends})
	}
	return term.Printf(p.Stdout, "silenced until %s: %s\n'parascope alerts silence --end %s' ends the silence\n",
		ends.Format("2006-01-02 15:04:05 UTC"), strings.Join(o.quiet.Matchers, " "), id)
}

func printSilences(p *cli.Process, all []alerts.Silence, asJSON bool) error {
	if asJSON {
		return p.PrintJSON(all)
	}
	if len(all) == 0 {
		return term.Printf(p.Stdout, "there are no silences\n")
	}
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{s.ID, strings.Join(s.Matchers, " "), s.Ends.Format("2006-01-02 15:04:05 UTC"), s.By, s.Comment})
	}
	if err := term.Table(p.Stdout, term.Style(p.Stdout, p.Getenv),
		[]term.Column{{Title: "ID"}, {Title: "ALERTS"}, {Title: "UNTIL"}, {Title: "BY"}, {Title: "COMMENT"}}, rows); err != nil {
		return fmt.Errorf("could not print the silences: %w", err)
	}
	return nil
}
