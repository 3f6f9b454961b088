package parascope

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cluster/staging"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/term"
)

type stageOptions struct {
	aws    awsconf.Options
	stage  staging.Stage
	script bool
	json   bool
}

func newClusterStage(p *cli.Process) *cobra.Command {
	o := stageOptions{}
	c := &cobra.Command{
		Use:   "stage",
		Short: "Upload what nodes install to the bucket that they read",
		Long: `Upload the install script, the programs for nodes of both architectures, and the
manifest that names them with version and digest. The script's key never changes:
configurations that name it stay as they are when parascope is upgraded. Running this
again uploads nothing unless something changed, and what older versions need stays.

Whoever may write these objects is root on every node of the clusters that run them.`,
		Example: `  parascope cluster stage
  parascope cluster stage --stack pcluster-infra --region eu-west-1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.ReportFailure(o.json, runStage(cmd.Context(), p, o))
		},
	}
	f := c.Flags()
	f.StringVar(&o.stage.Stack, "stack", deploy.DefaultStack, "`NAME` of the infrastructure stack")
	f.StringVar(&o.stage.Bucket, "bucket", "", "`BUCKET` to upload to (default: parascope-ACCOUNT-REGION, made when needed)")
	f.BoolVar(&o.script, "script-only", false, "upload the script with a manifest of no programs, for a build that carries none")
	f.BoolVar(&o.json, "json", false, "print what was done as JSON")
	addAWSFlags(f, &o.aws)
	completeFlag(c, "stack", stackNames(&o.aws))
	return c
}

func runStage(ctx context.Context, p *cli.Process, o stageOptions) (err error) {
	if !o.script {
		if o.stage.Programs, err = artifact.NodePrograms(); err != nil {
			return err
		}
	}
	o.stage.Script, o.stage.Version = staging.InstallScript, cli.ReadBuild().Version
	cfg, err := awsconf.Load(ctx, o.aws)
	if err != nil {
		return err
	}
	done, err := o.stage.Put(ctx, cfg)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(p.Stdout).Encode(done)
	}
	style := term.Style(p.Stdout, p.Getenv)
	fmt.Fprintf(p.Stdout, "%s %d objects uploaded\n%s %s\n%s %s, version %s\n", style.Good("✓"), done.Uploaded, style.Good("✓"), done.Script,
		style.Good("✓"), done.Manifest, done.Version)
	for _, f := range o.stage.Programs {
		fmt.Fprintf(p.Stdout, "  %s for %s, %.1f MB\n", f.Name, f.Architecture, float64(len(f.Packed))/1e6)
	}
	return nil
}
