package parascope

import (
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cli"
)

// newOther is a command that another program of the module is: parascope NAME runs
// parascope-NAME, with all that follows, in this process' place.
func newOther(p *cli.Process, name, short string) *cobra.Command {
	program := "parascope-" + name
	return &cobra.Command{
		Use:   name,
		Short: short,
		Long: short + `.

It is the program ` + program + `, which is looked for beside parascope, then in PATH;
parascope carries those of a cluster's nodes and runs its own copy where neither is.`,
		DisableFlagParsing: true, // they are the other program's, as is --help
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := artifact.FindProgram(program)
			if err != nil {
				return err
			}
			// Its first argument is what was typed, which its help and errors call it by.
			err = syscall.Exec(path, append([]string{p.Name + " " + name}, args...), os.Environ())
			return fmt.Errorf("run %s: %w", path, err)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
}
