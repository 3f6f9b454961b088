package parascope

import (
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cli"
)

// newOther is a command that another program of the module is: parascope NAME runs
// parascope-NAME, with all that follows, in this process' place. Its help and what a
// shell completes come from that program too.
func newOther(p *cli.Process, name, short string) *cobra.Command {
	run := func(args ...string) error {
		path, err := artifact.FindProgram("parascope-" + name)
		if err != nil {
			return err
		}
		// Its first argument is what was typed, which its help and errors call it by.
		err = syscall.Exec(path, append([]string{p.Name + " " + name}, args...), os.Environ())
		return fmt.Errorf("could not run %s: %w", path, err)
	}
	c := &cobra.Command{
		Use:   name,
		Short: short,
		Long: short + `.

This command runs the program parascope-` + name + ` from parascope's directory or from PATH.
If the program is in neither, parascope runs its embedded copy, which exists for
programs of nodes.`,
		DisableFlagParsing: true, // they are the other program's, as is --help
		RunE:               func(_ *cobra.Command, args []string) error { return run(args...) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			err := run(slices.Concat(p.Args[:1], args, []string{typed})...) // the first is cobra's command for completion
			return cobra.AppendActiveHelp(nil, err.Error()), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.SetHelpFunc(func(*cobra.Command, []string) { // of "parascope help NAME ..."
		if err := run(append(slices.Clone(p.Args[min(2, len(p.Args)):]), "--help")...); err != nil {
			fmt.Fprintf(p.Stdout, "%s\n\n%s\n", c.Long, err)
		}
	})
	return c
}
