package cloudwatch

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// maxFound is how many metrics a SEARCH finds at most.
const maxFound = 500

// dataQuery is one query of GetMetricData.
type dataQuery struct {
	ID         string `json:"Id"`
	MetricStat *metricStat
	Expression *string
	Label      string
	Period     whole
	ReturnData *flag
}

// result is what GetMetricData answers to one query.
type result struct {
	ID         string `json:"Id" xml:"Id"`
	Label      string
	StatusCode string
	points
}

func (o Options) getMetricData(r *gateway.Request, read decoder) (any, error) {
	var in struct {
		StartTime, EndTime *instant
		MetricDataQueries  list[dataQuery]
	}
	if err := read(&in); err != nil {
		return nil, err
	}
	switch {
	case in.StartTime == nil || in.EndTime == nil:
		return nil, invalid("MissingParameter", "The parameters StartTime and EndTime are required, as times of ISO 8601.")
	case !in.StartTime.Before(in.EndTime.Time):
		return nil, invalid("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	case len(in.MetricDataQueries) == 0:
		return nil, invalid("MissingParameter", "The parameter MetricDataQueries is required.")
	case len(in.MetricDataQueries) > maxQueries:
		return nil, invalid("ValidationError", "The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	}
	var out struct{ MetricDataResults list[result] }
	for _, q := range in.MetricDataQueries {
		if !idPattern.MatchString(q.ID) || (q.MetricStat == nil) == (q.Expression == nil) {
			return nil, invalid("ValidationError", "Query %s must have an Id that begins with a lower case letter, and a MetricStat or an "+
				"Expression.",
				q.ID)
		}
		if q.Expression != nil && len(*q.Expression) > maxText || len(q.Label) > maxText {
			return nil, invalid("ValidationError", "The Expression and the Label of query %s must have at most %d characters.", q.ID, maxText)
		}
		if q.ReturnData != nil && !bool(*q.ReturnData) {
			continue
		}
		results, err := o.answer(r, q, in.StartTime.Time, in.EndTime.Time)
		if err != nil {
			return nil, err
		}
		out.MetricDataResults = append(out.MetricDataResults, results...)
	}
	return out, nil
}

// answer is what a query comes to: one result of a metric, and as many of an expression as
// it finds metrics.
func (o Options) answer(r *gateway.Request, q dataQuery, from, to time.Time) ([]result, error) {
	if q.Expression != nil {
		s, err := parseSearch(*q.Expression, time.Duration(q.Period)*time.Second)
		if err != nil {
			return nil, err
		}
		return o.found(r, q, s, from, to)
	}
	m := metric{q.MetricStat.Metric.Namespace, q.MetricStat.Metric.MetricName, q.MetricStat.Metric.Dimensions}
	switch {
	case m.Namespace == usageNamespace:
		values, err := o.usage(r, *q.MetricStat, from, to)
		return []result{{q.ID, label(q.Label, m, nil), "Complete", values}}, err
	case m.Namespace == topicNamespace && o.Topic != nil:
		values, err := o.ofTopic(r, *q.MetricStat, from, to)
		return []result{{q.ID, label(q.Label, m, nil), "Complete", values}}, err
	}
	if !slices.Contains(statistics, q.MetricStat.Stat) {
		return nil, invalid("ValidationError", "%s", "The value "+q.MetricStat.Stat+" for parameter Stat is invalid: "+
			gateway.Simplified("supports only the statistics "+strings.Join(statistics, ", ")))
	}
	var out []result
	err := o.State.View(func(tx *state.Tx) error {
		period := max(time.Duration(q.MetricStat.Period)*time.Second, time.Minute)
		values, err := read(tx, stored{metric: m, Region: r.Region}, q.MetricStat.Stat, period, from.Truncate(period), to)
		out = []result{{q.ID, label(q.Label, m, nil), "Complete", values}}
		return err
	})
	return out, err
}

// found are the metrics that a search finds and that have values in the time.
func (o Options) found(r *gateway.Request, q dataQuery, s search, from, to time.Time) (out []result, err error) {
	err = o.State.View(func(tx *state.Tx) error {
		all, err := metrics(tx, r.Region, func(m stored) bool { return s.finds(m.metric) })
		if err != nil {
			return err
		}
		all = all[:min(len(all), maxFound)]
		differ := apart(all)
		for _, m := range all {
			values, err := read(tx, m, s.statistic, s.period, from.Truncate(s.period), to)
			if err != nil {
				return err
			}
			if len(values.Values) > 0 {
				out = append(out, result{q.ID, label(q.Label, m.metric, differ), "Complete", values})
			}
		}
		return nil
	})
	return out, err
}

// listed is how many metrics ListMetrics answers with at once.
const listed = 500

// listMetrics lists the metrics that have had a point in two weeks.
func (o Options) listMetrics(r *gateway.Request, read decoder) (any, error) {
	var in struct {
		Namespace, MetricName, NextToken, RecentlyActive *string
		Dimensions                                       list[struct {
			Name  string
			Value *string
		}]
	}
	if err := read(&in); err != nil {
		return nil, err
	}
	for name, value := range map[string]*string{"Namespace": in.Namespace, "MetricName": in.MetricName} {
		if value != nil && (*value == "" || len(*value) > maxName || name == "Namespace" && strings.HasPrefix(*value, ":")) {
			return nil, invalid("InvalidParameterValue", "The value %s for parameter %s is invalid.", *value, name)
		}
	}
	since := r.Now.Add(-active)
	if in.RecentlyActive != nil {
		if *in.RecentlyActive != "PT3H" {
			return nil, invalid("InvalidParameterValue", "The value %s for parameter RecentlyActive is invalid.", *in.RecentlyActive)
		}
		since = r.Now.Add(-3 * time.Hour)
	}
	var all []stored
	err := o.State.View(func(tx *state.Tx) (err error) {
		all, err = metrics(tx, r.Region, func(m stored) bool {
			if m.Newest.Before(since) || in.Namespace != nil && m.Namespace != *in.Namespace || in.MetricName != nil &&
				m.MetricName != *in.MetricName {
				return false
			}
			for _, d := range in.Dimensions {
				if has, ok := m.of(d.Name); !ok || d.Value != nil && has != *d.Value {
					return false
				}
			}
			return in.NextToken == nil || m.key(m.Region) > r.Region+"\x00"+*in.NextToken
		})
		return err
	})
	var out struct {
		Metrics   list[metric]
		NextToken *string `json:",omitempty" xml:",omitempty"`
	}
	for _, m := range all[:min(len(all), listed)] {
		out.Metrics = append(out.Metrics, m.metric)
	}
	if len(all) > listed {
		_, last, _ := strings.Cut(all[listed-1].key(r.Region), "\x00")
		out.NextToken = &last
	}
	return out, err
}
