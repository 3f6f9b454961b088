package dashboard_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
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

// parallelCluster are the metrics and the log that ParallelCluster 3.16 makes of a cluster
// "test", by its templates (cw_dashboard_builder.py), and file systems' of AWS. Another
// cluster's are beside them.
func (s *site) parallelCluster(t *testing.T, at time.Time) {
	t.Helper()
	var values []cloudwatch.Value
	add := func(namespace, name string, value float64, dimensions ...string) {
		v := cloudwatch.Value{Namespace: namespace, Name: name, Value: value, At: at, Dimensions: map[string]string{}}
		for i := 0; i < len(dimensions); i += 2 {
			v.Dimensions[dimensions[i]] = dimensions[i+1]
		}
		values = append(values, v)
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
func (s *site) answer(t *testing.T, target map[string]any) map[string][]any {
	t.Helper()
	_, _, err := s.api.Datasources.QueryMetricsWithExpressions(&models.MetricRequest{From: aws.String("now-1h"), To: aws.String("now"),
		Queries: []models.JSON{target}})
	if err != nil {
		t.Errorf("%v: %v\n%s", target["expression"], err, s.last.body)
		return nil
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
	check.OK(t, json.Unmarshal(s.last.body, &answer))
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
	return got
}

// TestCloudWatchPanels asks every query of every panel over CloudWatch as Grafana's page does,
// with the rights of the stack's role, and compares what comes with what was put.
func TestCloudWatchPanels(t *testing.T) {
	s := start(t)
	s.parallelCluster(t, time.Now().UTC().Truncate(5*time.Minute).Add(-30*time.Minute))
	fill := strings.NewReplacer("$cluster", "test", "$instance_id", "i-head", "$log_group", logGroupOfTest)
	got := map[string]map[string][]any{}
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
				if target["queryMode"] == "Logs" {
					target["type"], target["subtype"], target["queryString"] = "logAction", "StartQuery", target["expression"]
					started := s.answer(t, target)["queryId"]
					if len(started) != 1 {
						t.Fatalf("%s: no query was started: %s", p.Title, s.last.body)
					}
					target["subtype"], target["queryId"] = "GetQueryResults", started[0]
				}
				for name, values := range s.answer(t, target) {
					if name != "@timestamp" && !strings.HasPrefix(name, "__log") {
						got[p.Title][name] = values
					}
				}
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
		"Longest idle time": one("MaxDynamicNodeIdleTime", 16),
		"Head node alarms":  one("CPU", 17, "memory", 18, "disk", 19),
		"FSx throughput":    one("fs-1 DataReadBytes", 20, "fs-1 DataWriteBytes", 21),
		"FSx free space":    one("fs-1", 22),
		"EFS throughput":    one("fs-2", 23),
		"EFS limit":         one("fs-2", 24),
		"Errors of the cluster's log": {"@message": {"ERROR - second", "ERROR - first"},
			"@logStream": {"head.clustermgtd", "head.clustermgtd"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Run("log groups", s.testLogGroups)
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
