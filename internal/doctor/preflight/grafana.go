package preflight

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// checkGrafana finds people who are to use a Grafana that the stack will not have.
func checkGrafana(_ context.Context, e *Env) Finding {
	if len(e.People) == 0 {
		return doctor.Skip("no user was given")
	}
	if e.monitoring().HasGrafana() {
		return Finding{Status: doctor.OK}
	}
	return doctor.Failure(hint.New(hint.Usage,
		fmt.Errorf("MonitoringType %s creates no Grafana workspace for %s", e.monitoring(), e.People[0].Who),
		"--parameter MonitoringType=amp+amg creates a Grafana workspace; or omit --user"))
}
