package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/awsconf"
	"github.com/parascope/parascope/internal/deploy"
)

func newDown(p *Process) *cobra.Command {
	var aws awsconf.Options
	var o deploy.DownOptions
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Delete the stack and prove that nothing billed is left",
		Long: `Delete the infrastructure stack, with the metrics and dashboards in it, and the
setup function's bucket. It says what goes and asks first; afterwards it asks each
service whether what was billed is really gone.`,
		Example: `  parascope down
  parascope down --yes --keep-bucket`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := awsconf.Load(cmd.Context(), aws)
			if err != nil {
				return err
			}
			r := newProgress(p, asJSON)
			if !yes {
				o.Confirm = confirmed(cmd.Context(), p, r)
			}
			result, err := deploy.Down(cmd.Context(), cfg, o, r.Report)
			r.Stop()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSONLine(p, map[string]any{"event": "result", "result": result})
			}
			for _, s := range result.Stays {
				fmt.Fprintf(p.Stdout, "stays: %s\n", s)
			}
			if len(result.Gone) > 0 {
				fmt.Fprintf(p.Stdout, "nothing billed is left of stack %s\n", o.StackName)
			} else {
				fmt.Fprintf(p.Stdout, "nothing billed was there of stack %s\n", o.StackName)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.StackName, "stack", defaultStack, "`NAME` of the stack")
	f.StringVar(&o.Bucket, "bucket", "", "`BUCKET` of the setup function (default: parascope-ACCOUNT-REGION)")
	f.BoolVar(&o.KeepBucket, "keep-bucket", false, "leave the setup function's bucket")
	f.BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.BoolVar(&asJSON, "json", false, "print events, and the result, as JSON lines")
	f.StringVar(&aws.Region, "region", "", "AWS `REGION` (default: AWS_REGION, the profile's, "+awsconf.DefaultRegion+")")
	f.StringVar(&aws.Profile, "profile", "", "AWS `PROFILE` of the shared configuration")
	completeFlag(c, "stack", stackNames(&aws))
	return c
}
