package cloudwatch

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// Bounds of PutMetricData, by AWS's model of the service and its reference.
const (
	maxData       = 1000
	maxValues     = 150
	maxDimensions = 30
	maxMagnitude  = 0x1p360
	oldestPut     = 14 * 24 * time.Hour
	newestPut     = 2 * time.Hour
)

// datum is one entry of PutMetricData.
type datum struct {
	MetricName      string
	Dimensions      list[dimension]
	Timestamp       *instant
	Value           *number
	Values, Counts  list[number]
	StatisticValues *struct{ SampleCount, Sum, Minimum, Maximum number }
}

// metricData is the input of PutMetricData.
type metricData struct {
	Namespace  string
	MetricData list[datum]
}

// putMetricData stores what it is given, all or nothing.
func (o Options) putMetricData(r *gateway.Request, read decoder) (any, error) {
	var in metricData
	if err := read(&in); err != nil {
		return nil, err
	}
	if in.Namespace == "" || len(in.Namespace) > maxName || strings.HasPrefix(in.Namespace, "AWS/") || strings.HasPrefix(in.Namespace, ":") {
		return nil, invalid("InvalidParameterValue", "The value %s for parameter Namespace is invalid.", in.Namespace)
	}
	if len(in.MetricData) == 0 {
		return nil, invalid("MissingParameter", "The parameter MetricData is required.")
	}
	if len(in.MetricData) > maxData {
		return nil, invalid("InvalidParameterValue", "The collection MetricData must not have a size greater than %d.", maxData)
	}
	return struct{}{}, o.store(r.Region, r.Now, in.Namespace, in.MetricData)
}

func (o Options) store(region string, now time.Time, namespace string, data []datum) error {
	return o.State.Update(func(tx *state.Tx) error {
		for _, d := range data {
			p, err := d.point(now)
			if err != nil {
				return err
			}
			if err := put(tx, region, metric{namespace, d.MetricName, d.Dimensions}, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// point is what a datum is for its minute.
func (d datum) point(now time.Time) (point, error) {
	if d.MetricName == "" || len(d.MetricName) > maxName || len(d.Dimensions) > maxDimensions {
		return point{}, invalid("InvalidParameterValue", "The metric %q must have a name of 1 to %d characters, and at most %d dimensions.",
			d.MetricName, maxName, maxDimensions)
	}
	for _, dim := range d.Dimensions {
		if dim.Name == "" || len(dim.Name) > maxName || strings.HasPrefix(dim.Name, ":") || dim.Value == "" || len(dim.Value) > 1024 {
			return point{}, invalid("InvalidParameterValue", "The dimension %q of metric %s is invalid.", dim.Name, d.MetricName)
		}
	}
	at := now
	if d.Timestamp != nil {
		at = d.Timestamp.Time
	}
	if at.Before(now.Add(-oldestPut)) || at.After(now.Add(newestPut)) {
		return point{}, invalid("InvalidParameterValue", "The value %s for parameter Timestamp is invalid: it is older than 14 days or more "+
			"than 2 hours ahead.", at.UTC().Format(time.RFC3339))
	}
	p := point{Minute: at.UTC().Truncate(time.Minute)}
	all := d.Values
	switch given := (d.Value != nil) != (d.StatisticValues != nil) != (len(d.Values) > 0); {
	case !given, len(d.Values) > maxValues, len(d.Counts) > 0 && len(d.Counts) != len(d.Values):
		return point{}, invalid("InvalidParameterCombination", "The metric %s must have exactly one of Value, StatisticValues and "+
			"Values; Values has up to %d numbers, and Counts the same length.", d.MetricName, maxValues)
	case d.StatisticValues != nil:
		s := d.StatisticValues
		p.Min, p.Max, p.Sum, p.Number = float64(s.Minimum), float64(s.Maximum), float64(s.Sum), float64(s.SampleCount)
	case d.Value != nil:
		all = list[number]{*d.Value}
	}
	for i, v := range all {
		count := 1.0
		if len(d.Counts) > 0 {
			count = float64(d.Counts[i])
		}
		p = p.add(point{p.Minute, float64(v), float64(v), float64(v) * count, count})
	}
	for _, v := range []float64{p.Min, p.Max, p.Sum} {
		if math.IsNaN(v) || math.Abs(v) > maxMagnitude {
			return point{}, invalid("InvalidParameterValue", "A value of metric %s is not a number between -2^360 and 2^360.", d.MetricName)
		}
	}
	if p.Number <= 0 {
		return point{}, invalid("InvalidParameterValue", "The metric %s has no samples.", d.MetricName)
	}
	return p, nil
}

// Value is a metric's value at a time, of the local cloud's own: clients may put none into
// namespaces of AWS.
type Value struct {
	Namespace, Name string
	Dimensions      map[string]string
	At              time.Time
	Value           float64
}

// Record stores values in a region, each in the place of what its minute had.
func (o Options) Record(region string, values []Value) error {
	return o.State.Update(func(tx *state.Tx) error {
		for _, v := range values {
			m := metric{Namespace: v.Namespace, MetricName: v.Name}
			for _, name := range slices.Sorted(maps.Keys(v.Dimensions)) {
				m.Dimensions = append(m.Dimensions, dimension{name, v.Dimensions[name]})
			}
			p := point{v.At.UTC().Truncate(time.Minute), v.Value, v.Value, v.Value, 1}
			if err := tx.Delete(pointBucket+m.key(region), p.key()); err != nil {
				return err
			}
			if err := put(tx, region, m, p); err != nil {
				return err
			}
		}
		return nil
	})
}
