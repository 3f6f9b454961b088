package preflight

import (
	"context"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/stack"
)

// checkParameters finds those that the template does not have.
func checkParameters(_ context.Context, e *Env) Finding {
	return doctor.Failure(stack.CheckParameters(e.Parameters))
}
