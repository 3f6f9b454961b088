package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor"
)

// checkDataSourceDefault: panels that name no data source use the default one.
func checkDataSourceDefault(_ context.Context, e *Env) Finding {
	return ofSource(e, func(has, _ result.SeenSource) Finding {
		if has.Default {
			return doctor.Good("")
		}
		other := "none"
		for _, d := range e.looked.DataSources {
			if d.Default {
				other = d.Name
			}
		}
		return doctor.Fault(fmt.Sprintf("the default data source is %s: panels without a data source query the default data "+
			"source", other), e.reconnect())
	})
}
