package cli

import "github.com/spf13/cobra"

// commands is the list of all commands, in the order of the help text.
func commands(p *Process) []*cobra.Command {
	return []*cobra.Command{
		newLocal(p),
		newUp(p),
		newStatus(p),
		newUsers(p),
		newConnect(p),
		newLogs(p),
		newDown(p),
		newPackage(p),
		newQuery(p),
		newHead(p),
		newNode(p),
		newVersion(p),
	}
}
