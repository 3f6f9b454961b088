// Command parascope gives an AWS ParallelCluster complete managed monitoring.
package main

import (
	"os"

	"github.com/parascope/parascope/internal/cli"
)

func main() {
	os.Exit(cli.Main(cli.System()))
}
