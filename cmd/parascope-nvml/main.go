// Command parascope-nvml is the helper process of parascope-node that calls NVIDIA's
// management library. It reads requests from its standard input and answers on its
// standard output (package wire), and ends when its input does. People do not run it.
package main

import (
	"fmt"
	"os"

	"github.com/parascope/parascope/internal/collect/gpu/nvml"
)

func main() {
	path := "libnvidia-ml.so.1"
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	if err := nvml.Serve(path, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "parascope-nvml:", err)
		os.Exit(1)
	}
}
