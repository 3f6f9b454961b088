package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor"
)

// checkDataSourceType: from Grafana 12 on SigV4 is the Amazon plugin's.
func checkDataSourceType(_ context.Context, e *Env) Finding {
	return ofSource(e, func(has, want result.SeenSource) Finding {
		if has.Type == want.Type {
			return doctor.Good(has.Type)
		}
		return doctor.Fault(fmt.Sprintf("the data source's type is %s; Grafana %s needs %s", has.Type, e.looked.GrafanaVersion, want.Type),
			e.reconnect())
	})
}
