// Package people says who may use a Grafana workspace, in people's own terms:
// e-mails, user names and groups of Identity Center, and one role each.
package people

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
)

// Team is who may use one workspace.
type Team struct {
	cfg       aws.Config
	Workspace amg.Workspace
	directory *identity.Directory
}

// Open finds the workspace, and the directory that its people are in.
func Open(ctx context.Context, cfg aws.Config, workspace string) (*Team, error) {
	d, err := identity.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	w, err := amg.FindWorkspace(ctx, cfg, workspace)
	if err != nil {
		return nil, err
	}
	return &Team{cfg, w, d}, nil
}

// Member is somebody and their role.
type Member struct {
	identity.Principal
	Role amg.Role `json:"role"`
	Gone bool     `json:"gone,omitempty"` // deleted from Identity Center: the role lets nobody in
}

// gone is the name of somebody who was deleted from Identity Center and still has
// a role.
const gone = "(deleted from Identity Center)"

// Members lists who has which role.
func (t *Team) Members(ctx context.Context) ([]Member, error) {
	permissions, err := amg.Permissions(ctx, t.cfg, t.Workspace.ID)
	if err != nil {
		return nil, err
	}
	all := []Member{}
	for _, p := range permissions {
		who, err := t.directory.Describe(ctx, p.ID, kindOf(p))
		m := Member{who, p.Role, false}
		if hint.CodeOf(err) == hint.NotFound {
			m.Principal, m.Gone, err = identity.Principal{ID: p.ID, Kind: kindOf(p), Name: gone}, true, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Want is somebody, as a person names them, and the role they should have; an
// empty role means none.
type Want struct {
	Who     string
	Role    amg.Role
	Implied bool // nobody named the role: it is the one for those who are named without
}

// Step is one difference between what is and what is wanted.
type Step struct {
	Who  identity.Principal `json:"who"`
	From []amg.Role         `json:"from"` // roles they have
	To   amg.Role           `json:"to"`   // "" for none

	Implied bool `json:"-"` // as of the Want
}

// Resolve finds everybody that is wanted, each in turn. Everybody who cannot be found,
// or is wanted in two roles, is in the error.
func Resolve(ctx context.Context, d *identity.Directory, wants []Want) (found []Step, err error) {
	roles := map[string]Step{}
	var errs []error
	for _, w := range wants {
		who, err := d.Find(ctx, w.Who)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if twice, ok := roles[who.ID]; ok && twice.To != w.Role {
			errs = append(errs, hint.New(hint.BadInput, fmt.Errorf("%s has two roles: %s and %s", who, word(twice.To), word(w.Role)),
				"give each user one role"))
		}
		roles[who.ID] = Step{Who: who, To: w.Role, Implied: w.Implied}
		found = append(found, roles[who.ID])
	}
	return found, hint.Join(errs)
}

// Plan resolves everybody that is wanted and returns what has to change. With all,
// whoever is not wanted loses their role. Everybody who cannot be resolved is in
// the error, not only the first.
func (t *Team) Plan(ctx context.Context, wants []Want, all bool) ([]Step, error) {
	members, err := t.Members(ctx)
	if err != nil {
		return nil, err
	}
	roles, by := map[string]Step{}, map[string]string{}
	var present []Want
	for _, w := range wants {
		// Whoever loses their role need not be in the directory any more.
		if m, ok := byID(members, w); ok && w.Role == "" {
			roles[m.ID] = Step{Who: m.Principal}
			continue
		}
		present = append(present, w)
	}
	found, err := Resolve(ctx, t.directory, present)
	if err != nil {
		return nil, err
	}
	for i, s := range found {
		if first, twice := by[s.Who.ID]; twice && all { // a list that is kept should list each user only once
			return nil, hint.New(hint.BadInput, fmt.Errorf("%s and %s are the same user or group, %s", first, present[i].Who, s.Who),
				"list each user only once")
		}
		by[s.Who.ID] = present[i].Who
		roles[s.Who.ID] = s
	}
	has := map[string][]amg.Role{}
	for _, m := range members {
		has[m.ID] = append(has[m.ID], m.Role)
		if _, wanted := roles[m.ID]; !wanted && all {
			roles[m.ID] = Step{Who: m.Principal}
		}
	}
	var steps []Step
	for id, s := range roles {
		s.From = append([]amg.Role{}, has[id]...)
		already := len(s.From) == 1 && s.From[0] == s.To || len(s.From) == 0 && s.To == ""
		if !already {
			steps = append(steps, s)
		}
	}
	// slices.SortFunc adds 17 kB for this type.
	sort.Slice(steps, func(i, j int) bool { return steps[i].Who.String() < steps[j].Who.String() })
	return steps, nil
}

// byID finds the member whose id somebody is named by.
func byID(members []Member, w Want) (Member, bool) {
	id := w.Who
	for _, kind := range []identity.Kind{identity.User, identity.Group} {
		id = strings.TrimPrefix(id, string(kind)+":")
	}
	i := slices.IndexFunc(members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return Member{}, false
	}
	return members[i], true
}

func word(r amg.Role) string { return cmp.Or(string(r), "nobody") }

// Result is a step that was tried; Why is empty when it took.
type Result struct {
	Step
	Why string `json:"why,omitempty"`
}

// Apply takes the steps. New roles are given before old ones are taken, so that
// nobody is without one in between; what an old role became by then is looked up
// again, since AMG may replace it by itself.
func (t *Team) Apply(ctx context.Context, steps []Step) ([]Result, error) {
	var give []amg.Change
	for _, s := range steps {
		if s.To != "" && !slices.Contains(s.From, s.To) {
			give = append(give, amg.Change{Permission: permission(s, s.To)})
		}
	}
	failed, err := amg.Apply(ctx, t.cfg, t.Workspace.ID, give)
	if err != nil {
		return nil, err
	}
	now, err := amg.Permissions(ctx, t.cfg, t.Workspace.ID)
	if err != nil {
		return nil, err
	}
	var take []amg.Change
	for _, s := range steps {
		refused := slices.ContainsFunc(failed, func(f amg.Failure) bool { return f.ID == s.Who.ID })
		for _, p := range now {
			if p.ID == s.Who.ID && p.Role != s.To && !refused {
				take = append(take, amg.Change{Permission: p, Revoke: true})
			}
		}
	}
	more, err := amg.Apply(ctx, t.cfg, t.Workspace.ID, take)
	if err != nil {
		return nil, err
	}
	results := []Result{}
	for _, s := range steps {
		r := Result{Step: s}
		for _, f := range slices.Concat(failed, more) {
			if f.ID == s.Who.ID {
				r.Why = f.Why
			}
		}
		results = append(results, r)
	}
	return results, nil
}

func permission(s Step, role amg.Role) amg.Permission {
	return amg.Permission{ID: s.Who.ID, Group: s.Who.Kind == identity.Group, Role: role}
}

func kindOf(p amg.Permission) identity.Kind {
	if p.Group {
		return identity.Group
	}
	return identity.User
}
