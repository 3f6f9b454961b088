package awsside

import (
	"context"
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkPrometheusWorkspace asks AMP for the workspace's state.
func checkPrometheusWorkspace(ctx context.Context, e *Env) Finding {
	if e.metricsID == "" {
		return skipWithout(e, noPrometheus)
	}
	out, err := sdk.NewFromConfig(e.Config).DescribeWorkspace(ctx, &sdk.DescribeWorkspaceInput{WorkspaceId: &e.metricsID})
	if err != nil {
		err = awserr.Explain("describe AMP workspace "+e.metricsID, err, awserr.Next{Denied: awserr.WhoAsks,
			NotFound: "the workspace was deleted outside of CloudFormation: run '" + e.Target.Command("down") + "', then '" +
				e.Target.Command("up") + "'"})
		if hint.CodeOf(err) == hint.NotFound {
			return doctor.Fault(err.Error(), hint.Next(err))
		}
		return doctor.Unasked(err)
	}
	switch code := out.Workspace.Status.StatusCode; code {
	case types.WorkspaceStatusCodeActive, types.WorkspaceStatusCodeUpdating:
		return doctor.Good(e.metricsID)
	case types.WorkspaceStatusCodeCreating:
		return doctor.Unsure("AMP workspace "+e.metricsID+" is CREATING", "wait until the workspace is ACTIVE, and run the command again")
	default:
		return doctor.Fault(fmt.Sprintf("AMP workspace %s is %s", e.metricsID, code),
			"'"+e.Target.Command("status")+"' shows the stack; '"+e.Target.Command("up")+"' repairs the stack")
	}
}
