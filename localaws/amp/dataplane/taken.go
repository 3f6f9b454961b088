package dataplane

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// point is a sample without its time.
type point struct {
	value   float64 // of a sample that is no histogram
	integer *histogram.Histogram
	float   *histogram.FloatHistogram
}

func (p point) isFloat() bool { return p.integer == nil && p.float == nil }

// clash is what comes of q at the time that p has taken: nothing, if it is p again.
func (p point) clash(q point) error {
	same := p.isFloat() && q.isFloat() && math.Float64bits(p.value) == math.Float64bits(q.value)
	switch {
	case p.integer != nil && q.integer != nil:
		same = p.integer.Equals(q.integer)
	case p.float != nil && q.float != nil:
		same = p.float.Equals(q.float)
	}
	if !same {
		return storage.ErrDuplicateSampleForTimestamp
	}
	return nil
}

// taken are the samples of a request that the TSDB has accepted and not stored
// yet. It drops some of them in silence when it comes to that, those that are out
// of order or twice among themselves: the sender would never know.
type taken struct {
	points map[at]point
	newest map[storage.SeriesRef]int64
}

// at is a time of a series, in milliseconds.
type at struct {
	series storage.SeriesRef
	ms     int64
}

func newTaken() *taken {
	return &taken{map[at]point{}, map[storage.SeriesRef]int64{}}
}

func (t *taken) add(series storage.SeriesRef, ms int64, p point) {
	t.points[at{series, ms}] = p
	if newest, ok := t.newest[series]; !ok || ms > newest {
		t.newest[series] = ms
	}
}

// check holds a sample against the others of its series in the request. With
// known it is one of them again.
func (t *taken) check(series storage.SeriesRef, ms int64, p point, window time.Duration) (known bool, err error) {
	if before, ok := t.points[at{series, ms}]; ok {
		return true, before.clash(p)
	}
	if newest, ok := t.newest[series]; ok && ms < newest-window.Milliseconds() {
		return false, storage.ErrOutOfOrderSample
	}
	return false, nil
}

// stored is what the series has at a time, from before the request.
func (ws *workspace) stored(ctx context.Context, series labels.Labels, ms int64) (p point, found bool, err error) {
	q, err := ws.db.Querier(ms, ms)
	if err != nil {
		return point{}, false, fmt.Errorf("look for a sample: %w", err)
	}
	defer q.Close()
	var matchers []*labels.Matcher
	series.Range(func(l labels.Label) {
		matchers = append(matchers, labels.MustNewMatcher(labels.MatchEqual, l.Name, l.Value))
	})
	set := q.Select(ctx, false, nil, matchers...)
	for set.Next() {
		if !labels.Equal(set.At().Labels(), series) {
			continue // it has more labels
		}
		it := set.At().Iterator(nil)
		switch it.Seek(ms) {
		case chunkenc.ValFloat:
			_, p.value = it.At()
		case chunkenc.ValHistogram:
			_, p.integer = it.AtHistogram(nil)
		case chunkenc.ValFloatHistogram:
			_, p.float = it.AtFloatHistogram(nil)
		default:
			return point{}, false, it.Err()
		}
		return p, it.AtT() == ms, it.Err()
	}
	return point{}, false, set.Err()
}
