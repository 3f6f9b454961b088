package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/people"
)

// checkUsers finds out whether anybody has a role: Identity Center's users have none by
// themselves.
func checkUsers(ctx context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	members, err := askMembers(ctx, e)
	if err != nil {
		return doctor.Unasked(err)
	}
	keep := func() { e.members = members }
	n := len(people.SignIn(members))
	if n == 0 {
		return doctor.Fault("no user has a role in Grafana: Grafana refuses every sign-in",
			"'"+e.Target.Users("add", e.grafanaID)+" EMAIL:admin' adds an admin").Keeping(keep)
	}
	found := doctor.Good(fmt.Sprintf("%d can sign in", n)).Keeping(keep)
	if !people.HasAdmin(members) {
		found.Warnings = []string{"Grafana has no admin"}
	}
	return found
}

func askMembers(ctx context.Context, e *Env) ([]people.Member, error) {
	team, err := people.Open(ctx, e.Config, e.grafanaID)
	if err != nil {
		return nil, err
	}
	return team.Members(ctx)
}
