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
)

// Services are CloudWatch in each of its protocols.
func Services(o Options) []gateway.Service {
	service := func(name, title string, p gateway.Protocol) gateway.Service {
		return gateway.Service{Name: name, Title: title, SigningName: "monitoring", Version: "2010-08-01", Protocol: p,
			Operations: gateway.RequireActions("cloudwatch", nil, o.operations(p))}
	}
	query := service("cloudwatch", "Amazon CloudWatch", gateway.Query)
	query.Rules = []gateway.Rule{
		{Text: "available are metrics from PutMetricData with one-minute resolution for 15 days, AMP's usage metrics and SNS's counts; " +
			"alarms, percentiles, metric math and one-second metrics are not supported", Basis: gateway.Assumed, Source: simple},
	}
	targets := service("cloudwatch-json", "Amazon CloudWatch, JSON protocol", gateway.JSON10)
	targets.TargetPrefix, targets.QueryErrors = target, true
	paths := service("cloudwatch-cbor", "Amazon CloudWatch, RPC v2 CBOR protocol", gateway.CBOR)
	paths.QueryErrors = true
	paths.Rules = []gateway.Rule{
		{Text: "the same operations as in the query protocol; x-amzn-query-error has the error code of that protocol", Basis: gateway.Confirmed,
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
			{Text: "up to 1000 metrics with up to 30 dimensions and 150 values each, not in a namespace that begins with AWS/ or a colon, from 14 " +
				"days ago to 2 hours ahead; else 400", Basis: gateway.Confirmed, Source: model + " and the API reference, PutMetricData"},
			{Text: "the condition key cloudwatch:namespace is not set", Basis: gateway.Assumed, Source: simple},
		}},
		{"ListMetrics", o.listMetrics, []gateway.Rule{
			{Text: "names have 1 to 255 characters, a namespace does not begin with a colon; else 400 InvalidParameterValue",
				Basis: gateway.Confirmed, Source: model + " (documents the constraints; the error code is an assumption)"},
			{Text: "metrics with a data point in the last two weeks, or in the last 3 hours with RecentlyActive; 500 per page",
				Basis:  gateway.Confirmed,
				Source: "CloudWatch API reference, ListMetrics"},
		}},
		{"GetMetricData", o.getMetricData, []gateway.Rule{
			{Text: "up to 500 queries, each with an Id and a MetricStat or an Expression; a metric without data has the status Complete and " +
				"no values",
				Basis: gateway.Confirmed, Source: model},
			{Text: "SEARCH('{NAMESPACE,DIMENSION} NAME=\"VALUE\"', 'STATISTIC', PERIOD) answers with each metric that has exactly these " +
				"dimensions and values in the time; other expressions are 400 ValidationError", Basis: gateway.Confirmed,
				Source: "CloudWatch user guide, search expressions (refusing other expressions is a limitation of the local cloud)"},
			{Text: "in a Label ${PROP('MetricName')}, ${PROP('Namespace')} and ${PROP('Dim.NAME')} are filled in; without one a metric is " +
				"called by " +
				"its name, and metrics of a SEARCH by the names and dimensions in which they differ", Basis: gateway.Inferred,
				Source: "CloudWatch user guide, dynamic labels"},
			{Text: "AWS/Usage ResourceCount of Service Prometheus, Type Resource, Class None, ResourceId the workspace's: Resource " +
				"IngestionRate is samples a second, ActiveSeries the series that had a sample; newest first; steps without data are omitted",
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
