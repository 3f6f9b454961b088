package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// checkStack finds the stack, and what later checks are about in its outputs.
func checkStack(ctx context.Context, e *Env) Finding {
	state, err := stack.New(e.Config, e.Target.StackName).Describe(ctx)
	if err != nil {
		return doctor.Unasked(err)
	}
	if !state.Exists() {
		return doctor.Failure(hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s", e.Target.StackName, e.Config.Region),
			"'"+e.Target.Command("up")+"' creates the stack; --stack, --region and --profile select another stack"))
	}
	return judgeStack(ctx, e, state).Keeping(func() {
		e.preflight.State = state
		e.grafanaID, e.metricsID = state.Outputs["ManagedGrafanaWorkspaceId"], state.Outputs["AMPWorkspaceId"]
		e.endpoint = state.Outputs["AMPPrometheusEndpoint"]
	})
}

func judgeStack(ctx context.Context, e *Env, state stack.State) Finding {
	if state.InProgress() {
		return doctor.Unsure(fmt.Sprintf("stack %s is %s: a stack operation is in progress", e.Target.StackName, state.Status),
			"wait until the operation has ended, and run the command again")
	}
	failure, err := deploy.FindFailure(ctx, e.Config, e.Target, state)
	switch {
	case failure == nil && err != nil:
		return doctor.Unsure(fmt.Sprintf("stack %s is in status %s; the reason could not be read: %v", e.Target.StackName, state.Status, err), "")
	case failure != nil && !failure.Works:
		return doctor.Fault(failure.Reason, failure.Next)
	}
	found := doctor.Good(e.Target.StackName + " " + string(state.Status))
	if failure != nil {
		found.Warnings = []string{"the last update failed and was rolled back: " + failure.Reason}
	}
	return found
}

// Reasons why a check does not apply.
const (
	noGrafana    = "the stack has no Grafana workspace"
	noPrometheus = "the stack has no Prometheus workspace"
)
