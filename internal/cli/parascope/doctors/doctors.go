// Package doctors has the command doctor of the program parascope.
package doctors

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/checks"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/awsside"
	"github.com/parascope/parascope/internal/hint"
)

// atOnce is how many checks run at the same time: AMG and AMP take few requests a second.
const atOnce = 8

type doctorOptions struct {
	on      flags.Stack
	cluster string
	user    string
	timeout time.Duration
	asJSON  bool
	fix     bool
	yes     bool
	bundle  string
	node    string
	active  bool
}

// New makes the command.
func New(p *cli.Process) *cobra.Command {
	var o doctorOptions
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find the broken link between the nodes and Grafana",
		Long: `Check the path of a sample from the cluster's nodes to a panel in Grafana, as far as AWS
and the samples show it; 'parascope-head doctor' checks the rest on the head node. The first
broken link is reported as failed, with the evidence and the next step. Checks that depend
on it are unknown. A check that could not be made is unknown, never ok.

Without --fix it changes nothing, except that the setup function signs in to Grafana
briefly to read the data sources. Each check has a page in docs/checks, which also describes --json.

Exit codes: 0 no check failed; 1 a check failed (4 if a permission is missing, 5 if the
stack or the cluster is missing); 7 no check failed and some could not be made.`,
		Example: `  parascope doctor
  parascope doctor --cluster hpc --json | jq '.checks[] | select(.status == "failed")'
  parascope doctor --user jane@example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd.Context(), p, cmd, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.cluster, "cluster", "", "check only this `CLUSTER`, which is expected to send metrics")
	f.StringVar(&o.node, "node", "", "also check the GPUs and EFA of this `NODE` from its metrics; with several clusters, requires --cluster")
	f.BoolVar(&o.active, "active", false, "with --node: suggest 'dcgmi diag -r 1' if the node is drained and idle")
	f.StringVar(&o.user, "user", "", "check that `WHO`, an e-mail or user name, has a role in Grafana")
	f.DurationVar(&o.timeout, "timeout", 15*time.Second, "maximum time for each check; a check that takes longer is unknown")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	f.BoolVar(&o.fix, "fix", false, "after the checks, run the available repairs: connect the data source and make it the default, give "+
		"the user of --user a role; the command lists the repairs first, and asks for confirmation")
	f.BoolVar(&o.yes, "yes", false, "with --fix: do not ask for confirmation")
	f.StringVar(&o.bundle, "bundle", "", "write a `FILE` for support (tar.gz): results, status, data sources, the setup function's log; "+
		"without secrets")
	o.on.Add(c)
	flags.Complete(c, "cluster", flags.Asked(&o.on.AWS, lookup.Names, func(name string) cobra.Completion { return name }))
	return c
}

func runDoctor(ctx context.Context, p *cli.Process, cmd *cobra.Command, o doctorOptions) error {
	cfg, err := awsconf.Load(ctx, o.on.AWS)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := awsside.Begin(awsside.Env{Config: cfg, Target: o.on.Target(cmd), Cluster: o.cluster, User: o.user, Now: time.Now})
	show := checks.New(p, o.asJSON)
	defer show.Close()
	if err != nil {
		return reportUnconfigured(ctx, p, o, e, show, err)
	}
	all, err := diagnose(ctx, e, o, show)
	if err != nil {
		return err
	}
	d := doctor.NewDocument(all)
	d.Stack, d.Region = o.on.Name, cfg.Region
	return checks.End(ctx, p, show, checks.Ending{Results: all, Document: d, JSON: o.asJSON, Fix: o.fix, Yes: o.yes, Bundle: o.bundle,
		Fixes: e.Fixes, Files: e.Bundle})
}

// reportUnconfigured reports that no check could be made, because there are no credentials as a rule. There is nothing to
// repair, and nothing to collect.
func reportUnconfigured(ctx context.Context, p *cli.Process, o doctorOptions, e *awsside.Env, show *checks.Printer, why error) error {
	list := awsside.WithoutConfiguration(why)
	all, err := doctor.Run(ctx, e, list, doctor.Options{AtOnce: atOnce}, show.Each(checks.Titles(list)))
	if err != nil {
		return err
	}
	d := doctor.NewDocument(all)
	d.Stack, d.Region = o.on.Name, o.on.AWS.Region
	if err := checks.End(ctx, p, show, checks.Ending{Results: all, Document: d, JSON: o.asJSON}); hint.CodeOf(err) != hint.CodeOf(why) {
		return err // of printing
	}
	return why
}

// diagnose runs the checks of the stack, then those of each cluster.
func diagnose(ctx context.Context, e *awsside.Env, o doctorOptions, show *checks.Printer) ([]doctor.Result, error) {
	options := doctor.Options{AtOnce: atOnce, Bound: o.timeout}
	all, err := doctor.Run(ctx, e, awsside.Checks(), options, show.Each(checks.Titles(awsside.Checks())))
	if err != nil || ctx.Err() != nil {
		return all, cmp.Or(err, ctx.Err())
	}
	options.Before = all
	if clusters := e.Clusters(); o.node != "" && len(clusters) > 1 {
		return all, hint.New(hint.Usage, fmt.Errorf("--node %s needs --cluster: %s send samples", o.node, strings.Join(clusters, ", ")),
			"add --cluster with the node's cluster")
	}
	for _, name := range e.Clusters() {
		if err := show.Titled("cluster " + cmp.Or(name, "without a name")); err != nil {
			return all, err
		}
		options.Cluster = name
		found, err := doctor.Run(ctx, e.Of(name), awsside.ClusterChecks(), options, show.Each(checks.Titles(awsside.ClusterChecks())))
		all = append(all, found...)
		if o.node != "" && err == nil && ctx.Err() == nil {
			found, err = diagnoseNode(ctx, e.Of(name), o, all, show)
			all = append(all, found...)
		}
		if err != nil || ctx.Err() != nil {
			return all, cmp.Or(err, ctx.Err())
		}
	}
	return all, nil
}

// diagnoseNode runs the checks of a node.
func diagnoseNode(ctx context.Context, e *awsside.ClusterEnv, o doctorOptions, before []doctor.Result,
	show *checks.Printer) ([]doctor.Result, error) {
	if err := show.Titled("node " + o.node); err != nil {
		return nil, err
	}
	of := awsside.NodeChecks(o.node, o.active)
	options := doctor.Options{AtOnce: atOnce, Bound: o.timeout, Before: before, Cluster: e.Name}
	return doctor.Run(ctx, e, of, options, show.Each(checks.Titles(of)))
}
