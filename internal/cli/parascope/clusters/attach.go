package clusters

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/reach"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/cluster/template"
	"github.com/parascope/parascope/internal/hint"
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

func runAttach(ctx context.Context, p *cli.Process, cmd *cobra.Command, o patchOptions) (err error) {
	defer o.discard()
	defer func() { err = o.records.end(ctx, err) }()
	r, cfg, err := o.request(ctx, p, cmd)
	if err != nil {
		return err
	}
	on := flags.Stack{Name: o.asked.Stack, AWS: o.aws}
	o.asked.Up, o.asked.Stage = on.Target(cmd).Command("up"), stageAgain(cmd)
	source, deployed, err := o.source(ctx, cfg, r)
	if err != nil {
		return err
	}
	compared, err := readDeployed(ctx, cfg, &r)
	if err != nil {
		return err
	}
	plan, err := cluster.PlanAttach(r, source)
	if err != nil {
		return err
	}
	plan.Notes = append(plan.Notes, compared...)
	types, err := plan.CheckTypes(ctx, cfg)
	if err != nil {
		return err
	}
	plan.Notes = append(plan.Notes, types...)
	if err := plan.SkipUpdate(ctx, cfg, source); err != nil {
		return err
	}
	policies := source.NodePolicies
	if !deployed {
		policies, plan.Next = nil, append(plan.Next, stageCommand(o.asked.Stack, cfg.Region))
	}
	if (o.write || o.file != nil) && !r.Cluster.Exists && r.Cluster.Name != "" {
		if o.variables, err = prepareVariables(ctx, environment.File{ClusterName: r.Cluster.Name, Region: cfg.Region}); err != nil {
			return err
		}
	}
	if (o.write || o.file != nil) && plan.Part != cluster.Policies {
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
		if o.records, err = record(ctx, cfg, recording{plan.Text, r.Cluster.Name, cmp.Or(o.output, o.config),
			o.write || o.file.Regular(), o.asked.Bucket}); err != nil {
			return err
		}
		if o.records.note != "" {
			plan.Notes = append(plan.Notes, o.records.note)
		}
		found, err := reach.Run(ctx, reach.Env{Config: cfg, Cluster: r.Cluster, Script: source.Script, NodePolicies: policies,
			Configuration: plan.Text, Stage: source.Stage})
		if err != nil {
			return err
		}
		plan.Notes = append(plan.Notes, reach.Notes(found)...)
	}
	return o.finish(ctx, p, plan, r.Text, func() string { return "" })
}

// readDeployed reads what a running cluster has. A note says that it could not be read.
func readDeployed(ctx context.Context, cfg aws.Config, r *cluster.Request) (notes []string, err error) {
	if !r.Cluster.Exists {
		return nil, nil
	}
	r.Deployed, err = r.Cluster.Deployed(ctx, cfg)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return []string{"not compared with the configuration that the cluster runs with: " + awserr.Brief(err)}, nil
	}
	return nil, nil
}

// source reads what the configuration takes from the stack. A template that contains the stack is
// attached before its first deployment too.
func (o *patchOptions) source(ctx context.Context, cfg aws.Config, r cluster.Request) (s cluster.Source, deployed bool, err error) {
	s, err = cluster.ReadSource(ctx, cfg, o.asked)
	if err == nil || hint.CodeOf(err) != hint.NotFound || !cluster.ContainsStack(r.File, r.Text) {
		return s, true, err
	}
	place, err := artifact.Locate(ctx, cfg, artifact.PackageOptions{Stack: o.asked.Stack, Bucket: o.asked.Bucket,
		Architecture: artifact.HostArchitecture()})
	if err != nil {
		return s, false, err
	}
	s = template.Source(o.asked.Stack, cfg.Region, place.Bucket)
	s.Stage = o.asked.Stage
	if own := o.asked.NodePolicy; own != "" {
		s.HeadPolicies, s.NodePolicies = []string{s.HeadPolicies[0], own}, []string{own}
	}
	return s, false, nil
}

// stageCommand tells the manifest the workspace of a stack that was deployed after the scripts were staged.
func stageCommand(stackName, region string) string {
	return "parascope cluster stage --region " + region + " --stack " + stackName
}

// stageAgain is the command that uploads the scripts to where this one looks for them.
func stageAgain(c *cobra.Command) string {
	line := "parascope cluster stage"
	c.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains([]string{"region", "profile", "stack", "bucket"}, f.Name) {
			line += flags.Written(c, f)
		}
	})
	return line
}
