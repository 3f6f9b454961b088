package parascope

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/uses"
)

func newClusterDetach(p *cli.Process) *cobra.Command {
	o := patchOptions{}
	c := &cobra.Command{
		Use:   "detach",
		Short: "Remove the monitoring from a cluster's configuration",
		Long: `Remove what attach added to a configuration, and nothing else: the result is the file
before attach, byte for byte.

An existing cluster is updated in two steps. --part scripts removes the script from
the queues, and lets head and login nodes run it with --remove; --part policies removes
the policies that no node needs any more. ParallelCluster refuses to change the
OnNodeConfigured of head node and login pools: it remains until the cluster is deleted,
and the script must stay in the bucket.

When the head has stopped, 'parascope alerts forget CLUSTER' ends the alert HeadSilent.`,
		Example: `  parascope cluster detach --config cluster-config.yaml --write
  parascope cluster detach --config cluster-config.yaml --cluster hpc --part policies --write`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runDetach(cmd.Context(), p, cmd, o))
		},
	}
	patchFlags(c, p, &o)
	return c
}

func runDetach(ctx context.Context, p *cli.Process, cmd *cobra.Command, o patchOptions) error {
	r, cfg, err := o.request(ctx, p, again(cmd))
	if err != nil {
		return err
	}
	plan, err := cluster.PlanDetach(r, cfg.Region)
	if err != nil {
		return err
	}
	if err := o.finish(p, plan, r.Text); err != nil || !o.write && o.output == "" || len(uses.Places(plan.Text)) > 0 {
		return err
	}
	for _, place := range uses.Places(r.Text) {
		if err := uses.Forget(ctx, cfg, place, uses.NewAttached(r.Cluster.Name, cfg.Region, o.config, time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// again are the flags that the next call of the command needs as well.
func again(c *cobra.Command) (words string) {
	c.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "region", "profile", "stack", "bucket", "node-policy":
			words += flags.Written(c, f)
		}
	})
	return words
}
