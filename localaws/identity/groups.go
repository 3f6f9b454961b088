package identity

import (
	"maps"
	"slices"
)

// group is one as it is stored and as identitystore shows it.
type group struct {
	Store       string       `json:"IdentityStoreId"`
	ID          string       `json:"GroupId"`
	DisplayName string       `json:",omitempty"`
	Description string       `json:",omitempty"`
	ExternalIDs []externalID `json:"ExternalIds,omitempty"`
	CreatedAt   float64      `json:",omitempty"` // seconds since 1970
	UpdatedAt   float64      `json:",omitempty"`
}

// membership makes a user a member of a group.
type membership struct {
	Store     string
	ID        string
	Group     string
	User      string
	CreatedAt float64
	UpdatedAt float64
}

// shownMembership is a membership as identitystore shows it.
type shownMembership struct {
	Store     string   `json:"IdentityStoreId"`
	ID        string   `json:"MembershipId"`
	Group     string   `json:"GroupId,omitempty"`
	Member    memberID `json:"MemberId"`
	CreatedAt float64  `json:",omitempty"`
	UpdatedAt float64  `json:",omitempty"`
}

type memberID struct {
	UserID string `json:"UserId"`
}

func (m *membership) shown() shownMembership {
	return shownMembership{m.Store, m.ID, m.Group, memberID{m.User}, m.CreatedAt, m.UpdatedAt}
}

// member is the membership of the user in the group, nil when there is none.
func (d *directory) member(groupID, userID string) *membership {
	for _, m := range d.Memberships {
		if m.Group == groupID && m.User == userID {
			return m
		}
	}
	return nil
}

type groupID struct {
	IdentityStoreID string `json:"IdentityStoreId"`
	GroupID         string `json:"GroupId"`
}

func (c *call) getGroupID(in identifier) (any, error) {
	if err := c.store(in.IdentityStoreID); err != nil {
		return nil, err
	}
	_, value, external, err := in.value("displayName")
	if err != nil {
		return nil, err
	}
	g := c.groupBy(func(g *group) bool {
		if external != nil {
			return slices.Contains(g.ExternalIDs, *external)
		}
		return g.DisplayName == value
	})
	if g == nil {
		return nil, notFound("GROUP", value)
	}
	return groupID{c.StoreID, g.ID}, nil
}

func (c *call) findGroup(storeID, id string) (*group, error) {
	if err := c.store(storeID); err != nil {
		return nil, err
	}
	if g, ok := c.Groups[id]; ok {
		return g, nil
	}
	return nil, notFound("GROUP", id)
}

func (c *call) describeGroup(in groupID) (any, error) {
	return c.findGroup(in.IdentityStoreID, in.GroupID)
}

func (c *call) listGroups(in listing) (any, error) {
	if err := c.store(in.IdentityStoreID); err != nil {
		return nil, err
	}
	wanted, all, err := in.filter("DisplayName")
	if err != nil {
		return nil, err
	}
	var groups []*group
	for _, id := range slices.Sorted(maps.Keys(c.Groups)) {
		if g := c.Groups[id]; all || g.DisplayName == wanted {
			groups = append(groups, g)
		}
	}
	some, next, err := page(in.paging, groups, func(g *group) string { return g.ID })
	if err != nil {
		return nil, err
	}
	return struct {
		Groups    []*group
		NextToken string `json:",omitempty"`
	}{some, next}, nil
}

func (c *call) createGroup(in group) (any, error) {
	if err := c.store(in.Store); err != nil {
		return nil, err
	}
	if in.DisplayName == "" {
		return nil, invalid("displayName is a required attribute")
	}
	if err := checkText("displayName", in.DisplayName, groupNames); err != nil {
		return nil, err
	}
	if err := checkText("description", in.Description, texts); err != nil {
		return nil, err
	}
	if c.groupBy(func(g *group) bool { return g.DisplayName == in.DisplayName }) != nil {
		return nil, conflict("Duplicate GroupDisplayName")
	}
	in.ID, in.ExternalIDs = c.service.opts.NewID(), nil
	in.CreatedAt, in.UpdatedAt = epoch(c.Now), epoch(c.Now)
	c.Groups[in.ID] = &in
	return groupID{c.StoreID, in.ID}, nil
}

func (c *call) deleteGroup(in groupID) (any, error) {
	g, err := c.findGroup(in.IdentityStoreID, in.GroupID)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(c.Memberships, func(_ string, m *membership) bool { return m.Group == g.ID })
	delete(c.Groups, g.ID)
	return empty{}, nil
}

// memberOf is a request about a user and a group, or about one of them, or about
// a membership by its id.
type memberOf struct {
	IdentityStoreID string   `json:"IdentityStoreId"`
	GroupID         string   `json:"GroupId"`
	GroupIDs        []string `json:"GroupIds"`
	MemberID        memberID `json:"MemberId"`
	MembershipID    string   `json:"MembershipId"`
	paging
}

type membershipID struct {
	MembershipID    string `json:"MembershipId"`
	IdentityStoreID string `json:"IdentityStoreId"`
}

func (c *call) createGroupMembership(in memberOf) (any, error) {
	g, err := c.findGroup(in.IdentityStoreID, in.GroupID)
	if err != nil {
		return nil, err
	}
	u, err := c.findUser(in.IdentityStoreID, in.MemberID.UserID)
	if err != nil {
		return nil, err
	}
	if c.member(g.ID, u.ID) != nil {
		return nil, conflict("Member and Group relationship already exists.")
	}
	m := &membership{ID: c.service.opts.NewID(), Store: c.StoreID, Group: g.ID, User: u.ID, CreatedAt: epoch(c.Now), UpdatedAt: epoch(c.Now)}
	c.Memberships[m.ID] = m
	return membershipID{m.ID, m.Store}, nil
}

func (c *call) findMembership(in memberOf) (*membership, error) {
	if err := c.store(in.IdentityStoreID); err != nil {
		return nil, err
	}
	if m, ok := c.Memberships[in.MembershipID]; ok {
		return m, nil
	}
	return nil, notFound("GROUP_MEMBERSHIP", in.MembershipID)
}

func (c *call) describeGroupMembership(in memberOf) (any, error) {
	m, err := c.findMembership(in)
	if err != nil {
		return nil, err
	}
	return m.shown(), nil
}

func (c *call) deleteGroupMembership(in memberOf) (any, error) {
	m, err := c.findMembership(in)
	if err != nil {
		return nil, err
	}
	delete(c.Memberships, m.ID)
	return empty{}, nil
}

func (c *call) getGroupMembershipID(in memberOf) (any, error) {
	if _, err := c.findGroup(in.IdentityStoreID, in.GroupID); err != nil {
		return nil, err
	}
	m := c.member(in.GroupID, in.MemberID.UserID)
	if m == nil {
		return nil, notFound("GROUP_MEMBERSHIP", "")
	}
	return membershipID{m.ID, m.Store}, nil
}

func (c *call) listGroupMemberships(in memberOf) (any, error) {
	if _, err := c.findGroup(in.IdentityStoreID, in.GroupID); err != nil {
		return nil, err
	}
	return c.listMemberships(in, func(m *membership) bool { return m.Group == in.GroupID })
}

func (c *call) listGroupMembershipsForMember(in memberOf) (any, error) {
	if _, err := c.findUser(in.IdentityStoreID, in.MemberID.UserID); err != nil {
		return nil, err
	}
	return c.listMemberships(in, func(m *membership) bool { return m.User == in.MemberID.UserID })
}

func (c *call) listMemberships(in memberOf, is func(*membership) bool) (any, error) {
	var all []shownMembership
	for _, id := range slices.Sorted(maps.Keys(c.Memberships)) {
		if m := c.Memberships[id]; is(m) {
			all = append(all, m.shown())
		}
	}
	some, next, err := page(in.paging, all, func(m shownMembership) string { return m.ID })
	if err != nil {
		return nil, err
	}
	return struct {
		GroupMemberships []shownMembership
		NextToken        string `json:",omitempty"`
	}{some, next}, nil
}

func (c *call) isMemberInGroups(in memberOf) (any, error) {
	if _, err := c.findUser(in.IdentityStoreID, in.MemberID.UserID); err != nil {
		return nil, err
	}
	type result struct {
		Group  string   `json:"GroupId"`
		Member memberID `json:"MemberId"`
		Exists bool     `json:"MembershipExists"`
	}
	results := []result{}
	for _, id := range in.GroupIDs {
		results = append(results, result{id, in.MemberID, c.member(id, in.MemberID.UserID) != nil})
	}
	return struct{ Results []result }{results}, nil
}
