package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/dataframe"
)

// cloudWatchModel is one query of a panel to CloudWatch: of metrics by name, of metrics by
// an expression, or one of the actions by which Grafana's page queries logs.
type cloudWatchModel struct {
	Type       string                     `json:"type"` // logAction, or of metrics
	Subtype    string                     `json:"subtype"`
	QueryMode  string                     `json:"queryMode"`
	Region     string                     `json:"region"`
	Namespace  string                     `json:"namespace"`
	MetricName string                     `json:"metricName"`
	Dimensions map[string]json.RawMessage `json:"dimensions"`
	Statistic  string                     `json:"statistic"`
	Period     string                     `json:"period"`
	Expression string                     `json:"expression"`
	Editor     int                        `json:"metricEditorMode"` // 1: the expression is written by hand
	QueryType  int                        `json:"metricQueryType"`  // 1: SQL
	Label      string                     `json:"label"`

	QueryString   string   `json:"queryString"`
	LogGroupNames []string `json:"logGroupNames"`
	QueryID       string   `json:"queryId"`
}

// Services of AWS that the data source asks.
const (
	monitoring = "monitoring"
	logging    = "logs"
)

// runCloudWatch asks one query.
func (s *Server) runCloudWatch(c *call, d *dataSource, q queryModel, when span) ([]dataframe.Frame, *refusal) {
	var m cloudWatchModel
	if err := json.Unmarshal(q.raw, &m); err != nil {
		return nil, &refusal{status: http.StatusBadRequest, message: "error parsing query: the query is not a CloudWatch query"}
	}
	var frames []dataframe.Frame
	var err error
	switch {
	case m.Type == "logAction" && m.Subtype == "StartQuery":
		frames, err = s.startLogs(c, d, q, m, when)
	case m.Type == "logAction" && m.Subtype == "GetQueryResults":
		frames, err = s.logResults(c, d, q, m)
	case m.Type == "logAction":
		return nil, &refusal{status: http.StatusNotImplemented, message: gateway.Simplified("does not support the log action " + m.Subtype)}
	case m.QueryMode == "Logs":
		return nil, &refusal{status: http.StatusNotImplemented,
			message: gateway.Simplified("supports only the log actions StartQuery and GetQueryResults")}
	case m.QueryType != 0:
		return nil, &refusal{status: http.StatusNotImplemented, message: gateway.Simplified("does not support Metrics Insights")}
	default:
		frames, err = s.metricValues(c, d, q, m, when)
	}
	if err != nil {
		return nil, &refusal{status: http.StatusBadRequest, message: err.Error()}
	}
	return frames, nil
}

// query is the query as GetMetricData takes it.
func (m cloudWatchModel) query(period int) (map[string]any, error) {
	out := map[string]any{"Id": "a", "ReturnData": true}
	if m.Label != "" {
		out["Label"] = m.Label
	}
	if m.Editor == 1 && m.Expression != "" {
		out["Expression"], out["Period"] = m.Expression, period
		return out, nil
	}
	if m.Namespace == "" || m.MetricName == "" || m.Statistic == "" {
		return nil, fmt.Errorf("query must have namespace, metric name and statistic")
	}
	dimensions := []map[string]string{}
	for name, raw := range m.Dimensions {
		var value string
		var values []string
		if json.Unmarshal(raw, &value) != nil && json.Unmarshal(raw, &values) == nil && len(values) == 1 {
			value = values[0]
		}
		if value == "" || value == "*" {
			return nil, fmt.Errorf("%s", gateway.Simplified("requires exactly one value of the dimension "+name))
		}
		dimensions = append(dimensions, map[string]string{"Name": name, "Value": value})
	}
	out["MetricStat"] = map[string]any{"Period": period, "Stat": m.Statistic,
		"Metric": map[string]any{"Namespace": m.Namespace, "MetricName": m.MetricName, "Dimensions": dimensions}}
	return out, nil
}

// periods are those that Grafana chooses from.
var periods = []int{60, 300, 900, 3600, 21600, 86400}

// period is how far the values of a query are apart: as it says, or so that there are at most
// two thousand.
func (m cloudWatchModel) period(when span) int {
	if n, err := strconv.Atoi(m.Period); err == nil && n >= 60 && n%60 == 0 {
		return n
	}
	if d := parseDuration(m.Period); d >= time.Minute {
		return int(d.Truncate(time.Minute).Seconds())
	}
	least := int(when.to.Sub(when.from).Seconds()) / 2000
	if i := slices.IndexFunc(periods, func(p int) bool { return p >= least }); i >= 0 {
		return periods[i]
	}
	return periods[len(periods)-1]
}

func (s *Server) metricValues(c *call, d *dataSource, q queryModel, m cloudWatchModel, when span) (frames []dataframe.Frame, err error) {
	period := m.period(when)
	query, err := m.query(period)
	if err != nil {
		return nil, err
	}
	var got struct {
		MetricDataResults []struct {
			Label      string
			Timestamps []float64
			Values     []float64
		}
	}
	in := map[string]any{"StartTime": when.from.Unix(), "EndTime": when.to.Unix() + 1, "MetricDataQueries": []any{query}}
	if err := s.askModel(c, d, m.Region, monitoring, "GetMetricData", in, &got); err != nil {
		return nil, err
	}
	for _, r := range got.MetricDataResults {
		times, values := []any{}, []any{}
		for i := len(r.Timestamps) - 1; i >= 0 && i < len(r.Values); i-- {
			times, values = append(times, int64(r.Timestamps[i]*1000)), append(values, r.Values[i])
		}
		frames = append(frames, dataframe.Of(q.RefID, r.Label, map[string]any{"period": period},
			dataframe.Column{Name: "Time", Type: "time", Values: times},
			dataframe.Column{Name: "Value", Type: "number", Legend: r.Label, Values: values}))
	}
	return frames, nil
}

// ofEvents is what Grafana puts before a query of logs, so that its page can show an event's
// surroundings.
const ofEvents = "fields @timestamp,ltrim(@log) as __log__grafana_internal__,ltrim(@logStream) as __logstream__grafana_internal__|"

func (s *Server) startLogs(c *call, d *dataSource, q queryModel, m cloudWatchModel, when span) ([]dataframe.Frame, error) {
	in := map[string]any{"queryString": ofEvents + m.QueryString, "logGroupNames": m.LogGroupNames, "startTime": when.from.Unix(),
		"endTime": when.to.Unix() + 1}
	var got struct{ QueryID string }
	if err := s.askModel(c, d, m.Region, logging, "StartQuery", in, &got); err != nil {
		return nil, err
	}
	return []dataframe.Frame{dataframe.Of(q.RefID, q.RefID, map[string]any{"Region": cmp.Or(m.Region, "default")},
		dataframe.Column{Name: "queryId", Type: "string", Values: []any{got.QueryID}})}, nil
}

func (s *Server) logResults(c *call, d *dataSource, q queryModel, m cloudWatchModel) ([]dataframe.Frame, error) {
	var got struct {
		Status  string
		Results [][]struct{ Field, Value string }
	}
	if err := s.askModel(c, d, m.Region, logging, "GetQueryResults", map[string]any{"queryId": m.QueryID}, &got); err != nil {
		return nil, err
	}
	var columns []dataframe.Column
	for i, row := range got.Results {
		for _, f := range row {
			at := slices.IndexFunc(columns, func(c dataframe.Column) bool { return c.Name == f.Field })
			if at < 0 {
				at = len(columns)
				kind := "string"
				if f.Field == "@timestamp" {
					kind = "time"
				}
				columns = append(columns, dataframe.Column{Name: f.Field, Type: kind, Values: make([]any, len(got.Results))})
			}
			columns[at].Values[i] = f.Value
			if columns[at].Type == "time" {
				when, err := time.Parse("2006-01-02 15:04:05.000", f.Value)
				if err != nil {
					return nil, fmt.Errorf("could not parse the timestamp of an event: %w", err)
				}
				columns[at].Values[i] = when.UnixMilli()
			}
		}
	}
	columns = slices.DeleteFunc(columns, func(c dataframe.Column) bool { return c.Name == "@ptr" })
	return []dataframe.Frame{dataframe.Of(q.RefID, q.RefID, map[string]any{"Status": got.Status}, columns...)}, nil
}

// askModel calls an operation of CloudWatch or of its logs with JSON.
func (s *Server) askModel(c *call, d *dataSource, region, service, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Target": {"GraniteServiceVersion20100801." + operation}}
	if service == logging {
		header = http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"Logs_20140328." + operation}}
	}
	answer, err := s.askAWS(c, d, region, service, header, body)
	if err != nil {
		return err
	}
	if c.left -= len(answer); c.left < 0 {
		return fmt.Errorf("%s", gateway.Simplified(fmt.Sprintf("returns at most %d bytes of data per request", maxAnswer)))
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("could not read the response of %s: %w", operation, err)
	}
	return nil
}

// logGroups answers a variable's query: the log groups whose names begin as it says.
func (s *Server) logGroups(c *call, d *dataSource) error {
	in := map[string]any{"limit": 50}
	if prefix := c.URL.Query().Get("logGroupNamePrefix"); prefix != "" {
		in["logGroupNamePrefix"] = prefix
	}
	groups := []any{}
	c.left = maxAnswer
	for {
		var got struct {
			LogGroups []struct{ ARN, LogGroupName string }
			NextToken string
		}
		if err := s.askModel(c, d, c.URL.Query().Get("region"), logging, "DescribeLogGroups", in, &got); err != nil {
			return refuse(http.StatusBadRequest, err.Error())
		}
		for _, g := range got.LogGroups {
			groups = append(groups, map[string]any{"value": map[string]any{"arn": g.ARN, "name": g.LogGroupName}})
		}
		if got.NextToken == "" || len(groups) >= 1000 || !strings.EqualFold(c.URL.Query().Get("listAllLogGroups"), "true") {
			return c.write(http.StatusOK, groups)
		}
		in["nextToken"] = got.NextToken
	}
}
