// Package cloudwatch is the local Amazon CloudWatch: as much as a Grafana data source
// asks to see whether it works, the usage metrics of AMP and the counts of SNS. There are no other
// metrics, and no alarms. It speaks the three protocols that AWS's model of it has: query, JSON 1.0
// and Smithy's RPC v2 with CBOR.
package cloudwatch

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	model      = "the SDK's model of the service (monitoring 2010-08-01)"
	simple     = "a simplification of the local cloud"
	target     = "GraniteServiceVersion20100801"
	maxQueries = 500
	maxName    = 255
)

// Services are CloudWatch in each of its protocols.
func Services(o Options) []gateway.Service {
	service := func(name, title string, p gateway.Protocol) gateway.Service {
		return gateway.Service{Name: name, Title: title, SigningName: "monitoring", Version: "2010-08-01", Protocol: p,
			Operations: gateway.RequireActions("cloudwatch", nil, o.operations(p))}
	}
	query := service("cloudwatch", "Amazon CloudWatch", gateway.Query)
	query.Rules = []gateway.Rule{
		{Text: "there are AMP's usage metrics and SNS's counts, other metrics have no values, and there are no alarms; requests are validated",
			Basis: gateway.Assumed, Source: simple},
	}
	targets := service("cloudwatch-json", "Amazon CloudWatch, JSON protocol", gateway.JSON10)
	targets.TargetPrefix, targets.QueryErrors = target, true
	paths := service("cloudwatch-cbor", "Amazon CloudWatch, RPC v2 CBOR protocol", gateway.CBOR)
	paths.QueryErrors = true
	paths.Rules = []gateway.Rule{
		{Text: "the same operations as in the query protocol; x-amzn-query-error has the code that an error has there", Basis: gateway.Confirmed,
			Source: model + ": protocols smithy-rpc-v2-cbor, json and query, awsQueryCompatible"},
	}
	return []gateway.Service{query, targets, paths}
}

// operation is one that is there.
type operation struct {
	name  string
	serve func(*gateway.Request, decoder) (any, error)
	rules []gateway.Rule
}

func (o Options) known() []operation {
	return []operation{
		{"ListMetrics", listMetrics, []gateway.Rule{
			{Text: "names have 1 to 255 characters, a namespace does not begin with a colon; else 400 InvalidParameterValue",
				Basis: gateway.Confirmed, Source: model + " (the constraints; the code is assumed)"},
		}},
		{"GetMetricData", o.getMetricData, []gateway.Rule{
			{Text: "up to 500 queries, each with an Id and a MetricStat or an Expression; every one has the status Complete, and no values " +
				"unless it is a metric that is known",
				Basis: gateway.Confirmed, Source: model + " (that a metric without data is Complete)"},
			{Text: "AWS/Usage ResourceCount of Service Prometheus, Type Resource, Class None, ResourceId the workspace's: Resource " +
				"IngestionRate is samples a second, ActiveSeries the series that had a sample; newest first, steps without any left out",
				Basis: gateway.Confirmed, Source: usagePage + " (the values are counted from the workspace's samples)"},
			{Text: "AWS/SNS NumberOfMessagesPublished, NumberOfNotificationsDelivered and NumberOfNotificationsFailed by TopicName, statistic Sum",
				Basis: gateway.Confirmed, Source: "SNS developer guide, CloudWatch metrics"},
		}},
		{"DescribeAlarms", describeAlarms, nil},
	}
}

var others = []string{
	"DeleteAlarms", "DeleteAnomalyDetector", "DeleteDashboards", "DeleteInsightRules", "DeleteMetricStream", "DescribeAlarmHistory",
	"DescribeAlarmsForMetric", "DescribeAnomalyDetectors", "DescribeInsightRules", "DisableAlarmActions", "DisableInsightRules",
	"EnableAlarmActions", "EnableInsightRules", "GetDashboard", "GetInsightRuleReport", "GetMetricStatistics", "GetMetricStream",
	"GetMetricWidgetImage", "ListDashboards", "ListManagedInsightRules", "ListMetricStreams", "ListTagsForResource", "PutAnomalyDetector",
	"PutCompositeAlarm", "PutDashboard", "PutInsightRule", "PutManagedInsightRules", "PutMetricAlarm", "PutMetricData", "PutMetricStream",
	"SetAlarmState", "StartMetricStreams", "StopMetricStreams", "TagResource", "UntagResource",
}

// operations are those of a protocol: each is reached in the protocol's way.
func (o Options) operations(p gateway.Protocol) []gateway.Operation {
	var all []gateway.Operation
	add := func(name string, serve func(http.ResponseWriter, *gateway.Request) error, rules []gateway.Rule) {
		op := gateway.Operation{Name: name, Serve: serve, Rules: rules}
		if p == gateway.CBOR {
			op.Method, op.Path = http.MethodPost, "/service/"+target+"/operation/"+name
		}
		all = append(all, op)
	}
	for _, op := range o.known() {
		rules := op.rules
		if p != gateway.Query {
			rules = nil // they stand with the query protocol
		}
		add(op.name, func(w http.ResponseWriter, r *gateway.Request) error {
			out, err := op.serve(r, func(into any) error { return decode(p, r, into) })
			if err != nil {
				return err
			}
			if p == gateway.Query {
				return gateway.WriteQuery(w, r, out)
			}
			return gateway.WriteRPC(w, r, out)
		}, rules)
	}
	for _, name := range others {
		add(name, nil, nil)
	}
	return all
}

func invalid(code, format string, args ...any) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

func listMetrics(_ *gateway.Request, read decoder) (any, error) {
	var in struct{ Namespace, MetricName *string }
	if err := read(&in); err != nil {
		return nil, err
	}
	for name, value := range map[string]*string{"Namespace": in.Namespace, "MetricName": in.MetricName} {
		if value != nil && (*value == "" || len(*value) > maxName || name == "Namespace" && strings.HasPrefix(*value, ":")) {
			return nil, invalid("InvalidParameterValue", "The value %s for parameter %s is invalid.", *value, name)
		}
	}
	return struct{ Metrics list[struct{}] }{}, nil
}

func describeAlarms(*gateway.Request, decoder) (any, error) {
	return struct{ MetricAlarms, CompositeAlarms list[struct{}] }{}, nil
}

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

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
		MetricDataQueries  list[struct {
			ID         string `json:"Id"`
			MetricStat *metricStat
			Expression *string
		}]
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
		if !idPattern.MatchString(q.ID) || q.MetricStat == nil && q.Expression == nil {
			return nil, invalid("ValidationError", "Query %s needs an Id that begins with a lower case letter, and a MetricStat or an Expression.",
				q.ID)
		}
		answer := result{ID: q.ID, Label: q.ID, StatusCode: "Complete"}
		if q.MetricStat != nil {
			var err error
			if answer.points, err = o.valuesOf(r, *q.MetricStat, in.StartTime.Time, in.EndTime.Time); err != nil {
				return nil, err
			}
		}
		out.MetricDataResults = append(out.MetricDataResults, answer)
	}
	return out, nil
}
