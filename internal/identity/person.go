package identity

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/identitystore"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/document"
	"github.com/aws/aws-sdk-go-v2/service/identitystore/types"

	"github.com/parascope/parascope/internal/hint"
)

// Kind is what an id stands for.
type Kind string

const (
	User  Kind = "user"
	Group Kind = "group"
)

// Principal is a user or a group of the directory.
type Principal struct {
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`            // user name, or a group's display name
	Email string `json:"email,omitempty"` // primary one; users only
}

func (p Principal) String() string {
	switch {
	case p.Kind == Group:
		return "group:" + p.Name
	case p.Email != "":
		return p.Email
	}
	return p.Name
}

// idPattern is the shape of Identity Center's ids, with and without the prefix of
// the identity store.
var idPattern = regexp.MustCompile(`^([0-9a-fA-F]{10}-)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Find finds whom a person means: an e-mail, a user name, a group's name or an
// id; "user:" and "group:" in front say which, where a name is both.
func (d *Directory) Find(ctx context.Context, who string) (Principal, error) {
	kind, name, prefixed := strings.Cut(who, ":")
	if !prefixed || kind != string(User) && kind != string(Group) {
		kind, name = "", who
	}
	if name == "" {
		return Principal{}, hint.New(hint.BadInput, fmt.Errorf("%q does not name a user", who), "give an e-mail, a user name, or group:NAME")
	}
	if idPattern.MatchString(name) {
		return d.Describe(ctx, name, Kind(kind))
	}
	var user, group string
	var err error
	if kind != string(Group) {
		if user, err = d.userID(ctx, name); err != nil {
			return Principal{}, err
		}
	}
	if kind != string(User) && !strings.Contains(name, "@") {
		if group, err = d.groupID(ctx, name); err != nil {
			return Principal{}, err
		}
	}
	switch {
	case user != "" && group != "":
		return Principal{}, hint.New(hint.NotFound, fmt.Errorf("%q is the name of both a user and a group", name),
			"write user:"+name+" or group:"+name)
	case user != "":
		return d.Describe(ctx, user, User)
	case group != "":
		return d.Describe(ctx, group, Group)
	}
	return Principal{}, d.nobody(who, Kind(kind), name)
}

func (d *Directory) nobody(who string, kind Kind, name string) error {
	what := "user or group"
	if kind != "" {
		what, name = string(kind), strings.TrimPrefix(who, string(kind)+":")
	}
	if strings.Contains(name, "@") {
		what = "user"
	}
	return hint.New(hint.NotFound, fmt.Errorf("IAM Identity Center in %s has no %s %q", d.Region, what, name),
		"'parascope users find' lists the users and groups; 'aws identitystore create-user' or the console adds people")
}

// userID looks under e-mails and user names; "" when nobody has it. One person's
// e-mail that is another one's user name is an error that names both.
func (d *Directory) userID(ctx context.Context, name string) (string, error) {
	paths := []string{"userName"}
	if strings.Contains(name, "@") {
		paths = []string{"emails.value", "userName"}
	}
	var found []string
	for _, path := range paths {
		out, err := d.client.GetUserId(ctx, &identitystore.GetUserIdInput{
			IdentityStoreId: &d.storeID, AlternateIdentifier: attribute(path, name),
		})
		if isUnknown(err) {
			continue
		}
		if err != nil {
			return "", explain("find user "+name, err)
		}
		if id := aws.ToString(out.UserId); !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	return "", hint.New(hint.NotFound,
		fmt.Errorf("%q is the e-mail address of user %s and the user name of user %s", name, found[0], found[1]),
		"give the id of the intended user")
}

func (d *Directory) groupID(ctx context.Context, name string) (string, error) {
	out, err := d.client.GetGroupId(ctx, &identitystore.GetGroupIdInput{
		IdentityStoreId: &d.storeID, AlternateIdentifier: attribute("displayName", name),
	})
	if isUnknown(err) {
		return "", nil
	}
	if err != nil {
		return "", explain("find group "+name, err)
	}
	return aws.ToString(out.GroupId), nil
}

func attribute(path, value string) types.AlternateIdentifier {
	return &types.AlternateIdentifierMemberUniqueAttribute{Value: types.UniqueAttribute{
		AttributePath: &path, AttributeValue: document.NewLazyDocument(value),
	}}
}

func isUnknown(err error) bool {
	_, unknown := errors.AsType[*types.ResourceNotFoundException](err)
	return unknown
}

// Describe returns the principal with this id, a user where kind is "" and both
// could be. One that was deleted since is hint.NotFound.
func (d *Directory) Describe(ctx context.Context, id string, kind Kind) (Principal, error) {
	if kind != Group {
		out, err := d.client.DescribeUser(ctx, &identitystore.DescribeUserInput{IdentityStoreId: &d.storeID, UserId: &id})
		if err == nil {
			return Principal{ID: id, Kind: User, Name: aws.ToString(out.UserName), Email: primary(out.Emails)}, nil
		}
		if !isUnknown(err) {
			return Principal{}, explain("describe user "+id, err)
		}
	}
	if kind != User {
		out, err := d.client.DescribeGroup(ctx, &identitystore.DescribeGroupInput{IdentityStoreId: &d.storeID, GroupId: &id})
		if err == nil {
			return Principal{ID: id, Kind: Group, Name: aws.ToString(out.DisplayName)}, nil
		}
		if !isUnknown(err) {
			return Principal{}, explain("describe group "+id, err)
		}
	}
	return Principal{}, d.nobody(id, kind, id)
}

// List returns users and groups whose name or e-mail contains part, all for "".
func (d *Directory) List(ctx context.Context, part string) ([]Principal, error) {
	all := []Principal{}
	keep := func(p Principal) {
		if strings.Contains(strings.ToLower(p.Name+"\n"+p.Email), strings.ToLower(part)) {
			all = append(all, p)
		}
	}
	users := identitystore.NewListUsersPaginator(d.client, &identitystore.ListUsersInput{IdentityStoreId: &d.storeID})
	for users.HasMorePages() {
		page, err := users.NextPage(ctx)
		if err != nil {
			return nil, explain("list users", err)
		}
		for _, u := range page.Users {
			keep(Principal{ID: aws.ToString(u.UserId), Kind: User, Name: aws.ToString(u.UserName), Email: primary(u.Emails)})
		}
	}
	groups := identitystore.NewListGroupsPaginator(d.client, &identitystore.ListGroupsInput{IdentityStoreId: &d.storeID})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return nil, explain("list groups", err)
		}
		for _, g := range page.Groups {
			keep(Principal{ID: aws.ToString(g.GroupId), Kind: Group, Name: aws.ToString(g.DisplayName)})
		}
	}
	return all, nil
}

func primary(emails []types.Email) string {
	for _, e := range emails {
		if e.Primary || len(emails) == 1 {
			return aws.ToString(e.Value)
		}
	}
	return ""
}
