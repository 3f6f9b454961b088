package awsside

import (
	"context"
	"errors"
	"fmt"

	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkGrafanaAnswers lets the setup function ask Grafana for its data sources: Grafana shows
// them to those who are signed in only, and the function signs in for a moment.
func checkGrafanaAnswers(ctx context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	if !e.current {
		return doctor.Unsure("the deployed setup function has a different version, which would repair the connection instead of only checking it",
			"'"+e.Target.Command("up")+"' deploys this program's version; '"+e.Target.Command("connect")+"' checks and repairs with the "+
				"deployed version")
	}
	seen, err := deploy.LookThroughFunction(ctx, e.Config, e.Target)
	if ctx.Err() != nil {
		return doctor.Unasked(ctx.Err())
	}
	if he, ok := errors.AsType[*hint.Error](err); ok && he.Code == hint.Failure && he.Next != "" && !unanswered(err) {
		return doctor.Fault(err.Error(), he.Next)
	}
	if err != nil {
		return doctor.Unasked(err)
	}
	wanted, err := connector.Wanted(seen.GrafanaVersion, e.endpoint, e.Config.Region)
	keep := func() { e.looked, e.wanted = &seen, wanted }
	if err != nil {
		return doctor.Unsure(err.Error(), "").Keeping(keep)
	}
	return doctor.Good(fmt.Sprintf("Grafana has %d data sources", len(seen.DataSources))).Keeping(keep)
}
