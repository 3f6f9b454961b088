package iam_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
)

const (
	admin      = "arn:aws:iam::aws:policy/AdministratorAccess"
	account    = "arn:aws:iam::111122223333:"
	forLambda  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	readBucket = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`
)

// cloud is IAM behind the gateway, which it decides for.
type cloud struct {
	*servicetest.Base // its key is of a user who may do everything
	iam               *iam.IAM
}

func start(t *testing.T, dir string) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir)}
	c.iam = check.Must[*iam.IAM](t)(iam.New(iam.Options{State: c.State, Keys: c.Keys, Now: c.Clock.Now, Logger: c.Logger}))
	c.Key = check.Must[principal.AccessKey](t)(c.iam.EnsureUser("operator", admin))
	c.Serve(gateway.Options{Services: []gateway.Service{c.iam.Service()}, Authorize: c.iam.Authorize})
	return c
}

func (c *cloud) client(id, secret string) *sdk.Client {
	return sdk.NewFromConfig(c.As(principal.AccessKey{ID: id, Secret: secret}, "us-east-1"))
}

func (c *cloud) operator() *sdk.Client { return c.client(c.Key.ID, c.Key.Secret) }

// user makes a user whose only policy is the statements.
func (c *cloud) user(t *testing.T, name, statements string) *sdk.Client {
	t.Helper()
	client := c.operator()
	ok(t)(client.CreateUser(t.Context(), &sdk.CreateUserInput{UserName: &name}))
	ok(t)(client.PutUserPolicy(t.Context(), &sdk.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)}))
	key, err := client.CreateAccessKey(t.Context(), &sdk.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return c.client(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey)
}

// ok ends the test when a call failed.
func ok(t *testing.T) func(_ any, err error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// refused checks the code and a part of the message of a call's error.
func refused(t *testing.T, code, says string) func(_ any, err error) {
	t.Helper()
	return func(_ any, err error) {
		t.Helper()
		api, isAPI := errors.AsType[smithy.APIError](err)
		if !isAPI || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), says) {
			t.Errorf("%v, want %s: %s", err, code, says)
		}
	}
}

func decode(t *testing.T, document *string) string {
	t.Helper()
	s, err := url.PathUnescape(*document) // as the CLI does: + is no blank
	if err != nil || !json.Valid([]byte(s)) {
		t.Fatalf("document %s: %v", *document, err)
	}
	return s
}

func TestRole(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	client := c.operator()
	trust := strings.ReplaceAll(forLambda, ":[{", `: [ {`) // its form is kept
	created, err := client.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: aws.String("R"), Path: aws.String("/p/"),
		Description:              aws.String("d"),
		AssumeRolePolicyDocument: &trust, MaxSessionDuration: aws.Int32(7200), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	if err != nil {
		t.Fatal(err)
	}
	if *created.Role.Arn != account+"role/p/R" || !strings.HasPrefix(*created.Role.RoleId, "AROA") {
		t.Errorf("created %s %s", *created.Role.Arn, *created.Role.RoleId)
	}
	refused(t, "EntityAlreadyExists", "Role with name R already exists.")(client.CreateRole(t.Context(),
		&sdk.CreateRoleInput{RoleName: aws.String("R"), AssumeRolePolicyDocument: &trust}))
	ok(t)(client.TagRole(t.Context(), &sdk.TagRoleInput{RoleName: aws.String("R"),
		Tags: []types.Tag{{Key: aws.String("l"), Value: aws.String("w")}}}))
	ok(t)(client.UntagRole(t.Context(), &sdk.UntagRoleInput{RoleName: aws.String("R"), TagKeys: []string{"k"}}))
	ok(t)(client.UpdateRole(t.Context(), &sdk.UpdateRoleInput{RoleName: aws.String("R"), Description: aws.String("e")}))

	c.Stop()
	client = start(t, dir).operator()
	got, err := client.GetRole(t.Context(), &sdk.GetRoleInput{RoleName: aws.String("R")})
	if err != nil {
		t.Fatal(err)
	}
	if decode(t, got.Role.AssumeRolePolicyDocument) != trust || *got.Role.Description != "e" || *got.Role.MaxSessionDuration != 7200 ||
		len(got.Role.Tags) != 1 || *got.Role.Tags[0].Key != "l" || *got.Role.RoleId != *created.Role.RoleId ||
		!got.Role.CreateDate.Equal(*created.Role.CreateDate) {
		t.Errorf("after a restart: %+v", got.Role)
	}
	ok(t)(client.DeleteRole(t.Context(), &sdk.DeleteRoleInput{RoleName: aws.String("R")}))
	refused(t, "NoSuchEntity", "The role with name R cannot be found.")(client.GetRole(t.Context(),
		&sdk.GetRoleInput{RoleName: aws.String("R")}))
}

func TestRefusedRoles(t *testing.T) {
	client := start(t, t.TempDir()).operator()
	create := func(name, trust string, more func(*sdk.CreateRoleInput)) (any, error) {
		in := &sdk.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust}
		if more != nil {
			more(in)
		}
		return client.CreateRole(t.Context(), in)
	}
	refused(t, "ValidationError", "specified value for roleName is invalid")(create("a b", forLambda, nil))
	refused(t, "ValidationError", "length less than or equal to 64")(create(strings.Repeat("r", 65), forLambda, nil))
	refused(t, "ValidationError", "specified value for path")(create("R", forLambda, func(in *sdk.CreateRoleInput) {
		in.Path = aws.String("p")
	}))
	refused(t, "ValidationError", "maxSessionDuration")(create("R", forLambda, func(in *sdk.CreateRoleInput) {
		in.MaxSessionDuration = aws.Int32(60)
	}))
	refused(t, "MalformedPolicyDocument", "invalid Json")(create("R", "{", nil))
	refused(t, "MalformedPolicyDocument", "Has prohibited field Resource")(create("R",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`, nil))
	refused(t, "MalformedPolicyDocument", `Invalid principal in policy: "AWS":"`+account+`user/nobody"`)(create("R",
		strings.Replace(forLambda, `"Service":"lambda.amazonaws.com"`, `"AWS":"`+account+`user/nobody"`, 1), nil))
	refused(t, "LimitExceeded", "ACLSizePerRole")(create("R",
		strings.Replace(forLambda, "2012-10-17", `2012-10-17","Id":"`+strings.Repeat("x", 2048), 1), nil))
	refused(t, "NoSuchEntity", "does not exist")(create("R", forLambda, func(in *sdk.CreateRoleInput) {
		in.PermissionsBoundary = aws.String(account + "policy/nobodys")
	}))
	refused(t, "InvalidInput", "aws:")(create("R", forLambda, func(in *sdk.CreateRoleInput) {
		in.Tags = []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}
	}))
}

func TestDeleteConflicts(t *testing.T) {
	client := start(t, t.TempDir()).operator()
	role, profile := aws.String("R"), aws.String("P")
	ok(t)(client.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(forLambda)}))
	ok(t)(client.AttachRolePolicy(t.Context(), &sdk.AttachRolePolicyInput{RoleName: role, PolicyArn: aws.String(admin)}))
	ok(t)(client.PutRolePolicy(t.Context(), &sdk.PutRolePolicyInput{RoleName: role, PolicyName: aws.String("p"),
		PolicyDocument: aws.String(readBucket)}))
	ok(t)(client.CreateInstanceProfile(t.Context(), &sdk.CreateInstanceProfileInput{InstanceProfileName: profile}))
	ok(t)(client.AddRoleToInstanceProfile(t.Context(), &sdk.AddRoleToInstanceProfileInput{InstanceProfileName: profile, RoleName: role}))
	refused(t, "LimitExceeded", "InstanceSessionsPerInstanceProfile: 1")(client.AddRoleToInstanceProfile(t.Context(),
		&sdk.AddRoleToInstanceProfileInput{InstanceProfileName: profile, RoleName: role}))
	of, err := client.ListInstanceProfilesForRole(t.Context(), &sdk.ListInstanceProfilesForRoleInput{RoleName: role})
	if err != nil || len(of.InstanceProfiles) != 1 || *of.InstanceProfiles[0].Roles[0].RoleName != "R" {
		t.Errorf("%+v, %v", of, err)
	}

	del := func() (any, error) {
		return client.DeleteRole(t.Context(), &sdk.DeleteRoleInput{RoleName: role})
	}
	refused(t, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")(del())
	refused(t, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")(
		client.DeleteInstanceProfile(t.Context(), &sdk.DeleteInstanceProfileInput{InstanceProfileName: profile}))
	ok(t)(client.RemoveRoleFromInstanceProfile(t.Context(), &sdk.RemoveRoleFromInstanceProfileInput{InstanceProfileName: profile,
		RoleName: role}))
	ok(t)(client.DeleteInstanceProfile(t.Context(), &sdk.DeleteInstanceProfileInput{InstanceProfileName: profile}))
	refused(t, "NoSuchEntity", "Instance Profile P cannot be found.")(client.GetInstanceProfile(t.Context(),
		&sdk.GetInstanceProfileInput{InstanceProfileName: profile}))
	refused(t, "DeleteConflict", "Cannot delete entity, must detach all policies first.")(del())
	ok(t)(client.DetachRolePolicy(t.Context(), &sdk.DetachRolePolicyInput{RoleName: role, PolicyArn: aws.String(admin)}))
	refused(t, "NoSuchEntity", "was not found")(client.DetachRolePolicy(t.Context(),
		&sdk.DetachRolePolicyInput{RoleName: role, PolicyArn: aws.String(admin)}))
	refused(t, "DeleteConflict", "Cannot delete entity, must delete policies first.")(del())
	ok(t)(client.DeleteRolePolicy(t.Context(), &sdk.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("p")}))
	refused(t, "NoSuchEntity", "The role policy with name p cannot be found.")(client.DeleteRolePolicy(t.Context(),
		&sdk.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String("p")}))
	ok(t)(del())
}

func TestInlinePolicies(t *testing.T) {
	client := start(t, t.TempDir()).operator()
	role, name := aws.String("R"), aws.String("p")
	ok(t)(client.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: role, AssumeRolePolicyDocument: aws.String(forLambda)}))
	put := func(document string) (any, error) {
		return client.PutRolePolicy(t.Context(), &sdk.PutRolePolicyInput{RoleName: role, PolicyName: name, PolicyDocument: &document})
	}
	ok(t)(put(readBucket))
	got, err := client.GetRolePolicy(t.Context(), &sdk.GetRolePolicyInput{RoleName: role, PolicyName: name})
	if err != nil || decode(t, got.PolicyDocument) != readBucket || *got.RoleName != "R" {
		t.Errorf("%+v, %v", got, err)
	}
	list, err := client.ListRolePolicies(t.Context(), &sdk.ListRolePoliciesInput{RoleName: role})
	if err != nil || cmp.Diff([]string{"p"}, list.PolicyNames) != "" {
		t.Errorf("%+v, %v", list, err)
	}
	refused(t, "MalformedPolicyDocument", "Policy statement must contain resources.")(
		put(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*"}}`))
	long := strings.Replace(readBucket, "b/*", "b/"+strings.Repeat("x", 10240), 1)
	refused(t, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role R")(put(long))
	ok(t)(put(strings.Replace(readBucket, "{", "{"+strings.Repeat(" ", 10240), 1)))
}

func TestManagedPolicy(t *testing.T) {
	client := start(t, t.TempDir()).operator()
	created, err := client.CreatePolicy(t.Context(), &sdk.CreatePolicyInput{PolicyName: aws.String("P"), Path: aws.String("/x/"),
		Description: aws.String("d"), PolicyDocument: aws.String(readBucket)})
	if err != nil {
		t.Fatal(err)
	}
	arn := created.Policy.Arn
	if *arn != account+"policy/x/P" || *created.Policy.DefaultVersionId != "v1" || *created.Policy.AttachmentCount != 0 {
		t.Errorf("created %+v", created.Policy)
	}
	refused(t, "EntityAlreadyExists", "A policy called P already exists. Duplicate names are not allowed.")(client.CreatePolicy(t.Context(),
		&sdk.CreatePolicyInput{PolicyName: aws.String("P"), PolicyDocument: aws.String(readBucket)}))
	write := strings.Replace(readBucket, "Get", "Put", 1)
	for range 4 {
		ok(t)(client.CreatePolicyVersion(t.Context(), &sdk.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: &write}))
	}
	refused(t, "LimitExceeded", "up to 5 versions")(client.CreatePolicyVersion(t.Context(),
		&sdk.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: &write}))
	refused(t, "DeleteConflict", "Cannot delete the default version of a policy.")(client.DeletePolicyVersion(t.Context(),
		&sdk.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}))
	ok(t)(client.SetDefaultPolicyVersion(t.Context(), &sdk.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v5")}))
	for _, v := range []string{"v1", "v2", "v3"} {
		ok(t)(client.DeletePolicyVersion(t.Context(), &sdk.DeletePolicyVersionInput{PolicyArn: arn, VersionId: &v}))
	}
	ok(t)(client.CreatePolicyVersion(t.Context(), &sdk.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(readBucket),
		SetAsDefault: true}))
	versions, err := client.ListPolicyVersions(t.Context(), &sdk.ListPolicyVersionsInput{PolicyArn: arn})
	var got []string
	for _, v := range versions.Versions {
		got = append(got, *v.VersionId)
	}
	if diff := cmp.Diff([]string{"v6", "v5", "v4"}, got); diff != "" || err != nil || !versions.Versions[0].IsDefaultVersion ||
		versions.Versions[1].IsDefaultVersion {
		t.Error(diff, err)
	}
	version, err := client.GetPolicyVersion(t.Context(), &sdk.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v4")})
	if err != nil || decode(t, version.PolicyVersion.Document) != write {
		t.Errorf("%+v, %v", version, err)
	}

	ok(t)(client.AttachUserPolicy(t.Context(), &sdk.AttachUserPolicyInput{UserName: aws.String("operator"), PolicyArn: arn}))
	refused(t, "DeleteConflict", "Cannot delete a policy attached to entities.")(client.DeletePolicy(t.Context(),
		&sdk.DeletePolicyInput{PolicyArn: arn}))
	entities, err := client.ListEntitiesForPolicy(t.Context(), &sdk.ListEntitiesForPolicyInput{PolicyArn: arn})
	if err != nil || len(entities.PolicyUsers) != 1 || *entities.PolicyUsers[0].UserName != "operator" || len(entities.PolicyRoles) != 0 {
		t.Errorf("%+v, %v", entities, err)
	}
	entities, err = client.ListEntitiesForPolicy(t.Context(), &sdk.ListEntitiesForPolicyInput{PolicyArn: arn,
		PathPrefix: aws.String("/parallelcluster/")})
	if err != nil || len(entities.PolicyUsers) != 0 {
		t.Errorf("of another path: %+v, %v", entities, err)
	}
	ok(t)(client.DetachUserPolicy(t.Context(), &sdk.DetachUserPolicyInput{UserName: aws.String("operator"), PolicyArn: arn}))
	refused(t, "DeleteConflict", "This policy has more than one version.")(client.DeletePolicy(t.Context(),
		&sdk.DeletePolicyInput{PolicyArn: arn}))
	for _, v := range []string{"v4", "v5"} {
		ok(t)(client.DeletePolicyVersion(t.Context(), &sdk.DeletePolicyVersionInput{PolicyArn: arn, VersionId: &v}))
	}
	ok(t)(client.DeletePolicy(t.Context(), &sdk.DeletePolicyInput{PolicyArn: arn}))
	refused(t, "NoSuchEntity", *arn)(client.GetPolicy(t.Context(), &sdk.GetPolicyInput{PolicyArn: arn}))
	refused(t, "NoSuchEntity", "does not exist or is not attachable.")(client.AttachUserPolicy(t.Context(),
		&sdk.AttachUserPolicyInput{UserName: aws.String("operator"), PolicyArn: arn}))
	refused(t, "InvalidInput", "managed by AWS")(client.DeletePolicy(t.Context(), &sdk.DeletePolicyInput{PolicyArn: aws.String(admin)}))
}

func TestPolicyLists(t *testing.T) {
	client := start(t, t.TempDir()).operator()
	for _, name := range []string{"A", "B", "C"} {
		ok(t)(client.CreatePolicy(t.Context(), &sdk.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(readBucket)}))
	}
	var names []string
	pages := sdk.NewListPoliciesPaginator(client, &sdk.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal, MaxItems: aws.Int32(2)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Policies {
			names = append(names, *p.PolicyName)
		}
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, names); diff != "" || n != 2 {
		t.Errorf("%d pages: %s", n, diff)
	}
	attached, err := client.ListPolicies(t.Context(), &sdk.ListPoliciesInput{OnlyAttached: true})
	if err != nil || len(attached.Policies) != 1 || *attached.Policies[0].Arn != admin {
		t.Errorf("%+v, %v", attached, err)
	}
	// Every policy of AWS is one that could be made here.
	all, err := client.ListPolicies(t.Context(), &sdk.ListPoliciesInput{Scope: types.PolicyScopeTypeAws})
	if err != nil || len(all.Policies) < 7 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, p := range all.Policies {
		v, err := client.GetPolicyVersion(t.Context(), &sdk.GetPolicyVersionInput{PolicyArn: p.Arn, VersionId: p.DefaultVersionId})
		if err != nil {
			t.Fatal(err)
		}
		ok(t)(client.CreatePolicy(t.Context(),
			&sdk.CreatePolicyInput{PolicyName: p.PolicyName, PolicyDocument: aws.String(decode(t, v.PolicyVersion.Document))}))
	}
}

func TestUsersAndTheirKeys(t *testing.T) {
	c := start(t, t.TempDir())
	client, name := c.operator(), aws.String("u")
	mine := c.user(t, "u", `{"Effect":"Allow","Action":["iam:GetUser","iam:ListAccessKeys"],"Resource":"arn:aws:iam::*:user/${aws:username}"}`)
	me, err := mine.GetUser(t.Context(), nil)
	if err != nil || *me.User.Arn != account+"user/u" {
		t.Errorf("%+v, %v", me, err)
	}
	refused(t, "AccessDenied", "is not authorized to perform: iam:GetUser on resource: "+account+"user/operator because")(
		mine.GetUser(t.Context(), &sdk.GetUserInput{UserName: aws.String("operator")}))
	refused(t, "EntityAlreadyExists", "User with name u already exists.")(client.CreateUser(t.Context(), &sdk.CreateUserInput{UserName: name}))
	second, err := client.CreateAccessKey(t.Context(), &sdk.CreateAccessKeyInput{UserName: name})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")(client.CreateAccessKey(t.Context(),
		&sdk.CreateAccessKeyInput{UserName: name}))
	keys, err := mine.ListAccessKeys(t.Context(), nil)
	if err != nil || len(keys.AccessKeyMetadata) != 2 || keys.AccessKeyMetadata[0].Status != types.StatusTypeActive {
		t.Fatalf("%+v, %v", keys, err)
	}
	refused(t, "DeleteConflict", "must delete access keys first")(client.DeleteUser(t.Context(), &sdk.DeleteUserInput{UserName: name}))
	for _, k := range keys.AccessKeyMetadata {
		ok(t)(client.DeleteAccessKey(t.Context(), &sdk.DeleteAccessKeyInput{UserName: name, AccessKeyId: k.AccessKeyId}))
	}
	refused(t, "NoSuchEntity", "The Access Key with id")(client.DeleteAccessKey(t.Context(),
		&sdk.DeleteAccessKeyInput{UserName: name, AccessKeyId: second.AccessKey.AccessKeyId}))
	refused(t, "InvalidClientTokenId", "")(mine.GetUser(t.Context(), nil))
	ok(t)(client.DeleteUserPolicy(t.Context(), &sdk.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))
	ok(t)(client.DeleteUser(t.Context(), &sdk.DeleteUserInput{UserName: name}))
	users, err := client.ListUsers(t.Context(), nil)
	if err != nil || len(users.Users) != 1 || *users.Users[0].UserName != "operator" {
		t.Errorf("%+v, %v", users, err)
	}
}
