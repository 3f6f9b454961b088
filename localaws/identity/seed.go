package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// seed is a file of people.
type seed struct {
	Users []struct {
		UserName   string `json:"userName"`
		Email      string `json:"email"`
		GivenName  string `json:"givenName"`
		FamilyName string `json:"familyName"`
	} `json:"users"`
	Groups []struct {
		DisplayName string   `json:"displayName"`
		Description string   `json:"description"`
		Members     []string `json:"members"`
	} `json:"groups"`
}

// exampleSeed are the people that there are when no file says who there are.
const exampleSeed = `{
  "users": [
    {"userName": "alice", "email": "alice@example.com", "givenName": "Alice", "familyName": "Adams"},
    {"userName": "bob", "email": "bob@example.com", "givenName": "Bob", "familyName": "Brown"},
    {"userName": "carol", "email": "carol@example.com", "givenName": "Carol", "familyName": "Clark"}
  ],
  "groups": [{"displayName": "platform-team", "description": "runs the clusters", "members": ["alice", "bob"]}]
}`

// readSeed reads the file; the examples when there is none.
func readSeed(file string) (seed, error) {
	if file == "" {
		return parseSeed([]byte(exampleSeed))
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return seed{}, fmt.Errorf("could not read the users and groups: %w", err)
	}
	people, err := parseSeed(raw)
	if err != nil {
		return seed{}, fmt.Errorf("could not read the users and groups of %s: %w", file, err)
	}
	return people, nil
}

// Emails are those of a file's users, in its order; of the example people where
// there is no file. An error says what is wrong with the file.
func Emails(file string) ([]string, error) {
	people, err := readSeed(file)
	if err != nil {
		return nil, err
	}
	emails := make([]string, 0, len(people.Users))
	for _, u := range people.Users {
		emails = append(emails, u.Email)
	}
	return emails, nil
}

// fields are what a file may say.
const fields = "give each user userName, email, givenName and familyName, and each group displayName, description and members (user names)"

// parseSeed reads a file of people, which must say all that is needed and
// nothing that is not known.
func parseSeed(raw []byte) (seed, error) {
	var people seed
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&people); err != nil {
		return seed{}, fmt.Errorf("%w; %s", err, fields)
	}
	names, emails := map[string]bool{}, map[string]bool{}
	for i, u := range people.Users {
		if u.UserName == "" || !strings.Contains(u.Email, "@") {
			return seed{}, fmt.Errorf("user %d: userName and email are required", i+1)
		}
		name, email := fold(u.UserName), fold(u.Email)
		if names[name] || emails[email] {
			return seed{}, fmt.Errorf("user %d: %s or %s is a duplicate", i+1, u.UserName, u.Email)
		}
		names[name], emails[email] = true, true
	}
	groups := map[string]bool{}
	for i, g := range people.Groups {
		if g.DisplayName == "" || groups[g.DisplayName] {
			return seed{}, fmt.Errorf("group %d: a unique displayName is required", i+1)
		}
		groups[g.DisplayName] = true
		for _, m := range g.Members {
			if !names[fold(m)] {
				return seed{}, fmt.Errorf("group %s: the file has no user %s", g.DisplayName, m)
			}
		}
	}
	return people, nil
}

// fold makes texts alike that strings.EqualFold takes for equal: ToLower alone
// keeps letters apart that share their upper case.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// add adds the people that are missing.
func (s *Identity) add(d *directory, people seed) error {
	now := epoch(s.opts.Now())
	for _, p := range people.Users {
		if d.userBy(func(u *user) bool { return strings.EqualFold(u.UserName, p.UserName) }) != nil {
			continue
		}
		if d.userBy(func(u *user) bool { return u.hasEmail(p.Email) }) != nil {
			return fmt.Errorf("could not add user %s: another user already has %s", p.UserName, p.Email)
		}
		id := s.opts.NewID()
		d.Users[id] = &user{
			ID: id, Store: d.StoreID, UserName: p.UserName, DisplayName: strings.TrimSpace(p.GivenName + " " + p.FamilyName),
			Name: &name{GivenName: p.GivenName, FamilyName: p.FamilyName}, Emails: []email{{Value: p.Email, Type: "work", Primary: true}},
			Status: enabled, CreatedAt: now, UpdatedAt: now,
		}
	}
	for _, p := range people.Groups {
		g := d.groupBy(func(g *group) bool { return g.DisplayName == p.DisplayName })
		if g == nil {
			g = &group{ID: s.opts.NewID(), Store: d.StoreID, DisplayName: p.DisplayName, Description: p.Description, CreatedAt: now, UpdatedAt: now}
			d.Groups[g.ID] = g
		}
		for _, m := range p.Members {
			u := d.userBy(func(u *user) bool { return strings.EqualFold(u.UserName, m) })
			if d.member(g.ID, u.ID) == nil {
				id := s.opts.NewID()
				d.Memberships[id] = &membership{ID: id, Store: d.StoreID, Group: g.ID, User: u.ID, CreatedAt: now, UpdatedAt: now}
			}
		}
	}
	return nil
}
