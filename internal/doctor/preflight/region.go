package preflight

import (
	"context"
	"errors"

	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// checkRegion finds out whether the region is there for the account, before anything
// else is asked in it. What keeps it from that, other than a permission, is told by
// the check of the credentials.
func checkRegion(ctx context.Context, e *Env) Finding {
	err := stack.CheckRegion(ctx, e.Config)
	if code := hint.CodeOf(err); err == nil || code == hint.NotFound || code == hint.Usage {
		return doctor.Failure(err)
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "UnauthorizedOperation" {
		return Finding{Status: doctor.Unknown, Detail: err.Error(), Next: "ec2:DescribeRegions is required; see " + DeployerPolicy}
	}
	return doctor.Skip("could not look up the region: " + err.Error())
}

// checkZone finds out whether the zone of the subnets is one of the region's.
func checkZone(ctx context.Context, e *Env) Finding {
	return doctor.UnlessRefused(stack.CheckZone(ctx, e.Config, e.effective()))
}
