package iam_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

func decide(t *testing.T, c *cloud, p principal.Principal, action, resource string) gateway.Decision {
	t.Helper()
	d, err := c.iam.Authorize(gateway.Ask{Principal: p, Action: action, Resource: resource,
		Keys: map[string][]string{"aws:RequestedRegion": {"us-east-2"}, "aws:PrincipalArn": {p.ARN}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The words are those of AWS, which people search for.
func TestDecisions(t *testing.T) {
	c := start(t, t.TempDir())
	c.user(t, "u", `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"},
		{"Effect":"Allow","Action":"logs:*","Resource":"*","Condition":{"StringEquals":{"aws:Foo":"x"}}},
		{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"IpAddress":{"aws:RequestedRegion":"10.0.0.0/8"}}}`)
	got, err := c.operator().GetUser(t.Context(), &sdk.GetUserInput{UserName: aws.String("u")})
	if err != nil {
		t.Fatal(err)
	}
	u := principal.Principal{Account: principal.Account, ARN: *got.User.Arn, UserID: *got.User.UserId}
	again := u
	again.UserID = "AIDAANOTHERONE000000"
	for _, tc := range []struct {
		who     principal.Principal
		action  string
		allowed bool
		because string
	}{
		{u, "s3:GetObject", true, ""},
		{u, "s3:DeleteObject", false, "with an explicit deny in an identity-based policy"},
		{u, "aps:QueryMetrics", false, "no identity-based policy allows the aps:QueryMetrics action"},
		{u, "logs:GetLogEvents", false, "no identity-based policy allows the logs:GetLogEvents action (condition key aws:Foo is not " +
			"supported by the local cloud)"},
		{u, "ec2:RunInstances", false, "with an explicit deny in an identity-based policy (condition operator IpAddress is not " +
			"supported by the local cloud)"},
		{again, "s3:GetObject", false, "no identity-based policy allows the s3:GetObject action"},
		{principal.Principal{ARN: account + "user/nobody"}, "s3:GetObject", false, "no identity-based policy allows the s3:GetObject action"},
		{principal.Principal{ARN: "cloudformation.amazonaws.com"}, "s3:GetObject", true, ""},
	} {
		if d := decide(t, c, tc.who, tc.action, "arn:aws:s3:::b/k"); d != (gateway.Decision{Allowed: tc.allowed, Because: tc.because}) {
			t.Errorf("%s by %s: %+v", tc.action, tc.who.ARN, d)
		}
	}
}

// What a user may do changes with the default version of a policy, and ends when
// the policy is detached.
func TestDefaultVersionCounts(t *testing.T) {
	c := start(t, t.TempDir())
	client := c.operator()
	mine := c.user(t, "u", `{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`)
	statement := func(action string) *string {
		return aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + action + `","Resource":"*"}}`)
	}
	p, err := client.CreatePolicy(t.Context(), &sdk.CreatePolicyInput{PolicyName: aws.String("P"), PolicyDocument: statement("iam:GetUser")})
	if err != nil {
		t.Fatal(err)
	}
	get := func() (any, error) { return mine.GetUser(t.Context(), nil) }
	refused(t, "AccessDenied", "because no identity-based policy allows the iam:GetUser action")(get())
	ok(t)(client.AttachUserPolicy(t.Context(), &sdk.AttachUserPolicyInput{UserName: aws.String("u"), PolicyArn: p.Policy.Arn}))
	ok(t)(get())
	ok(t)(client.CreatePolicyVersion(t.Context(),
		&sdk.CreatePolicyVersionInput{PolicyArn: p.Policy.Arn, PolicyDocument: statement("iam:GetRole")}))
	ok(t)(get())
	ok(t)(client.SetDefaultPolicyVersion(t.Context(), &sdk.SetDefaultPolicyVersionInput{PolicyArn: p.Policy.Arn, VersionId: aws.String("v2")}))
	refused(t, "AccessDenied", "")(get())
	ok(t)(client.SetDefaultPolicyVersion(t.Context(), &sdk.SetDefaultPolicyVersionInput{PolicyArn: p.Policy.Arn, VersionId: aws.String("v1")}))
	ok(t)(get())
	ok(t)(client.DetachUserPolicy(t.Context(), &sdk.DetachUserPolicyInput{UserName: aws.String("u"), PolicyArn: p.Policy.Arn}))
	refused(t, "AccessDenied", "")(get())
}

func TestAssumeForService(t *testing.T) {
	c := start(t, t.TempDir())
	role := aws.String("G")
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"grafana.amazonaws.com"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"},"StringLike":{"aws:SourceArn":"arn:aws:grafana:us-east-2:111122223333:/workspaces/*"}}}}`
	created, err := c.operator().CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: role, Path: aws.String("/p/"),
		AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
	ok(t)(c.operator().PutRolePolicy(t.Context(), &sdk.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("p"),
		PolicyDocument: aws.String(readBucket)}))
	arn := *created.Role.Arn
	source := func(account, arn string) map[string][]string {
		return map[string][]string{"aws:SourceAccount": {account}, "aws:SourceArn": {arn}}
	}
	right := source("111122223333", "arn:aws:grafana:us-east-2:111122223333:/workspaces/g-1")
	key, err := c.iam.AssumeForService(arn, "grafana.amazonaws.com", "s", right, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if key.Principal.ARN != "arn:aws:sts::111122223333:assumed-role/G/s" || key.Principal.UserID != *created.Role.RoleId+":s" ||
		key.SessionToken == "" ||
		time.Until(key.Expires) > time.Hour || time.Until(key.Expires) < time.Hour-time.Minute {
		t.Errorf("session %+v", key)
	}
	if d := decide(t, c, key.Principal, "s3:GetObject", "arn:aws:s3:::b/k"); !d.Allowed {
		t.Errorf("what the role may do: %+v", d)
	}
	if d := decide(t, c, key.Principal, "s3:PutObject", "arn:aws:s3:::b/k"); d.Allowed {
		t.Error("the session may do what the role may not")
	}
	for name, err := range map[string]error{
		"another service": c.iam.Trusts(arn, "lambda.amazonaws.com", right),
		"another account": c.iam.Trusts(arn, "grafana.amazonaws.com", source("444455556666", right["aws:SourceArn"][0])),
		"another source": c.iam.Trusts(arn, "grafana.amazonaws.com",
			source("111122223333", "arn:aws:lambda:us-east-2:111122223333:function:f")),
		"no source":         c.iam.Trusts(arn, "grafana.amazonaws.com", nil),
		"no such role":      c.iam.Trusts(arn+"X", "grafana.amazonaws.com", right),
		"the role's path":   c.iam.Trusts(account+"role/G", "grafana.amazonaws.com", right),
		"a user, no role":   c.iam.Trusts(account+"user/operator", "grafana.amazonaws.com", right),
		"no ARN of a role":  c.iam.Trusts("G", "grafana.amazonaws.com", right),
		"no service at all": c.iam.Trusts(arn, "", right),
	} {
		if e, refused := errors.AsType[*gateway.Error](err); !refused || e.Code != "AccessDenied" {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A role made again under the same name is not the one that the session is of.
	client := c.operator()
	ok(t)(client.DeleteRolePolicy(t.Context(), &sdk.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("p")}))
	ok(t)(client.DeleteRole(t.Context(), &sdk.DeleteRoleInput{RoleName: role}))
	ok(t)(client.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: &trust}))
	ok(t)(client.PutRolePolicy(t.Context(), &sdk.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("p"),
		PolicyDocument: aws.String(readBucket)}))
	if d := decide(t, c, key.Principal, "s3:GetObject", "arn:aws:s3:::b/k"); d.Allowed {
		t.Error("the old role's session may do what the new role may")
	}
}

// To hand a role to machines needs iam:PassRole, for EC2.
func TestPassRole(t *testing.T) {
	c := start(t, t.TempDir())
	role, profile := aws.String("R"), aws.String("P")
	ok(t)(c.operator().CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(forLambda)}))
	ok(t)(c.operator().CreateInstanceProfile(t.Context(), &sdk.CreateInstanceProfileInput{InstanceProfileName: profile}))
	const add = `{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"` + account + `instance-profile/P"}`
	pass := func(service string) string {
		return add + `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + account +
			`role/R","Condition":{"StringEquals":{"iam:PassedToService":"` + service + `"}}}`
	}
	in := &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: profile, RoleName: role}
	says := "is not authorized to perform: iam:PassRole on resource: " + account + "role/R because"
	refused(t, "AccessDenied", says)(c.user(t, "without", add).AddRoleToInstanceProfile(t.Context(), in))
	refused(t, "AccessDenied", says)(c.user(t, "lambda", pass("lambda.amazonaws.com")).AddRoleToInstanceProfile(t.Context(), in))
	ok(t)(c.user(t, "ec2", pass("ec2.amazonaws.com")).AddRoleToInstanceProfile(t.Context(), in))
}

// The condition keys of IAM's own operations.
func TestKeysOfOperations(t *testing.T) {
	c := start(t, t.TempDir())
	ok(t)(c.operator().CreateRole(t.Context(),
		&sdk.CreateRoleInput{RoleName: aws.String("R"), AssumeRolePolicyDocument: aws.String(forLambda)}))
	u := c.user(t, "u", `{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AmazonPrometheus*"}}},
		{"Effect":"Allow","Action":["iam:CreateRole","iam:TagRole"],"Resource":"`+account+`role/team/*","Condition":{"StringEquals":{"aws:RequestTag/team":"hpc"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}}`)
	attach := func(arn string) (any, error) {
		return u.AttachRolePolicy(t.Context(), &sdk.AttachRolePolicyInput{RoleName: aws.String("R"), PolicyArn: &arn})
	}
	ok(t)(attach("arn:aws:iam::aws:policy/AmazonPrometheusQueryAccess"))
	refused(t, "AccessDenied", "iam:AttachRolePolicy on resource: "+account+"role/R")(attach(admin))
	create := func(path string, tags ...types.Tag) (any, error) {
		return u.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: aws.String("T"), Path: &path,
			AssumeRolePolicyDocument: aws.String(forLambda), Tags: tags})
	}
	team, more := types.Tag{Key: aws.String("team"), Value: aws.String("hpc")}, types.Tag{Key: aws.String("x"), Value: aws.String("y")}
	refused(t, "AccessDenied", "iam:CreateRole on resource: "+account+"role/T")(create("/", team))
	refused(t, "AccessDenied", "iam:CreateRole")(create("/team/"))
	refused(t, "AccessDenied", "iam:CreateRole")(create("/team/", team, more))
	ok(t)(create("/team/", team))
}

// Every operation asks: with enforcement off this fails.
func TestEveryOperationNeedsPermission(t *testing.T) {
	c := start(t, t.TempDir())
	for _, op := range c.iam.Service().Operations {
		if op.Action != "iam:"+op.Name || op.Resources == nil {
			t.Errorf("%s asks for %q", op.Name, op.Action)
		}
	}
	nobody := c.user(t, "nobody", `{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`)
	refused(t, "AccessDenied", "iam:ListPolicies on resource: policy path / because")(nobody.ListPolicies(t.Context(), nil))
	refused(t, "AccessDenied", "iam:GetPolicy on resource: "+admin+" because")(nobody.GetPolicy(t.Context(),
		&sdk.GetPolicyInput{PolicyArn: aws.String(admin)}))
	refused(t, "AccessDenied", "iam:CreatePolicy on resource: "+account+"policy/x/P because")(nobody.CreatePolicy(t.Context(),
		&sdk.CreatePolicyInput{PolicyName: aws.String("P"), Path: aws.String("/x/"), PolicyDocument: aws.String(readBucket)}))
	refused(t, "AccessDenied", "iam:CreateAccessKey on resource: "+account+"user/nobody because")(nobody.CreateAccessKey(t.Context(), nil))
}
