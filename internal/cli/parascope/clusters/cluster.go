// Package clusters is the commands of parascope cluster.
package clusters

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// New is the command cluster.
func New(p *cli.Process) *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Add monitoring to a ParallelCluster: write or patch its configuration",
		Long: `Add monitoring to a ParallelCluster: its configuration gets the infrastructure stack's
policies, and a script that installs and starts the programs when a node boots.

  parascope cluster new hpc --queue gpu:p5.48xlarge:0-4      a new configuration
  parascope cluster attach --config cluster-config.yaml      an existing one`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(newClusterNew(p), newClusterAttach(p), newClusterDetach(p), newClusterStage(p), newClusterStatus(p),
		newClusterUpgrade(p), newClusterTemplate(p))
	return c
}

// patchOptions are the flags of attach and detach.
type patchOptions struct {
	aws     awsconf.Options
	asked   cluster.Asked
	config  string
	cluster string
	part    string
	version string
	output  string
	write   bool
	drain   bool
	json    bool
	file    *outfile.File // that output names

	records   *records   // of the configuration
	variables *variables // of a new cluster
}

// patchFlags defines the flags that attach and detach share.
func patchFlags(c *cobra.Command, p *cli.Process, o *patchOptions) {
	f := c.Flags()
	f.StringVar(&o.config, "config", "", "`FILE` with the cluster's configuration, or the CloudFormation template that contains it")
	f.StringVar(&o.cluster, "cluster", "", "`NAME` of the cluster (default: CLUSTER_NAME)")
	f.StringVar(&o.part, "part", "", "parts to change in this run, `policies|scripts|all` "+
		"(default: all for a new cluster; policies first and then scripts for a running one)")
	f.BoolVar(&o.write, "write", false, "change FILE, and keep the previous version as FILE.bak")
	f.StringVarP(&o.output, "output", "o", "", "write the result to `FILE` instead; - for standard output")
	f.BoolVar(&o.json, "json", false, "print the plan as JSON")
	flags.AddAWS(f, &o.aws)
	flags.Complete(c, "cluster", flags.Asked(&o.aws, lookup.Names, func(name string) cobra.Completion { return name }))
	_ = p
}

// result is the file that the configuration is in when the command is done.
func (o *patchOptions) result() string {
	if o.output == "" || o.output == "-" {
		return o.config
	}
	return o.output
}

// discard ends the file that was prepared and not written.
func (o *patchOptions) discard() {
	if o.file != nil {
		o.file.Discard()
	}
	o.variables.discard()
}

// request reads the configuration, prepares the file for the result, and asks whether the cluster exists.
func (o *patchOptions) request(ctx context.Context, p *cli.Process, c *cobra.Command) (cluster.Request, aws.Config, error) {
	r := cluster.Request{File: o.config, Result: o.result(), Drain: o.drain, Again: again(c)}
	if o.config == "" {
		return r, aws.Config{}, hint.New(hint.Usage, errors.New("--config is missing"),
			"give --config the FILE that pcluster create-cluster takes")
	}
	if o.write && c.Flags().Changed("output") {
		return r, aws.Config{}, hint.New(hint.Usage, errors.New("--write and --output cannot be combined"), "give either --write or --output")
	}
	if o.output == "-" && o.json {
		return r, aws.Config{}, hint.New(hint.Usage, errors.New("--output - and --json both write to standard output"),
			"give --output a FILE, or omit --json")
	}
	err := lookup.CheckVersion(o.version)
	if err != nil {
		return r, aws.Config{}, err
	}
	if r.Part, err = cluster.ParsePart(o.part); err != nil {
		return r, aws.Config{}, err
	}
	if has, err := os.Stat(o.config); o.write && err == nil && !has.Mode().IsRegular() {
		return r, aws.Config{}, hint.New(hint.BadInput, fmt.Errorf("could not change %s: it is not a regular file", o.config),
			"give --output a FILE instead of --write")
	}
	if r.Text, err = readBounded(ctx, o.config); err != nil {
		return r, aws.Config{}, err
	}
	if c.Flags().Changed("output") {
		if o.file, err = outfile.New(ctx, o.output, p.Stdout); err != nil {
			return r, aws.Config{}, err
		}
	}
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return r, cfg, err
	}
	given, own := cmp.Or(o.cluster, p.Getenv("CLUSTER_NAME")), cluster.NameInTemplate(o.config, r.Text)
	if given != "" && own != "" && given != own {
		return r, cfg, hint.New(hint.BadInput, fmt.Errorf("the template %s has the cluster %s, and --cluster or CLUSTER_NAME is %s", o.config,
			words.Printable(own), words.Printable(given)), "omit --cluster, and unset CLUSTER_NAME")
	}
	name := cmp.Or(given, own)
	if name == "" {
		return r, cfg, whichCluster(ctx, cfg, &r)
	}
	r.Cluster, err = lookup.Find(ctx, cfg, name)
	r.Cluster.Version = cmp.Or(r.Cluster.Version, o.version)
	return r, cfg, err
}

// whichCluster decides without a name: the configuration is a new cluster's where the
// region has none.
func whichCluster(ctx context.Context, cfg aws.Config, r *cluster.Request) error {
	names, err := lookup.Names(ctx, cfg)
	if err != nil || len(names) == 0 {
		return err
	}
	return hint.New(hint.NotFound, fmt.Errorf("could not determine which cluster file %s belongs to; region %s has the clusters "+
		"%s", r.File, cfg.Region,
		strings.Join(names, ", ")),
		"give --cluster NAME, even if the cluster does not exist yet")
}

// maxConfiguration is more than any configuration has.
const maxConfiguration = 2 << 20

// readBounded reads a file that a person named.
func readBounded(ctx context.Context, name string) ([]byte, error) {
	b, err := outfile.Read(ctx, name, maxConfiguration)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("could not read the configuration: %w", err),
			"give --config the FILE that pcluster create-cluster takes")
	}
	return b, nil
}

// finish shows the plan, and writes the result where the flags say so; with a new cluster's configuration
// also the file that is sourced before pcluster. After does what follows a written file, prints it and
// returns it for the JSON result.
func (o *patchOptions) finish(ctx context.Context, p *cli.Process, plan cluster.Plan, old []byte, after func() string) error {
	wrote := ""
	switch {
	case o.file != nil:
		if err := o.file.Write(ctx, string(plan.Text)); err != nil {
			return err
		}
		wrote = o.output
	case o.write && len(plan.Changes) > 0:
		if err := replace(ctx, o.config, old, plan.Text); err != nil {
			return err
		}
		wrote = o.config
	}
	var failed error // after the file was written; the result is still printed
	if o.records != nil {
		failed = afterwards(o.result(), o.records.keep(ctx))
	}
	variables, err := o.variables.write(ctx, o.result())
	if failed = errors.Join(failed, err); err != nil {
		variables = ""
	}
	if o.json {
		err := json.NewEncoder(p.Stdout).Encode(struct {
			cluster.Plan
			Wrote       string `json:"wrote,omitempty"`
			Environment string `json:"environment,omitempty"`
			Alert       string `json:"alert,omitempty"` // what detach did with the alert HeadSilent
			Diff        string `json:"diff"`
		}{plan, wrote, variables, after(), string(diff.Diff(o.config, old, o.config, plan.Text))})
		return errors.Join(failed, err)
	}
	to := p.Stdout
	if o.output == "-" {
		to = p.Stderr
	}
	style := term.Style(to, p.Getenv)
	printPlan(to, style, plan, old)
	done := len(plan.Changes) > 0 && wrote != "" && wrote != "-"
	switch {
	case done:
		fmt.Fprintf(to, "\n%s %s written\n", style.Good("✓"), wrote)
	case len(plan.Changes) > 0 && wrote == "":
		fmt.Fprintf(to, "\nno file was changed: use --write to change %s and keep a backup, or --output FILE to write another file\n", o.config)
	}
	if variables != "" {
		fmt.Fprintf(to, "%s %s written\n", style.Good("✓"), variables)
	}
	if (done || plan.Pending) && failed == nil {
		printNext(to, plan.Next)
	}
	after()
	return failed
}

// replace writes a file's new content, and keeps the old one beside it.
func replace(ctx context.Context, name string, old, text []byte) error {
	now, err := readBounded(ctx, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, old) {
		return hint.New(hint.Busy, fmt.Errorf("%s was changed by another process", name), "run the command again")
	}
	if err := keep(name, old); err != nil {
		return hint.New(hint.BadInput, fmt.Errorf("could not write a backup of %s: %w", name, err),
			"make the directory writable or free disk space, or give --output a FILE elsewhere")
	}
	file, err := outfile.New(ctx, name, nil)
	if err != nil {
		return err
	}
	defer file.Discard()
	return file.Write(ctx, string(text))
}

// keep writes a copy with a name that is free. Its mode grants no more than that of the file.
func keep(name string, b []byte) error {
	has, err := os.Stat(name)
	if err != nil {
		return err
	}
	for i := range 1000 {
		free := name + ".bak"
		if i > 0 {
			free = fmt.Sprintf("%s.%d", free, i)
		}
		f, err := os.OpenFile(free, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		mode, err := modeOfCopy(has, f)
		if err == nil {
			_, err = f.Write(b)
		}
		return errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	}
	return errors.New("the file already has 1000 backup copies")
}

// modeOfCopy is the mode of a file for its copy. Another group gets no more than everybody.
func modeOfCopy(of fs.FileInfo, f *os.File) (fs.FileMode, error) {
	mode := of.Mode().Perm()
	copied, err := f.Stat()
	if err != nil {
		return 0o600 & mode, err
	}
	a, ok1 := of.Sys().(*syscall.Stat_t)
	b, ok2 := copied.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || a.Gid != b.Gid {
		mode &^= 0o070 &^ (mode << 3)
	}
	return mode, nil
}

// printPlan shows what is changed, what that means, and the difference.
func printPlan(w io.Writer, style term.Styler, plan cluster.Plan, old []byte) {
	c := plan.Cluster
	what := "a new cluster"
	if c.Exists {
		what = fmt.Sprintf("cluster %s, ParallelCluster %s, %s", c.Name, c.Version, c.Status)
	} else if c.Name != "" {
		what = "cluster " + c.Name + ", which does not exist yet"
	}
	fmt.Fprintf(w, "%s %s: %s\n", style.Bold("plan"), plan.Part, what)
	if len(plan.Changes) == 0 {
		fmt.Fprintf(w, "  nothing to change in %s\n", plan.File)
	}
	for _, change := range plan.Changes {
		fmt.Fprintf(w, "  line %-4d %s: %s", change.Line, change.Path, change.What)
		if c.Exists {
			fmt.Fprintf(w, "  (%s)", change.Policy)
		}
		fmt.Fprintln(w)
	}
	for _, n := range plan.Notes {
		fmt.Fprintf(w, "%s %s\n", style.Bold("note"), n)
	}
	for _, n := range plan.ByHand {
		fmt.Fprintf(w, "%s %s\n", style.Bad("by hand"), n)
	}
	if text := diff.Diff(plan.File, old, plan.File, plan.Text); len(text) > 0 {
		fmt.Fprintln(w)
		printDiff(w, style, string(text))
	}
}

// printDiff prints a difference without its first line, which repeats the names.
func printDiff(w io.Writer, style term.Styler, text string) {
	_, text, _ = strings.Cut(text, "\n")
	for line := range strings.Lines(text) {
		line = strings.Map(shown, strings.TrimRight(line, "\r\n"))
		switch {
		case strings.HasPrefix(line, "+"):
			line = style.Good(line)
		case strings.HasPrefix(line, "-"):
			line = style.Bad(line)
		}
		fmt.Fprintln(w, line)
	}
}

// shown keeps characters from a terminal that it would obey.
func shown(r rune) rune {
	if r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
		return '\ufffd'
	}
	return r
}

func printNext(w io.Writer, commands []string) {
	if len(commands) == 0 {
		return
	}
	fmt.Fprintln(w, "\nNext:")
	for _, c := range commands {
		fmt.Fprintln(w, "  "+c)
	}
}

// addSourceFlags defines the flags of commands that read the infrastructure stack's outputs.
func addSourceFlags(c *cobra.Command, a *cluster.Asked, o *awsconf.Options) {
	f := c.Flags()
	f.StringVar(&a.Stack, "stack", deploy.DefaultStack, "`NAME` of the infrastructure stack")
	f.StringVar(&a.Bucket, "bucket", "", "`BUCKET` with the install script (default: the stack's)")
	f.StringVar(&a.NodePolicy, "node-policy", "", "`ARN` of the policy that lets nodes read the bucket (default: the stack's)")
	flags.Complete(c, "stack", flags.StackNames(o))
}
