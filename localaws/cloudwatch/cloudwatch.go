// Package cloudwatch is the local Amazon CloudWatch: as much as a Grafana data source asks to
// see whether it works, and the usage metrics of AMP. There are no other metrics, and no alarms.
package cloudwatch

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	model      = "the SDK's model of the service (monitoring 2010-08-01)"
	simple     = "a simplification of the local cloud"
	target     = "GraniteServiceVersion20100801"
	maxQueries = 500
	maxName    = 255
)

// Services are CloudWatch in the query protocol, and in the two newer protocols
// only as far as to say that they are missing.
func Services(o Options) []gateway.Service {
	return []gateway.Service{
		{
			Name: "cloudwatch", Title: "Amazon CloudWatch", SigningName: "monitoring", Version: "2010-08-01", Protocol: gateway.Query,
			Operations: gateway.RequireActions("cloudwatch", nil, o.operations()), Rules: []gateway.Rule{
				{Text: "there are AMP's usage metrics, other metrics have no values, and there are no alarms; requests are validated",
					Basis: gateway.Assumed, Source: simple},
			},
		},
		{
			Name: "cloudwatch-json", Title: "Amazon CloudWatch, JSON protocol", SigningName: "monitoring", Version: "2010-08-01",
			TargetPrefix: target, Protocol: gateway.JSON11,
			Operations: []gateway.Operation{{Name: "ListMetrics", Serve: missing}, {Name: "GetMetricData", Serve: missing},
				{Name: "DescribeAlarms", Serve: missing}},
		},
		{
			Name: "cloudwatch-cbor", Title: "Amazon CloudWatch, RPC v2 CBOR protocol", SigningName: "monitoring", Version: "2010-08-01",
			Protocol: gateway.RESTJSON,
			Operations: []gateway.Operation{{Name: "(any)", Method: http.MethodPost, Path: "/service/" + target + "/operation/{operation}",
				Serve: missing, Rules: []gateway.Rule{
					{Text: "501: the local cloud speaks CloudWatch's query protocol only, which newer SDKs no longer do", Basis: gateway.Assumed,
						Source: simple},
				}}},
		},
	}
}

func missing(http.ResponseWriter, *gateway.Request) error {
	return &gateway.Error{Status: http.StatusNotImplemented, Code: "NotImplemented",
		Message: gateway.Simplified("speaks CloudWatch's query protocol only (version 2010-08-01)")}
}

func (o Options) operations() []gateway.Operation {
	known := []gateway.Operation{
		{Name: "ListMetrics", Serve: listMetrics, Rules: []gateway.Rule{
			{Text: "names have 1 to 255 characters, a namespace does not begin with a colon; else 400 InvalidParameterValue",
				Basis: gateway.Confirmed, Source: model + " (the constraints; the code is assumed)"},
		}},
		{Name: "GetMetricData", Serve: o.getMetricData, Rules: []gateway.Rule{
			{Text: "up to 500 queries, each with an Id and a MetricStat or an Expression; every one has the status Complete, and no values " +
				"unless it is a metric that is known",
				Basis: gateway.Confirmed, Source: model + " (that a metric without data is Complete)"},
			{Text: "AWS/Usage ResourceCount of Service Prometheus, Type Resource, Class None, ResourceId the workspace's: Resource " +
				"IngestionRate is samples a second, ActiveSeries the series that had a sample; newest first, steps without any left out",
				Basis: gateway.Confirmed, Source: usagePage + " (the values are counted from the workspace's samples)"},
		}},
		{Name: "DescribeAlarms", Serve: func(w http.ResponseWriter, r *gateway.Request) error {
			return gateway.WriteQuery(w, r, struct{ MetricAlarms, CompositeAlarms string }{})
		}},
	}
	for _, name := range []string{
		"DeleteAlarms", "DeleteAnomalyDetector", "DeleteDashboards", "DeleteInsightRules", "DeleteMetricStream", "DescribeAlarmHistory",
		"DescribeAlarmsForMetric",
		"DescribeAnomalyDetectors", "DescribeInsightRules", "DisableAlarmActions", "DisableInsightRules", "EnableAlarmActions",
		"EnableInsightRules", "GetDashboard",
		"GetInsightRuleReport", "GetMetricStatistics", "GetMetricStream", "GetMetricWidgetImage", "ListDashboards", "ListManagedInsightRules",
		"ListMetricStreams",
		"ListTagsForResource", "PutAnomalyDetector", "PutCompositeAlarm", "PutDashboard", "PutInsightRule", "PutManagedInsightRules",
		"PutMetricAlarm", "PutMetricData",
		"PutMetricStream", "SetAlarmState", "StartMetricStreams", "StopMetricStreams", "TagResource", "UntagResource",
	} {
		known = append(known, gateway.Operation{Name: name})
	}
	return known
}

func listMetrics(w http.ResponseWriter, r *gateway.Request) error {
	for _, name := range []string{"Namespace", "MetricName"} {
		value := r.Form.Get(name)
		if r.Form.Has(name) && (value == "" || len(value) > maxName) || name == "Namespace" && strings.HasPrefix(value, ":") {
			return invalid("InvalidParameterValue", "The value "+value+" for parameter "+name+" is invalid.")
		}
	}
	return gateway.WriteQuery(w, r, struct{ Metrics string }{})
}

var idPattern = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)

// member is one answer of GetMetricData.
type member struct {
	ID         string `xml:"Id"`
	Label      string
	StatusCode string
	points
}

func (o Options) getMetricData(w http.ResponseWriter, r *gateway.Request) error {
	start, errStart := time.Parse(time.RFC3339, r.Form.Get("StartTime"))
	end, errEnd := time.Parse(time.RFC3339, r.Form.Get("EndTime"))
	switch {
	case errStart != nil || errEnd != nil:
		return invalid("MissingParameter", "The parameters StartTime and EndTime are required, as times of ISO 8601.")
	case !start.Before(end):
		return invalid("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
	}
	var err error
	var results struct {
		Members []member `xml:"MetricDataResults>member"`
	}
	for i := 1; i <= maxQueries+1; i++ {
		prefix := "MetricDataQueries.member." + strconv.Itoa(i) + "."
		id := r.Form.Get(prefix + "Id")
		if id == "" {
			break
		}
		if i > maxQueries {
			return invalid("ValidationError", "The collection MetricDataQueries must not have a size greater than "+strconv.Itoa(maxQueries)+".")
		}
		if !idPattern.MatchString(id) || !has(r.Form, prefix+"MetricStat.") && !r.Form.Has(prefix+"Expression") {
			return invalid("ValidationError", "Query "+id+" needs an Id that begins with a lower case letter, and a MetricStat or an Expression.")
		}
		answer := member{ID: id, Label: id, StatusCode: "Complete"}
		if m, ok := readMetric(r.Form, prefix); ok {
			if answer.points, err = o.valuesOf(r, m, start, end); err != nil {
				return err
			}
		}
		results.Members = append(results.Members, answer)
	}
	if len(results.Members) == 0 {
		return invalid("MissingParameter", "The parameter MetricDataQueries is required.")
	}
	return gateway.WriteQuery(w, r, results)
}

func has(form url.Values, prefix string) bool {
	for name := range form {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func invalid(code, message string) error {
	return &gateway.Error{Status: http.StatusBadRequest, Code: code, Message: message}
}
