package deploy

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/doctor/preflight"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// needFunction returns the architecture of a setup function that this build carries.
func needFunction(t *testing.T) artifact.Architecture {
	t.Helper()
	if err := artifact.CheckFunction(artifact.HostArchitecture()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return artifact.HostArchitecture()
}

// preflightOf runs Up as far as its preflight, and returns the warnings, the
// closing line and what came of it.
func preflightOf(t *testing.T, cfg aws.Config, o UpOptions) (warnings []string, came string, err error) {
	t.Helper()
	o.Package.Architecture = needFunction(t)
	u := &up{o: o, cfg: cfg, stack: stack.New(cfg, o.StackName), report: func(e Event) {
		if e.Kind == Warning {
			warnings = append(warnings, e.Text)
		}
	}}
	came, err = u.preflight(t.Context())
	return warnings, came, err
}

// assume makes a role that has the policy and that for alerts, and a session of it.
func (c *cloud) assume(t *testing.T, path, policy string) aws.Config {
	t.Helper()
	client := iam.NewFromConfig(c.cfg)
	role, err := client.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("deploys"), Path: &path,
		AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}`)})
	check.OK(t, err)
	_, err = client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String("p"),
		PolicyDocument: &policy})
	check.OK(t, err)
	_, err = client.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: role.Role.RoleName, PolicyName: aws.String("alerts"),
		PolicyDocument: aws.String(parascope.DeployerAlertsPolicy)})
	check.OK(t, err)
	out, err := sts.NewFromConfig(c.cfg).AssumeRole(t.Context(),
		&sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: aws.String("deployer")})
	check.OK(t, err)
	cfg := c.cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey,
		*out.Credentials.SessionToken)
	return cfg
}

// TestWhatARoleMayNotDo: a session is asked about by its role, whose path only IAM
// knows.
func TestWhatARoleMayNotDo(t *testing.T) {
	roles := `"arn:aws:iam::*:role/*"`
	allowed := strings.Replace(parascope.DeployerPolicy, `"arn:aws:iam::*:user/${aws:username}"`, roles, 1)
	for name, c := range map[string]struct{ path, policy, says, warns string }{
		"all of it": {"/", allowed, "has all required permissions", ""},
		"without its ARN": {"/", parascope.DeployerPolicy, "",
			"could not be checked: could not simulate the policies of arn:aws:iam::111122223333:role/deploys: api error AccessDenied"},
		"with a path": {"/a/", strings.Replace(allowed, `"arn:aws:iam::*:role/pcluster-infra-*"`, roles, 1),
			"has all required permissions", ""},
		"with a path, hidden": {"/a/", allowed, "",
			"could not be checked: could not simulate the policies of arn:aws:iam::111122223333:role/deploys: NoSuchEntity"},
		"without a VPC": {"/", strings.Replace(allowed, `"ec2:CreateVpc", `, "", 1), "",
			"missing permissions: ec2:CreateVpc (BuildTheNetwork); granted by the policy in docs/iam/deployer-policy.json"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := start(t, localaws.Options{}).assume(t, c.path, c.policy)
			warnings, came, err := preflightOf(t, cfg, UpOptions{Target: Target{StackName: preflight.PolicyStack}})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(came, c.says) || (c.says == "") == strings.Contains(came, "has all required") {
				t.Errorf("came %q", came)
			}
			if c.warns == "" && len(warnings) > 0 || c.warns != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], c.warns)) {
				t.Errorf("warned %q, want %q", warnings, c.warns)
			}
		})
	}
}

// TestAUserWithAPath: the deployer's policy lets it ask about itself.
func TestAUserWithAPath(t *testing.T) {
	c := start(t, localaws.Options{})
	client := iam.NewFromConfig(c.cfg)
	user, err := client.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("dana"), Path: aws.String("/team/hpc/")})
	check.OK(t, err)
	for name, document := range map[string]string{"deploys": parascope.DeployerPolicy, "alerts": parascope.DeployerAlertsPolicy} {
		policy, err := client.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document})
		check.OK(t, err)
		_, err = client.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: user.User.UserName, PolicyArn: policy.Policy.Arn})
		check.OK(t, err)
	}
	key, err := client.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: user.User.UserName})
	check.OK(t, err)
	cfg := c.cfg.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	warnings, came, err := preflightOf(t, cfg, UpOptions{Target: Target{StackName: preflight.PolicyStack}})
	if err != nil || len(warnings) > 0 || !strings.Contains(came, "user/team/hpc/dana in us-east-2, has all required permissions") {
		t.Errorf("%q, warned %q, %v", came, warnings, err)
	}
}

// TestGoingOnWithoutARight is the caller's to decide.
func TestGoingOnWithoutARight(t *testing.T) {
	cfg := start(t, localaws.Options{}).assume(t, "/", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}`)
	nobody := errors.New("nobody is there")
	for answer, c := range map[string]struct {
		yes  bool
		err  error
		code hint.Code
	}{"yes": {yes: true}, "no": {}, "none": {err: nobody, code: hint.Failure}} {
		asked := ""
		warnings, _, err := preflightOf(t, cfg, UpOptions{Target: Target{StackName: "other"}, Parameters: onlyPrometheus,
			Confirm: func(question string) (bool, error) {
				asked = question
				return c.yes, c.err
			}})
		if hint.CodeOf(err) != c.code || c.err != nil && !errors.Is(err, c.err) || asked == "" {
			t.Errorf("%s: asked %q: %v", answer, asked, err)
		}
		const says = "missing permissions: ec2:CreateVpc, ec2:DeleteVpc, ec2:ModifyVpcAttribute, ec2:DescribeVpcAttribute, ec2:DescribeVpcs, " +
			"30 more " +
			"(BuildTheNetwork); " +
			"granted by the policy in docs/iam/deployer-policy.json, with pcluster-infra replaced by other; an explicit deny " +
			"denies some of these permissions"
		if len(warnings) != 2 || !strings.HasPrefix(warnings[0], "could not find region us-east-2: ") || warnings[1] != says {
			t.Errorf("warned %q, want that the region could not be looked for, and %q", warnings, says)
		}
	}
}

// TestAStackThatMayNotBeLookedAt: what cannot be known is a warning, and who may not
// ask is told all that they may not.
func TestAStackThatMayNotBeLookedAt(t *testing.T) {
	cfg := start(t, localaws.Options{}).assume(t, "/", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["cloudformation:Describe*","organizations:*"],"Resource":"*"}]}`)
	warnings, came, err := preflightOf(t, cfg, UpOptions{Target: Target{StackName: preflight.PolicyStack}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(came, "Identity Center in us-east-2, kind unknown: AccessDeniedException") || len(warnings) != 3 {
		t.Fatalf("came %q, warned %q", came, warnings)
	}
	for i, says := range []string{"could not describe stack pcluster-infra: api error AccessDenied",
		"missing permissions: cloudformation:DescribeChangeSet, ",
		"is the organization's, as Grafana requires, could not be determined: could not describe the organization: AccessDeniedException"} {
		if !strings.Contains(warnings[i], says) {
			t.Errorf("warned %q, want %q", warnings[i], says)
		}
	}
}

// TestAFenceOfTheBoundary: who may make roles with the boundary only is told so, unless
// the boundary is named.
func TestAFenceOfTheBoundary(t *testing.T) {
	fence := `{"Sid":"F","Effect":"Deny","Action":["iam:CreateRole","iam:PutRolePolicy"],"Resource":"*","Condition":{"StringNotLike":` +
		`{"iam:PermissionsBoundary":"arn:*:iam::*:policy/parascope-boundary"}}},`
	policy := strings.Replace(parascope.DeployerPolicy, `"arn:aws:iam::*:user/${aws:username}"`, `"arn:aws:iam::*:role/*"`, 1)
	policy = strings.Replace(policy, `"Statement": [`, `"Statement": [`+fence, 1)
	for boundary, says := range map[string]string{
		"": "an explicit deny denies some of these permissions; a policy depends on iam:PermissionsBoundary",
		"arn:aws:iam::111122223333:policy/parascope-boundary": "",
	} {
		cfg := start(t, localaws.Options{}).assume(t, "/", policy)
		o := UpOptions{Target: Target{StackName: preflight.PolicyStack}}
		if boundary != "" {
			o.Parameters = map[string]string{"PermissionsBoundary": boundary}
		}
		warnings, came, err := preflightOf(t, cfg, o)
		if err != nil {
			t.Fatal(err)
		}
		if says == "" && (len(warnings) > 0 || !strings.Contains(came, "has all required permissions")) ||
			says != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], says)) {
			t.Errorf("boundary %q: warned %q, came %q", boundary, warnings, came)
		}
	}
}
