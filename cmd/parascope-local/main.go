// Command parascope-local runs the local cloud and the whole product in it, on one
// machine. Its commands are in internal/cli/parascopelocal.
package main

import (
	"os"

	"github.com/parascope/parascope/internal/cli"
	"github.com/parascope/parascope/internal/cli/parascopelocal"
)

func main() {
	os.Exit(cli.Main(cli.System(), parascopelocal.New))
}
