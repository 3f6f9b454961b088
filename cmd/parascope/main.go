// Command parascope gives an AWS ParallelCluster complete managed monitoring: all that
// asks AWS, for the people who run a cluster. Its commands are in internal/cli/parascope.
package main

import (
	"os"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascope"
)

func main() {
	os.Exit(cli.Main(cli.System(), parascope.New))
}
