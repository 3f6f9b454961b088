package preflight

import (
	"context"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/doctor"
)

// withoutGrafana is why a check does not apply.
const withoutGrafana = "the stack has no Grafana workspace"

// checkFunction finds out whether the program carries the function that Grafana needs.
func checkFunction(_ context.Context, e *Env) Finding {
	if !e.monitoring().HasGrafana() {
		return doctor.Skip(withoutGrafana)
	}
	return doctor.Failure(artifact.CheckFunction(e.Architecture))
}
