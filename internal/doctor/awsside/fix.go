package awsside

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parascope/parascope/internal/amg"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/people"
)

// sourceChecks are those that a new run of the setup function repairs.
var sourceChecks = [...]string{"data-source", "data-source-default", "data-source-type", "data-source-auth", "data-source-place"}

// Fixes are the repairs for what has failed: all that there are. The data source is connected
// again, which makes it the default, and a user who was named gets the role of a viewer.
func (e *Env) Fixes(all []doctor.Result) (fixes []doctor.Fix) {
	failed := func(id string) bool {
		return slices.ContainsFunc(all, func(r doctor.Result) bool { return r.ID == id && r.Status == doctor.Failed })
	}
	if i := slices.IndexFunc(sourceChecks[:], failed); i >= 0 {
		fixes = append(fixes, doctor.Fix{Check: sourceChecks[i],
			What: "run the setup function: it connects the data source, makes it the default, and installs the dashboards",
			Undo: e.undoSource(), Do: func(ctx context.Context) error {
				_, err := deploy.Connect(ctx, e.Config, e.Target)
				return err
			}})
	}
	if failed("user") && e.userFound {
		fixes = append(fixes, doctor.Fix{Check: "user", What: "give " + e.User + " the role viewer in Grafana",
			Undo: "'" + e.Target.Users("remove", e.grafanaID) + " " + e.User + "'", Do: e.addUser})
	}
	return fixes
}

// undoSource says what the data source is like now.
func (e *Env) undoSource() string {
	if e.found == nil {
		return "delete the data source in Grafana's page Connections, Data sources"
	}
	text := fmt.Sprintf("set in Grafana's page Connections, Data sources: type %s, URL %s, SigV4 %t, provider %q, region %q", e.found.Type,
		e.found.URL, e.found.Signs, e.found.AuthType, e.found.Region)
	i := slices.IndexFunc(e.looked.DataSources, func(d result.SeenSource) bool { return d.Default && !d.Ours })
	if i >= 0 {
		text += "; and make " + e.looked.DataSources[i].Name + " the default"
	}
	return text
}

func (e *Env) addUser(ctx context.Context) error {
	team, err := people.Open(ctx, e.Config, e.grafanaID)
	if err != nil {
		return err
	}
	steps, err := team.Plan(ctx, []people.Want{{Who: e.User, Role: amg.RoleViewer}}, false)
	if err != nil {
		return err
	}
	done, err := team.Apply(ctx, steps)
	for _, r := range done {
		if r.Why != "" {
			err = errors.Join(err, errors.New(r.Why))
		}
	}
	return err
}
