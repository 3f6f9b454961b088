// Package parascope has the commands of the program parascope: all that asks AWS.
// The other programs of the module are run by it as commands of its own.
package parascope

import (
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/alerts"
	"github.com/parascope/parascope/internal/cli/parascope/clusters"
	"github.com/parascope/parascope/internal/cli/parascope/costs"
	"github.com/parascope/parascope/internal/cli/parascope/dashboards"
	"github.com/parascope/parascope/internal/cli/parascope/doctors"
	"github.com/parascope/parascope/internal/cli/parascope/queries"
)

// New makes the root command, with the list of all commands in the order of the help.
func New(p *cli.Process) *cobra.Command {
	root := &cobra.Command{
		Use:   "parascope",
		Short: "Complete managed monitoring for an AWS ParallelCluster",
		Long: `parascope gives an AWS ParallelCluster (Slurm, GPUs) complete managed monitoring
with Amazon Managed Prometheus and Amazon Managed Grafana, and runs the same
thing on one machine without AWS.

  parascope local      start here: everything on this machine, with its own metrics
  parascope up         the same in your AWS account: Prometheus, Grafana, connected
  parascope query up   query the workspace in PromQL`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		newOther(p, "local", "Run everything on this machine, without AWS"),
		newUp(p),
		newStatus(p),
		doctors.New(p),
		newUsers(p),
		newConnect(p),
		newLogs(p),
		newDown(p),
		newPackage(p),
		clusters.New(p),
		alerts.New(p),
		costs.New(p),
		queries.New(p),
		dashboards.New(p),
		newOther(p, "head", "Discover, scrape and send, as Prometheus in agent mode does"),
		newOther(p, "node", "Measure this machine and serve it to Prometheus on port 9100"),
		cli.NewVersion(p, "parascope"),
	)
	return root
}
