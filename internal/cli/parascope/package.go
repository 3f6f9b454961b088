package parascope

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/outfile"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

type packageOptions struct {
	aws    awsconf.Options
	stack  artifact.PackageOptions
	output string
	force  bool
	json   bool
}

func newPackage(p *cli.Process) *cobra.Command {
	o := packageOptions{}
	architecture := string(artifact.HostArchitecture())
	c := &cobra.Command{
		Use:   "package",
		Short: "Upload the setup function and write a template with its location",
		Long: `Upload the setup function to an S3 bucket of the region, and write
parallelcluster-infrastructure.yaml with its location filled in. After that the stack
is created as in the guide (docs/guide):

  aws cloudformation create-stack --stack-name pcluster-infra \
    --template-body file://parallelcluster-infrastructure.yaml \
    --parameters ParameterKey=MonitoringType,ParameterValue=amp+amg \
    --capabilities CAPABILITY_NAMED_IAM

CloudFormation loads a function's code only from a bucket in its own region. The
bucket is in your account and contains only the function, about 4 MB. Running the command
again uploads nothing unless the function changed.`,
		Example: `  parascope package --create-bucket            # the first time
  parascope package                            # after an upgrade of parascope
  parascope package --bucket my-artifacts --output infra.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.stack.Architecture = artifact.Architecture(architecture)
			return runPackage(cmd.Context(), p, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.stack.Bucket, "bucket", "", "`BUCKET` for the function (default: parascope-ACCOUNT-REGION)")
	f.BoolVar(&o.stack.CreateBucket, "create-bucket", false, "create the bucket, private and encrypted, if it does not exist")
	f.StringVar(&architecture, "architecture", architecture, "architecture `arm64|x86_64` of the function in Lambda (default: this "+
		"machine's)")
	f.Lookup("architecture").DefValue = "" // the text says it
	f.StringVarP(&o.output, "output", "o", "parallelcluster-infrastructure.yaml", "`FILE` to write the template to; - for standard output")
	f.BoolVar(&o.force, "force", false, "replace FILE even if 'parascope package' did not write it, or it was changed")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	flags.AddAWS(f, &o.aws)
	return c
}

func runPackage(ctx context.Context, p *cli.Process, o packageOptions) error {
	if o.output == "-" && o.json {
		return hint.New(hint.Usage, errors.New("--output - and --json both write to standard output"),
			"give --output a FILE, or omit --json")
	}
	if err := mayReplace(o.output, o.force); err != nil {
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
	style := term.Style(p.Stderr, p.Getenv)
	done, err := artifact.Package(ctx, cfg, o.stack, func(doing string) {
		fmt.Fprintln(p.Stderr, style.Faint(doing))
	})
	if err != nil {
		return err
	}
	template, err := stack.Template(done.Place)
	if err != nil {
		return err
	}
	if err := file.Write(ctx, sealed(template)); err != nil || o.output == "-" {
		return err
	}
	if o.json {
		return json.NewEncoder(p.Stdout).Encode(map[string]any{
			"template": o.output, "bucket": done.Bucket, "key": done.Key, "architecture": done.Architecture,
			"bucketCreated": done.BucketCreated, "uploaded": done.Uploaded,
		})
	}
	what := "unchanged"
	if done.Uploaded {
		what = "uploaded"
	}
	_ = term.Printf(p.Stdout, "%s setup function %s: s3://%s/%s\n", style.Good("✓"), what, done.Bucket, done.Key)
	_ = term.Printf(p.Stdout, "%s template written: %s\n\n", style.Good("✓"), o.output)
	_ = term.Printf(p.Stdout, "Next:\n  aws cloudformation create-stack --stack-name pcluster-infra --template-body file://%s \\\n"+
		"    --parameters ParameterKey=MonitoringType,ParameterValue=amp+amg --capabilities CAPABILITY_NAMED_IAM --region %s\n", o.output,
		cfg.Region)
	return nil
}

// seal begins the last line of a template that package wrote. The digest of the text before is behind it.
const seal = "# parascope package wrote this file, sha256 "

func sealed(template string) string {
	return template + seal + fmt.Sprintf("%x", sha256.Sum256([]byte(template))) + "\n"
}

// mayReplace keeps a file from being overwritten that package did not write, or that was changed since.
func mayReplace(file string, force bool) error {
	if file == "-" || force {
		return nil
	}
	if has, err := os.Stat(file); err == nil && !has.Mode().IsRegular() {
		return nil // a pipe or device loses nothing, and outfile refuses a directory
	}
	has, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return hint.New(hint.BadInput, fmt.Errorf("could not read %s: %w", file, err), "give --output another FILE")
	}
	text := string(has)
	next := "give --output another FILE, or --force"
	switch at := strings.LastIndex(text, seal); {
	case at >= 0 && sealed(text[:at]) == text:
		return nil
	case !strings.Contains(text, "Custom::GrafanaDataSource"):
		return hint.New(hint.BadInput, fmt.Errorf("%s already exists and is not parascope's template", file), next)
	case strings.Contains(text, "Custom::PclusterCluster"), strings.Contains(text, "-aws-parallelcluster."):
		return hint.New(hint.BadInput, fmt.Errorf("%s already exists and contains a cluster, which a deployment of the template without "+
			"it would delete", file), "give --output another FILE; 'parascope cluster template' writes the template of stack and cluster")
	case at >= 0:
		return hint.New(hint.BadInput, fmt.Errorf("%s already exists and was changed since 'parascope package' wrote it", file), next)
	}
	return hint.New(hint.BadInput, fmt.Errorf("%s already exists, and was changed or was written by an earlier version of parascope", file),
		next+", which replaces the file")
}
