package amp

import (
	"context"
	"time"

	"github.com/parascope/parascope/localaws/amp/dataplane"
)

// Usage is what the workspace took, from a time on in a number of steps, for CloudWatch. A workspace
// that is not there, not active or in another region took nothing.
func (a *AMP) Usage(ctx context.Context, region, workspaceID string, from time.Time, step time.Duration, steps int) ([]dataplane.Usage,
	error) {
	w, err := a.load(a.opts.Now(), workspaceID)
	if err != nil || w == nil || w.Region != region || w.status(a.opts.Now()) != active {
		return nil, err
	}
	return a.data.Usage(ctx, workspaceID, w.Configuration.settings(), from, step, steps)
}
