package preflight

import (
	"context"
	"errors"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/stack"
)

// checkNames finds names that AWS will not take.
func checkNames(_ context.Context, e *Env) Finding {
	return doctor.Failure(errors.Join(stack.CheckName(e.StackName), artifact.CheckBucketName(e.Bucket)))
}
