// Package cloudwatch is the local Amazon CloudWatch: metrics that are put, by the minute, found
// by name or by SEARCH, the usage metrics of AMP and the counts of SNS. There are no alarms. It
// speaks the three protocols that AWS's model of it has: query, JSON 1.0 and Smithy's RPC v2 with CBOR.
package cloudwatch

import (
	"fmt"
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	model      = "the SDK's model of the service (monitoring 2010-08-01)"
	simple     = "a simplification of the local cloud"
	target     = "GraniteServiceVersion20100801"
	maxQueries = 500
	maxName    = 255
	maxText    = 2048 // of an expression or a label
)

// Services are CloudWatch in each of its protocols.
func Services(o Options) []gateway.Service {
	service := func(name, title string, p gateway.Protocol) gateway.Service {
		return gateway.Service{Name: name, Title: title, SigningName: "monitoring", Version: "2010-08-01", Protocol: p,
			Operations: gateway.RequireActions("cloudwatch", nil, o.operations(p))}
	}
	query := service("cloudwatch", "Amazon CloudWatch", gateway.Query)
	query.Rules = []gateway.Rule{
		{Text: "metrics from PutMetricData are available with one-minute resolution for 15 days, as are AMP's usage metrics and SNS's " +
			"delivery metrics; alarms, percentiles, metric math and one-second metrics are not supported", Basis: gateway.Assumed, Source: simple},
	}
	targets := service("cloudwatch-json", "Amazon CloudWatch, JSON protocol", gateway.JSON10)
	targets.TargetPrefix, targets.QueryErrors = target, true
	paths := service("cloudwatch-cbor", "Amazon CloudWatch, RPC v2 CBOR protocol", gateway.CBOR)
	paths.QueryErrors = true
	paths.Rules = []gateway.Rule{
		{Text: "the operations are those of the query protocol; the header x-amzn-query-error has the query protocol's error " +
			"code", Basis: gateway.Confirmed,
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
		{"PutMetricData", o.putMetricData, []gateway.Rule{
			{Text: "a request has up to 1000 metrics with up to 30 dimensions and 150 values each; the namespace must not begin with AWS/ " +
				"or a colon, and timestamps must be between 14 days ago and 2 hours ahead; other requests are refused with " +
				"400", Basis: gateway.Confirmed, Source: model + " and the API reference, PutMetricData"},
			{Text: "the condition key cloudwatch:namespace is not set", Basis: gateway.Assumed, Source: simple},
		}},
		{"ListMetrics", o.listMetrics, []gateway.Rule{
			{Text: "names have 1 to 255 characters, and a namespace must not begin with a colon; other values are refused with 400 " +
				"InvalidParameterValue",
				Basis: gateway.Confirmed, Source: model + " (documents the constraints; the error code is an assumption)"},
			{Text: "metrics with a data point in the last two weeks are listed, or, with RecentlyActive, in the last 3 hours; a page has " +
				"500 metrics",
				Basis:  gateway.Confirmed,
				Source: "CloudWatch API reference, ListMetrics"},
		}},
		{"GetMetricData", o.getMetricData, []gateway.Rule{
			{Text: "up to 500 queries, each with an Id and a MetricStat or an Expression; a metric without data has the status Complete and " +
				"no values",
				Basis: gateway.Confirmed, Source: model},
			{Text: "an Expression has up to 2048 characters; a Label too, which is a limit of the local cloud", Basis: gateway.Confirmed,
				Source: model},
			{Text: "SEARCH('{NAMESPACE,DIMENSION} NAME=\"VALUE\"', 'STATISTIC', PERIOD) returns each metric that has exactly these " +
				"dimensions and has values in the time range; other expressions are refused with 400 ValidationError", Basis: gateway.Confirmed,
				Source: "CloudWatch user guide, search expressions (refusing other expressions is a limitation of the local cloud)"},
			{Text: "in a Label, ${PROP('MetricName')}, ${PROP('Namespace')} and ${PROP('Dim.NAME')} are replaced with their values; the " +
				"default label of a metric is its name, and the default labels of the metrics of a SEARCH are the names and dimensions in " +
				"which the metrics differ", Basis: gateway.Inferred,
				Source: "CloudWatch user guide, dynamic labels"},
			{Text: "namespace AWS/Usage has the metric ResourceCount with the dimensions Service Prometheus, Type Resource, Class None and " +
				"the workspace's ResourceId; with Resource IngestionRate it counts samples per second, with ActiveSeries the series that " +
				"received a sample; values are sorted from the newest, and steps without data are omitted",
				Basis: gateway.Confirmed, Source: usagePage + " (the values are counted from the workspace's samples)"},
			{Text: "namespace AWS/SNS has NumberOfMessagesPublished, NumberOfNotificationsDelivered and NumberOfNotificationsFailed by " +
				"TopicName, with the statistic Sum",
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
	"PutCompositeAlarm", "PutDashboard", "PutInsightRule", "PutManagedInsightRules", "PutMetricAlarm", "PutMetricStream",
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

func describeAlarms(*gateway.Request, decoder) (any, error) {
	return struct{ MetricAlarms, CompositeAlarms list[struct{}] }{}, nil
}
