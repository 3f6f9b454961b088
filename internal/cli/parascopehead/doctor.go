package parascopehead

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/checks"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/headside"
)

type doctorOptions struct {
	e       headside.Env
	timeout time.Duration
	asJSON  bool
	fix     bool
	yes     bool
	bundle  string
}

func newDoctor(p *cli.Process, configFile *string) *cobra.Command {
	o := doctorOptions{e: headside.Env{NodeAddress: "127.0.0.1:9100", Now: time.Now, Getenv: p.Getenv, LookPath: exec.LookPath,
		HTTP: &http.Client{Timeout: 10 * time.Second}}}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find the broken link between the nodes and AMP, on the head node",
		Long: `Check the path of a sample on a cluster's head node: exporters, discovery, scrapes, the
queue on disk, credentials, clock, network, AMP's answers. The first broken link is reported
as failed, with the evidence and the next step. Checks that depend on it are unknown. A check
that could not be made is unknown, never ok. If ParallelCluster's pcluster-diag is installed,
it is run and its findings are included.

Without --fix it changes nothing. Run it as root, as the head runs. 'parascope doctor' checks
the path from AMP to Grafana. Each check has a page in docs/checks, which also describes --json.

Exit codes: 0 no check failed; 1 a check failed (4 if a permission is missing); 7 no check
failed and some could not be made.`,
		Example: `  sudo parascope-head doctor
  sudo parascope-head doctor --json | jq '.checks[] | select(.status == "failed")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("config.file") {
				o.e.ConfigFile = *configFile
			}
			return runDoctor(cmd.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.e.Address, "address", cmp.Or(p.Getenv("PARASCOPE_HEAD_ADDRESS"), "127.0.0.1:9090"),
		"`HOST:PORT` of the head's --web.listen-address (environment: PARASCOPE_HEAD_ADDRESS)")
	f.StringVar(&o.e.HTTPConfig, "http.config.file", "", "`FILE` with tls_config and basic_auth, for a head with --web.config.file")
	f.StringVar(&o.e.SlurmBin, "slurm.bin-dir", "/opt/slurm/bin", "`DIR` of Slurm's commands")
	f.StringVar(&o.e.Root, "root", "/", "root `DIR` of the node's file system")
	f.DurationVar(&o.timeout, "timeout", 15*time.Second, "maximum time for each check; a check that takes longer is unknown")
	f.BoolVar(&o.fix, "fix", false, "after the checks, restart parascope's failed systemd units; the command lists the units "+
		"first, and asks for confirmation")
	f.BoolVar(&o.yes, "yes", false, "with --fix: do not ask for confirmation")
	f.StringVar(&o.bundle, "bundle", "", "write a `FILE` for support (tar.gz): results, configuration, logs, metrics pages; without secrets")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

func runDoctor(ctx context.Context, p *cli.Process, o doctorOptions) (err error) {
	if o.e.Host, err = os.Hostname(); err != nil {
		return err
	}
	show := checks.New(p, o.asJSON)
	defer show.Close()
	all := headside.Checks()
	results, err := doctor.Run(ctx, &o.e, all, doctor.Options{AtOnce: 8, Bound: o.timeout}, show.Each(checks.Titles(all)))
	if err != nil || ctx.Err() != nil {
		return cmp.Or(err, ctx.Err())
	}
	d := doctor.NewDocument(results)
	d.Host = o.e.Host
	return checks.End(ctx, p, show, checks.Ending{Results: results, Document: d, JSON: o.asJSON, Fix: o.fix, Yes: o.yes, Bundle: o.bundle,
		Fixes: o.e.Fixes, Files: o.e.Bundle})
}
