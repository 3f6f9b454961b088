package awsside

import (
	"context"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor"
)

// checkDataSourceHealth is Grafana's own check, which queries with the workspace's role.
func checkDataSourceHealth(_ context.Context, e *Env) Finding {
	return ofSource(e, func(has, _ result.SeenSource) Finding {
		if has.Healthy {
			return doctor.Good(has.Health)
		}
		return doctor.Fault("Grafana cannot query the data source: "+has.Health, "check that "+e.grafana.role+" has permission to query "+
			"the workspace, then "+e.reconnect())
	})
}
