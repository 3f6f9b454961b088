package grafana_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkamp "github.com/aws/aws-sdk-go-v2/service/amp"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	openapi "github.com/grafana/grafana-openapi-client-go/client"
	"github.com/grafana/grafana-openapi-client-go/client/folders"
	"github.com/grafana/grafana-openapi-client-go/client/search"
	"github.com/grafana/grafana-openapi-client-go/models"

	"github.com/parascope/parascope/internal/localaws/grafana"
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
	s.amp = c.url + "/workspaces/" + *made.WorkspaceId + "/"
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
	return openapi.NewHTTPClientWithConfig(nil, &openapi.TransportConfig{Host: *s.workspace.Endpoint, BasePath: "/api", Schemes: []string{"http"}, APIKey: s.key})
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
	return map[string]any{"httpMethod": "POST", "sigV4Auth": true, "sigV4AuthType": "ec2_iam_role", "sigV4Region": "us-east-2", "sigv4Service": "aps"}
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
	if *added.Payload.Message != "Datasource added" || d.UID != "amp" || !d.IsDefault || d.Version != 1 || d.ReadOnly || !d.SecureJSONFields["sigV4AccessKey"] {
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
		Name: "Amazon Managed Prometheus", UID: "amp", Type: "grafana-amazonprometheus-datasource", Access: "proxy", URL: s.amp, IsDefault: true, JSONData: sigV4(), Version: 1})
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
		{"12.4", "prometheus", "ec2_iam_role", "403 Forbidden: Missing Authentication Token - There was an error returned querying the Prometheus API."},
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
			if tc.says == "" && (got["status"] != "OK" || message != "Successfully queried the Prometheus API.") || !strings.Contains(message, tc.says) {
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
		" is not authorized to perform: aps:QueryMetrics on resource: arn:aws:aps:us-east-2:111122223333:workspace/" + strings.Split(s.amp, "/")[4] +
		" because no identity-based policy allows the aps:QueryMetrics action"
	if status, got := s.call(t, "GET", "/api/datasources/uid/amp/health", nil); status != 400 || got["status"] != "ERROR" ||
		got["message"] != "403 Forbidden: "+want+" - There was an error returned querying the Prometheus API." {
		t.Errorf("health %d %v", status, got)
	}
	status, raw := s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","expr":"up"}`))
	if status != 400 || !strings.Contains(string(raw), want) || !strings.Contains(string(raw), `"status":403`) {
		t.Errorf("query %d %s", status, raw)
	}
	if status, raw := s.raw(t, "GET", "/api/datasources/proxy/uid/amp/api/v1/query?query=up", nil); status != 403 || !strings.Contains(string(raw), want) {
		t.Errorf("proxy %d %s", status, raw)
	}
	s.deny("aps:GetLabels")
	if status, raw := s.raw(t, "GET", "/api/datasources/uid/amp/resources/api/v1/labels", nil); status != 403 || !strings.Contains(string(raw), "aps:GetLabels") {
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
	if a.Schema.RefID != "A" || a.Schema.Name != "node a" || a.Schema.Fields[1].Labels["node"] != "a" || a.Schema.Fields[1].Name != "Value" || a.Data.Values[1][0] != 42.0 {
		t.Errorf("instant %+v", a)
	}
	if b := out.Results["B"].Frames[0]; len(b.Data.Values[0]) < 60 || len(b.Data.Values[0]) != len(b.Data.Values[1]) || b.Data.Values[0][1].(float64)-b.Data.Values[0][0].(float64) != 60000 {
		t.Errorf("range %+v", b)
	}
	if c := out.Results["C"].Frames[0]; len(c.Schema.Fields) != 3 || c.Schema.Fields[1].Name != "node" || c.Data.Values[1][0] != "a" || c.Data.Values[2][0] != 42.0 {
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
		map[string]any{"refId": "A", "expr": "1+1", "datasource": map[string]any{"uid": "amp"}}}}); err != nil || len(ok.Payload.Results["A"].Frames) != 1 {
		t.Errorf("through a client: %+v, %v", ok, err)
	}
	status, raw = s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","expr":"1+"}`, `{"refId":"B","expr":"vector(1)"}`))
	if status != 400 || !strings.Contains(string(raw), `"B":{"frames":[{`) || !strings.Contains(string(raw), "bad_data: ") {
		t.Errorf("one that fails: %d %s", status, raw)
	}
	for body, want := range map[string]int{`{}`: 400, `{"from":"x","to":"now","queries":[{}]}`: 400, `{"from":"now-1h","to":"now","queries":[{"datasource":{"uid":"none"}}]}`: 404} {
		if status, got := s.call(t, "POST", "/api/ds/query", json.RawMessage(body)); status != want {
			t.Errorf("%s: %d %v", body, status, got)
		}
	}
}

func TestCloudWatchHealth(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(&models.AddDataSourceCommand{
		Name: "CloudWatch", UID: "cloudwatch", Type: "cloudwatch", Access: "proxy", JSONData: map[string]any{"authType": "ec2_iam_role", "defaultRegion": "us-east-2"}}); err != nil {
		t.Fatal(err)
	}
	for denied, want := range map[string]string{
		"":                       "1. Successfully queried the CloudWatch metrics API.\n2. Successfully queried the CloudWatch logs API.",
		"cloudwatch:ListMetrics": "1. CloudWatch metrics query failed: AccessDenied: User: arn:aws:sts::111122223333:assumed-role/pcluster-infra-grafana/",
		"logs:DescribeLogGroups": "2. CloudWatch logs query failed: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/pcluster-infra-grafana/",
	} {
		s.deny(denied)
		status, got := s.call(t, "GET", "/api/datasources/uid/cloudwatch/health", nil)
		if !strings.Contains(fmt.Sprint(got["message"]), want) || (status == 200) != (denied == "") {
			t.Errorf("without %q: %d %v", denied, status, got)
		}
	}
	status, raw := s.raw(t, "POST", "/api/ds/query", panel(`{"refId":"A","datasource":{"uid":"cloudwatch"},"namespace":"AWS/EC2"}`))
	if status != 400 || !strings.Contains(string(raw), `"status":501`) {
		t.Errorf("query %d %s", status, raw)
	}
}

func TestFoldersAndDashboardsThroughAClient(t *testing.T) {
	for _, version := range []string{"10.4", "12.4"} {
		t.Run(version, func(t *testing.T) {
			s := startSite(t, version, types.RoleEditor)
			g := s.grafana()
			folder, err := g.Folders.CreateFolder(&models.CreateFolderCommand{UID: "parascope", Title: "Parascope"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.Folders.CreateFolder(&models.CreateFolderCommand{UID: "parascope", Title: "Other"}); !says(err, "412") {
				t.Errorf("the same uid: %v", err)
			}
			_, err = g.Folders.CreateFolder(&models.CreateFolderCommand{UID: "second", Title: "Parascope"})
			if version == "10.4" && !says(err, "409") || version == "12.4" && err != nil {
				t.Errorf("the same name: %v", err)
			}
			model := map[string]any{"uid": "overview", "title": "Cluster overview", "tags": []string{"parascope", "nodes"}, "panels": []any{}, "id": nil}
			save := func(model map[string]any, overwrite bool) error {
				_, err := g.Dashboards.PostDashboard(&models.SaveDashboardCommand{Dashboard: model, FolderUID: "parascope", Overwrite: overwrite})
				return err
			}
			if err := save(model, true); err != nil {
				t.Fatal(err)
			}
			if err := save(model, true); err != nil {
				t.Errorf("again: %v", err)
			}
			if err := save(model, false); !says(err, "412") || !says(err, "version-mismatch") {
				t.Errorf("without overwrite: %v", err)
			}
			got, err := g.Dashboards.GetDashboardByUID("overview")
			if err != nil || got.Payload.Meta.FolderUID != "parascope" || got.Payload.Meta.Version != 2 || got.Payload.Dashboard.(map[string]any)["title"] != "Cluster overview" {
				t.Errorf("%+v, %v", got, err)
			}
			namesake := save(map[string]any{"title": "Cluster overview"}, false)
			if version == "10.4" && !says(namesake, "name-exists") || version == "12.4" && namesake != nil {
				t.Errorf("the same name: %v", namesake)
			}
			for name, bad := range map[string]map[string]any{
				"uid too long":                    {"title": "t", "uid": strings.Repeat("u", 41)},
				"uid contains illegal characters": {"title": "t", "uid": "a/b"},
				"title cannot be empty":           {"uid": "t"},
				"Dashboard not found":             {"title": "t", "id": 999},
			} {
				if err := save(bad, true); !says(err, name) {
					t.Errorf("%s: %v", name, err)
				}
			}
			find := func(change func(*search.SearchParams)) int {
				t.Helper()
				params := search.NewSearchParams()
				change(params)
				out, err := g.Search.Search(params)
				if err != nil {
					t.Fatal(err)
				}
				return len(out.Payload)
			}
			if n := find(func(p *search.SearchParams) { p.Tag = []string{"parascope"}; p.Type = aws.String("dash-db") }); n != 1 {
				t.Errorf("%d with the tag", n)
			}
			if n := find(func(p *search.SearchParams) {
				p.Query = aws.String("OVERVIEW")
				p.FolderUIDs = []string{folder.Payload.UID}
			}); n == 0 {
				t.Error("none in the folder")
			}
			if n := find(func(p *search.SearchParams) { p.Query = aws.String("no such") }); n != 0 {
				t.Errorf("%d without a match", n)
			}
			if updated, err := g.Folders.UpdateFolder("parascope", &models.UpdateFolderCommand{Title: "Renamed", Version: 1}); err != nil || updated.Payload.Version != 2 {
				t.Errorf("renamed: %+v, %v", updated, err)
			}
			if _, err := g.Folders.UpdateFolder("parascope", &models.UpdateFolderCommand{Title: "Late", Version: 1}); !says(err, "412") {
				t.Errorf("an old version: %v", err)
			}
			if _, err := g.Folders.DeleteFolder(folders.NewDeleteFolderParams().WithFolderUID("parascope")); err != nil {
				t.Error(err)
			}
			if _, err := g.Dashboards.GetDashboardByUID("overview"); !says(err, "Dashboard not found") {
				t.Errorf("a dashboard of a deleted folder: %v", err)
			}
		})
	}
}

func TestRolesAndRefusals(t *testing.T) {
	s := startSite(t, "12.4", types.RoleViewer)
	viewer, editor, admin := s.key, s.token(t, types.RoleEditor), s.token(t, types.RoleAdmin)
	for _, tc := range []struct {
		method, path           string
		nobody, view, edit, ad int
	}{
		{"GET", "/healthz", 200, 200, 200, 200},
		{"GET", "/api/health", 404, 404, 404, 404},
		{"GET", "/api/access-control/roles", 404, 404, 404, 404},
		{"GET", "/api/user", 401, 200, 200, 200},
		{"GET", "/api/org", 401, 200, 200, 200},
		{"GET", "/api/org/users", 401, 403, 403, 200},
		{"GET", "/api/frontend/settings", 401, 200, 200, 200},
		{"GET", "/api/datasources", 401, 403, 403, 200},
		{"POST", "/api/datasources", 401, 403, 403, 400},
		{"GET", "/api/datasources/1", 401, 403, 403, 404},
		{"POST", "/api/folders", 401, 403, 400, 400},
		{"POST", "/api/dashboards/db", 401, 403, 400, 400},
		{"GET", "/api/search", 401, 200, 200, 200},
		{"PATCH", "/api/search", 404, 404, 404, 404},
	} {
		for key, want := range map[string]int{"": tc.nobody, viewer: tc.view, editor: tc.edit, admin: tc.ad} {
			s.key = key
			if status, raw := s.raw(t, tc.method, tc.path, map[string]any{}); status != want {
				t.Errorf("%s %s: %d %s, want %d", tc.method, tc.path, status, raw, want)
			}
		}
	}
	s.key = viewer
	if _, got := s.call(t, "POST", "/api/folders", nil); got["message"] != "You'll need additional permissions to perform this action. Permissions needed: folders:create" {
		t.Errorf("refused with %v", got)
	}
	s.key = "glsa_nonsense"
	if _, got := s.call(t, "GET", "/api/org", nil); got["message"] != "Invalid API key" || got["messageId"] != "api-key.invalid" {
		t.Errorf("refused with %v", got)
	}
}

// TestRestart: what was made is there after a restart, on the same address.
func TestRestart(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(s.amazonPrometheus()); err != nil {
		t.Fatal(err)
	}
	if status, got := s.call(t, "POST", "/api/dashboards/db", map[string]any{"dashboard": map[string]any{"uid": "d", "title": "D"}}); status != 200 {
		t.Fatal(got)
	}
	gone := create(t, s.client(), func(in *sdk.CreateWorkspaceInput) { in.WorkspaceName = aws.String("gone") })
	if _, err := s.client().DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: gone.Id}); err != nil {
		t.Fatal(err)
	}
	s.stop()
	s.cloud = start(t, s.dir, func(*grafana.Options) {})
	if w := describe(t, s.client(), s.workspace.Id); *w.Endpoint != *s.workspace.Endpoint || w.Status != types.WorkspaceStatusActive {
		t.Errorf("after the restart %+v", w)
	}
	if status, _ := s.call(t, "GET", "/api/datasources/uid/amp", nil); status != 200 {
		t.Errorf("the data source: %d", status)
	}
	if status, _ := s.call(t, "GET", "/api/dashboards/uid/d", nil); status != 200 {
		t.Errorf("the dashboard: %d", status)
	}
	if _, err := s.client().DescribeWorkspace(t.Context(), &sdk.DescribeWorkspaceInput{WorkspaceId: gone.Id}); !isError(err, "ResourceNotFoundException", "") {
		t.Errorf("the deleted workspace: %v", err)
	}
}

// TestDeletedWorkspacesLeaveNothing: a bucket with something of a workspace that
// is gone would give it to whoever gets its id.
func TestDeletedWorkspacesLeaveNothing(t *testing.T) {
	s := startSite(t, "12.4", types.RoleAdmin)
	if _, err := s.grafana().Datasources.AddDataSource(s.amazonPrometheus()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client().DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: s.workspace.Id}); err != nil {
		t.Fatal(err)
	}
	if out, err := s.client().ListWorkspaces(t.Context(), nil); err != nil || len(out.Workspaces) != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	s.stop()
	raw := contents(t, s.dir)
	if raw != "" {
		t.Errorf("left behind: %s", raw)
	}
}
