package awsside

import (
	"context"
	"fmt"
	"slices"

	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor"
)

// checkDataSource looks for the data source of the guide.
func checkDataSource(_ context.Context, e *Env) Finding {
	if e.grafanaID == "" {
		return skipWithout(e, noGrafana)
	}
	if e.looked == nil {
		return doctor.Follows("grafana-answers")
	}
	i := slices.IndexFunc(e.looked.DataSources, func(d result.SeenSource) bool { return d.Ours })
	if i < 0 {
		return doctor.Fault(fmt.Sprintf("Grafana has no data source %q", connector.PrometheusName), e.reconnect())
	}
	found := &e.looked.DataSources[i]
	return doctor.Good(fmt.Sprintf("%s (%s)", found.Name, found.UID)).Keeping(func() { e.found = found })
}

// reconnect is what repairs all of a data source.
func (e *Env) reconnect() string {
	return "'" + e.Target.Command("connect") + "' repairs the data source, and so does '" + e.Target.Command("doctor") + " --fix'"
}

// ofSource is a check of the data source, where there is one.
func ofSource(e *Env, compare func(has, want result.SeenSource) Finding) Finding {
	switch {
	case e.grafanaID == "":
		return skipWithout(e, noGrafana)
	case e.found == nil:
		return doctor.Follows("data-source")
	}
	return compare(*e.found, e.wanted)
}
