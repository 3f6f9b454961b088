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
		Short: "Send a test alert and check each step of its delivery",
		Long: `Send a test alert to the recipients: a rule that fires at once is written to Prometheus,
its alert manager notifies SNS, and SNS notifies the confirmed recipients. The rule is removed
at the end. The test takes some minutes, because CloudWatch shows SNS deliveries late. On a
terminal the command asks whether the message arrived, which only the recipient knows.

The exit status is 1 if a step fails; the error names the step.`,
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
	duration.Var(c.Flags(), &o.Active, "active-within", 4*time.Minute, "maximum `DURATION` to wait for the alert manager to receive the alert")
	duration.Var(c.Flags(), &o.Delivered, "delivered-within", 8*time.Minute, "maximum `DURATION` to wait, once the alert manager "+
		"has the alert, for CloudWatch to show a delivery")
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
	if t.Written {
		line(t.Active && t.Held == "", "the alert manager received the alert, and sends it")
		switch {
		case t.Unknown != "":
			_ = term.Printf(p.Stdout, "%s could not determine whether SNS delivered the alert: %s\n", style.Bold("?"), t.Unknown)
		default:
			line(t.Delivered, "SNS delivered the alert, according to CloudWatch")
		}
	}
	if t.Leftover != "" {
		_ = term.Printf(p.Stdout, "%s the test rule was not deleted: %s\n", style.Bold("!"), t.Leftover)
	}
}

func askForMessage(ctx context.Context, p *cli.Process) error {
	came, err := p.Ask(ctx, "Did the message about "+alerts.TestAlert+" arrive?")
	if err == nil && !came {
		err = hint.New(hint.Failure, errors.New("SNS delivered the message, but it did not arrive"),
			"check the spam folder, and the recipient's filters for mail from no-reply@sns.amazonaws.com")
	}
	return err
}
