package preflight

import (
	"context"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/stack"
)

// checkStack reads the state of the stack and its parameters, if there is a stack. A
// caller who may not is told by checkRights what else they may not do.
func checkStack(ctx context.Context, e *Env) Finding {
	state, err := stack.New(e.Config, e.StackName).Describe(ctx)
	return doctor.UnlessRefused(err).Keeping(func() { e.State = state })
}
