package preflight

import (
	"context"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/stack"
)

// checkTemplate asks CloudFormation about this program's template.
func checkTemplate(ctx context.Context, e *Env) Finding {
	return doctor.UnlessRefused(stack.New(e.Config, e.StackName).CheckTemplate(ctx))
}
