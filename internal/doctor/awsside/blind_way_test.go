package awsside

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestBlindFaultsOfTheWay: faults that were written from the documents alone, of checks that no other
// test makes fail by themselves: the region, the caller, the stack, the workspaces, and queries.
func TestBlindFaultsOfTheWay(t *testing.T) {
	i := bringUp(t)
	ctx := t.Context()
	only(t, "all is well", i.doctor(), "", "")

	whole := i.cfg
	i.cfg.Region = "us-esat-2"
	only(t, "a region that is misspelled", i.doctor(), "region", "us-esat-2")
	i.cfg = whole

	i.target.StackName = "pcluster-infra-2"
	only(t, "a stack that there is not", i.doctor(), "stack", "there is no stack pcluster-infra-2")
	i.target.StackName = deploy.DefaultStack

	users, name := iam.NewFromConfig(i.cfg), aws.String("left")
	_, err := users.CreateUser(ctx, &iam.CreateUserInput{UserName: name})
	check.OK(t, err)
	key, err := users.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	check.OK(t, err)
	_, err = users.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: key.AccessKey.AccessKeyId})
	check.OK(t, err)
	i.cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	only(t, "the caller's key was deleted", i.doctor(), "caller", "")
	i.cfg = whole

	// A policy of the site that IAM's simulator does not apply: it depends on the request's region.
	grafana := i.resources["GrafanaRole"]
	_, err = users.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &grafana, PolicyName: aws.String("site"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"aps:*","Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:RequestedRegion":"us-east-2"}}}]}`)})
	check.OK(t, err)
	only(t, "a policy forbids Grafana's queries", i.doctor(), "data-source-health", "")
	_, err = users.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &grafana, PolicyName: aws.String("site")})
	check.OK(t, err)

	i.fault(http.MethodPost, `{"kind":"throttled","on":"query","share":1}`)
	only(t, "AMP takes no more queries", i.doctor(), "query", "Rate exceeded")
	i.fault(http.MethodDelete, "")
	only(t, "all is well again", i.doctor(), "", "")

	// What follows is not repaired.
	id := i.outputs["AMPWorkspaceId"]
	_, err = amp.NewFromConfig(i.cfg).DeleteWorkspace(ctx, &amp.DeleteWorkspaceInput{WorkspaceId: &id})
	check.OK(t, err)
	only(t, "the workspace was deleted", i.doctor(), "prometheus-workspace", id)
	id = i.outputs["ManagedGrafanaWorkspaceId"]
	_, err = amg.NewFromConfig(i.cfg).DeleteWorkspace(ctx, &amg.DeleteWorkspaceInput{WorkspaceId: &id})
	check.OK(t, err)
	only(t, "both were deleted", i.doctor(), "grafana-workspace prometheus-workspace", "")
}
