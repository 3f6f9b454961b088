package head

import (
	"context"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/scrape"
)

// Gone reports whether the node that is named was taken away from the address, host:port, by
// what was known at since or later. See scrape.Options.
type Gone func(ctx context.Context, node, address string, since time.Time) bool

// ofTarget asks with what discovery said of a target: relabelling may have changed it since.
func (g Gone) ofTarget() func(context.Context, *scrape.Target, time.Time) bool {
	if g == nil {
		return nil
	}
	return func(ctx context.Context, t *scrape.Target, since time.Time) bool {
		found := t.DiscoveredLabels(labels.NewBuilder(labels.EmptyLabels()))
		node := found.Get("node")
		return node != "" && g(ctx, node, found.Get(model.AddressLabel), since)
	}
}
