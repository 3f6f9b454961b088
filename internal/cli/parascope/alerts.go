package parascope

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/rules"
)

func newAlerts(p *cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "alerts",
		Short: "Show the alerts that parascope ships",
	}
	c.AddCommand(newAlertsRules(p))
	return c
}

func newAlertsRules(p *cli.Process) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "Print the alerting and recording rules as a rule file",
		Long: `Print the alerting and recording rules as a rule file, which Prometheus and Amazon
Managed Prometheus read. docs/alerts has a page for each alert. A workspace evaluates
them once they are in a rule groups namespace of it:

  parascope alerts rules > rules.yml
  aws amp create-rule-groups-namespace --workspace-id ID --name parascope --data fileb://rules.yml`,
		Example: `  parascope alerts rules > rules.yml
  promtool check rules rules.yml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := rules.File(rules.Groups())
			if err != nil {
				return err
			}
			if _, err := p.Stdout.Write(text); err != nil {
				return fmt.Errorf("write the rules: %w", err)
			}
			return nil
		},
	}
}
