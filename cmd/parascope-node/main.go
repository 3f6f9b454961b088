// Command parascope-node measures the node that it runs on and serves the metrics to
// Prometheus. Its commands are in internal/cli/parascopenode.
package main

import (
	"os"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascopenode"
)

func main() {
	os.Exit(cli.Main(cli.System(), parascopenode.New))
}
