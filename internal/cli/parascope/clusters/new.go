package clusters

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/environment"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/newcluster"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

type clusterNewOptions struct {
	aws    awsconf.Options
	asked  cluster.Asked
	new    newcluster.Cluster
	queues []string
	output string
	force  bool
	json   bool
}

func newClusterNew(p *cli.Process) *cobra.Command {
	o := clusterNewOptions{}
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Write the configuration of a new cluster, including the monitoring",
		Long: `Write a configuration that pcluster create-cluster takes: in the network of the
infrastructure stack, with the queues of --queue, and with the monitoring. It also
writes environment-variables-NAME.sh: source it first. EFA is enabled for queues whose
instance type supports it. Nothing is created in AWS.`,
		Example: `  parascope cluster new hpc --queue cpu:c7i.4xlarge:0-10 --key my-key
  parascope cluster new train --queue gpu:p5.48xlarge:0-4 --queue cpu:c7i.xlarge:0-8 --os ubuntu2204`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.new.Name = args[0]
			on := flags.Stack{Name: o.asked.Stack, AWS: o.aws}
			o.asked.Up, o.asked.Stage = on.Target(cmd).Command("up"), stageAgain(cmd)
			return p.ReportFailure(o.json, runClusterNew(cmd.Context(), p, o))
		},
	}
	f := c.Flags()
	addNewFlags(f, &o.new, &o.queues)
	f.StringVarP(&o.output, "output", "o", "cluster-config.yaml", "`FILE` to write the configuration to")
	f.BoolVar(&o.force, "force", false, "replace existing files")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.AddAWS(f, &o.aws)
	addSourceFlags(c, &o.asked, &o.aws)
	return c
}

// addNewFlags defines the flags that describe a new cluster.
func addNewFlags(f *pflag.FlagSet, n *newcluster.Cluster, queues *[]string) {
	f.StringArrayVar(queues, "queue", []string{"compute:c7i.xlarge:0-4"}, "`NAME:TYPE:MIN-MAX` of a queue; may be repeated")
	f.StringVar(&n.OS, "os", "alinux2023", "`OS` of all nodes, as ParallelCluster names it")
	f.StringVar(&n.HeadType, "head-type", "", "instance `TYPE` of the head node (default: m7i.xlarge, or m7g.xlarge with Graviton queues)")
	f.StringVar(&n.KeyName, "key", "", "`NAME` of the EC2 key pair to sign in to the head node with (default: none)")
}

func runClusterNew(ctx context.Context, p *cli.Process, o clusterNewOptions) (err error) {
	if err := lookup.CheckName(o.new.Name); err != nil {
		return err
	}
	if err := checkNames(o.new.Name, o.asked.Stack); err != nil {
		return err
	}
	if o.new.Queues, err = newcluster.ParseQueues(o.queues); err != nil {
		return err
	}
	o.new.HeadType = cmp.Or(o.new.HeadType, newcluster.HeadTypeFor(o.new.Queues))
	if err := o.new.Check(); err != nil {
		return err
	}
	if o.output == "-" {
		return hint.New(hint.Usage, errors.New("cluster new writes two files and a summary, not standard output"), "give --output a FILE")
	}
	variables := environment.FileName(o.new.Name)
	if err := mayMake(o.output, "give --output another FILE, or --force to replace it", o.force); err != nil {
		return err
	}
	if err := mayMake(variables, "move the file away, or give --force, which also replaces "+o.output, o.force); err != nil {
		return err
	}
	var files []*outfile.File
	for i, name := range []string{o.output, variables} {
		file, err := outfile.New(ctx, name, p.Stdout)
		if i > 0 && err != nil {
			return besideMe(err)
		}
		if err != nil {
			return err
		}
		defer file.Discard()
		files = append(files, file)
	}
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return err
	}
	text, environment, notes, err := composeCluster(ctx, cfg, o)
	if err != nil {
		return err
	}
	source, err := environment.Text()
	if err != nil {
		return err
	}
	done, err := record(ctx, cfg, recording{text, o.new.Name, o.output, files[0].Regular(), o.asked.Bucket})
	defer func() { err = done.end(ctx, err) }()
	if err != nil {
		return err
	}
	if done.note != "" {
		notes = append(notes, done.note)
	}
	if err := files[0].Write(ctx, string(text)); err != nil {
		return err
	}
	if err := errors.Join(afterwards(o.output, done.keep(ctx)), afterwards(o.output, files[1].Write(ctx, source))); err != nil {
		return err
	}
	next := newcluster.Commands(o.new.Name, o.output)
	if o.json {
		return json.NewEncoder(p.Stdout).Encode(map[string]any{"configuration": o.output, "environment": variables, "notes": notes, "next": next})
	}
	style := term.Style(p.Stdout, p.Getenv)
	fmt.Fprintf(p.Stdout, "%s %s written, including the monitoring\n%s %s written\n", style.Good("✓"), o.output, style.Good("✓"), variables)
	printNotes(p.Stdout, style, notes)
	printNext(p.Stdout, next)
	return nil
}

// checkNames refuses a cluster whose stack would have the name of the infrastructure's.
func checkNames(clusterName, stackName string) error {
	if clusterName != stackName {
		return nil
	}
	return hint.New(hint.BadInput, fmt.Errorf("the cluster and the stack have the same name %q, and ParallelCluster names the "+
		"cluster's stack after the cluster", stackName), "choose another name for the cluster")
}

func printNotes(w io.Writer, style term.Styler, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(w, "%s %s\n", style.Bold("note"), n)
	}
}

// composeCluster asks AWS what the configuration needs, and makes it.
func composeCluster(ctx context.Context, cfg aws.Config, o clusterNewOptions) (text []byte, e environment.File, notes []string, err error) {
	found, err := lookup.Find(ctx, cfg, o.new.Name)
	if err != nil {
		return nil, e, nil, err
	}
	if found.Exists {
		return nil, e, nil, hint.New(hint.BadInput, fmt.Errorf("cluster %s already exists, with status %s", found.Name, found.Status),
			"choose another name, or patch its configuration: 'parascope cluster attach --cluster "+found.Name+" --config FILE'")
	}
	source, err := cluster.ReadSource(ctx, cfg, o.asked)
	if err != nil {
		return nil, e, nil, err
	}
	if err := staging.CheckScript(ctx, cfg, source); err != nil {
		return nil, e, nil, err
	}
	if notes, err = o.new.Ask(ctx, cfg); err != nil {
		return nil, e, nil, err
	}
	notes = append(notes, o.new.Notes("")...)
	text, e, err = cluster.Configuration(o.new, source)
	return text, e, notes, err
}

// mayMake keeps a file that is there; next says what to do then. Names that no file can have are left to
// outfile, which refuses them.
func mayMake(name, next string, force bool) error {
	if has, err := os.Stat(name); err == nil && !has.Mode().IsRegular() {
		return nil // a directory, or a pipe or device, which loses nothing
	}
	if _, err := os.Lstat(name); force || err != nil {
		return nil
	}
	return hint.New(hint.BadInput, fmt.Errorf("%s already exists", name), next)
}
