package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/doctor"
)

// checkUsersDeleted finds roles whose user is not in Identity Center any more: a new user of
// the same e-mail has another id, and not the role.
func checkUsersDeleted(ctx context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	members, err := askMembers(ctx, e)
	if err != nil {
		return doctor.Unasked(err)
	}
	for _, m := range members {
		if m.Gone {
			return doctor.Fault(fmt.Sprintf("role %s is assigned to %s %s, which was deleted from Identity Center", m.Role, m.Kind, m.ID),
				"'"+e.Target.Users("remove", e.grafanaID)+" "+m.ID+"' removes the role")
		}
	}
	return doctor.Good("")
}
