package parascopehead

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/headnode"
	"github.com/parascope/parascope/internal/term"
)

// setupFlags are the flags of setup.
type setupFlags struct {
	o           headnode.Options
	host        string
	environment string
}

func newSetup(p *cli.Process) *cobra.Command {
	s := setupFlags{}
	c := &cobra.Command{
		Use:   "setup",
		Short: "Write prometheus.yml and prometheus.service of a cluster's head node",
		Long: `Write /opt/prometheus/prometheus.yml and prometheus.service, from the files
that ParallelCluster wrote on the head node. The install script runs it; running it
again changes nothing. Stock Prometheus from version 2.43 on takes the configuration too.

Put your own scrape jobs into /opt/prometheus/scrape.d/NAME.yml, as scrape_configs:
upgrades do not change them. An existing Prometheus is reported and kept; --replace
copies its scrape jobs to that directory and replaces it.`,
		Example: `  parascope-head setup --remote-write.url https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-…/api/v1/remote_write \
    --remote-write.region us-east-2
  systemctl daemon-reload && systemctl enable --now prometheus`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd.Context(), p) },
	}
	f := c.Flags()
	f.StringVar(&s.o.Write.URL, "remote-write.url", "", "`URL` of the workspace's remote write")
	f.StringVar(&s.o.Write.Region, "remote-write.region", "", "AWS `REGION` of the workspace (default: the cluster's)")
	f.StringVar(&s.environment, "environment-file", "", "`FILE` environment-variables-NAME.sh with the cluster's name and region")
	f.StringVar(&s.host, "host", "", "host `NAME` of this node in labels (default: this machine's)")
	f.BoolVar(&s.o.Replace, "replace", false, "replace an existing Prometheus, and keep its scrape jobs")
	f.StringVar(&s.o.Root, "root", "/", "`DIR` to use as the node's root directory")
	return c
}

func (s *setupFlags) run(ctx context.Context, p *cli.Process) (err error) {
	if s.host == "" {
		if s.host, err = os.Hostname(); err != nil {
			return fmt.Errorf("could not get this machine's host name: %w", err)
		}
	}
	if s.o.Facts, err = headnode.ReadFacts(s.o.Root, s.host, s.environment); err != nil {
		return err
	}
	if s.o.Write.Region == "" {
		s.o.Write.Region = s.o.Facts.Region
	}
	s.o.Check = func(ctx context.Context, file string) error {
		summary, err := head.Check(ctx, file, true)
		if err != nil {
			return err
		}
		return summary.EachErr(file)
	}
	r, err := headnode.Setup(ctx, s.o)
	for _, f := range r.Written {
		fmt.Fprintf(p.Stdout, "%s written\n", f)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(p.Stdout, "note: %s\n", term.Clean(n))
	}
	if err == nil && len(r.Written) == 0 {
		fmt.Fprintln(p.Stdout, "nothing to change")
	}
	return err
}
