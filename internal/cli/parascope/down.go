package parascope

import (
	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope/flags"
	"github.com/parascope/parascope/internal/cli/progress"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/term"
)

func newDown(p *cli.Process) *cobra.Command {
	var on flags.Stack
	var o deploy.DownOptions
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Delete the stack and verify that no billed resource is left",
		Long: `Delete the infrastructure stack, with the metrics and dashboards in it, and what
'parascope up' uploaded for it. The bucket is deleted too, unless it holds other objects,
such as other stacks' functions, or was chosen with --bucket. The command lists what will
be deleted and asks first. Then it checks with each service that the billed resources
are gone.

The files that cluster nodes install are deleted too. ParallelCluster terminates a node
that cannot download a script of its configuration. Nothing is deleted if a cluster in any
enabled region names the script, has a configuration that cannot be read, or was attached
and not detached.

If the stack does not exist, was not deleted in the last 90 days, and has no resources
left, the command prints account, region and existing stacks, and exits with 5.`,
		Example: `  parascope down
  parascope down --yes --keep-bucket`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			defer func() { err = p.ReportFailure(asJSON, err) }()
			o.Target = on.Target(cmd)
			cfg, err := awsconf.Load(cmd.Context(), on.AWS)
			if err != nil {
				return err
			}
			r := progress.New(p, asJSON)
			if !yes {
				o.Confirm = confirmed(cmd.Context(), p, r)
			}
			result, err := deploy.Down(cmd.Context(), cfg, o, r.Report)
			r.Stop()
			if err != nil {
				return err
			}
			if asJSON {
				return p.PrintJSONLine(map[string]any{"event": "result", "result": result})
			}
			for _, s := range result.Kept {
				_ = term.Printf(p.Stdout, "kept: %s\n", s)
			}
			nothing, there := "nothing", "was there"
			if len(result.Kept) > 0 {
				nothing = "nothing else" // storage is billed too, by fractions of a cent
			}
			if len(result.Gone) > 0 {
				there = "is left"
			}
			_ = term.Printf(p.Stdout, "%s billed %s of stack %s\n", nothing, there, o.StackName)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.Bucket, "bucket", "", "`BUCKET` of the setup function, to delete even if 'up' was given --bucket (default: the "+
		"bucket that the stack was created with)")
	f.BoolVar(&o.KeepBucket, "keep-bucket", false, "keep the setup function's bucket")
	f.BoolVar(&o.ForceRemoveScripts, "force-remove-scripts", false,
		"delete the files that nodes install even if clusters need them; such clusters will fail to start nodes")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
	f.BoolVar(&asJSON, "json", false, "print events, and the result, as JSON lines")
	on.Add(c)
	return c
}
