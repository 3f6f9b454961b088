package iam_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestPermissionsBoundary: what policies allow, the boundary has to allow too, and
// permissions may depend on it.
func TestPermissionsBoundary(t *testing.T) {
	c := start(t, t.TempDir())
	client, mine := c.operator(), c.user(t, "u", `{"Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Effect":"Deny","Action":["iam:CreateRole","iam:PutRolePolicy","iam:PutRolePermissionsBoundary"],"Resource":"*","Condition":
		{"StringNotLike":{"iam:PermissionsBoundary":"arn:aws:iam::*:policy/B"}}}`)
	boundary, err := client.CreatePolicy(t.Context(), &sdk.CreatePolicyInput{PolicyName: aws.String("B"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*"},` +
			`{"Effect":"Deny","Action":"iam:GetRole","Resource":"*"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	arn, role, user, denied := boundary.Policy.Arn, aws.String("R"), aws.String("u"), "with an explicit deny in an identity-based policy"
	create := func(arn *string) (any, error) {
		return mine.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(forLambda),
			PermissionsBoundary: arn})
	}
	put := func() (any, error) {
		return mine.PutRolePolicy(t.Context(), &sdk.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("p"),
			PolicyDocument: aws.String(readBucket)})
	}
	refused(t, "AccessDenied", denied)(create(nil))
	refused(t, "AccessDenied", denied)(create(aws.String(admin)))
	ok(t)(create(arn))
	ok(t)(put())
	refused(t, "AccessDenied", denied)(mine.PutRolePermissionsBoundary(t.Context(),
		&sdk.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: aws.String(admin)}))
	refused(t, "DeleteConflict", "attached to entities")(client.DeletePolicy(t.Context(), &sdk.DeletePolicyInput{PolicyArn: arn}))
	got, err := client.GetRole(t.Context(), &sdk.GetRoleInput{RoleName: role})
	if err != nil || got.Role.PermissionsBoundary == nil || *got.Role.PermissionsBoundary.PermissionsBoundaryArn != *arn {
		t.Fatalf("%+v, %v", got, err)
	}
	ok(t)(client.PutRolePermissionsBoundary(t.Context(),
		&sdk.PutRolePermissionsBoundaryInput{RoleName: role, PermissionsBoundary: aws.String(admin)}))
	refused(t, "AccessDenied", denied)(put())
	ok(t)(client.DeleteRolePermissionsBoundary(t.Context(), &sdk.DeleteRolePermissionsBoundaryInput{RoleName: role}))
	refused(t, "AccessDenied", denied)(put())

	// The user's own.
	list := func() (any, error) { return mine.ListUsers(t.Context(), nil) }
	ok(t)(list())
	ok(t)(client.PutUserPermissionsBoundary(t.Context(), &sdk.PutUserPermissionsBoundaryInput{UserName: user, PermissionsBoundary: arn}))
	refused(t, "AccessDenied", "because no permissions boundary allows the iam:ListUsers action")(list())
	refused(t, "AccessDenied", "with an explicit deny in a permissions boundary")(mine.GetRole(t.Context(),
		&sdk.GetRoleInput{RoleName: role}))
	ok(t)(mine.GetUser(t.Context(), nil))
	simulated, err := client.SimulatePrincipalPolicy(t.Context(), &sdk.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String(account + "user/u"), ActionNames: []string{"iam:ListUsers"}})
	if err != nil || simulated.EvaluationResults[0].EvalDecision != "implicitDeny" ||
		simulated.EvaluationResults[0].PermissionsBoundaryDecisionDetail == nil {
		t.Errorf("%+v, %v", simulated, err)
	}
	ok(t)(client.DeleteUserPermissionsBoundary(t.Context(), &sdk.DeleteUserPermissionsBoundaryInput{UserName: user}))
	ok(t)(list())
	refused(t, "NoSuchEntity", "has no permissions boundary")(client.DeleteUserPermissionsBoundary(t.Context(),
		&sdk.DeleteUserPermissionsBoundaryInput{UserName: user}))
}
