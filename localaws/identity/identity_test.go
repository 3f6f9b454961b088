//lint:file-ignore SA1019 the filters are deprecated and still what people type

package identity_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/document"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/types"
	"github.com/aws/aws-sdk-go-v2/service/ssoadmin"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/identity"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/principal"
)

// cloud is Identity Center behind the gateway.
type cloud struct {
	*servicetest.Base
	*identity.Identity
	ask func(gateway.Ask) (gateway.Decision, error)
}

func start(t *testing.T, dir string, o identity.Options) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir), ask: gateway.AllowAll}
	c.Account()
	o.State, o.Now, o.NewID = c.State, c.Clock.Now, uuid.NewString
	c.Identity = check.Must[*identity.Identity](t)(identity.New(o))
	c.Serve(gateway.Options{Services: c.Services(), Authorize: func(a gateway.Ask) (gateway.Decision, error) { return c.ask(a) }})
	return c
}

func (c *cloud) store(region string) *sdk.Client { return sdk.NewFromConfig(c.Config(region)) }

func (c *cloud) admin(region string) *ssoadmin.Client {
	return ssoadmin.NewFromConfig(c.Config(region))
}

// storeID is the identity store of the one instance of us-east-2.
func (c *cloud) storeID(t *testing.T) *string {
	t.Helper()
	out, err := c.admin("us-east-2").ListInstances(t.Context(), nil)
	if err != nil || len(out.Instances) != 1 {
		t.Fatalf("instances %+v, %v", out, err)
	}
	return out.Instances[0].IdentityStoreId
}

func attribute(path, value string) types.AlternateIdentifier {
	return &types.AlternateIdentifierMemberUniqueAttribute{Value: types.UniqueAttribute{AttributePath: &path,
		AttributeValue: document.NewLazyDocument(value)}}
}

func userID(ctx context.Context, client *sdk.Client, store *string, path, value string) (string, error) {
	out, err := client.GetUserId(ctx, &sdk.GetUserIdInput{IdentityStoreId: store, AlternateIdentifier: attribute(path, value)})
	if err != nil {
		return "", err
	}
	return *out.UserId, nil
}

// refused checks that err is AWS's error of this code, with this in its text.
func refused(t *testing.T, err error, code, says string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), says) {
		t.Errorf("got %v, want %s: %s", err, code, says)
	}
}

func second[T any](_ T, err error) error { return err }

func TestInstances(t *testing.T) {
	c := start(t, t.TempDir(), identity.Options{})
	out, err := c.admin("us-east-2").ListInstances(t.Context(), nil)
	if err != nil || len(out.Instances) != 1 {
		t.Fatalf("instances %+v, %v", out, err)
	}
	i := out.Instances[0]
	if !regexp.MustCompile(`^arn:aws:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}$`).MatchString(*i.InstanceArn) ||
		!regexp.MustCompile(`^d-[0-9a-f]{10}$`).MatchString(*i.IdentityStoreId) ||
		*i.OwnerAccountId != principal.Account || i.Status != "ACTIVE" || time.Since(*i.CreatedDate) > time.Minute {
		t.Errorf("instance %s %s %s %s", *i.InstanceArn, *i.IdentityStoreId, *i.OwnerAccountId, i.Status)
	}
	if d, err := c.admin("us-east-2").DescribeInstance(t.Context(), &ssoadmin.DescribeInstanceInput{InstanceArn: i.InstanceArn}); err != nil ||
		*d.IdentityStoreId != *i.IdentityStoreId {
		t.Errorf("described: %+v, %v", d, err)
	}
	if out, err := c.admin("eu-west-1").ListInstances(t.Context(), nil); err != nil || len(out.Instances) != 0 {
		t.Errorf("in another region: %+v, %v", out, err)
	}
	_, err = userID(t.Context(), c.store("eu-west-1"), i.IdentityStoreId, "userName", "alice")
	refused(t, err, "ResourceNotFoundException", "IDENTITY_STORE not found.")
	_, err = c.admin("us-east-2").ListPermissionSets(t.Context(), &ssoadmin.ListPermissionSetsInput{InstanceArn: i.InstanceArn})
	refused(t, err, "NotImplemented", "sso-admin:ListPermissionSets")
}

func TestKinds(t *testing.T) {
	c := start(t, t.TempDir(), identity.Options{Kind: identity.None})
	if out, err := c.admin("us-east-2").ListInstances(t.Context(), nil); err != nil || len(out.Instances) != 0 || c.OrganizationInstance() {
		t.Errorf("not enabled: %+v, %v", out, err)
	}
	if _, found := c.UserByEmail("alice@example.com"); found {
		t.Error("not enabled, and yet there is alice")
	}
	_, err := c.store("us-east-2").CreateUser(t.Context(), &sdk.CreateUserInput{IdentityStoreId: aws.String("d-0123456789"),
		UserName: aws.String("x")})
	refused(t, err, "ResourceNotFoundException", "IDENTITY_STORE not found.")
	if start(t, t.TempDir(), identity.Options{Kind: identity.Account}).OrganizationInstance() {
		t.Error("an account's instance is one of the organization")
	}
	if _, err := identity.New(identity.Options{Kind: "company"}); err == nil ||
		!strings.Contains(err.Error(), "use organization, account or none") {
		t.Errorf("unknown kind: %v", err)
	}
}

// TestExamplePeople finds them in both ways, before and after a restart.
func TestExamplePeople(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, identity.Options{})
	store, client := c.storeID(t), c.store("us-east-2")
	ids := map[string]string{}
	for _, name := range []string{"alice", "bob", "carol"} {
		id, err := userID(t.Context(), client, store, "emails.value", strings.ToUpper(name[:1])+name[1:]+"@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if other, err := userID(t.Context(), client, store, "userName", name); err != nil || other != id {
			t.Errorf("%s by name: %s, %v", name, other, err)
		}
		if !regexp.MustCompile(`^([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$`).MatchString(id) {
			t.Errorf("id of %s is %s", name, id)
		}
		ids[name] = id
	}
	g, err := client.GetGroupId(t.Context(),
		&sdk.GetGroupIdInput{IdentityStoreId: store, AlternateIdentifier: attribute("displayName", "platform-team")})
	if err != nil {
		t.Fatal(err)
	}
	in, err := client.IsMemberInGroups(t.Context(), &sdk.IsMemberInGroupsInput{IdentityStoreId: store, GroupIds: []string{*g.GroupId},
		MemberId: &types.MemberIdMemberUserId{Value: ids["carol"]}})
	if err != nil || in.Results[0].MembershipExists {
		t.Errorf("carol is a member: %+v, %v", in, err)
	}
	if _, err := client.DeleteUser(t.Context(), &sdk.DeleteUserInput{IdentityStoreId: store, UserId: aws.String(ids["bob"])}); err != nil {
		t.Fatal(err)
	}

	c.Stop()
	c = start(t, dir, identity.Options{})
	if id, found := c.UserByEmail("alice@example.com"); !found || id != ids["alice"] || !c.KnowsUser(id) ||
		!slices.Equal(c.GroupsOf(id), []string{*g.GroupId}) || !c.KnowsGroup(*g.GroupId) {
		t.Errorf("alice after a restart: %s, %v, in %v", id, found, c.GroupsOf(id))
	}
	if _, found := c.UserByEmail("bob@example.com"); found {
		t.Error("bob was deleted, and is back")
	}
	if c.KnowsUser(ids["bob"]) || c.KnowsUser("alice@example.com") || *c.storeID(t) != *store {
		t.Error("bob is back, or an e-mail is an id, or the store is another")
	}
}

func TestSeedFile(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir, identity.Options{Seed: "testdata/people.json", Region: "us-east-2"})
	store, client := c.storeID(t), c.store("us-east-2")
	out, err := client.ListUsers(t.Context(), &sdk.ListUsersInput{IdentityStoreId: store})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range out.Users {
		got = append(got, *u.UserName+" "+*u.DisplayName+" "+*u.Emails[0].Value)
	}
	slices.Sort(got)
	want := []string{"dana Dana Diaz dana@example.org", "erin@example.org Erin Ek erin@example.org", "fay Fay Fox fay@example.org"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	dana, _ := c.UserByEmail("dana@example.org")
	c.Stop()

	more := filepath.Join(t.TempDir(), "more.json")
	if err := os.WriteFile(
		more, []byte(`{"users": [{"userName": "dana", "email": "dana@example.org"}, {"userName": "gus", "email": "gus@example.org"}], "groups": [{"displayName": "readers", "members": ["dana"]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c = start(t, dir, identity.Options{Seed: more})
	again, _ := c.UserByEmail("dana@example.org")
	if _, found := c.UserByEmail("gus@example.org"); !found || again != dana || len(c.GroupsOf(dana)) != 2 {
		t.Errorf("with more people: gus %v, dana %s was %s, in %v", found, again, dana, c.GroupsOf(dana))
	}
}

func TestBadSeedFiles(t *testing.T) {
	for name, tc := range map[string]struct{ content, says string }{
		"no JSON":      {"users:", "invalid character"},
		"unknown name": {`{"people": []}`, "people"},
		"no e-mail":    {`{"users": [{"userName": "x"}]}`, "user 1: userName and email are required"},
		"twice":        {`{"users": [{"userName": "x", "email": "a@b"}, {"userName": "X", "email": "c@d"}]}`, "user 2: X or c@d is a duplicate"},
		"no member":    {`{"groups": [{"displayName": "g", "members": ["nobody"]}]}`, "the file has no user nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "people.json")
			if err := os.WriteFile(file, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := identity.New(identity.Options{Seed: file}); err == nil || !strings.Contains(err.Error(), tc.says) ||
				!strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want %s", err, tc.says)
			}
		})
	}
}

func newUser(store *string, name, email string) *sdk.CreateUserInput {
	return &sdk.CreateUserInput{IdentityStoreId: store, UserName: &name, DisplayName: &name,
		Name: &types.Name{GivenName: &name, FamilyName: &name}, Emails: []types.Email{{Value: &email, Primary: true}}}
}

func TestUsersAndGroups(t *testing.T) {
	c := start(t, t.TempDir(), identity.Options{})
	ctx, store, client := t.Context(), c.storeID(t), c.store("us-east-2")
	made, err := client.CreateUser(ctx, newUser(store, "dave", "dave@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if u, err := client.DescribeUser(ctx, &sdk.DescribeUserInput{IdentityStoreId: store, UserId: made.UserId}); err != nil ||
		*u.UserName != "dave" || *u.Name.GivenName != "dave" || u.UserStatus != "ENABLED" || time.Since(*u.CreatedAt) > time.Minute {
		t.Errorf("dave: %+v, %v", u, err)
	}
	g, err := client.CreateGroup(ctx, &sdk.CreateGroupInput{IdentityStoreId: store, DisplayName: aws.String("gpu-team")})
	if err != nil {
		t.Fatal(err)
	}
	join := &sdk.CreateGroupMembershipInput{IdentityStoreId: store, GroupId: g.GroupId,
		MemberId: &types.MemberIdMemberUserId{Value: *made.UserId}}
	m, err := client.CreateGroupMembership(ctx, join)
	if err != nil {
		t.Fatal(err)
	}
	of, err := client.ListGroupMembershipsForMember(ctx, &sdk.ListGroupMembershipsForMemberInput{IdentityStoreId: store,
		MemberId: join.MemberId})
	if err != nil || len(of.GroupMemberships) != 1 || *of.GroupMemberships[0].GroupId != *g.GroupId ||
		*of.GroupMemberships[0].MembershipId != *m.MembershipId {
		t.Errorf("dave's groups: %+v, %v", of, err)
	}
	for name, tc := range map[string]struct {
		err        error
		code, says string
	}{
		"user name twice": {second(client.CreateUser(ctx, newUser(store, "Dave", "d@example.com"))), "ConflictException", "Duplicate UserName"},
		"e-mail twice":    {second(client.CreateUser(ctx, newUser(store, "d", "dave@example.com"))), "ConflictException", "Duplicate Email"},
		"no names": {second(client.CreateUser(ctx, &sdk.CreateUserInput{IdentityStoreId: store, UserName: aws.String("x"),
			DisplayName: aws.String("x")})), "ValidationException", "givenName"},
		"group twice": {second(client.CreateGroup(ctx, &sdk.CreateGroupInput{IdentityStoreId: store, DisplayName: aws.String("gpu-team")})),
			"ConflictException", "Duplicate GroupDisplayName"},
		"member twice":    {second(client.CreateGroupMembership(ctx, join)), "ConflictException", "already exists"},
		"nobody":          {second(userID(ctx, client, store, "userName", "nobody")), "ResourceNotFoundException", "USER not found."},
		"other attribute": {second(userID(ctx, client, store, "UserName", "dave")), "ValidationException", "userName or emails.value"},
		"filter by e-mail": {second(client.ListUsers(ctx,
			&sdk.ListUsersInput{IdentityStoreId: store,
				Filters: []types.Filter{{AttributePath: aws.String("Emails.Value"), AttributeValue: aws.String("x")}}})), "ValidationException",
			"UserName"},
		"page too large": {second(client.ListUsers(ctx, &sdk.ListUsersInput{IdentityStoreId: store, MaxResults: aws.Int32(101)})),
			"ValidationException", "between 1 and 100"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, tc.err, tc.code, tc.says) })
	}
	if _, err := client.DeleteGroup(ctx, &sdk.DeleteGroupInput{IdentityStoreId: store, GroupId: g.GroupId}); err != nil ||
		len(c.GroupsOf(*made.UserId)) != 0 || c.KnowsGroup(*g.GroupId) {
		t.Errorf("after the group is deleted: %v, in %v", err, c.GroupsOf(*made.UserId))
	}
	if _, err := client.DeleteUser(ctx, &sdk.DeleteUserInput{IdentityStoreId: store, UserId: made.UserId}); err != nil ||
		c.KnowsUser(*made.UserId) {
		t.Errorf("after the user is deleted: %v", err)
	}
}

func TestPages(t *testing.T) {
	c := start(t, t.TempDir(), identity.Options{})
	store, client := c.storeID(t), c.store("us-east-2")
	var names []string
	for p := sdk.NewListUsersPaginator(client, &sdk.ListUsersInput{IdentityStoreId: store, MaxResults: aws.Int32(2)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Users {
			names = append(names, *u.UserName)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"alice", "bob", "carol"}, names); diff != "" {
		t.Error(diff)
	}
	out, err := client.ListUsers(t.Context(),
		&sdk.ListUsersInput{IdentityStoreId: store,
			Filters: []types.Filter{{AttributePath: aws.String("UserName"), AttributeValue: aws.String("bob")}}})
	if err != nil || len(out.Users) != 1 || *out.Users[0].UserName != "bob" {
		t.Errorf("only bob: %+v, %v", out, err)
	}
}

// TestPermissions shows what the policies are asked, and a refusal.
func TestPermissions(t *testing.T) {
	c := start(t, t.TempDir(), identity.Options{})
	store := c.storeID(t)
	var asked []string
	c.ask = func(a gateway.Ask) (gateway.Decision, error) {
		asked = append(asked, a.Action+" "+a.Resource)
		return gateway.Decision{Allowed: a.Action != "identitystore:DescribeUser", Because: "no identity-based policy allows the " + a.Action +
			" action"}, nil
	}
	client := c.store("us-east-2")
	id, err := userID(t.Context(), client, store, "userName", "alice")
	if err != nil {
		t.Fatal(err)
	}
	c.storeID(t)
	_, err = client.DescribeUser(t.Context(), &sdk.DescribeUserInput{IdentityStoreId: store, UserId: &id})
	refused(t, err, "AccessDeniedException",
		"is not authorized to perform: identitystore:DescribeUser on resource: arn:aws:identitystore::111122223333:identitystore/"+*store)
	want := []string{
		"identitystore:GetUserId arn:aws:identitystore::111122223333:identitystore/" + *store,
		"identitystore:GetUserId arn:aws:identitystore:::user/*",
		"sso:ListInstances *", "identitystore:DescribeUser arn:aws:identitystore::111122223333:identitystore/" + *store,
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// Control characters and separators of lines are in no name, so that a terminal or a
// log can show one as it is.
func TestTextsThatAWSRefuses(t *testing.T) {
	c := start(t, t.TempDir(), identity.Options{})
	ctx, store, client := t.Context(), c.storeID(t), c.store("us-east-2")
	for name, bad := range map[string]func(*sdk.CreateUserInput){
		"escape":          func(in *sdk.CreateUserInput) { in.UserName = aws.String("d\x1b[31mave") },
		"line":            func(in *sdk.CreateUserInput) { in.UserName = aws.String("da\nve") },
		"space":           func(in *sdk.CreateUserInput) { in.UserName = aws.String("da ve") },
		"bell in display": func(in *sdk.CreateUserInput) { in.DisplayName = aws.String("Dave\a") },
		"nul in a name":   func(in *sdk.CreateUserInput) { in.Name.GivenName = aws.String("Da\x00ve") },
		"c1 in e-mail":    func(in *sdk.CreateUserInput) { in.Emails[0].Value = aws.String("dave\u009b@example.com") },
		"title":           func(in *sdk.CreateUserInput) { in.Title = aws.String("\u202e") },
		"phone":           func(in *sdk.CreateUserInput) { in.PhoneNumbers = []types.PhoneNumber{{Value: aws.String("1\x7f")}} },
		"long":            func(in *sdk.CreateUserInput) { in.NickName = aws.String(strings.Repeat("x", 1025)) },
	} {
		in := newUser(store, "dave", "dave@example.com")
		bad(in)
		if _, err := client.CreateUser(ctx, in); err == nil || !strings.Contains(err.Error(), "ValidationException") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"gpu\x1b[0m", "gpu\u2028"} {
		in := &sdk.CreateGroupInput{IdentityStoreId: store, DisplayName: &name}
		if _, err := client.CreateGroup(ctx, in); err == nil || !strings.Contains(err.Error(), "ValidationException") {
			t.Errorf("group %q: %v", name, err)
		}
	}
	good := newUser(store, "데이브", "dave@example.com")
	good.DisplayName = aws.String("데이브\t김")
	if _, err := client.CreateUser(ctx, good); err != nil {
		t.Error(err)
	}
}
