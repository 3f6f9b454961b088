package parascope

import (
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/term"
)

func newConnect(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var asJSON bool
	c := &cobra.Command{
		Use:   "connect",
		Short: "Check and repair the connection of Prometheus to Grafana",
		Long: `Run the stack's setup function again: it writes the alert rules, adds or repairs
Grafana's data sources, lets Grafana query them, and installs the dashboards. It does the same as

  aws lambda invoke --function-name pcluster-infra-grafana-datasource-setup out.json

with a readable result.`,
		Example: `  parascope connect`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			cfg, err := awsconf.Load(cmd.Context(), on.AWS)
			if err != nil {
				return err
			}
			if !asJSON {
				_ = term.Printf(p.Stderr, "running %s; it may take a minute or two\n", deploy.FunctionName(on.Target(cmd).StackName))
			}
			answer, err := deploy.Connect(cmd.Context(), cfg, on.Target(cmd))
			if err != nil {
				return err
			}
			if asJSON {
				return p.PrintJSON(answer)
			}
			style := term.Style(p.Stdout, p.Getenv)
			for _, d := range answer.DataSources {
				isDefault := ""
				if d.Default {
					isDefault = " (default)"
				}
				_ = term.Printf(p.Stdout, "%s data source %s%s: %s; %s\n", style.Good("✓"), d.Name, isDefault, d.Action, d.Health)
			}
			for _, d := range answer.Dashboards {
				_ = term.Printf(p.Stdout, "%s dashboard %s: %s\n", style.Good("✓"), d.Title, d.Action)
			}
			if len(answer.Rules) > 0 {
				_ = term.Printf(p.Stdout, "%s alert rules: %s\n", style.Good("✓"), namespace.Summary(answer.Rules))
			}
			for _, w := range answer.Warnings {
				_ = term.Printf(p.Stdout, "%s %s\n", style.Bold("!"), w)
			}
			_ = term.Printf(p.Stdout, "Grafana %s at %s\n", answer.GrafanaVersion, answer.GrafanaURL)
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	on.Add(c)
	return c
}
