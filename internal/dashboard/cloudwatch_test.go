package dashboard_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-openapi-client-go/models"

	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/localtest/check"
)

const logGroupOfTest = "/aws/parallelcluster/test-202611291200"

// maximum are the metrics that are shown by their greatest value; the others are summed up.
var maximum = map[string]bool{"MaxDynamicNodeIdleTime": true, "CPUUtilization": true, "mem_used_percent": true, "disk_used_percent": true,
	"PercentIOLimit": true}

// parallelCluster are the metrics and the log that ParallelCluster 3.16 makes of a cluster
// "test", by its templates (cw_dashboard_builder.py), and file systems' of AWS. Another
// cluster's are beside them.
func (s *site) parallelCluster(t *testing.T, at time.Time) {
	t.Helper()
	var values []cloudwatch.Value
	// Two values within a period, whose sum and greatest differ, and of which one is the value.
	add := func(namespace, name string, value float64, dimensions ...string) {
		first, second := value-0.25, 0.25
		if maximum[name] {
			first, second = value, value/2
		}
		for minute, v := range []float64{first, second} {
			v := cloudwatch.Value{Namespace: namespace, Name: name, Value: v, At: at.Add(time.Duration(minute) * time.Minute),
				Dimensions: map[string]string{}}
			for i := 0; i < len(dimensions); i += 2 {
				v.Dimensions[dimensions[i]] = dimensions[i+1]
			}
			values = append(values, v)
		}
	}
	for i, name := range strings.Fields(`IamPolicyErrors VcpuLimitErrors VolumeLimitErrors InsufficientCapacityErrors OtherInstanceLaunchFailures
		InstanceBootstrapTimeoutErrors EC2HealthCheckErrors ScheduledEventHealthCheckErrors NoCorrespondingInstanceErrors
		SlurmNodeNotRespondingErrors GpuHealthCheckFailures OnNodeStartDownloadErrors OnNodeStartRunErrors OnNodeConfiguredDownloadErrors
		OnNodeConfiguredRunErrors MaxDynamicNodeIdleTime`) {
		add("ParallelCluster", name, float64(i+1), "ClusterName", "test")
		add("ParallelCluster", name, 1000, "ClusterName", "another")
	}
	add("AWS/EC2", "CPUUtilization", 17, "InstanceId", "i-head")
	add("AWS/EC2", "CPUUtilization", 99, "InstanceId", "i-other")
	add("CWAgent", "mem_used_percent", 18, "InstanceId", "i-head")
	add("CWAgent", "disk_used_percent", 19, "InstanceId", "i-head", "path", "/")
	for name, value := range map[string]float64{"DataReadBytes": 20, "DataWriteBytes": 21, "FreeDataStorageCapacity": 22} {
		add("AWS/FSx", name, value, "FileSystemId", "fs-1")
	}
	add("AWS/EFS", "MeteredIOBytes", 23, "FileSystemId", "fs-2")
	add("AWS/EFS", "PercentIOLimit", 24, "FileSystemId", "fs-2")
	check.OK(t, s.cloud.RecordMetrics(values))
	logs, stream := cloudwatchlogs.NewFromConfig(s.operator), aws.String("head.clustermgtd")
	for _, name := range []string{logGroupOfTest, "/aws/parallelcluster/tests-202611291200", "/aws/parallelcluster/test-202611201200"} {
		_, err := logs.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name})
		check.OK(t, err)
	}
	_, err := logs.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String(logGroupOfTest),
		LogStreamName: stream})
	check.OK(t, err)
	event := func(after int64, text string) types.InputLogEvent {
		return types.InputLogEvent{Timestamp: aws.Int64(at.UnixMilli() + after), Message: &text}
	}
	_, err = logs.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String(logGroupOfTest), LogStreamName: stream,
		LogEvents: []types.InputLogEvent{event(0, "ERROR - first"), event(1, "INFO - no"), event(2, "ERROR - second")}})
	check.OK(t, err)
}

// answer is what Grafana answers to a query: the values of each column after the first, by
// the name that is shown or else the column's.
func (s *site) answer(target map[string]any) (map[string][]any, error) {
	_, _, err := s.api.Datasources.QueryMetricsWithExpressions(&models.MetricRequest{From: aws.String("now-1h"), To: aws.String("now"),
		Queries: []models.JSON{target}})
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", target["expression"], err, s.last.body)
	}
	var answer struct {
		Results map[string]struct {
			Frames []struct {
				Schema struct {
					Fields []struct {
						Name   string
						Config struct{ DisplayNameFromDS string }
					}
				}
				Data struct{ Values [][]any }
			}
		}
	}
	if err := json.Unmarshal(s.last.body, &answer); err != nil {
		return nil, err
	}
	got := map[string][]any{}
	for _, r := range answer.Results {
		for _, f := range r.Frames {
			for i, field := range f.Schema.Fields {
				if name := field.Config.DisplayNameFromDS; name != "" {
					got[name] = f.Data.Values[i]
				} else if field.Name != "Time" {
					got[field.Name] = f.Data.Values[i]
				}
			}
		}
	}
	return got, nil
}

// shown is what a panel shows of a target: a query of logs is started, and then read.
func (s *site) shown(target map[string]any) (map[string][]any, error) {
	target = maps.Clone(target)
	if target["queryMode"] == "Logs" {
		target["type"], target["subtype"], target["queryString"] = "logAction", "StartQuery", target["expression"]
		started, err := s.answer(target)
		if err != nil {
			return nil, err
		}
		if len(started["queryId"]) != 1 {
			return nil, fmt.Errorf("no query was started: %s", s.last.body)
		}
		target["subtype"], target["queryId"] = "GetQueryResults", started["queryId"][0]
	}
	all, err := s.answer(target)
	maps.DeleteFunc(all, func(name string, _ []any) bool { return name == "@timestamp" || strings.HasPrefix(name, "__log") })
	return all, err
}

// TestCloudWatchPanels asks every query of every panel over CloudWatch as Grafana's page does,
// with the rights of the stack's role, and compares what comes with what was put.
func TestCloudWatchPanels(t *testing.T) {
	s := start(t)
	s.parallelCluster(t, time.Now().UTC().Truncate(5*time.Minute).Add(-30*time.Minute))
	fill := strings.NewReplacer("$cluster", "test", "$instance_id", "i-head", "$log_group", logGroupOfTest)
	got, asked := map[string]map[string][]any{}, map[string]map[string]any{}
	table := tabwriter.NewWriter(t.Output(), 2, 1, 2, ' ', 0)
	defer table.Flush()
	for _, d := range dashboard.All() {
		raw, err := d.For(dashboard.Sources{Plugin: "prometheus", Prometheus: "p", CloudWatch: "cloudwatch"})
		check.OK(t, err)
		var model struct {
			Panels []struct {
				Title      string
				Datasource struct{ Type string }
				Targets    []map[string]any
			}
		}
		check.OK(t, json.Unmarshal([]byte(fill.Replace(string(raw))), &model))
		for _, p := range model.Panels {
			if p.Datasource.Type != "cloudwatch" {
				continue
			}
			got[p.Title] = map[string][]any{}
			for _, target := range p.Targets {
				name := fmt.Sprintf("%s/%s/%s", strings.TrimPrefix(d.UID, "parascope-"), p.Title, target["refId"])
				one, err := s.shown(target)
				check.OK(t, err)
				maps.Copy(got[p.Title], one)
				asked[name] = target
				fmt.Fprintf(table, "%s\tCloudWatch %d\n", name, len(one))
			}
		}
	}
	one := func(values ...any) map[string][]any {
		out := map[string][]any{}
		for i := 0; i < len(values); i += 2 {
			out[values[i].(string)] = []any{float64(values[i+1].(int))}
		}
		return out
	}
	want := map[string]map[string][]any{
		"Instances that did not start": one("IamPolicyErrors", 1, "VcpuLimitErrors", 2, "VolumeLimitErrors", 3, "InsufficientCapacityErrors", 4,
			"OtherInstanceLaunchFailures", 5, "InstanceBootstrapTimeoutErrors", 6, "OnNodeStartDownloadErrors", 12, "OnNodeStartRunErrors", 13,
			"OnNodeConfiguredDownloadErrors", 14, "OnNodeConfiguredRunErrors", 15),
		"Unhealthy instances": one("EC2HealthCheckErrors", 7, "ScheduledEventHealthCheckErrors", 8, "NoCorrespondingInstanceErrors", 9,
			"SlurmNodeNotRespondingErrors", 10, "GpuHealthCheckFailures", 11),
		"Longest idle time of a node":           one("MaxDynamicNodeIdleTime", 16),
		"CPU, memory and disk of the head node": one("CPU", 17, "memory", 18, "disk", 19),
		"FSx data in five minutes":              one("fs-1 DataReadBytes", 20, "fs-1 DataWriteBytes", 21),
		"FSx free space":                        one("fs-1", 22),
		"EFS data in five minutes":              one("fs-2", 23),
		"EFS I/O limit used":                    one("fs-2", 24),
		"Errors in the cluster's log": {"@message": {"ERROR - second", "ERROR - first"},
			"@logStream": {"head.clustermgtd", "head.clustermgtd"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Logf("%d targets over CloudWatch, all compared", len(asked))
	t.Run("mutations", func(t *testing.T) { s.testMutations(t, asked) })
	t.Run("log groups", s.testLogGroups)
}

// testMutations changes each name and each constant of the expressions in turn: the answer must be
// another.
func (s *site) testMutations(t *testing.T, asked map[string]map[string]any) {
	tried := 0
	for name, target := range asked {
		want, err := s.shown(target)
		check.OK(t, err)
		for _, changed := range mutants(target["expression"].(string)) {
			tried++
			mutant := maps.Clone(target)
			mutant["expression"] = changed
			if got, err := s.shown(mutant); err == nil && cmp.Equal(got, want) {
				t.Errorf("%s: nothing notices %s", name, changed)
			}
		}
	}
	if tried < 50 {
		t.Errorf("%d mutations were tried", tried)
	}
	t.Logf("%d mutations were tried", tried)
}

// token is a string, a name, a number or anything else of an expression of CloudWatch.
var token = regexp.MustCompile(`"[^"]*"|@?[a-zA-Z_]\w*|\d+|.`)

// others are what words are changed to that a letter more makes no expression of.
var others = map[string]string{"Sum": "Maximum", "Maximum": "Sum", "desc": "asc", "300": "60", "100": "1"}

// mutants changes each name and each constant of an expression in turn, and no word of the language.
func mutants(expression string) (all []string) {
	pieces := token.FindAllString(expression, -1)
	language := strings.Fields("SEARCH OR fields filter like sort limit")
	for i, p := range pieces {
		changed, ok := others[p]
		switch {
		case ok:
		case slices.Contains(language, p), len(p) == 1 && !regexp.MustCompile(`\w`).MatchString(p):
			continue
		case p[0] == '"':
			changed = p[:len(p)-1] + `x"`
		default:
			changed = p + "x"
		}
		all = append(all, strings.Join(pieces[:i], "")+changed+strings.Join(pieces[i+1:], ""))
	}
	return all
}

// testLogGroups asks what the variable of log groups asks.
func (s *site) testLogGroups(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.outputs["ManagedGrafanaWorkspaceEndpoint"]+
		"/api/datasources/uid/cloudwatch/resources/log-groups?region=default&logGroupNamePrefix=/aws/parallelcluster/test-", nil)
	check.OK(t, err)
	r.Header.Set("Authorization", "Bearer "+s.token)
	resp, err := (&http.Client{Transport: s.last}).Do(r)
	check.OK(t, err)
	check.OK(t, resp.Body.Close())
	var groups []struct{ Value struct{ ARN, Name string } }
	check.OK(t, json.Unmarshal(s.last.body, &groups))
	if len(groups) != 2 || groups[0].Value.Name != "/aws/parallelcluster/test-202611201200" || !strings.Contains(groups[1].Value.ARN,
		":log-group:"+logGroupOfTest) {
		t.Errorf("the choice is %v", groups)
	}
}
