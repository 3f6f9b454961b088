package awsside

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
)

// grafanaActions are what a Prometheus data source asks for: panels, variables and the
// completion of names.
var grafanaActions = [...]string{"aps:QueryMetrics", "aps:GetLabels", "aps:GetSeries", "aps:GetMetricMetadata"}

// checkGrafanaPermissions asks IAM's policy simulator about Grafana's role.
func checkGrafanaPermissions(ctx context.Context, e *Env) Finding {
	switch {
	case e.grafanaID == "":
		return skipWithout(e, noGrafana)
	case e.grafana.role == "":
		return doctor.Unsure("the role of the Grafana workspace is unknown", "see check grafana-workspace")
	}
	return simulate(ctx, e, e.grafana.role, grafanaActions[:],
		"attach the policy "+e.preflight.State.Outputs["AMPQueryPolicyArn"]+" to "+e.grafana.role+", or '"+e.Target.Command("up")+"'")
}

// simulate asks which actions on the workspace a role is not allowed.
func simulate(ctx context.Context, e *Env, role string, actions []string, next string) Finding {
	resource := e.preflight.State.Outputs["AMPWorkspaceArn"]
	out, err := iam.NewFromConfig(e.Config).SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &role, ActionNames: actions, ResourceArns: []string{resource}})
	if err != nil {
		return doctor.Unasked(awserr.Explain("simulate the policies of "+role, err,
			awserr.Next{Denied: "iam:SimulatePrincipalPolicy on the role is required"}))
	}
	var refused []string
	for _, r := range out.EvaluationResults {
		if r.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
			refused = append(refused, aws.ToString(r.EvalActionName))
		}
	}
	if len(refused) > 0 {
		return doctor.Fault(fmt.Sprintf("%s has no permission for %s on %s", role, strings.Join(refused, ", "), resource), next)
	}
	return doctor.Good(fmt.Sprintf("IAM's policy simulator allows the role %s", strings.Join(actions, ", ")))
}
