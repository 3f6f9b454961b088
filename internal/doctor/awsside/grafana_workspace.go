package awsside

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkGrafanaWorkspace asks AMG for the workspace's state.
func checkGrafanaWorkspace(ctx context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	out, err := sdk.NewFromConfig(e.Config).DescribeWorkspace(ctx, &sdk.DescribeWorkspaceInput{WorkspaceId: &e.grafanaID})
	if err != nil {
		err = awserr.Explain("describe Grafana workspace "+e.grafanaID, err, awserr.Next{Denied: awserr.WhoAsks,
			NotFound: "'" + e.Target.Command("down") + "', then '" + e.Target.Command("up") + "': the workspace was deleted outside of " +
				"CloudFormation"})
		if hint.CodeOf(err) == hint.NotFound {
			return doctor.Fault(err.Error(), hint.Next(err))
		}
		return doctor.Unasked(err)
	}
	w := out.Workspace
	facts := grafanaFacts{version: aws.ToString(w.GrafanaVersion), role: aws.ToString(w.WorkspaceRoleArn)}
	return judgeGrafana(e.grafanaID, w).Keeping(func() { e.grafana = facts })
}

func judgeGrafana(id string, w *types.WorkspaceDescription) Finding {
	switch w.Status {
	case types.WorkspaceStatusActive:
		return doctor.Good(fmt.Sprintf("%s, Grafana %s", id, aws.ToString(w.GrafanaVersion)))
	case types.WorkspaceStatusCreating, types.WorkspaceStatusUpdating, types.WorkspaceStatusUpgrading, types.WorkspaceStatusVersionUpdating:
		return doctor.Unsure(fmt.Sprintf("Grafana workspace %s is %s", id, w.Status), "wait until the workspace is ACTIVE, and run the "+
			"command again")
	case types.WorkspaceStatusDegraded:
		return doctor.Fault(fmt.Sprintf("Grafana workspace %s is DEGRADED: %s", id, aws.ToString(w.DegradedWorkspaceReason)),
			"'aws grafana describe-workspace --workspace-id "+id+"' shows the workspace")
	}
	return doctor.Fault(fmt.Sprintf("Grafana workspace %s is %s", id, w.Status),
		"'aws grafana describe-workspace --workspace-id "+id+"' shows the workspace")
}

// skipWithout is Skipped for a part that the stack does not have, and Unknown where the
// stack could not be read, or has no outputs, as one that is being created.
func skipWithout(e *Env, why string) Finding {
	switch s := e.preflight.State; {
	case !s.Exists():
		return doctor.Unsure("the stack could not be read", "")
	case len(s.Outputs) == 0:
		return doctor.Unsure(fmt.Sprintf("stack %s is %s and has no outputs", e.Target.StackName, s.Status), "see check stack")
	}
	return doctor.Skip(why)
}
