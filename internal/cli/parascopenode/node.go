// Package parascopenode has the one command of the program parascope-node.
package parascopenode

import (
	"io"
	"log/slog"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/collect"
)

// New makes the root command.
func New(p *cli.Process) *cobra.Command {
	o := collect.DefaultOptions()
	explain, cpu, device := false, "mean", "sum"
	var gpus gpuFlags
	c := &cobra.Command{
		Use:   "parascope-node",
		Short: "Measure this machine and serve it to Prometheus on ports 9100 and 9400",
		Long: `Measure this machine and serve it to Prometheus, with the port, path, metric
names, units and help texts of node_exporter. CPU seconds are one series per mode, the
mean of all CPUs, with cpu="all". Instance-store disks are summed as device="all", and so
are all network cards of a machine with EFA except the primary one. --cpu=each and
--device=each return node_exporter's series, and --full adds the series that dashboards
rarely use. Only the node_exporter flags listed below exist. No flag selects collectors;
a scrape can, with ?collect[]=NAME or ?exclude[]=NAME. --explain describes every series.

NVIDIA GPUs are served on port 9400, with dcgm-exporter's metric names, units and
labels. On a machine without GPUs that page says so.`,
		Example: `  parascope-node
  parascope-node --web.listen-address 127.0.0.1:9100
  parascope-node --cpu=each --device=each --full --max-series=0   # node_exporter's shape
  parascope-node --gpu.fields=full   # all metrics of dcgm-exporter
  parascope-node --explain | less
  curl -s localhost:9100/metrics | grep node_load1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if explain {
				_, err := io.WriteString(p.Stdout, collect.Explain())
				return err
			}
			var err error
			if o.EachCPU, err = oneOf("--cpu", cpu, "mean", "each"); err != nil {
				return err
			}
			if o.EachDevice, err = oneOf("--device", device, "sum", "each"); err != nil {
				return err
			}
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
			gpuServer, err := gpus.server(o)
			if err != nil {
				return err
			}
			if gpuServer == nil {
				return server.Run(cmd.Context())
			}
			return collect.RunBoth(cmd.Context(), server, gpuServer)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Address, "web.listen-address", o.Address, "`HOST:PORT` to serve on; port 0 selects a free one")
	f.StringVar(&o.Path, "web.telemetry-path", o.Path, "`PATH` of the metrics page")
	f.StringVar(&o.Config, "web.config.file", "", "web configuration `FILE` that enables TLS or basic authentication, as for "+
		"Prometheus' exporters")
	f.StringVar(&o.ProcFS, "path.procfs", o.ProcFS, "where procfs is mounted")
	f.StringVar(&o.SysFS, "path.sysfs", o.SysFS, "where sysfs is mounted")
	f.StringVar(&o.RootFS, "path.rootfs", o.RootFS, "where the machine's root file system is mounted")
	f.StringVar(&cpu, "cpu", cpu, "`SHAPE` of CPU time: mean (one series per mode) or each (one series per mode and CPU)")
	f.StringVar(&device, "device", device, "`SHAPE` of device series: sum (instance-store disks and EFA network cards are summed) or "+
		"each (one series per device)")
	f.BoolVar(&o.Full, "full", false, "also serve the series that dashboards use rarely")
	f.StringArrayVar(&o.Textfiles, "collector.textfile.directory", nil,
		"serve the metrics in *.prom files of this `DIRECTORY`, or of directories that match a pattern; may be repeated")
	f.BoolVar(&o.Jobs, "collector.jobs", false, "measure CPU and memory of the Slurm jobs on this node, from their control groups")
	f.IntVar(&o.MaxSeries, "max-series", o.MaxSeries,
		"maximum number `N` of series on a page, 0 for no limit; metric families beyond it are left out, counted and logged")
	f.BoolVar(&explain, "explain", false, "describe every series and exit")
	gpus.add(f)
	c.AddCommand(newGPU(p), cli.NewVersion(p, "parascope-node"))
	return c
}
