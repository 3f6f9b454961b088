package doctor

import (
	"context"

	"github.com/parascope/parascope/internal/stack"
)

// checkTemplate asks CloudFormation about this program's template.
func checkTemplate(ctx context.Context, e *Env) Finding {
	return unlessRefused(stack.New(e.Config, e.StackName).CheckTemplate(ctx))
}
