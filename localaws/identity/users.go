package identity

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const enabled = "ENABLED"

// user is one as it is stored and as identitystore shows it.
type user struct {
	Store             string          `json:"IdentityStoreId"`
	ID                string          `json:"UserId"`
	UserName          string          `json:",omitempty"`
	Name              *name           `json:",omitempty"`
	DisplayName       string          `json:",omitempty"`
	NickName          string          `json:",omitempty"`
	ProfileURL        string          `json:"ProfileUrl,omitempty"`
	Emails            []email         `json:",omitempty"`
	Addresses         json.RawMessage `json:",omitempty"` // shown as they were given
	PhoneNumbers      json.RawMessage `json:",omitempty"`
	ExternalIDs       []externalID    `json:"ExternalIds,omitempty"` // a synchronizing directory's; CreateUser cannot give them
	UserType          string          `json:",omitempty"`
	Title             string          `json:",omitempty"`
	PreferredLanguage string          `json:",omitempty"`
	Locale            string          `json:",omitempty"`
	Timezone          string          `json:",omitempty"`
	Status            string          `json:"UserStatus,omitempty"`
	CreatedAt         float64         `json:",omitempty"` // seconds since 1970
	UpdatedAt         float64         `json:",omitempty"`
}

type name struct {
	Formatted       string `json:",omitempty"`
	FamilyName      string `json:",omitempty"`
	GivenName       string `json:",omitempty"`
	MiddleName      string `json:",omitempty"`
	HonorificPrefix string `json:",omitempty"`
	HonorificSuffix string `json:",omitempty"`
}

type email struct {
	Value   string
	Type    string `json:",omitempty"`
	Primary bool
}

type externalID struct {
	Issuer string
	ID     string `json:"Id"`
}

func (u *user) hasEmail(address string) bool {
	return slices.ContainsFunc(u.Emails, func(e email) bool { return strings.EqualFold(e.Value, address) })
}

// store checks that the request is for the store of this region.
func (c *call) store(id string) error {
	if c.service.opts.Kind == None || id != c.StoreID || c.Region != c.service.opts.Region {
		return notFound("IDENTITY_STORE", id)
	}
	return nil
}

// identifier is one of the two ways to say who is meant without an id.
type identifier struct {
	IdentityStoreID     string `json:"IdentityStoreId"`
	AlternateIdentifier struct {
		ExternalID      *externalID `json:"ExternalId"`
		UniqueAttribute *struct {
			AttributePath  string
			AttributeValue json.RawMessage // a document, here always a string
		}
	}
}

// value reads the identifier: an attribute's path and value, or an external id.
func (i identifier) value(paths ...string) (path, value string, external *externalID, err error) {
	a := i.AlternateIdentifier
	if (a.ExternalID == nil) == (a.UniqueAttribute == nil) {
		return "", "", nil, invalid("AlternateIdentifier must have exactly one of ExternalId and UniqueAttribute")
	}
	if a.ExternalID != nil {
		return "", "", a.ExternalID, nil
	}
	path = a.UniqueAttribute.AttributePath
	if !slices.Contains(paths, path) {
		return "", "", nil, invalid(fmt.Sprintf("AttributePath %s is not a unique attribute; use %s", path, strings.Join(paths, " or ")))
	}
	if err := json.Unmarshal(a.UniqueAttribute.AttributeValue, &value); err != nil {
		return "", "", nil, invalid("AttributeValue must be a string")
	}
	return path, value, nil, nil
}

type userID struct {
	IdentityStoreID string `json:"IdentityStoreId"`
	UserID          string `json:"UserId"`
}

func (c *call) getUserID(in identifier) (any, error) {
	if err := c.store(in.IdentityStoreID); err != nil {
		return nil, err
	}
	path, value, external, err := in.value("userName", "emails.value")
	if err != nil {
		return nil, err
	}
	u := c.userBy(func(u *user) bool {
		switch {
		case external != nil:
			return slices.Contains(u.ExternalIDs, *external)
		case path == "userName":
			return strings.EqualFold(u.UserName, value)
		}
		return u.hasEmail(value)
	})
	if u == nil {
		return nil, notFound("USER", value)
	}
	return userID{c.StoreID, u.ID}, nil
}

func (c *call) findUser(storeID, id string) (*user, error) {
	if err := c.store(storeID); err != nil {
		return nil, err
	}
	if u, ok := c.Users[id]; ok {
		return u, nil
	}
	return nil, notFound("USER", id)
}

func (c *call) describeUser(in userID) (any, error) { return c.findUser(in.IdentityStoreID, in.UserID) }

type listing struct {
	IdentityStoreID string `json:"IdentityStoreId"`
	Filters         []struct{ AttributePath, AttributeValue string }
	paging
}

// filter is the value that the listing asks for of its one attribute; all is
// true when it asks for none.
func (l listing) filter(attribute string) (value string, all bool, err error) {
	switch {
	case len(l.Filters) == 0:
		return "", true, nil
	case len(l.Filters) > 1:
		return "", false, invalid("1 validation error detected: Value at 'filters' failed to satisfy constraint: Member must have length less " +
			"than or equal to 1")
	case l.Filters[0].AttributePath != attribute:
		return "", false, invalid("The attribute path " + l.Filters[0].AttributePath + " is not supported for filtering; use " + attribute)
	}
	return l.Filters[0].AttributeValue, false, nil
}

func (c *call) listUsers(in listing) (any, error) {
	if err := c.store(in.IdentityStoreID); err != nil {
		return nil, err
	}
	wanted, all, err := in.filter("UserName")
	if err != nil {
		return nil, err
	}
	var users []*user
	for _, id := range slices.Sorted(maps.Keys(c.Users)) {
		if u := c.Users[id]; all || strings.EqualFold(u.UserName, wanted) {
			users = append(users, u)
		}
	}
	some, next, err := page(in.paging, users, func(u *user) string { return u.ID })
	if err != nil {
		return nil, err
	}
	return struct {
		Users     []*user
		NextToken string `json:",omitempty"`
	}{some, next}, nil
}

func (c *call) createUser(in user) (any, error) {
	if err := c.store(in.Store); err != nil {
		return nil, err
	}
	switch {
	case in.UserName == "":
		return nil, invalid("userName is a required attribute")
	case in.DisplayName == "":
		return nil, invalid("displayName is a required attribute")
	case in.Name == nil || in.Name.GivenName == "" || in.Name.FamilyName == "":
		return nil, invalid("name.givenName and name.familyName are required attributes")
	case len(in.Emails) > 1:
		return nil, invalid("1 validation error detected: Value at 'emails' failed to satisfy constraint: Member must have length less than or " +
			"equal to 1")
	case len(in.UserName) > 128:
		return nil, invalid("1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length less than " +
			"or equal to 128")
	case !userNames.MatchString(in.UserName):
		return nil, outside("userName", userNames)
	case c.userBy(func(u *user) bool { return strings.EqualFold(u.UserName, in.UserName) }) != nil:
		return nil, conflict("Duplicate UserName")
	}
	if err := in.checkTexts(); err != nil {
		return nil, err
	}
	for _, e := range in.Emails {
		if c.userBy(func(u *user) bool { return u.hasEmail(e.Value) }) != nil {
			return nil, conflict("Duplicate Email")
		}
	}
	in.ID, in.Status, in.ExternalIDs = c.service.opts.NewID(), enabled, nil
	in.CreatedAt, in.UpdatedAt = epoch(c.Now), epoch(c.Now)
	c.Users[in.ID] = &in
	return userID{c.StoreID, in.ID}, nil
}

func (c *call) deleteUser(in userID) (any, error) {
	u, err := c.findUser(in.IdentityStoreID, in.UserID)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(c.Memberships, func(_ string, m *membership) bool { return m.User == u.ID })
	delete(c.Users, u.ID)
	return empty{}, nil
}
