package awsside

import (
	"context"
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/doctor"
)

// checkDataSourcePlace compares the URL and the region that is signed for.
func checkDataSourcePlace(_ context.Context, e *Env) Finding {
	return ofSource(e, func(has, want result.SeenSource) Finding {
		switch {
		case strings.TrimRight(has.URL, "/") != want.URL:
			return doctor.Fault(fmt.Sprintf("the data source queries %s; the stack's workspace is %s", has.URL, want.URL), e.reconnect())
		case has.Region != want.Region:
			return doctor.Fault(fmt.Sprintf("the data source signs for region %q; the workspace is in %s", has.Region, want.Region), e.reconnect())
		}
		return doctor.Good(has.Region)
	})
}
