package clusters

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/reach"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/cluster/uses"
)

func newClusterAttach(p *cli.Process) *cobra.Command {
	o := patchOptions{drain: true}
	c := &cobra.Command{
		Use:   "attach",
		Short: "Add the monitoring to a cluster's configuration",
		Long: `Add the stack's policies and the install script to the configuration of a cluster:
to the head node, the login pools and the queues, after existing entries. Everything
else is kept, comments and quoting included. The command prints the plan and the
difference, and writes only with --write or --output. A second run changes nothing.

An existing cluster is updated in two steps, since an update whose script cannot
be downloaded is rolled back: --part policies, then --part scripts. Its head node
and login pools get the script as OnNodeUpdated, since ParallelCluster refuses to
change their OnNodeConfigured; its queues get QueueUpdateStrategy: DRAIN where they
have no strategy. TERMINATE is never written.`,
		Example: `  parascope cluster attach --config cluster-config.yaml
  parascope cluster attach --config cluster-config.yaml --write
  parascope cluster attach --config cluster-config.yaml --cluster hpc --part scripts --write`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runAttach(cmd.Context(), p, cmd, o))
		},
	}
	patchFlags(c, p, &o)
	addSourceFlags(c, &o.asked, &o.aws)
	c.Flags().BoolVar(&o.drain, "drain", true, "write QueueUpdateStrategy: DRAIN for a running cluster whose queues have no strategy")
	c.Flags().StringVar(&o.version, "pcluster-version", "", "`VERSION` of ParallelCluster that will create the cluster")
	return c
}

func runAttach(ctx context.Context, p *cli.Process, cmd *cobra.Command, o patchOptions) error {
	r, cfg, err := o.request(ctx, p, again(cmd))
	if err != nil {
		return err
	}
	on := flags.Stack{Name: o.asked.Stack, AWS: o.aws}
	o.asked.Up = on.Target(cmd).Command("up")
	source, err := cluster.ReadSource(ctx, cfg, o.asked)
	if err != nil {
		return err
	}
	plan, err := cluster.PlanAttach(r, source)
	if err != nil {
		return err
	}
	if (o.write || o.output != "") && plan.Part != cluster.Policies {
		if err := staging.CheckScript(ctx, cfg, source); err != nil {
			return err
		}
		note, err := plan.CheckRoles(ctx, cfg, source)
		if err != nil {
			return err
		}
		if note != "" {
			plan.Notes = append(plan.Notes, note)
		}
		if err := record(ctx, cfg, plan.Text, r.Cluster.Name, o.result()); err != nil {
			return err
		}
		found, err := reach.Run(ctx, reach.Env{Config: cfg, Cluster: r.Cluster, Script: source.Script, NodePolicies: source.NodePolicies,
			Configuration: plan.Text})
		if err != nil {
			return err
		}
		plan.Notes = append(plan.Notes, reach.Notes(found)...)
	}
	if err := o.finish(p, plan, r.Text); err != nil || r.Cluster.Exists || r.Cluster.Name == "" || !o.write && o.output == "" {
		return err
	}
	return writeEnvironment(environment.File{ClusterName: r.Cluster.Name, Region: cfg.Region})
}

// writeEnvironment writes the file that is sourced before pcluster, unless it is there.
func writeEnvironment(e environment.File) error {
	name := environment.FileName(e.ClusterName)
	if err := mayMake(name, "", false); err != nil {
		return nil // whatever is in it, it is the person's
	}
	text, err := e.Text()
	if err != nil {
		return err
	}
	file, err := outfile.New(name, nil)
	if err != nil {
		return err
	}
	defer file.Discard()
	return file.Write(text)
}

// record notes that a configuration which is about to be written names the script, so that
// nobody deletes that.
func record(ctx context.Context, cfg aws.Config, text []byte, clusterName, file string) error {
	for _, place := range uses.Places(text) {
		if err := uses.Record(ctx, cfg, place, uses.NewAttached(clusterName, cfg.Region, file, time.Now())); err != nil {
			return err
		}
	}
	return nil
}
