package clusters

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/cluster/template"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

type clusterTemplateOptions struct {
	aws     awsconf.Options
	stack   string
	stage   string // the command that uploads the scripts
	new     newcluster.Cluster
	queues  []string
	config  string
	version string
	output  string
	force   bool
	json    bool
}

func newClusterTemplate(p *cli.Process) *cobra.Command {
	o := clusterTemplateOptions{}
	c := &cobra.Command{
		Use:   "template NAME",
		Short: "Write one CloudFormation template for the infrastructure stack and a cluster",
		Long: `Write a CloudFormation template with the infrastructure stack and a cluster in it. The
cluster has the queues of --queue, or the configuration of --config, and the monitoring.
ParallelCluster's own custom resource creates the cluster: its stack and its role are
created by the same template. The command uploads the setup function, and creates
nothing else in AWS. It also writes environment-variables-NAME.sh, unless the file
exists or the template goes to standard output: source it before pcluster.

Deploy the template with the printed command, and stage again afterwards: then the head
node gets the address of the new Prometheus workspace, within 15 minutes. From then on,
deploy the template to change the stack or the cluster. 'pcluster update-cluster' would
be undone by the next deployment, and 'parascope up' refuses to delete the cluster.`,
		Example: `  parascope cluster stage
  parascope cluster template hpc --pcluster-version 3.14.0 --queue gpu:p5.48xlarge:0-4
  parascope cluster template hpc --pcluster-version 3.14.0 --config cluster-config.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.new.Name, o.stage = args[0], stageAgain(cmd)
			if cmd.Flags().Changed("config") && (cmd.Flags().Changed("queue") || cmd.Flags().Changed("os") ||
				cmd.Flags().Changed("head-type") || cmd.Flags().Changed("key")) {
				return hint.New(hint.Usage, errors.New("--config cannot be combined with --queue, --os, --head-type or --key"),
					"change the file instead")
			}
			return p.ReportFailure(o.json, runClusterTemplate(cmd.Context(), p, o))
		},
	}
	f := c.Flags()
	addNewFlags(f, &o.new, &o.queues)
	f.StringVar(&o.config, "config", "", "`FILE` with a cluster's configuration (default: a new one)")
	f.StringVar(&o.version, "pcluster-version", "", "`VERSION` of ParallelCluster that creates the cluster, such as 3.14.0 (required)")
	f.StringVar(&o.stack, "stack", deploy.DefaultStack, "`NAME` of the stack")
	f.StringVarP(&o.output, "output", "o", "cluster-template.yaml", "`FILE` to write the template to; - for standard output")
	f.BoolVar(&o.force, "force", false, "replace an existing file")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.AddAWS(f, &o.aws)
	flags.Complete(c, "stack", flags.StackNames(&o.aws))
	return c
}

// check refuses what cannot become a template, before AWS is asked.
func (o *clusterTemplateOptions) check() error {
	if err := lookup.CheckName(o.new.Name); err != nil {
		return err
	}
	if err := stack.CheckName(o.stack); err != nil {
		return err
	}
	if err := checkNames(o.new.Name, o.stack); err != nil {
		return err
	}
	if o.output == "-" && o.json {
		return hint.New(hint.Usage, errors.New("--output - and --json both write to standard output"),
			"give --output a FILE, or omit --json")
	}
	if o.version == "" {
		return hint.New(hint.Usage, errors.New("--pcluster-version is missing"),
			"give the version of ParallelCluster that creates the cluster, such as 3.14.0")
	}
	if err := lookup.CheckVersion(o.version); err != nil {
		return err
	}
	if strings.Count(o.version, ".") != 2 {
		return hint.New(hint.Usage, fmt.Errorf("--pcluster-version %s is not complete", o.version), "give all three numbers, such as 3.14.0")
	}
	if lookup.OlderThan(o.version, 3, 6) {
		return hint.New(hint.BadInput, fmt.Errorf("ParallelCluster %s: a Sequence of scripts requires 3.6", o.version),
			"give a newer version, such as 3.14.0")
	}
	var err error
	if o.new.Queues, err = newcluster.ParseQueues(o.queues); err != nil {
		return err
	}
	o.new.HeadType = cmp.Or(o.new.HeadType, newcluster.HeadTypeFor(o.new.Queues))
	if err := cmp.Or(o.new.Check(), o.new.CheckOS(o.version)); o.config == "" && err != nil {
		return err
	}
	if o.output == "-" {
		return nil
	}
	return mayMake(o.output, "give --output another FILE, or --force to replace it", o.force)
}

func runClusterTemplate(ctx context.Context, p *cli.Process, o clusterTemplateOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	file, err := outfile.New(ctx, o.output, p.Stdout)
	if err != nil {
		return err
	}
	defer file.Discard()
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return err
	}
	found, err := lookup.Find(ctx, cfg, o.new.Name)
	if err != nil {
		return err
	}
	if found.Exists && !found.CustomResource {
		return hint.New(hint.BadInput, fmt.Errorf("cluster %s already exists, and no CloudFormation template created it", found.Name),
			"choose another name, or patch its configuration: 'parascope cluster attach --cluster "+found.Name+" --config FILE'")
	}
	place, err := artifact.Locate(ctx, cfg, artifact.PackageOptions{Stack: o.stack, Architecture: artifact.HostArchitecture()})
	if err != nil {
		return err
	}
	source := template.Source(o.stack, cfg.Region, place.Bucket)
	source.Stage = o.stage
	if err := staging.CheckScript(ctx, cfg, source); err != nil {
		return err
	}
	configuration, notes, err := o.configure(ctx, cfg, source)
	if err != nil {
		return err
	}
	text, err := o.compose(ctx, cfg, configuration)
	if err != nil {
		return err
	}
	var variables *variables
	environment := environment.File{ClusterName: o.new.Name, Region: cfg.Region}
	if o.output != "-" {
		if variables, err = prepareVariables(ctx, environment); err != nil {
			return err
		}
		defer variables.discard()
	}
	done, err := record(ctx, cfg, recording{text: []byte(text), cluster: o.new.Name, file: o.output, regular: file.Regular()})
	defer func() { err = done.end(ctx, err) }()
	if err != nil {
		return err
	}
	if done.note != "" {
		notes = append(notes, done.note)
	}
	if err := file.Write(ctx, text); err != nil {
		return err
	}
	if err := afterwards(o.output, done.keep(ctx)); err != nil {
		return err
	}
	name := o.output
	if name == "-" {
		name = "FILE"
	}
	next := []string{cluster.DeployCommand(name, o.stack, cfg.Region, place.Bucket, len(text)), stageCommand(o.stack, cfg.Region)}
	if o.output == "-" {
		printNotes(p.Stderr, term.Style(p.Stderr, p.Getenv), notes)
		printNext(p.Stderr, next)
		return nil
	}
	return o.finish(ctx, p, environment, variables, notes, next)
}

// finish writes the file that is sourced before pcluster, which asks about the cluster and does not create it.
func (o *clusterTemplateOptions) finish(ctx context.Context, p *cli.Process, e environment.File, v *variables, notes, next []string) error {
	variables, err := v.write(ctx, o.output)
	if err != nil {
		return err
	}
	if variables == "" {
		notes = append(notes, environment.FileName(e.ClusterName)+" already exists and was not changed")
	}
	next = append(next, "source "+environment.FileName(e.ClusterName),
		"pcluster describe-cluster --cluster-name $CLUSTER_NAME --region $AWS_REGION")
	if o.json {
		return json.NewEncoder(p.Stdout).Encode(map[string]any{"template": o.output, "environment": variables, "notes": notes, "next": next})
	}
	style := term.Style(p.Stdout, p.Getenv)
	fmt.Fprintf(p.Stdout, "%s %s written: stack %s and cluster %s\n", style.Good("✓"), o.output, o.stack, o.new.Name)
	if variables != "" {
		fmt.Fprintf(p.Stdout, "%s %s written\n", style.Good("✓"), variables)
	}
	printNotes(p.Stdout, style, notes)
	printNext(p.Stdout, next)
	return nil
}

// configure returns the cluster's configuration with the monitoring.
func (o *clusterTemplateOptions) configure(ctx context.Context, cfg aws.Config, source cluster.Source) (text []byte, notes []string,
	err error) {
	if o.config == "" {
		if notes, err = o.new.Ask(ctx, cfg); err != nil {
			return nil, nil, err
		}
		text, _, err = cluster.Configuration(o.new, source)
		return text, append(notes, o.new.Notes(o.version)...), err
	}
	if text, err = readBounded(ctx, o.config); err != nil {
		return nil, nil, err
	}
	if err := template.Check(o.config, text); err != nil {
		return nil, nil, err
	}
	plan, err := cluster.PlanAttach(cluster.Request{File: o.config, Text: text, ForTemplate: true,
		Cluster: lookup.Cluster{Name: o.new.Name, Version: o.version}}, source)
	if err != nil {
		return nil, nil, err
	}
	types, err := plan.CheckTypes(ctx, cfg)
	return plan.Text, slices.Concat(plan.Notes, types, plan.ByHand), err
}

// compose uploads the setup function, and puts the configuration into the stack's template.
func (o *clusterTemplateOptions) compose(ctx context.Context, cfg aws.Config, configuration []byte) (string, error) {
	done, err := artifact.Package(ctx, cfg, artifact.PackageOptions{Stack: o.stack, Architecture: artifact.HostArchitecture()},
		func(string) {})
	if err != nil {
		return "", err
	}
	base, err := stack.Template(done.Place)
	if err != nil {
		return "", err
	}
	name := o.config
	if name == "" {
		name = "the new configuration"
	}
	return template.Text(base, template.Cluster{Name: o.new.Name, Version: o.version, File: name,
		Configuration: configuration})
}
