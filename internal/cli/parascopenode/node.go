// Package parascopenode has the one command of the program parascope-node.
package parascopenode

import (
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/collect"
)

// New makes the root command.
func New(p *cli.Process) *cobra.Command {
	o := collect.DefaultOptions()
	c := &cobra.Command{
		Use:   "parascope-node",
		Short: "Measure this machine and serve it to Prometheus on port 9100",
		Long: `Measure this machine and serve it to Prometheus, with the port, path and metric
names of node_exporter, so that its dashboards and alerts work unchanged. Of
node_exporter's flags there are those for the address, the page and the file
systems; none chooses collectors. By default only those run that a cluster's
dashboards read; --full runs all of node_exporter's default ones, and a scrape may
narrow them with ?collect[]=NAME or ?exclude[]=NAME.`,
		Example: `  parascope-node
  parascope-node --web.listen-address 127.0.0.1:9100
  parascope-node --full                         # node_exporter's default collectors
  curl -s localhost:9100/metrics | grep node_load1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// One processor at a time is enough to measure, and all that a job
			// should have to share.
			if p.Getenv("GOMAXPROCS") == "" {
				runtime.GOMAXPROCS(1)
			}
			b := cli.ReadBuild()
			o.Version, o.Revision = b.Version, b.Revision
			o.Logger = slog.New(slog.NewTextHandler(p.Stderr, nil))
			server, err := collect.New(o)
			if err != nil {
				return err
			}
			return server.Run(cmd.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.Address, "web.listen-address", o.Address, "`HOST:PORT` to serve on; port 0 takes a free one")
	f.StringVar(&o.Path, "web.telemetry-path", o.Path, "`PATH` of the metrics page")
	f.StringVar(&o.ProcFS, "path.procfs", o.ProcFS, "where procfs is mounted")
	f.StringVar(&o.SysFS, "path.sysfs", o.SysFS, "where sysfs is mounted")
	f.StringVar(&o.RootFS, "path.rootfs", o.RootFS, "where the machine's root file system is mounted")
	f.BoolVar(&o.Full, "full", false, "run all the collectors that node_exporter runs by default")
	c.AddCommand(cli.NewVersion(p, "parascope-node"))
	return c
}
