package dataplane

import (
	"context"
	"errors"

	"github.com/prometheus/prometheus/promql"
)

// maxQueries is how many queries run at once, of all workspaces: each may take
// the memory of maxQuerySamples. The others wait for their turn, within their time.
const maxQueries = 4

// slots are the queries that may run at once; they are the engines' QueryTracker.
type slots chan struct{}

// Insert waits for a slot: until ctx is over, and for as long as a query may run at
// most. Prometheus bounds the wait by the request's own timeout only.
func (s slots) Insert(ctx context.Context, _ string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	select {
	case s <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return 0, promql.ErrQueryCanceled("query queue")
		}
		return 0, promql.ErrQueryTimeout("query queue")
	}
}

// Delete gives a slot back; they are all alike.
func (s slots) Delete(int) { <-s }

// GetMaxConcurrent is how many there are.
func (s slots) GetMaxConcurrent() int { return cap(s) }

// Close does nothing: the slots are the store's, and stay when a workspace goes.
func (s slots) Close() error { return nil }
