package cloudwatch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/state"
)

// Buckets of the state: which metrics there are, by key, and the points of each, in a
// bucket of its own: minute → point. Keys begin with the region.
const (
	metricBucket = "cloudwatch-metrics"
	pointBucket  = "cloudwatch-points/" // + key of the metric
)

// kept is how long a metric has its minutes; AWS keeps hours longer.
const kept = 15 * 24 * time.Hour

// active is how long a metric is listed after its last point.
const active = 14 * 24 * time.Hour

// dimension is a name and a value.
type dimension struct{ Name, Value string }

// metric is what has values: a name with its dimensions, in their order.
type metric struct {
	Namespace, MetricName string
	Dimensions            list[dimension]
}

// stored is a metric as it is stored.
type stored struct {
	metric
	Region string
	Newest time.Time // of its points
}

// point is what was put for a minute.
type point struct {
	Minute                time.Time
	Min, Max, Sum, Number float64
}

// key is the point's place among those of its metric.
func (p point) key() string { return fmt.Sprintf("%020d", p.Minute.Unix()) }

// add puts two points of a minute together.
func (p point) add(q point) point {
	if p.Number == 0 {
		return q
	}
	return point{p.Minute, min(p.Min, q.Min), max(p.Max, q.Max), p.Sum + q.Sum, p.Number + q.Number}
}

// value is a statistic of the point.
func (p point) value(statistic string) float64 {
	switch statistic {
	case "Sum":
		return p.Sum
	case "Minimum":
		return p.Min
	case "Maximum":
		return p.Max
	case "SampleCount":
		return p.Number
	}
	return p.Sum / p.Number
}

// statistics are those that the local cloud computes.
var statistics = []string{"Average", "Sum", "Minimum", "Maximum", "SampleCount"}

// key names a metric: its dimensions are the same in any order.
func (m metric) key(region string) string {
	pairs := slices.Clone(m.Dimensions)
	slices.SortFunc(pairs, func(a, b dimension) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value)) })
	// Of texts JSON cannot fail, and no value can look like two.
	raw, _ := json.Marshal([]any{m.Namespace, m.MetricName, pairs})
	return region + "\x00" + string(raw)
}

// of is the value of the metric's dimension.
func (m metric) of(name string) (string, bool) {
	i := slices.IndexFunc(m.Dimensions, func(d dimension) bool { return d.Name == name })
	if i < 0 {
		return "", false
	}
	return m.Dimensions[i].Value, true
}

// put stores a point of a metric.
func put(tx *state.Tx, region string, m metric, p point) error {
	key := m.key(region)
	at := p.key()
	var has point
	if _, err := tx.Get(pointBucket+key, at, &has); err != nil {
		return err
	}
	if err := tx.Put(pointBucket+key, at, has.add(p)); err != nil {
		return err
	}
	s := stored{metric: m, Region: region}
	if _, err := tx.Get(metricBucket, key, &s); err != nil {
		return err
	}
	if !s.Newest.Before(p.Minute) {
		return nil
	}
	s.Newest = p.Minute
	return tx.Put(metricBucket, key, s)
}

// metrics are those of a region that keep tells, by key.
func metrics(tx *state.Tx, region string, keep func(stored) bool) (found []stored, err error) {
	err = tx.ForEach(metricBucket, func(key string, decode func(any) error) error {
		if !strings.HasPrefix(key, region+"\x00") {
			return nil
		}
		var s stored
		if err := decode(&s); err != nil {
			return err
		}
		if keep(s) {
			found = append(found, s)
		}
		return nil
	})
	return found, err
}

// read is a statistic of a metric's points, in steps of a period, newest first.
func read(tx *state.Tx, m stored, statistic string, period time.Duration, from, to time.Time) (out points, err error) {
	steps := map[int64]point{}
	err = tx.ForEach(pointBucket+m.key(m.Region), func(_ string, decode func(any) error) error {
		var p point
		if err := decode(&p); err != nil {
			return err
		}
		step := p.Minute.Truncate(period)
		if !step.Before(from) && step.Before(to) {
			steps[step.Unix()] = steps[step.Unix()].add(p)
		}
		return nil
	})
	for at := range steps {
		out.Timestamps = append(out.Timestamps, instant{time.Unix(at, 0).UTC()})
	}
	slices.SortFunc(out.Timestamps, func(a, b instant) int { return b.Compare(a.Time) })
	for _, at := range out.Timestamps {
		out.Values = append(out.Values, steps[at.Unix()].value(statistic))
	}
	return out, err
}

// Forget deletes the points that are older than CloudWatch keeps minutes, and the metrics
// that have none left.
func Forget(db *state.DB, now time.Time) error {
	oldest := now.Add(-kept)
	return db.Update(func(tx *state.Tx) error {
		var all []stored
		err := tx.ForEach(metricBucket, func(_ string, decode func(any) error) error {
			var s stored
			err := decode(&s)
			all = append(all, s)
			return err
		})
		for _, m := range all {
			if err == nil {
				err = forget(tx, m, oldest)
			}
		}
		return err
	})
}

func forget(tx *state.Tx, m stored, oldest time.Time) error {
	key := m.key(m.Region)
	var doomed []string
	if err := tx.ForEach(pointBucket+key, func(at string, decode func(any) error) error {
		var p point
		err := decode(&p)
		if p.Minute.Before(oldest) {
			doomed = append(doomed, at)
		}
		return err
	}); err != nil {
		return err
	}
	for _, at := range doomed {
		if err := tx.Delete(pointBucket+key, at); err != nil {
			return err
		}
	}
	if m.Newest.Before(oldest) {
		return tx.Delete(metricBucket, key)
	}
	return nil
}
