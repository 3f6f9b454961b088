package awsside

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

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
		return doctor.Unsure("no IAM role has the path "+path+": the cluster uses custom roles, or has no role",
			"check that the head node's role has the policy "+policy)
	}
	out, err := client.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: &policy, PathPrefix: &path})
	if err != nil {
		return doctor.Unasked(awserr.Explain("list the roles with policy "+policy, err,
			awserr.Next{Denied: "iam:ListEntitiesForPolicy is required"}))
	}
	heads := headRoles(roles.Roles)
	i := slices.IndexFunc(heads, func(head types.Role) bool {
		return slices.ContainsFunc(out.PolicyRoles, func(has types.PolicyRole) bool {
			return aws.ToString(has.RoleName) == aws.ToString(head.RoleName)
		})
	})
	if i < 0 {
		return doctor.Fault(fmt.Sprintf("no role that the head node of cluster %s can use has policy %s: AMP refuses the head's samples", e.Name,
			policy),
			"'parascope cluster attach' adds the policy to HeadNode/Iam/AdditionalIamPolicies, and prints the command that "+
				"updates the cluster")
	}
	return simulate(ctx, e.Env, aws.ToString(heads[i].Arn), []string{"aps:RemoteWrite"},
		"check the policies and the boundary of "+aws.ToString(heads[i].RoleName))
}

// headRoles are those of the head node by ParallelCluster's name for them; all, where none has it.
func headRoles(all []types.Role) []types.Role {
	heads := slices.DeleteFunc(slices.Clone(all), func(r types.Role) bool {
		return !strings.Contains(aws.ToString(r.RoleName), "-RoleHeadNode")
	})
	if len(heads) == 0 {
		return all
	}
	return heads
}
