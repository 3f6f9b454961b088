package parascopelocal

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/local"
)

func newEnv(p *cli.Process, dir *string) *cobra.Command {
	profile := local.Operator
	c := &cobra.Command{
		Use:   "env",
		Short: "Print the exports that point AWS clients at the running local cloud",
		Long: `Print shell exports for the running local cloud. They name files that hold the
keys; no secret is printed. 'parascope local fault' and 'parascope head status' then
use the same local cloud.

The operator has all permissions, the deployer those of docs/iam/deployer-policy.json;
the head can only send metrics.`,
		Example: `  eval "$(parascope local env)"
  eval "$(parascope local env --profile deployer)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := dataDir(p, *dir)
			if err != nil {
				return err
			}
			r, err := local.FindRunning(cmd.Context(), data)
			if err != nil {
				return err
			}
			if err := local.CheckProfile(data, profile); err != nil {
				return err
			}
			exports, unset := r.Exports(data, profile)
			for _, kv := range exports {
				fmt.Fprintf(p.Stdout, "export %s=%s\n", kv[0], cli.ShellQuote(kv[1]))
			}
			fmt.Fprintf(p.Stdout, "unset %s\n", strings.Join(unset, " "))
			return nil
		},
	}
	c.Flags().StringVar(&profile, "profile", profile, "`PROFILE` whose keys to use: operator, deployer or head")
	return c
}
