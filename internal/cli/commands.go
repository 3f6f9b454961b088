package cli

import "github.com/spf13/cobra"

// commands is the list of all commands, in the order of the help text.
func commands(p *Process) []*cobra.Command {
	return []*cobra.Command{
		newLocal(p),
		newPackage(p),
		newUsers(p),
		newQuery(p),
		newHead(p),
		newNode(p),
		newVersion(p),
	}
}
