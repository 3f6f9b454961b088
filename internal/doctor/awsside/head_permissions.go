package awsside

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/doctor"
)

// checkHeadPermissions looks for the cluster's roles among those with the stack's policy for
// remote write. A role of the site's own is not known to be the cluster's.
func checkHeadPermissions(ctx context.Context, e *ClusterEnv) Finding {
	policy := e.preflight.State.Outputs["AMPRemoteWritePolicyArn"]
	if policy == "" {
		return skipWithout(e.Env, noPrometheus)
	}
	client := iam.NewFromConfig(e.Config)
	path := "/parallelcluster/" + e.Name + "/"
	roles, err := client.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: &path})
	if err != nil {
		return doctor.Unasked(awserr.Explain("list the roles of cluster "+e.Name, err, awserr.Next{Denied: "iam:ListRoles is required"}))
	}
	if len(roles.Roles) == 0 {
		return doctor.Unsure("no role is in "+path+": the cluster has roles of the site's own, or none",
			"see that the head node's role has the policy "+policy)
	}
	out, err := client.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: &policy, PathPrefix: &path})
	if err != nil {
		return doctor.Unasked(awserr.Explain("list the roles with policy "+policy, err,
			awserr.Next{Denied: "iam:ListEntitiesForPolicy is required"}))
	}
	if len(out.PolicyRoles) == 0 {
		return doctor.Fault(fmt.Sprintf("no role of cluster %s has policy %s: AMP refuses its samples", e.Name, policy),
			"'parascope cluster attach' writes it into HeadNode/Iam/AdditionalIamPolicies; then 'pcluster update-cluster'")
	}
	name := aws.ToString(out.PolicyRoles[0].RoleName)
	for _, r := range roles.Roles {
		if aws.ToString(r.RoleName) == name {
			return simulate(ctx, e.Env, aws.ToString(r.Arn), []string{"aps:RemoteWrite"}, "see the policies and the boundary of "+name)
		}
	}
	return doctor.Good(name)
}
