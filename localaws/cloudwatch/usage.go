package cloudwatch

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/gateway"
)

const usagePage = "AMP user guide, AMP-CW-usage-metrics and AMP-costs"

// Options are what CloudWatch knows of other services.
type Options struct {
	// Usage is what a workspace of AMP took, in steps of time; nil where there is none.
	Usage func(ctx context.Context, region, workspaceID string, from time.Time, step time.Duration, steps int) ([]dataplane.Usage, error)
}

// metric is one that a query of GetMetricData names.
type metric struct {
	namespace, name string
	dimensions      map[string]string
	period          time.Duration
	stat            string
}

// readMetric reads the MetricStat of a query; ok is false where it has none that makes sense.
func readMetric(form url.Values, prefix string) (m metric, ok bool) {
	prefix += "MetricStat."
	seconds, err := strconv.Atoi(form.Get(prefix + "Period"))
	m = metric{namespace: form.Get(prefix + "Metric.Namespace"), name: form.Get(prefix + "Metric.MetricName"),
		stat: form.Get(prefix + "Stat"), dimensions: map[string]string{}, period: time.Duration(seconds) * time.Second}
	for i := 1; i <= 30; i++ {
		at := prefix + "Metric.Dimensions.member." + strconv.Itoa(i) + "."
		name := form.Get(at + "Name")
		if name == "" {
			break
		}
		m.dimensions[name] = form.Get(at + "Value")
	}
	return m, err == nil && seconds >= 60 && seconds%60 == 0 && seconds <= 86400
}

// points are a metric's values by time, newest first as CloudWatch sends them; those of no known
// metric are none.
type points struct {
	Timestamps []string  `xml:"Timestamps>member"`
	Values     []float64 `xml:"Values>member"`
}

// valuesOf computes a metric. A step without a value is left out.
func (o Options) valuesOf(r *gateway.Request, m metric, from, to time.Time) (p points, err error) {
	if o.Usage == nil || m.namespace != "AWS/Usage" || m.name != "ResourceCount" || m.dimensions["Service"] != "Prometheus" ||
		m.dimensions["Type"] != "Resource" || m.dimensions["Class"] != "None" {
		return p, nil
	}
	from = from.Truncate(m.period)
	steps := int(to.Sub(from) / m.period)
	if to.Sub(from)%m.period > 0 {
		steps++
	}
	all, err := o.Usage(r.Context(), r.Region, m.dimensions["ResourceId"], from, m.period, steps)
	if err != nil {
		return p, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		value := 0.0
		switch m.dimensions["Resource"] {
		case "IngestionRate":
			// The mean of the minutes that are over: of a period that still runs, of a part.
			over := min(m.period, r.Now.Sub(from.Add(time.Duration(i)*m.period)))
			value = float64(all[i].Samples) / max(over.Seconds(), 1)
		case "ActiveSeries":
			value = float64(all[i].Series)
		}
		if value > 0 { // a metric that is missing is the same as one of 0
			p.Timestamps = append(p.Timestamps, from.Add(time.Duration(i)*m.period).UTC().Format(time.RFC3339))
			p.Values = append(p.Values, value)
		}
	}
	return p, nil
}
