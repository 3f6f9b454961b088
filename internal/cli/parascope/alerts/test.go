package alerts

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/duration"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

func newTest(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var o alerts.TryOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "test",
		Short: "Send a test alert the whole way, and say how far it comes",
		Long: `Send an alert the whole way: a rule that fires at once is written to Prometheus, whose
alert manager tells SNS, which tells those who have confirmed. The rule is removed at the
end. It takes some minutes; CloudWatch counts SNS's deliveries late. On a terminal you are
asked whether the message came: nothing else sees a mailbox.

The exit status is 1 if a part of the way does not work; the error names it.`,
		Example: `  parascope alerts test
  parascope alerts test --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			cfg, at, err := open(cmd, &on)
			if err != nil {
				return err
			}
			if !asJSON {
				o.Tell = func(text string) { _ = term.Printf(p.Stderr, "%s\n", text) }
			}
			trial, err := alerts.Try(cmd.Context(), cfg, at, o)
			if asJSON {
				return errors.Join(p.PrintJSON(trial), err)
			}
			printTrial(p, trial)
			if err != nil || !term.IsInputTerminal(p.Stdin) {
				return err
			}
			return askForMessage(cmd.Context(), p)
		},
	}
	duration.Var(c.Flags(), &o.Active, "active-within", 4*time.Minute, "`DURATION` that Prometheus and its alert manager have")
	duration.Var(c.Flags(), &o.Delivered, "delivered-within", 8*time.Minute, "`DURATION` after that for SNS's count of deliveries")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}

func printTrial(p *cli.Process, t alerts.Trial) {
	style := term.Style(p.Stdout, p.Getenv)
	line := func(good bool, text string) {
		mark := style.Good("✓")
		if !good {
			mark = style.Bad("✗")
		}
		_ = term.Printf(p.Stdout, "%s %s\n", mark, text)
	}
	for _, s := range t.Subscriptions {
		line(s.Confirmed, s.String())
	}
	line(t.Active && t.Held == "", "the alert manager has the alert, and sends it")
	switch {
	case t.Unknown != "":
		_ = term.Printf(p.Stdout, "%s whether SNS delivered is unknown: %s\n", style.Bold("?"), t.Unknown)
	default:
		line(t.Delivered, "SNS counts a delivery")
	}
	if t.Leftover != "" {
		_ = term.Printf(p.Stdout, "%s the test's rule is still there: %s\n", style.Bold("!"), t.Leftover)
	}
}

func askForMessage(ctx context.Context, p *cli.Process) error {
	came, err := p.Ask(ctx, "Did the message about "+alerts.TestAlert+" arrive?")
	if err == nil && !came {
		err = hint.New(hint.Failure, errors.New("SNS delivered, and the message did not arrive"),
			"look among the spam, and at the endpoint's own rules for mail from no-reply@sns.amazonaws.com")
	}
	return err
}
