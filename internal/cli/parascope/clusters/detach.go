package clusters

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/alerts"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

func newClusterDetach(p *cli.Process) *cobra.Command {
	o := patchOptions{}
	c := &cobra.Command{
		Use:   "detach",
		Short: "Remove the monitoring from a cluster's configuration",
		Long: `Remove what attach added to a configuration, and nothing else: the result is the file
before attach, byte for byte. A policy of the stack without the mark of attach is kept,
and a note names it.

An existing cluster is updated in two steps. --part scripts removes the script from
the queues, and lets head and login nodes run it with --remove; --part policies removes
the policies that no node needs any more, and QueueUpdateStrategy: DRAIN where attach set
it. Before the first step the second one is refused, and --part all as well. ParallelCluster refuses to change the
OnNodeConfigured of head node and login pools: it remains until the cluster is deleted,
and the script must stay in the bucket.

A detach that writes also ends the alert HeadSilent of the cluster, as 'parascope alerts
forget CLUSTER' does, when the cluster's head has stopped. For a running cluster this is
the step --part policies, since the update with the scripts stops the head. If the workspace
cannot be queried, the file is written, and the command that ends the alert is printed.`,
		Example: `  parascope cluster detach --config cluster-config.yaml --write
  parascope cluster detach --config cluster-config.yaml --cluster hpc --part policies --write`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runDetach(cmd.Context(), p, cmd, o))
		},
	}
	patchFlags(c, p, &o)
	c.Flags().StringVar(&o.asked.Stack, "stack", "", "`NAME` of the infrastructure stack, whose workspace has the alert "+
		"(default: the one that the configuration names, or "+deploy.DefaultStack+")")
	flags.Complete(c, "stack", flags.StackNames(&o.aws))
	return c
}

func runDetach(ctx context.Context, p *cli.Process, cmd *cobra.Command, o patchOptions) error {
	defer o.discard()
	r, cfg, err := o.request(ctx, p, cmd)
	if err != nil {
		return err
	}
	places := uses.Places(r.Text)
	on := (&flags.Stack{Name: o.asked.Stack}).Target(cmd)
	if on.StackName == "" && len(places) > 0 {
		if on.StackName = places[0].Stack; on.StackName != deploy.DefaultStack {
			r.Again += " --stack " + on.StackName // the configuration will not name it any more
		}
	}
	on.StackName = cmp.Or(on.StackName, deploy.DefaultStack)
	plan, err := cluster.PlanDetach(r, cfg.Region)
	if err != nil {
		return err
	}
	if o.file != nil && len(places) > 0 && len(uses.Places(plan.Text)) == 0 {
		plan.Notes = append(plan.Notes, o.config+" still names the install script: 'parascope down' keeps the script until detach --write "+
			"has changed that file")
	}
	if err := o.finish(ctx, p, plan, r.Text, func() string {
		if !o.write && o.file == nil || r.Cluster.Exists && plan.Part == cluster.Scripts {
			return ""
		}
		return o.endHeadSilent(ctx, p, cfg, on, r.Cluster.Name)
	}); err != nil {
		return err
	}
	if !o.write || len(uses.Places(plan.Text)) > 0 {
		return nil
	}
	note, err := forget(ctx, cfg, r.Cluster.Name, o.config, on.StackName, r.Text)
	if note != "" {
		fmt.Fprintf(p.Stderr, "%s %s\n", term.Style(p.Stderr, p.Getenv).Bold("note"), note)
	}
	return err
}

// maxEnding bounds what is asked to end an alert, which is not what a person waits for.
const maxEnding = 20 * time.Second

// endHeadSilent ends the alert HeadSilent of a cluster that is detached, prints that and returns it. For a cluster
// that never sent samples it prints nothing. A failure is printed with the command to run, since the
// detach itself succeeded.
func (o *patchOptions) endHeadSilent(ctx context.Context, p *cli.Process, cfg aws.Config, on deploy.Target, name string) string {
	to := p.Stdout
	if o.json || o.output == "-" {
		to = p.Stderr
	}
	style := term.Style(to, p.Getenv)
	tell := func(mark, format string, args ...any) string {
		text := fmt.Sprintf(format, args...)
		_ = term.Printf(to, "%s %s\n", mark, text)
		return text
	}
	if name == "" {
		return "" // of which cluster the file is nobody has said, and the region has none
	}
	forget := "'" + on.Command("alerts forget "+words.Word(name)) + "'"
	ctx, cancel := context.WithTimeout(ctx, maxEnding)
	defer cancel()
	at, err := deploy.AlertsOf(ctx, cfg, on)
	if hint.CodeOf(err) == hint.NotFound { // nor does 'alerts forget' find one
		return tell(style.Bold("note"), "no alert HeadSilent was ended: %s", words.Printable(err.Error()))
	}
	var known map[string]bool
	if err == nil {
		known, err = alerts.Known(ctx, cfg, at)
	}
	sends, found := known[name]
	switch {
	case err != nil: // told below
	case !found:
		return ""
	case sends:
		return tell(style.Bold("note"), "the head of cluster %s still sends samples; two minutes after the head has stopped, run %s to end its "+
			"alert HeadSilent", name, forget)
	default:
		err = alerts.End(ctx, cfg, at, name, time.Now())
	}
	if err != nil {
		return tell(style.Bad("by hand"), "the alert HeadSilent of cluster %s was not ended, and will fire if the head has sent samples: %s. "+
			"Run %s to end it", name, words.Printable(err.Error()), forget)
	}
	return tell(style.Good("✓"), "the alert HeadSilent of cluster %s ends within three minutes", name)
}

// again are the flags that the next call of the command needs as well.
func again(c *cobra.Command) (given string) {
	c.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "region", "profile", "stack", "bucket", "node-policy":
			given += flags.Written(c, f)
		}
	})
	return given
}
