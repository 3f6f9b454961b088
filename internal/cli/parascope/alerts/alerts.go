// Package alerts has the commands of parascope alerts.
package alerts

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/term"
)

// New makes the command and those below it.
func New(p *cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "alerts",
		Short: "Show which alerts fire, silence them, and test that they arrive",
		Long: `Show the alerts of a stack's Prometheus workspace, and what they mean; silence them;
send a test alert to the recipients; write the rules; and end the alert of a cluster that
was deleted. docs/alerts has a page for each alert. 'parascope up --alert-to' sets the
recipients, and 'parascope status' shows whether they have confirmed.

  parascope alerts list                  active alerts, their meaning and start
  parascope alerts test                  check that an alert arrives
  parascope alerts silence NodeDown cluster=demo --for 2h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newList(p), newTest(p), newSilence(p), newRules(p), newForget(p))
	return c
}

// open finds the stack's alerts.
func open(c *cobra.Command, on *flags.Stack) (aws.Config, alerts.Place, error) {
	cfg, err := awsconf.Load(c.Context(), on.AWS)
	if err != nil {
		return cfg, alerts.Place{}, err
	}
	at, err := deploy.AlertsOf(c.Context(), cfg, on.Target(c))
	return cfg, at, err
}

func newList(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the active alerts, with their meaning and start time",
		Long: `List the active alerts of the workspace's alert manager, those of severity page first.
Silenced and inhibited alerts are listed too, but they are not sent.`,
		Example: `  parascope alerts list
  parascope alerts list --json | jq -r '.[] | select(.severity=="page") | .summary'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			cfg, at, err := open(cmd, &on)
			if err != nil {
				return err
			}
			firing, err := alerts.List(cmd.Context(), cfg, at)
			if err != nil {
				return err
			}
			if asJSON {
				return p.PrintJSON(firing)
			}
			printFiring(p, firing)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}

func printFiring(p *cli.Process, firing []alerts.Firing) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(format string, args ...any) { _ = term.Printf(p.Stdout, format+"\n", args...) }
	if len(firing) == 0 {
		line("no alert is firing")
	}
	for _, f := range firing {
		line("%s  %s, since %s (%s)", style.Bold(f.Name), f.Severity, f.Since.Format("2006-01-02 15:04:05 UTC"), age(time.Since(f.Since)))
		line("  %s", f.Summary)
		for _, text := range []string{f.Meaning, f.Page} {
			if text != "" {
				line("  %s", text)
			}
		}
		if f.Held != "" {
			line("  %s not sent: %s", style.Bold("!"), f.Held)
		}
	}
}

// age is a length of time as people say it, to the minute.
func age(d time.Duration) string {
	if d < time.Minute {
		return "less than a minute"
	}
	text := d.Round(time.Minute).String()
	return text[:len(text)-len("0s")]
}

func newForget(p *cli.Process) *cobra.Command {
	var on flags.Stack
	c := &cobra.Command{
		Use:   "forget CLUSTER",
		Short: "End the alert HeadSilent of a cluster that was deleted",
		Long: `End the alert HeadSilent of a cluster that was deleted, or that stays stopped. The
alert ends within three minutes. When the cluster's head sends samples again,
the alert tracks the cluster again.`,
		Example: `  parascope alerts forget demo`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, at, err := open(cmd, &on)
			if err != nil {
				return err
			}
			if err := alerts.Forget(cmd.Context(), cfg, at, args[0], time.Now()); err != nil {
				return err
			}
			return term.Printf(p.Stdout, "the alert HeadSilent no longer tracks cluster %s, and ends within three minutes\n", args[0])
		},
	}
	on.Add(c)
	flags.CompleteArgs(c, func(ctx context.Context, typed string) []cobra.Completion {
		return flags.Asked(&on.AWS, func(ctx context.Context, cfg aws.Config) (names []string, err error) {
			at, err := deploy.AlertsOf(ctx, cfg, on.Target(c))
			if err != nil {
				return nil, err
			}
			known, err := alerts.Known(ctx, cfg, at)
			for name, sends := range known {
				if !sends {
					names = append(names, name)
				}
			}
			return names, err
		}, func(name string) cobra.Completion { return name })(ctx, typed)
	})
	return c
}
