package people

import (
	"context"
	"slices"

	"github.com/parascope/parascope/internal/amg"
)

// SignIn are the members who are in Identity Center still. Whoever was deleted from it
// keeps a role in Grafana, and cannot sign in with it.
func SignIn(all []Member) []Member {
	return slices.DeleteFunc(slices.Clone(all), func(m Member) bool { return m.Gone })
}

// HasAdmin reports whether somebody who can sign in is an admin.
func HasAdmin(all []Member) bool {
	return slices.ContainsFunc(all, func(m Member) bool { return !m.Gone && m.Role == amg.RoleAdmin })
}

// Lowers reports whether somebody can do less after the step than before.
func (s Step) Lowers() bool {
	return slices.ContainsFunc(s.From, func(from amg.Role) bool { return rank(from) > rank(s.To) })
}

// rank orders the roles by what they allow; "" is none.
func rank(r amg.Role) int {
	return slices.Index([]amg.Role{"", amg.RoleViewer, amg.RoleEditor, amg.RoleAdmin}, r)
}

// TakesLastAdmin reports whether somebody who can sign in is an admin now, and nobody
// will be once the steps took.
func (t *Team) TakesLastAdmin(ctx context.Context, steps []Step) (bool, error) {
	if !slices.ContainsFunc(steps, Step.Lowers) {
		return false, nil
	}
	now, err := t.Members(ctx)
	if err != nil {
		return false, err
	}
	return HasAdmin(now) && !HasAdmin(after(now, steps)), nil
}

// after are the members once the steps took.
func after(now []Member, steps []Step) []Member {
	var then []Member
	for _, m := range now {
		if !slices.ContainsFunc(steps, func(s Step) bool { return s.Who.ID == m.ID }) {
			then = append(then, m)
		}
	}
	for _, s := range steps {
		if s.To != "" {
			then = append(then, Member{Principal: s.Who, Role: s.To})
		}
	}
	return then
}
