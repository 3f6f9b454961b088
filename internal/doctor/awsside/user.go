package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/identity"
)

// checkUser looks for the one user who was named. Members of a group with a role are not
// known here: a user without a role of their own may still have the group's.
func checkUser(ctx context.Context, e *Env) Finding {
	if e.User == "" {
		return doctor.Skip("no user was given; give a user with --user")
	}
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	if e.members == nil {
		return doctor.Follows("users")
	}
	d, err := identity.Open(ctx, e.Config)
	if err != nil {
		return doctor.Unasked(err)
	}
	who, err := d.Find(ctx, e.User)
	if err != nil {
		if hint.CodeOf(err) == hint.NotFound {
			return doctor.Fault(err.Error(), hint.Next(err))
		}
		return doctor.Unasked(err)
	}
	return e.judgeUser(who).Keeping(func() { e.userFound = true })
}

func (e *Env) judgeUser(who identity.Principal) Finding {
	groups := 0
	for _, m := range e.members {
		if m.ID == who.ID {
			return doctor.Good(fmt.Sprintf("%s is %s", who, m.Role))
		}
		if m.Kind == identity.Group && !m.Gone {
			groups++
		}
	}
	next := "'" + e.Target.Users("add", e.grafanaID) + " " + e.User + ":viewer' gives the user a role"
	if groups > 0 {
		return doctor.Unsure(fmt.Sprintf("%s has no direct role in Grafana; membership in the %d groups with a role could not be determined",
			who, groups), next)
	}
	return doctor.Fault(fmt.Sprintf("%s is in Identity Center and has no role in Grafana", who), next)
}
