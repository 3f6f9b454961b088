package dataplane

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Usage is what a workspace took within one step of time.
type Usage struct {
	Samples int
	Series  int // that had a sample
}

// maxSteps bounds what one question counts.
const maxSteps = 2000

// Usage counts a workspace's samples by their own times, from a time on in a number of steps.
func (s *Store) Usage(ctx context.Context, id string, settings Settings, from time.Time, step time.Duration, steps int) ([]Usage, error) {
	steps = min(steps, maxSteps)
	all := make([]Usage, steps)
	if steps == 0 {
		return all, nil
	}
	err := s.use(id, settings, func(ws *workspace) error {
		first, end := from.UnixMilli(), from.Add(time.Duration(steps)*step).UnixMilli()
		q, err := ws.db.Querier(first, end-1)
		if err != nil {
			return fmt.Errorf("could not count the samples of %s: %w", id, err)
		}
		defer q.Close()
		found := q.Select(ctx, false, nil, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, ""))
		for found.Next() {
			last := -1
			it := found.At().Iterator(nil)
			for it.Next() != chunkenc.ValNone {
				n := int((it.AtT() - first) / step.Milliseconds())
				if n < 0 || n >= steps {
					continue
				}
				all[n].Samples++
				if n != last {
					all[n].Series++
					last = n
				}
			}
			if err := it.Err(); err != nil {
				return fmt.Errorf("could not count the samples of %s: %w", id, err)
			}
		}
		return found.Err()
	})
	return all, err
}
