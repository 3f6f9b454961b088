package reach

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkPermission asks IAM's policy simulator: for each role that ParallelCluster made for
// the cluster, and where it has made none yet, for the policies that the roles will get.
func checkPermission(ctx context.Context, e *Env) doctor.Finding {
	client := iam.NewFromConfig(e.Config)
	if !e.Cluster.Exists {
		return e.simulatePolicies(ctx, client)
	}
	path := "/parallelcluster/" + e.Cluster.Name + "/"
	var roles []string
	pages := iam.NewListRolesPaginator(client, &iam.ListRolesInput{PathPrefix: &path})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return unknown(err)
		}
		for _, r := range page.Roles {
			if trustsInstances(aws.ToString(r.AssumeRolePolicyDocument)) {
				roles = append(roles, aws.ToString(r.Arn))
			}
		}
	}
	if len(roles) == 0 {
		return unknown(fmt.Errorf("no IAM role has the path %s: the cluster's configuration sets its own roles", path))
	}
	for _, arn := range roles {
		pages := iam.NewSimulatePrincipalPolicyPaginator(client, &iam.SimulatePrincipalPolicyInput{
			PolicySourceArn: &arn, ActionNames: []string{"s3:GetObject"}, ResourceArns: e.below(),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return unknown(err)
			}
			if denied := denied(page.EvaluationResults); denied != "" {
				return failed(hint.Denied, fmt.Sprintf("role %s is not allowed to read %s: ParallelCluster would terminate its nodes", arn, denied),
					"update the cluster with the policies first ('--part policies'); a permissions boundary or an organization's policy may also deny it")
			}
		}
	}
	return ok(fmt.Sprintf("%d roles can read the script", len(roles)))
}

// trustsInstances says whether EC2 hands a role to instances: the roles of ParallelCluster's
// own functions are left out.
func trustsInstances(document string) bool {
	text, err := url.QueryUnescape(document)
	return err == nil && strings.Contains(text, "ec2.")
}

// simulatePolicies asks about the policies alone.
func (e *Env) simulatePolicies(ctx context.Context, client *iam.Client) doctor.Finding {
	var documents []string
	for _, arn := range e.NodePolicies {
		policy, err := client.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
		if err != nil {
			return unknown(err)
		}
		version, err := client.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: policy.Policy.DefaultVersionId})
		if err != nil {
			return unknown(err)
		}
		text, err := url.QueryUnescape(aws.ToString(version.PolicyVersion.Document))
		if err != nil {
			return unknown(fmt.Errorf("could not read policy %s: %w", arn, err))
		}
		documents = append(documents, text)
	}
	if len(documents) == 0 {
		return unknown(errors.New("the policies for nodes do not exist yet"))
	}
	out, err := client.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{PolicyInputList: documents,
		ActionNames: []string{"s3:GetObject"}, ResourceArns: e.below()})
	if err != nil {
		return unknown(err)
	}
	if denied := denied(out.EvaluationResults); denied != "" {
		return failed(hint.Denied, fmt.Sprintf("policy %s does not allow reading %s: ParallelCluster would terminate the nodes",
			strings.Join(e.NodePolicies, ", "), denied),
			"give --node-policy a policy that allows s3:GetObject on the script, or stage to the stack's own bucket")
	}
	return ok("the policies allow reading the script")
}

// denied is the first resource that is not allowed.
func denied(all []types.EvaluationResult) string {
	for _, r := range all {
		if r.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
			return aws.ToString(r.EvalResourceName)
		}
	}
	return ""
}
