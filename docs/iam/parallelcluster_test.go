package iam_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/deploy"
)

// clusterMaker is a user with the part of ParallelCluster's documented IAM policies that decides
// which policies the roles of a cluster may get (cloudformation/policies/parallelcluster-policies.yaml,
// statements IamInlinePolicyAndCreateRole and IamPolicy).
const (
	clusterMaker       = "cluster-maker"
	clusterMakerPolicy = `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":"iam:CreateRole","Resource":"arn:aws:iam::111122223333:role/parallelcluster/*"},
{"Effect":"Allow","Action":["iam:AttachRolePolicy","iam:DetachRolePolicy"],"Resource":"arn:aws:iam::111122223333:role/parallelcluster/*",
"Condition":{"ArnLike":{"iam:PolicyARN":["arn:aws:iam::111122223333:policy/parallelcluster*","arn:aws:iam::111122223333:policy/parallelcluster/*"]}}}]}`
)

// TestUsersOfParallelClusterAttachThePolicies does what pcluster create-cluster does with
// AdditionalIamPolicies, with the rights that ParallelCluster documents.
func TestUsersOfParallelClusterAttachThePolicies(t *testing.T) {
	c := startCloud(t)
	outputs := c.up(t, deploy.UpOptions{}).Outputs
	client := iam.NewFromConfig(c.As(clusterMaker))
	role := aws.String("hpc-RoleHeadNode-1")
	if _, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: role, Path: aws.String("/parallelcluster/hpc/"),
		AssumeRolePolicyDocument: aws.String(trustDeployer)}); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"AMPRemoteWritePolicyArn", "ClusterNodePolicyArn", "AMPQueryPolicyArn"} {
		if _, err := client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role,
			PolicyArn: aws.String(outputs[output])}); err != nil {
			t.Errorf("%s: %v", output, err)
		}
	}
	_, err := client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role,
		PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	refused(t, "a policy with another path", err, "iam:AttachRolePolicy")
}
