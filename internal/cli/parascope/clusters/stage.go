package clusters

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cluster/install"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

type stageOptions struct {
	aws      awsconf.Options
	stage    staging.Stage
	script   bool
	replace  bool
	restrict bool
	deployed bool // refuse a stack that does not exist
	json     bool
}

func newClusterStage(p *cli.Process) *cobra.Command {
	o := stageOptions{}
	c := &cobra.Command{
		Use:   "stage",
		Short: "Upload the files that nodes install to an S3 bucket",
		Long: `Upload the install script, the programs for nodes of both architectures, and the
manifest that names them with version and digest. The script's key never changes:
configurations that name it need no change when parascope is upgraded. A second run
uploads only what changed, and keeps the files of older versions.

The first staged version is for all nodes. Nodes install a later one after
'parascope cluster upgrade'.

Anyone who can write these objects has root access to every node that runs them. The
bucket policy therefore denies writes to everyone but the first caller who stages, if that
caller has s3:GetBucketPolicy and s3:PutBucketPolicy. Other statements are kept.`,
		Example: `  parascope cluster stage
  parascope cluster stage --stack pcluster-infra --region eu-west-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runStage(cmd.Context(), p, cmd, o))
		},
	}
	o.add(c)
	c.Flags().BoolVar(&o.script, "script-only", false, "if this build contains no programs for nodes, upload only the script and a "+
		"manifest without programs")
	return c
}

// add defines the flags that stage and upgrade share.
func (o *stageOptions) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.stage.Stack, "stack", deploy.DefaultStack, "`NAME` of the infrastructure stack")
	f.StringVar(&o.stage.Bucket, "bucket", "", "`BUCKET` to upload to (default: parascope-ACCOUNT-REGION, created if it does not exist)")
	f.BoolVar(&o.replace, "replace", false, "stop other exporters on ports 9100 and 9400, and another Prometheus on the head node")
	f.BoolVar(&o.restrict, "restrict", false, "make the caller the only writer, even if the bucket policy names another; "+
		"=false leaves the policy unchanged")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.AddAWS(f, &o.aws)
	flags.Complete(c, "stack", flags.StackNames(&o.aws))
}

func runStage(ctx context.Context, p *cli.Process, cmd *cobra.Command, o stageOptions) error {
	done, err := o.put(ctx, cmd)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(p.Stdout).Encode(done)
	}
	o.print(p, done)
	if done.Now.Default != done.Version {
		printNext(p.Stdout, []string{"parascope cluster upgrade" + again(cmd)})
	}
	return nil
}

// put stages what this build carries.
func (o *stageOptions) put(ctx context.Context, cmd *cobra.Command) (done staging.Staged, err error) {
	if !o.script {
		if o.stage.Programs, err = artifact.NodePrograms(); err != nil {
			return done, err
		}
	}
	o.stage.Version = install.Version(cli.ReadBuild().Version)
	if cmd.Flags().Changed("replace") {
		o.stage.Replace = &o.replace
	}
	if cmd.Flags().Changed("restrict") {
		o.stage.Restrict = &o.restrict
	}
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return done, err
	}
	if o.deployed {
		state, err := stack.New(cfg, o.stage.Stack).Describe(ctx)
		if err != nil {
			return done, err
		}
		if !state.Exists() {
			return done, hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s, and no cluster of it to upgrade", o.stage.Stack,
				cfg.Region), "--stack and --region select another one; 'parascope cluster stage' uploads the files before the stack is created")
		}
	}
	return o.stage.Put(ctx, cfg)
}

// print says what was staged, and what nodes have now.
func (o *stageOptions) print(p *cli.Process, done staging.Staged) {
	style := term.Style(p.Stdout, p.Getenv)
	good := style.Good("✓")
	fmt.Fprintf(p.Stdout, "%s %d objects uploaded\n%s %s\n", good, done.Uploaded, good, done.Script)
	fmt.Fprintf(p.Stdout, "%s %s, version %s\n", good, done.Manifest, done.Version)
	for _, f := range o.stage.Programs {
		fmt.Fprintf(p.Stdout, "  %s for %s, %.1f MB\n", f.Name, f.Architecture, float64(len(f.Packed))/1e6)
	}
	if len(done.Missing) > 0 {
		fmt.Fprintf(p.Stdout, "%s this build does not contain %s: nodes that need these programs do not install this version "+
			"('make release' builds all programs)\n",
			style.Bold("note"), strings.Join(done.Missing, ", "))
	}
	if done.Now.Workspace.RemoteWrite == "" {
		fmt.Fprintf(p.Stdout, "%s stack %s has no Prometheus workspace: head nodes send no samples until the stack has a workspace "+
			"and this command is run "+
			"again\n",
			style.Bold("note"), o.stage.Stack)
	}
	if done.Writer != "" {
		fmt.Fprintf(p.Stdout, "%s only %s can write to the bucket\n", good, done.Writer)
	}
	if done.Unrestricted != "" {
		fmt.Fprintf(p.Stdout, "%s every principal with s3:PutObject can write to the bucket, and thereby get root access to nodes: "+
			"%s\n", style.Bold("note"),
			done.Unrestricted)
	}
	pinned := ""
	if done.Now.Pinned {
		pinned = " (pinned)"
	}
	fmt.Fprintf(p.Stdout, "%s nodes have version %s%s\n", good, done.Now.Default, pinned)
	for _, c := range done.Now.Canaries {
		fmt.Fprintf(p.Stdout, "  %s has version %s\n", c.Node, c.Version)
	}
}
