package cloudwatch

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

const usagePage = "AMP user guide, AMP-CW-usage-metrics and AMP-costs"

// Namespaces of metrics that are made from what other services know.
const (
	usageNamespace = "AWS/Usage"
	topicNamespace = "AWS/SNS"
)

// Options are where CloudWatch keeps metrics, and what it knows of other services.
type Options struct {
	State *state.DB
	// Usage is what a workspace of AMP took, in steps of time; nil where there is none.
	Usage func(ctx context.Context, region, workspaceID string, from time.Time, step time.Duration, steps int) ([]dataplane.Usage, error)
	// Topic is how often something happened to a topic of SNS, in steps of time; nil where there is no such metric.
	Topic func(region, topic, metric string, from time.Time, step time.Duration, steps int) []float64
}

// metricStat is a metric that a query of GetMetricData names.
type metricStat struct {
	Metric struct {
		Namespace, MetricName string
		Dimensions            list[dimension]
	}
	Period whole
	Stat   string
}

// whole is a whole number, which forms have as text.
type whole int

// UnmarshalJSON reads a number, or the text of one.
func (n *whole) UnmarshalJSON(raw []byte) error {
	value, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	*n = whole(value)
	return err
}

// number is a number, which forms have as text.
type number float64

// UnmarshalJSON reads a number, or the text of one.
func (n *number) UnmarshalJSON(raw []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	*n = number(value)
	return err
}

// flag is true or false, which forms have as text.
type flag bool

// UnmarshalJSON reads a boolean, or the text of one.
func (b *flag) UnmarshalJSON(raw []byte) error {
	value, err := strconv.ParseBool(strings.Trim(string(raw), `"`))
	*b = flag(value)
	return err
}

// points are a metric's values by time, newest first as CloudWatch sends them; those of no known
// metric are none.
type points struct {
	Timestamps list[instant]
	Values     list[float64]
}

// usage computes a metric of what AMP took. A step without a value is left out.
func (o Options) usage(r *gateway.Request, m metricStat, from, to time.Time) (p points, err error) {
	dimensions := map[string]string{}
	for _, d := range m.Metric.Dimensions {
		dimensions[d.Name] = d.Value
	}
	if o.Usage == nil || m.Metric.MetricName != "ResourceCount" ||
		dimensions["Service"] != "Prometheus" || dimensions["Type"] != "Resource" || dimensions["Class"] != "None" ||
		m.Period < 60 || m.Period%60 != 0 || m.Period > 86400 {
		return p, nil
	}
	from, period, steps := m.steps(from, to)
	all, err := o.Usage(r.Context(), r.Region, dimensions["ResourceId"], from, period, steps)
	if err != nil {
		return p, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		value := 0.0
		switch dimensions["Resource"] {
		case "IngestionRate":
			// The mean of the minutes that are over: of a period that still runs, of a part.
			over := min(period, r.Now.Sub(from.Add(time.Duration(i)*period)))
			value = float64(all[i].Samples) / max(over.Seconds(), 1)
		case "ActiveSeries":
			value = float64(all[i].Series)
		}
		if value > 0 { // a metric that is missing is the same as one of 0
			p.Timestamps = append(p.Timestamps, instant{from.Add(time.Duration(i) * period).UTC()})
			p.Values = append(p.Values, value)
		}
	}
	return p, nil
}

// steps are the periods that a time is covered by.
func (m metricStat) steps(from, to time.Time) (first time.Time, period time.Duration, steps int) {
	period = time.Duration(m.Period) * time.Second
	first = from.Truncate(period)
	steps = int(to.Sub(first) / period)
	if to.Sub(first)%period > 0 {
		steps++
	}
	return first, period, steps
}

const maxSteps = 100_800 // data points that one request of GetMetricData returns

// ofTopic computes a metric of SNS: sums, of steps in which something happened.
func (o Options) ofTopic(r *gateway.Request, m metricStat, from, to time.Time) (p points, err error) {
	var topic string
	for _, d := range m.Metric.Dimensions {
		if d.Name == "TopicName" {
			topic = d.Value
		}
	}
	if m.Period < 60 || m.Period%60 != 0 || m.Period > 86400 || m.Stat != "Sum" {
		return p, nil
	}
	from, period, steps := m.steps(from, to)
	if steps > maxSteps {
		return p, invalid("ValidationError", "The request has more than %d data points.", maxSteps)
	}
	all := o.Topic(r.Region, topic, m.Metric.MetricName, from, period, steps)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] > 0 {
			p.Timestamps = append(p.Timestamps, instant{from.Add(time.Duration(i) * period).UTC()})
			p.Values = append(p.Values, all[i])
		}
	}
	return p, nil
}
