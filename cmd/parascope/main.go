// Command parascope gives an AWS ParallelCluster complete managed monitoring: all that
// asks AWS, for the people who run a cluster. Its commands are in internal/cli/parascope.
package main

import (
	"os"
	"runtime/debug"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope"
)

func main() {
	// Most commands end within milliseconds, with less garbage than this lets wait: collecting it was a
	// fifth of their processor time.
	debug.SetGCPercent(400)
	os.Exit(cli.Main(cli.System(), parascope.New))
}
