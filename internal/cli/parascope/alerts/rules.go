package alerts

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/rules"
	"github.com/parascope/parascope/internal/term"
)

func newRules(p *cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "Print the alerting and recording rules as a rule file",
		Long: `Print the alerting and recording rules as a rule file, which Prometheus and Amazon
Managed Prometheus read. docs/alerts has a page for each alert. The setup function, or
'parascope alerts rules apply', writes the rules to a stack's workspace.`,
		Example: `  parascope alerts rules > rules.yml
  promtool check rules rules.yml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := rules.File(rules.Groups())
			if err != nil {
				return err
			}
			if _, err := p.Stdout.Write(text); err != nil {
				return fmt.Errorf("could not write the rules: %w", err)
			}
			return nil
		},
	}
	c.AddCommand(newApply(p))
	return c
}

func newApply(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var asJSON bool
	c := &cobra.Command{
		Use:   "apply",
		Short: "Write the rules of this version to the stack's Prometheus workspace",
		Long: `Write the alerting and recording rules of this version to the rule groups namespaces
parascope-… of the stack's Prometheus workspace, and delete those of older versions that
are no longer needed. Namespaces without the tag parascope=rules are a site's own, and
are left alone. 'parascope up' and the setup function do the same.

If AMP refuses rules, the command fails with AMP's reason, and the namespace's previous
rules stay in effect.`,
		Example: `  parascope alerts rules apply`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			cfg, at, err := open(cmd, &on)
			if err != nil {
				return err
			}
			done, err := alerts.WriteRules(cmd.Context(), cfg, at.WorkspaceID)
			if asJSON && err == nil {
				return p.PrintJSON(done)
			}
			if !asJSON {
				style := term.Style(p.Stdout, p.Getenv)
				for _, o := range done {
					mark := style.Good("✓")
					if o.Action == namespace.Failed {
						mark = style.Bad("✗")
					}
					_ = term.Printf(p.Stdout, "%s %s: %s, %d rules\n", mark, o.Name, o.Action, o.Rules)
				}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}
