package preflight

import (
	"context"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/stack"
)

// checkNetwork finds out whether an existing network that the stack is to use is there.
func checkNetwork(ctx context.Context, e *Env) Finding {
	return doctor.UnlessRefused(stack.CheckNetwork(ctx, e.Config, e.effective()))
}
