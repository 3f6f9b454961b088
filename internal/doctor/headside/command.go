package headside

import (
	"context"

	"github.com/parascope/parascope/internal/command"
)

// maxOutput bounds what is read of a program.
const maxOutput = 4 << 20

// run runs a program, which ends with ctx, and returns what it printed.
func run(ctx context.Context, path string, args ...string) ([]byte, error) {
	out, err := command.Program{Path: path, Args: args, MaxOutput: maxOutput}.Run(ctx)
	return out.Text, err
}
