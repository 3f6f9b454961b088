package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor"
)

// checkDataSourceAuth: other providers than the workspace's role are refused by AMG.
func checkDataSourceAuth(_ context.Context, e *Env) Finding {
	return ofSource(e, func(has, want result.SeenSource) Finding {
		switch {
		case !has.Signs:
			return doctor.Fault("the data source does not sign its requests (sigV4Auth is off), and AMP refuses those", e.reconnect())
		case has.AuthType != want.AuthType:
			return doctor.Fault(fmt.Sprintf("the data source's authentication provider is %q; Amazon Managed Grafana allows %s, the "+
				"workspace's role",
				has.AuthType, want.AuthType), e.reconnect())
		}
		return doctor.Good(has.AuthType)
	})
}
