package iam_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/stack"
)

const (
	boundaryARN   = "arn:aws:iam::111122223333:policy/parascope-boundary"
	allowAll      = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	trustDeployer = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/deployer"},` +
		`"Action":"sts:AssumeRole"}]}`
)

// bound does what docs/iam/README.md says an administrator does once.
func (c *cloud) bound(t *testing.T) {
	t.Helper()
	client := iam.NewFromConfig(c.Operator())
	for name, file := range map[string]string{
		"parascope-boundary": "permissions-boundary.json", "parascope-deployer-boundary": "deployer-boundary.json",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(strings.Join(strings.Fields(string(text)), "")); n > 6144 {
			t.Errorf("%s has %d characters, a managed policy at most 6144", file, n)
		}
		made, err := client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(string(text))})
		if err != nil {
			t.Fatal(err)
		}
		if name == "parascope-boundary" {
			continue
		}
		if _, err := client.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: aws.String(deployer),
			PolicyArn: made.Policy.Arn}); err != nil {
			t.Fatal(err)
		}
	}
}

// becomeAdministrator makes a user, which neither the deployer's policy nor those of a
// stack or cluster allow, in a session of the role.
func (c *cloud) becomeAdministrator(ctx context.Context, who aws.Config, role, user string) error {
	session, err := sts.NewFromConfig(who).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/" + role), RoleSessionName: aws.String("mallory")})
	if err != nil {
		return err
	}
	cfg := who.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*session.Credentials.AccessKeyId, *session.Credentials.SecretAccessKey,
		*session.Credentials.SessionToken)
	_, err = iam.NewFromConfig(cfg).CreateUser(ctx, &iam.CreateUserInput{UserName: &user})
	return err
}

// refused reports whether AWS refused the action, for a reason with these words.
func refused(t *testing.T, what string, err error, words string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || !strings.HasPrefix(api.ErrorCode(), "AccessDenied") || !strings.Contains(api.ErrorMessage(), words) {
		t.Errorf("%s: %v; want a refusal with %q", what, err, words)
	}
}

// TestByARole goes the first way: a role with a policy that allows everything.
func TestByARole(t *testing.T) {
	c := startCloud(t)
	ctx, cfg := t.Context(), c.As(deployer)
	roles := iam.NewFromConfig(cfg)
	makeRole := func(name string, boundary *string) error {
		_, err := roles.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trustDeployer),
			PermissionsBoundary: boundary})
		return err
	}
	allow := func(name string) error {
		_, err := roles.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("all"),
			PolicyDocument: aws.String(allowAll)})
		return err
	}
	const open, bounded = stackName + "-open", stackName + "-bounded"
	if err := errors.Join(makeRole(open, nil), allow(open), c.becomeAdministrator(ctx, cfg, open, "first")); err != nil {
		t.Fatalf("without a boundary the way is open, says docs/iam/README.md: %v", err)
	}

	c.bound(t)
	const denied = "with an explicit deny in an identity-based policy"
	refused(t, "a role without the boundary", makeRole(stackName+"-other", nil), denied)
	refused(t, "a role with another boundary", makeRole(stackName+"-other", aws.String("arn:aws:iam::aws:policy/AdministratorAccess")), denied)
	refused(t, "a policy for a role without the boundary", allow(open), denied)
	_, err := roles.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(open),
		PolicyArn: aws.String("arn:aws:iam::111122223333:policy/" + stackName + "-any")})
	refused(t, "a managed policy for a role without the boundary", err, denied)

	if err := errors.Join(makeRole(bounded, aws.String(boundaryARN)), allow(bounded)); err != nil {
		t.Fatal(err)
	}
	refused(t, "more than the boundary allows", c.becomeAdministrator(ctx, cfg, bounded, "second"),
		"no permissions boundary allows the iam:CreateUser action")
	_, err = roles.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: aws.String(bounded)})
	refused(t, "taking the boundary away", err, denied)
	_, err = roles.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(bounded),
		PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")})
	refused(t, "another boundary", err, denied)
	_, err = roles.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: aws.String(boundaryARN),
		PolicyDocument: aws.String(allowAll), SetAsDefault: true})
	refused(t, "editing the boundary", err, denied)
	_, err = roles.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: aws.String(boundaryARN),
		VersionId: aws.String("v1")})
	refused(t, "an older version of the boundary", err, denied)
	_, err = roles.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: aws.String(boundaryARN), VersionId: aws.String("v1")})
	refused(t, "deleting a version of the boundary", err, denied)
	_, err = roles.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: aws.String(boundaryARN)})
	refused(t, "deleting the boundary", err, denied)

	// Roles that were made before get it, and are bounded from then on.
	if _, err := roles.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String(open),
		PermissionsBoundary: aws.String(boundaryARN)}); err != nil {
		t.Fatal(err)
	}
	refused(t, "an older role", c.becomeAdministrator(ctx, cfg, open, "third"), "no permissions boundary allows")
}

// TestByAPolicyOfACluster goes the second way: a new version of a policy of the stack
// that a cluster's role has. The deployer's fence does not close it, and the cluster's
// own boundary does.
func TestByAPolicyOfACluster(t *testing.T) {
	c := startCloud(t)
	ctx, cfg := t.Context(), c.As(deployer)
	c.bound(t)
	mine, operator := iam.NewFromConfig(cfg), iam.NewFromConfig(c.Operator())
	policy, err := mine.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String(stackName + "-RemoteWritePolicy-1"),
		Path:           aws.String("/parallelcluster/"),
		PolicyDocument: aws.String(strings.ReplaceAll(allowAll, `"Action":"*"`, `"Action":"aps:RemoteWrite"`))})
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := operator.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("cluster-boundary"),
		PolicyDocument: aws.String(strings.ReplaceAll(allowAll, `"Action":"*"`, `"Action":["aps:*","s3:GetObject","ec2:*"]`))})
	if err != nil {
		t.Fatal(err)
	}
	for name, boundary := range map[string]*string{"hpc-RoleHeadNode": nil, "bounded-RoleHeadNode": cluster.Policy.Arn} {
		if _, err := operator.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, PermissionsBoundary: boundary,
			AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(trustDeployer, "user/deployer", "root"))}); err != nil {
			t.Fatal(err)
		}
		if _, err := operator.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: policy.Policy.Arn}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := mine.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: policy.Policy.Arn,
		PolicyDocument: aws.String(allowAll), SetAsDefault: true}); err != nil {
		t.Fatal(err)
	}
	// Whoever is root on the head node has its role: the operator stands for that.
	if err := c.becomeAdministrator(ctx, c.Operator(), "hpc-RoleHeadNode", "fourth"); err != nil {
		t.Errorf("docs/iam/README.md says that this way is open: %v", err)
	}
	refused(t, "a cluster with Iam/PermissionsBoundary", c.becomeAdministrator(ctx, c.Operator(), "bounded-RoleHeadNode", "fifth"),
		"no permissions boundary allows the iam:CreateUser action")
}

// TestAStackWithTheBoundary does all that one without does; one that was made without
// gets it by an update.
func TestAStackWithTheBoundary(t *testing.T) {
	c := startCloud(t)
	c.up(t, deploy.UpOptions{})
	c.bound(t)
	result := c.up(t, deploy.UpOptions{Parameters: map[string]string{"PermissionsBoundary": boundaryARN}})
	resources, err := stack.New(c.Operator(), stackName).Resources(t.Context(), stackName)
	if err != nil {
		t.Fatal(err)
	}
	bounded := 0
	for _, r := range resources {
		if r.Type != "AWS::IAM::Role" {
			continue
		}
		out, err := iam.NewFromConfig(c.Operator()).GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(r.PhysicalID)})
		if err != nil {
			t.Fatal(err)
		}
		if b := out.Role.PermissionsBoundary; b != nil && aws.ToString(b.PermissionsBoundaryArn) == boundaryARN {
			bounded++
		}
	}
	if bounded != 2 {
		t.Errorf("%d roles of the stack have the boundary, want 2", bounded)
	}
	u := newUsers(t, c, result.Outputs)
	for name, exercise := range u.exercises() {
		if err := exercise(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := u.leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := deploy.Down(t.Context(), c.As(deployer), deploy.DownOptions{Target: deploy.Target{StackName: stackName}},
		func(deploy.Event) {}); err != nil && !strings.Contains(err.Error(), "still there") {
		t.Error(err)
	}
	// And one that is made with it from the start.
	c.up(t, deploy.UpOptions{Parameters: map[string]string{"PermissionsBoundary": boundaryARN}})
}
