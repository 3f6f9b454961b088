package grafana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdkamp "github.com/aws/aws-sdk-go-v2/service/amp"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	openapi "github.com/grafana/grafana-openapi-client-go/client"
	"github.com/grafana/grafana-openapi-client-go/models"

	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// site is a workspace with a token of an administrator, and an AMP workspace.
type site struct {
	*cloud
	workspace *types.WorkspaceDescription
	amp       string // prometheusEndpoint
	key       string
}

func startSite(t *testing.T, version string, role types.Role) *site {
	t.Helper()
	c := start(t, t.TempDir(), nil)
	s := &site{cloud: c, workspace: create(t, c.client(), func(in *sdk.CreateWorkspaceInput) { in.GrafanaVersion = &version })}
	made, err := c.prometheus().CreateWorkspace(t.Context(), &sdkamp.CreateWorkspaceInput{})
	if err != nil {
		t.Fatal(err)
	}
	s.amp = c.URL() + "/workspaces/" + *made.WorkspaceId + "/"
	s.key = s.token(t, role)
	return s
}

func (s *site) token(t *testing.T, role types.Role) string {
	t.Helper()
	id := account(t, s.client(), s.workspace.Id, "of "+string(role), role)
	token, err := tokenOf(t, s.client(), s.workspace.Id, id, "t", 600)
	if err != nil {
		t.Fatal(err)
	}
	return *token.Key
}

// grafana is a client that others wrote.
func (s *site) grafana() *openapi.GrafanaHTTPAPI {
	return openapi.NewHTTPClientWithConfig(nil, &openapi.TransportConfig{Host: *s.workspace.Endpoint, BasePath: "/api",
		Schemes: []string{"http"}, APIKey: s.key})
}

// call makes a request of its own and returns the status and the body.
func (s *site) call(t *testing.T, method, path string, in any) (int, map[string]any) {
	t.Helper()
	status, raw := s.raw(t, method, path, in)
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, path, status, raw, err)
	}
	return status, out
}

func (s *site) raw(t *testing.T, method, path string, in any) (int, []byte) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+*s.workspace.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.key != "" {
		req.Header.Set("Authorization", "Bearer "+s.key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, raw
}

func sigV4() map[string]any {
	return map[string]any{"httpMethod": "POST", "sigV4Auth": true, "sigV4AuthType": "ec2_iam_role", "sigV4Region": "us-east-2",
		"sigv4Service": "aps"}
}

func (s *site) amazonPrometheus() *models.AddDataSourceCommand {
	return &models.AddDataSourceCommand{
		Name: "Amazon Managed Prometheus", UID: "amp", Type: "grafana-amazonprometheus-datasource", Access: "proxy", URL: s.amp, IsDefault: true,
		JSONData: sigV4(), SecureJSONData: map[string]string{"sigV4AccessKey": "secret"},
	}
}

// says reports whether err has this in its text.
func says(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

func TestDataSourcesThroughAClient(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	client := s.grafana().Datasources
	added, err := client.AddDataSource(s.amazonPrometheus())
	if err != nil {
		t.Fatal(err)
	}
	d := added.Payload.Datasource
	if *added.Payload.Message != "Datasource added" || d.UID != "amp" || !d.IsDefault || d.Version != 1 || d.ReadOnly ||
		!d.SecureJSONFields["sigV4AccessKey"] {
		t.Errorf("added %+v", d)
	}
	if status, raw := s.raw(t, "GET", "/api/datasources/uid/amp", nil); status != 200 || strings.Contains(string(raw), `secret"`) {
		t.Errorf("the data source is %d %s", status, raw)
	}
	again := s.amazonPrometheus()
	again.UID = "other"
	if _, err := client.AddDataSource(again); !says(err, "409") || !says(err, "data source with the same name already exists") {
		t.Errorf("the same name: %v", err)
	}
	again.Name, again.UID = "other", "amp"
	if _, err := client.AddDataSource(again); !says(err, "data source with the same uid already exists") {
		t.Errorf("the same uid: %v", err)
	}
	again.UID = "a.b"
	if _, err := client.AddDataSource(again); !says(err, "400") {
		t.Errorf("a uid that 12 refuses: %v", err)
	}
	again.UID = ""
	if _, err := client.AddDataSource(again); err != nil {
		t.Fatal(err)
	}
	if got, err := client.GetDataSourceByUID("amp"); err != nil || got.Payload.IsDefault {
		t.Errorf("two default data sources: %+v, %v", got, err)
	}
	repaired, err := client.UpdateDataSourceByUID("amp", &models.UpdateDataSourceCommand{
		Name: "Amazon Managed Prometheus", UID: "amp", Type: "grafana-amazonprometheus-datasource", Access: "proxy", URL: s.amp, IsDefault: true,
		JSONData: sigV4(), Version: 1})
	if err != nil || repaired.Payload.Datasource.Version != 2 || !repaired.Payload.Datasource.SecureJSONFields["sigV4AccessKey"] {
		t.Errorf("repaired %+v, %v", repaired, err)
	}
	if _, err := client.UpdateDataSourceByUID("amp", &models.UpdateDataSourceCommand{
		Name: "Amazon Managed Prometheus", Type: "prometheus", Access: "proxy", URL: s.amp, Version: 1}); !says(err, "updated by someone else") {
		t.Errorf("an old version: %v", err)
	}
	list, err := client.GetDataSources()
	if err != nil || len(list.Payload) != 2 || list.Payload[0].Name != "Amazon Managed Prometheus" || !list.Payload[0].IsDefault {
		t.Errorf("list %+v, %v", list, err)
	}
	if got, err := client.GetDataSourceByName("Amazon Managed Prometheus"); err != nil || got.Payload.UID != "amp" {
		t.Errorf("by name: %+v, %v", got, err)
	}
	if _, err := client.DeleteDataSourceByName("other"); err != nil {
		t.Error(err)
	}
	if _, err := client.DeleteDataSourceByUID("amp"); err != nil {
		t.Error(err)
	}
	if _, err := client.GetDataSourceByUID("amp"); !says(err, "Data source not found") {
		t.Errorf("after its deletion: %v", err)
	}
}

func TestHealthByVersionAndType(t *testing.T) {
	for _, tc := range []struct{ version, kind, auth, says string }{
		{"12.4", "grafana-amazonprometheus-datasource", "ec2_iam_role", ""},
		{"12.4", "grafana-amazonprometheus-datasource", "default", ""},
		{"10.4", "prometheus", "ec2_iam_role", ""},
		{"9.4", "prometheus", "ec2_iam_role", ""},
		{"12.4", "prometheus", "ec2_iam_role",
			"403 Forbidden: Missing Authentication Token - There was an error returned querying the Prometheus API."},
		{"10.4", "grafana-amazonprometheus-datasource", "ec2_iam_role", "Plugin not found"},
		{"12.4", "grafana-amazonprometheus-datasource", "workspace-iam-role", "trying to use non-allowed auth method workspace-iam-role"},
		{"10.4", "prometheus", "keys", "trying to use non-allowed auth method keys"},
	} {
		t.Run(tc.version+" "+tc.kind+" "+tc.auth, func(t *testing.T) {
			s := startSite(t, tc.version, types.RoleAdmin)
			in := s.amazonPrometheus()
			in.Type = tc.kind
			in.JSONData.(map[string]any)["sigV4AuthType"] = tc.auth
			if _, err := s.grafana().Datasources.AddDataSource(in); err != nil {
				t.Fatal(err)
			}
			_, got := s.call(t, "GET", "/api/datasources/uid/amp/health", nil)
			message := fmt.Sprint(got["message"])
			if tc.says == "" && (got["status"] != "OK" || message != "Successfully queried the Prometheus API.") ||
				!strings.Contains(message, tc.says) {
				t.Errorf("health %v", got)
			}
			if _, err := s.grafana().Datasources.CheckDatasourceHealthWithUID("amp"); (err == nil) != (tc.says == "") {
				t.Errorf("a client gets %v", err)
			}
		})
	}
}

// TestQueryPolicyBites proves that queries are the workspace role's: without
// permission for them, nothing that asks AMP works, and AWS says why.
func TestQueryPolicyBites(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(s.amazonPrometheus()); err != nil {
		t.Fatal(err)
	}
	s.deny("aps:QueryMetrics")
	want := "User: arn:aws:sts::111122223333:assumed-role/pcluster-infra-grafana/" + *s.workspace.Id +
		" is not authorized to perform: aps:QueryMetrics on resource: arn:aws:aps:us-east-2:111122223333:workspace/" + strings.Split(s.amp,
		"/")[4] +
		" because no identity-based policy allows the aps:QueryMetrics action"
	if status, got := s.call(t, "GET", "/api/datasources/uid/amp/health", nil); status != 400 || got["status"] != "ERROR" ||
		got["message"] != "403 Forbidden: "+want+" - There was an error returned querying the Prometheus API." {
		t.Errorf("health %d %v", status, got)
	}
	status, raw := s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","expr":"up"}`))
	if status != 400 || !strings.Contains(string(raw), want) || !strings.Contains(string(raw), `"status":403`) {
		t.Errorf("query %d %s", status, raw)
	}
	if status, raw := s.raw(t, "GET", "/api/datasources/proxy/uid/amp/api/v1/query?query=up", nil); status != 403 ||
		!strings.Contains(string(raw), want) {
		t.Errorf("proxy %d %s", status, raw)
	}
	for _, path := range []string{"%2e%2e%2fother/api/v1/query", "api/%2e%2e/%2e%2e/x", "%252e%252e%252fother", "..%5cother"} {
		for _, below := range []string{"proxy/uid/amp/", "uid/amp/resources/"} {
			if status, raw := s.raw(t, "GET", "/api/datasources/"+below+path, nil); status != 400 ||
				!strings.Contains(string(raw), "the path is malformed") {
				t.Errorf("%s%s: %d %s", below, path, status, raw)
			}
		}
	}
	many := panel(strings.TrimSuffix(strings.Repeat(`{"refId":"A","expr":"up"},`, 201), ","))
	if status, raw := s.raw(t, "POST", "/api/ds/query", many); status != 400 || !strings.Contains(string(raw), "runs at most 200 queries") {
		t.Errorf("201 queries: %d %.200s", status, raw)
	}
	s.deny("aps:GetLabels")
	if status, raw := s.raw(t, "GET", "/api/datasources/uid/amp/resources/api/v1/labels", nil); status != 403 ||
		!strings.Contains(string(raw), "aps:GetLabels") {
		t.Errorf("resources %d %s", status, raw)
	}
	s.deny()
	if status, got := s.call(t, "GET", "/api/datasources/uid/amp/health", nil); status != 200 {
		t.Errorf("health with permission %d %v", status, got)
	}
}

func panel(queries ...string) json.RawMessage {
	return json.RawMessage(`{"from":"now-1h","to":"now","queries":[` + strings.Join(queries, ",") + `]}`)
}

func TestQueries(t *testing.T) {
	s := startSite(t, "12.4", types.RoleViewer)
	viewer := s.key
	s.key = s.token(t, types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(s.amazonPrometheus()); err != nil {
		t.Fatal(err)
	}
	s.key = viewer // looks, and does no more
	const labelled = `label_replace(vector(42), \"node\", \"a\", \"\", \"\")`
	status, raw := s.raw(t, "POST", "/api/ds/query", panel(
		`{"refId":"A","datasource":{"uid":"amp"},"expr":"`+labelled+`","instant":true,"legendFormat":"node {{ node }}"}`,
		`{"refId":"B","datasource":{"uid":"amp","type":"grafana-amazonprometheus-datasource"},"expr":"vector(1)","range":true,"intervalMs":60000}`,
		`{"refId":"C","expr":"`+labelled+`","instant":true,"format":"table"}`,
		`{"refId":"D","expr":"vector(NaN)","instant":true}`,
		`{"refId":"E","expr":"nothing_at_all","instant":true}`,
		`{"refId":"F","expr":"rate(x[$__rate_interval]) + $__range_s","instant":true}`,
	))
	if status != 200 {
		t.Fatalf("%d %s", status, raw)
	}
	var out struct {
		Results map[string]struct {
			Frames []struct {
				Schema struct {
					RefID, Name string
					Meta        struct{ ExecutedQueryString string }
					Fields      []struct {
						Name, Type string
						Labels     map[string]string
					}
				}
				Data struct {
					Values   [][]any
					Entities []map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	a := out.Results["A"].Frames[0]
	if a.Schema.RefID != "A" || a.Schema.Name != "node a" || a.Schema.Fields[1].Labels["node"] != "a" || a.Schema.Fields[1].Name != "Value" ||
		a.Data.Values[1][0] != 42.0 {
		t.Errorf("instant %+v", a)
	}
	if b := out.Results["B"].Frames[0]; len(b.Data.Values[0]) < 60 || len(b.Data.Values[0]) != len(b.Data.Values[1]) ||
		b.Data.Values[0][1].(float64)-b.Data.Values[0][0].(float64) != 60000 {
		t.Errorf("range %+v", b)
	}
	if c := out.Results["C"].Frames[0]; len(c.Schema.Fields) != 3 || c.Schema.Fields[1].Name != "node" || c.Data.Values[1][0] != "a" ||
		c.Data.Values[2][0] != 42.0 {
		t.Errorf("table %+v", c)
	}
	if d := out.Results["D"].Frames[0]; d.Data.Values[1][0] != nil || fmt.Sprint(d.Data.Entities[1]["NaN"]) != "[0]" {
		t.Errorf("NaN %+v", d)
	}
	if e := out.Results["E"].Frames[0]; len(e.Schema.Fields) != 0 {
		t.Errorf("nothing %+v", e)
	}
	if f := out.Results["F"].Frames[0].Schema.Meta.ExecutedQueryString; !strings.HasPrefix(f, "Expr: rate(x[60s]) + 3600\n") {
		t.Errorf("variables %q", f)
	}

	from, to := "now-5m", "now"
	if ok, _, err := s.grafana().Datasources.QueryMetricsWithExpressions(&models.MetricRequest{From: &from, To: &to, Queries: []models.JSON{
		map[string]any{"refId": "A", "expr": "1+1", "datasource": map[string]any{"uid": "amp"}}}}); err != nil ||
		len(ok.Payload.Results["A"].Frames) != 1 {
		t.Errorf("through a client: %+v, %v", ok, err)
	}
	status, raw = s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","expr":"1+"}`, `{"refId":"B","expr":"vector(1)"}`))
	if status != 400 || !strings.Contains(string(raw), `"B":{"frames":[{`) || !strings.Contains(string(raw), "bad_data: ") {
		t.Errorf("one that fails: %d %s", status, raw)
	}
	for body, want := range map[string]int{`{}`: 400, `{"from":"x","to":"now","queries":[{}]}`: 400,
		`{"from":"now-1h","to":"now","queries":[{"datasource":{"uid":"none"}}]}`: 404} {
		if status, got := s.call(t, "POST", "/api/ds/query", json.RawMessage(body)); status != want {
			t.Errorf("%s: %d %v", body, status, got)
		}
	}
}

func TestCloudWatchHealth(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(&models.AddDataSourceCommand{
		Name: "CloudWatch", UID: "cloudwatch", Type: "cloudwatch", Access: "proxy",
		JSONData: map[string]any{"authType": "ec2_iam_role", "defaultRegion": "us-east-2"}}); err != nil {
		t.Fatal(err)
	}
	for denied, want := range map[string]string{
		"": "1. Successfully queried the CloudWatch metrics API.\n2. Successfully queried the CloudWatch logs API.",
		"cloudwatch:ListMetrics": "1. CloudWatch metrics query failed: AccessDenied: User: " +
			"arn:aws:sts::111122223333:assumed-role/pcluster-infra-grafana/",
		"logs:DescribeLogGroups": "2. CloudWatch logs query failed: AccessDeniedException: User: " +
			"arn:aws:sts::111122223333:assumed-role/pcluster-infra-grafana/",
	} {
		s.deny(denied)
		status, got := s.call(t, "GET", "/api/datasources/uid/cloudwatch/health", nil)
		if !strings.Contains(fmt.Sprint(got["message"]), want) || (status == 200) != (denied == "") {
			t.Errorf("without %q: %d %v", denied, status, got)
		}
	}
}

// TestCloudWatchQueries asks metrics as Grafana's panels do.
func TestCloudWatchQueries(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(&models.AddDataSourceCommand{
		Name: "CloudWatch", UID: "cloudwatch", Type: "cloudwatch", Access: "proxy",
		JSONData: map[string]any{"authType": "ec2_iam_role", "defaultRegion": "us-east-2"}}); err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(5 * time.Minute).Add(-10 * time.Minute)
	check.OK(t, s.metrics.Record("us-east-2", []cloudwatch.Value{
		{Namespace: "ParallelCluster", Name: "Errors", Dimensions: map[string]string{"ClusterName": "one"}, At: at, Value: 3},
		{Namespace: "ParallelCluster", Name: "Errors", Dimensions: map[string]string{"ClusterName": "one"}, At: at.Add(5 * time.Minute),
			Value: 4},
	}))
	const source = `"refId":"A","datasource":{"uid":"cloudwatch"},"region":"default","queryMode":"Metrics","metricQueryType":0,"period":"300"`
	values := fmt.Sprintf(`"values":[[%d,%d],[3,4]]`, at.UnixMilli(), at.Add(5*time.Minute).UnixMilli())
	builder := `{` + source + `,"metricEditorMode":0,"namespace":"ParallelCluster","metricName":"Errors","statistic":"Sum",
		"dimensions":{"ClusterName":"one"},"matchExact":true,"label":"of one"}`
	for query, want := range map[string]struct {
		status int
		says   []string
	}{
		builder: {200, []string{values, `"displayNameFromDS":"of one"`}},
		`{` + source + `,"metricEditorMode":1,"expression":"SEARCH('{ParallelCluster,ClusterName} MetricName=\"Errors\"', 'Sum', 300)"}`: {200,
			[]string{values, `"displayNameFromDS":"Errors"`}},
		`{` + source + `,"metricEditorMode":1,"expression":"m1+m2"}`:          {400, []string{"ValidationError"}},
		`{` + source + `,"namespace":"AWS/EC2"}`:                              {400, []string{"query must have"}},
		`{"refId":"A","datasource":{"uid":"cloudwatch"},"queryMode":"Logs"}`:  {400, []string{`"status":501`}},
		`{"refId":"A","datasource":{"uid":"cloudwatch"},"metricQueryType":1}`: {400, []string{`"status":501`}},
		`{"refId":"A","datasource":{"uid":"cloudwatch"},"type":"logAction"}`:  {400, []string{`"status":501`}},
	} {
		status, raw := s.raw(t, "POST", "/api/ds/query", panel(query))
		for _, says := range want.says {
			if status != want.status || !strings.Contains(string(raw), says) {
				t.Errorf("%s: %d %s\nlacks %s", query, status, raw, says)
			}
		}
	}
	s.deny("cloudwatch:GetMetricData")
	if status, raw := s.raw(t, "POST", "/api/ds/query", panel(builder)); status != 400 || !strings.Contains(string(raw), "AccessDenied") {
		t.Errorf("a role without the permission: %d %s", status, raw)
	}
}
