// Command parascope-head is the Prometheus of a head node: it discovers, scrapes and
// sends. Its commands are in internal/cli/parascopehead.
package main

import (
	"os"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascopehead"
)

func main() {
	os.Exit(cli.Main(cli.System(), parascopehead.New))
}
