package dashboard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	openapi "github.com/grafana/grafana-openapi-client-go/client"
	"github.com/grafana/grafana-openapi-client-go/client/search"
	"github.com/grafana/grafana-openapi-client-go/models"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/collect"
	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// site is the stack, as AWS would have it, on a local cloud.
type site struct {
	cloud    *localtest.Cloud
	operator aws.Config
	outputs  map[string]string
	api      *openapi.GrafanaHTTPAPI // a client that we did not write, as an administrator
	last     *lastAnswer
	token    string // the client's
}

// lastAnswer keeps what the client's models leave out: they have no place for a data
// frame's fields.
type lastAnswer struct{ body []byte }

// RoundTrip passes a request on and keeps a copy of the answer's body.
func (l *lastAnswer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	l.body, err = io.ReadAll(resp.Body)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(l.body))
	return resp, err
}

func start(t *testing.T) *site {
	t.Helper()
	_, err := artifact.LoadFunction(artifact.HostArchitecture())
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("%v: 'make function' builds it", err)
	}
	check.OK(t, err)
	cloud := localtest.Start(t, localaws.Options{})
	s := &site{last: &lastAnswer{}, cloud: cloud, operator: cloud.Operator()}
	s.up(t)
	s.signIn(t)
	return s
}

func stopping(t *testing.T, stop func(context.Context) error) func() {
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		if err := stop(ctx); err != nil {
			t.Error(err)
		}
	}
}

// up creates the stack.
func (s *site) up(t *testing.T) {
	t.Helper()
	packed, err := artifact.Package(t.Context(), s.operator, artifact.PackageOptions{Architecture: artifact.HostArchitecture(),
		CreateBucket: true}, func(string) {})
	check.OK(t, err)
	infra := stack.New(s.operator, "pcluster-infra")
	template, err := stack.Template(packed.Place)
	check.OK(t, err)
	set, err := infra.Plan(t.Context(), template, nil)
	check.OK(t, err)
	check.OK(t, set.Execute(t.Context()))
	state, err := infra.Watch(t.Context(), "pcluster-infra", func(e stack.Event) {
		if e.Failed() {
			t.Errorf("%s: %s", e.LogicalID, e.Reason)
		}
	})
	check.OK(t, err)
	if state.Status != "CREATE_COMPLETE" {
		t.Fatalf("the stack is %s", state.Status)
	}
	s.outputs = state.Outputs
}

// signIn makes the client.
func (s *site) signIn(t *testing.T) {
	t.Helper()
	client, id := amg.NewFromConfig(s.operator), aws.String(s.outputs["ManagedGrafanaWorkspaceId"])
	account, err := client.CreateWorkspaceServiceAccount(t.Context(),
		&amg.CreateWorkspaceServiceAccountInput{WorkspaceId: id, Name: aws.String("person"), GrafanaRole: types.RoleAdmin})
	check.OK(t, err)
	token, err := client.CreateWorkspaceServiceAccountToken(t.Context(), &amg.CreateWorkspaceServiceAccountTokenInput{
		WorkspaceId: id, ServiceAccountId: account.Id, Name: aws.String("person"), SecondsToLive: aws.Int32(3600)})
	check.OK(t, err)
	s.token = *token.ServiceAccountToken.Key
	s.api = openapi.NewHTTPClientWithConfig(nil, &openapi.TransportConfig{
		Host: s.outputs["ManagedGrafanaWorkspaceEndpoint"], BasePath: "/api", Schemes: []string{"http"}, APIKey: *token.ServiceAccountToken.Key,
		Client: &http.Client{Transport: s.last},
	})
}

// sendNodeMetrics measures this machine and sends what it measures, as a cluster's nodes
// and its head do.
func (s *site) sendNodeMetrics(t *testing.T) {
	t.Helper()
	o := collect.DefaultOptions()
	o.Address = "127.0.0.1:0"
	node, err := collect.New(o)
	check.OK(t, err)
	check.OK(t, node.Start(t.Context()))
	t.Cleanup(stopping(t, node.Stop))
	keys, err := s.operator.Credentials.Retrieve(t.Context())
	check.OK(t, err)
	file := filepath.Join(t.TempDir(), "prometheus.yml")
	check.OK(t, os.WriteFile(file, fmt.Appendf(nil, `
global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {cluster: test}}
scrape_configs: [{job_name: node, static_configs: [{targets: [%q]}]}]
remote_write: [{url: "%sapi/v1/remote_write", sigv4: {region: %s, access_key: %s, secret_key: %q},
	queue_config: {batch_send_deadline: 100ms}}]
`, node.Addr(), s.outputs["AMPPrometheusEndpoint"], s.operator.Region, keys.AccessKeyID, keys.SecretAccessKey), 0o600))
	agent := head.DefaultOptions()
	agent.ConfigFile, agent.StoragePath, agent.ListenAddress = file, t.TempDir(), "127.0.0.1:0"
	h, err := head.Start(t.Context(), agent)
	check.OK(t, err)
	t.Cleanup(stopping(t, h.Stop))
}

// query runs one query over the last five minutes and returns how many series came.
func (s *site) query(t *testing.T, target map[string]any) (series int) {
	t.Helper()
	ok, partly, err := s.api.Datasources.QueryMetricsWithExpressions(&models.MetricRequest{From: aws.String("now-5m"), To: aws.String("now"),
		Queries: []models.JSON{target}})
	if err != nil || partly != nil || len(ok.Payload.Results) != 1 {
		t.Errorf("%v: %v\n%s", target["expr"], err, s.last.body)
		return 0
	}
	var answer struct {
		Results map[string]struct {
			Error  string
			Frames []struct {
				Schema struct{ Fields []struct{ Name string } }
				Data   struct{ Values [][]any }
			}
		}
	}
	check.OK(t, json.Unmarshal(s.last.body, &answer))
	for _, r := range answer.Results {
		if r.Error != "" {
			t.Errorf("%v: %s", target["expr"], r.Error)
		}
		for _, f := range r.Frames {
			if len(f.Schema.Fields) > 1 && len(f.Data.Values) > 1 && len(f.Data.Values[1]) > 0 {
				series++
			}
		}
	}
	return series
}

// TestDashboardsInGrafana drives the workspace's Grafana with grafana-openapi-client-go:
// the data sources that the stack made, the dashboards that it installed and their
// queries, over this machine's own metrics.
func TestDashboardsInGrafana(t *testing.T) {
	s := start(t)
	s.sendNodeMetrics(t)
	t.Run("data sources", s.testDataSources)
	for _, d := range dashboard.All() {
		t.Run(d.Title, func(t *testing.T) {
			s.testImport(t, d)
			s.testQueries(t, d)
			t.Run("page", func(t *testing.T) { s.testPage(t, d) })
		})
	}
}

func (s *site) testDataSources(t *testing.T) {
	client := s.api.Datasources
	list, err := client.GetDataSources()
	check.OK(t, err)
	if len(list.Payload) != 2 || list.Payload[0].Name != "Amazon Managed Prometheus" || !list.Payload[0].IsDefault ||
		list.Payload[1].Name != "CloudWatch" {
		t.Fatalf("the stack made %s", s.last.body)
	}
	own, err := client.GetDataSourceByName("Amazon Managed Prometheus")
	check.OK(t, err)
	copied := &models.AddDataSourceCommand{Name: "a copy", UID: "copy", Type: own.Payload.Type, Access: own.Payload.Access,
		URL: own.Payload.URL, JSONData: own.Payload.JSONData}
	copied.URL = "http://127.0.0.1:9"
	_, err = client.AddDataSource(copied)
	check.OK(t, err)
	if _, err := client.CheckDatasourceHealthWithUID("copy"); err == nil {
		t.Error("a data source that nobody answers for is healthy")
	}
	_, err = client.UpdateDataSourceByUID("copy", &models.UpdateDataSourceCommand{
		Name: "a copy", UID: "copy", Type: own.Payload.Type, Access: own.Payload.Access, URL: own.Payload.URL, JSONData: own.Payload.JSONData})
	check.OK(t, err)
	for _, uid := range []string{"copy", own.Payload.UID} {
		if _, err := client.CheckDatasourceHealthWithUID(uid); err != nil || !bytes.Contains(s.last.body, []byte(`"OK"`)) {
			t.Errorf("health of %s: %v: %s", uid, err, s.last.body)
		}
	}
	_, err = client.DeleteDataSourceByUID("copy")
	check.OK(t, err)
}

// testImport imports the dashboard as a person does, over the installed one and as a
// copy, and finds both.
func (s *site) testImport(t *testing.T, d dashboard.Dashboard) {
	t.Helper()
	own, err := s.api.Datasources.GetDataSourceByName("Amazon Managed Prometheus")
	check.OK(t, err)
	raw, err := d.For(dashboard.Sources{Plugin: own.Payload.Type, Prometheus: own.Payload.UID, CloudWatch: "cloudwatch"})
	check.OK(t, err)
	var model map[string]any
	check.OK(t, json.Unmarshal(raw, &model))
	installed, err := s.api.Dashboards.GetDashboardByUID(d.UID)
	check.OK(t, err)
	if installed.Payload.Meta.FolderUID != "parascope" {
		t.Errorf("the stack installed it in folder %q", installed.Payload.Meta.FolderUID)
	}
	_, err = s.api.Dashboards.PostDashboard(&models.SaveDashboardCommand{Dashboard: model, FolderUID: "parascope", Overwrite: true})
	check.OK(t, err)
	model["uid"], model["title"] = "a-copy", d.Title+" of my own"
	_, err = s.api.Dashboards.PostDashboard(&models.SaveDashboardCommand{Dashboard: model})
	check.OK(t, err)
	found, err := s.api.Search.Search(search.NewSearchParams().WithQuery(aws.String(strings.ToLower(d.Title))).WithType(aws.String("dash-db")))
	check.OK(t, err)
	where := map[string]string{}
	for _, hit := range found.Payload {
		where[hit.UID] = hit.FolderUID
	}
	if folder, ok := where["a-copy"]; where[d.UID] != "parascope" || !ok || folder != "" {
		t.Errorf("the search found %v", where)
	}
	_, err = s.api.Dashboards.DeleteDashboardByUID("a-copy")
	check.OK(t, err)
}

// here are the panels that have data on any machine whose node program is scraped, by
// dashboard. The proof asks all panels, of clusters that have something to show.
var here = map[string][]string{
	"parascope-cluster-overview": {"Nodes up", "Nodes down"},
	"parascope-nodes":            {"Lowest available memory", "Load per CPU", "Busiest CPUs"},
	"parascope-node":             {"CPU busy", "CPU by mode", "Load per CPU", "Memory"},
	"parascope-pipeline": {"Targets not answering", "Samples per scrape, by job", "Targets with the most samples",
		"Slowest scrapes", "Versions"},
}

// testQueries runs every query of every panel, and of every variable what Grafana
// asks for it.
func (s *site) testQueries(t *testing.T, d dashboard.Dashboard) {
	t.Helper()
	installed, err := s.api.Dashboards.GetDashboardByUID(d.UID)
	check.OK(t, err)
	raw, err := json.Marshal(installed.Payload.Dashboard)
	check.OK(t, err)
	var model struct {
		Panels []struct {
			Type, Title string
			Targets     []map[string]any
		}
		Templating struct{ List []struct{ Name string } }
	}
	check.OK(t, json.Unmarshal(raw, &model))
	var variables []string
	for _, v := range model.Templating.List {
		variables = append(variables, "$"+v.Name, ".*", "${"+v.Name+"}", ".*")
	}
	all := strings.NewReplacer(variables...)

	// A rate needs two scrapes.
	rate := map[string]any{"refId": "A", "expr": "rate(node_cpu_seconds_total[1m])", "range": true, "interval": "1s"}
	check.Await(t, "two scrapes have arrived", check.That(func() bool { return s.query(t, rate) > 0 }))
	needed := slices.Clone(here[d.UID])
	for _, panel := range model.Panels {
		if panel.Type == "row" {
			continue
		}
		if len(panel.Targets) == 0 {
			t.Errorf("panel %q asks nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			expr, ok := target["expr"].(string)
			if !ok {
				continue // of CloudWatch
			}
			target["expr"] = all.Replace(expr)
			target["interval"], target["maxDataPoints"] = "1s", 500 // steps as far apart as scrapes are here
			n := s.query(t, target)
			if slices.Contains(here[d.UID], panel.Title) { // at a moment whose scrape the machine had no second for it has none
				check.Await(t, fmt.Sprintf("panel %q, query %v: series for %s", panel.Title, target["refId"], target["expr"]),
					check.That(func() bool { return n > 0 || s.query(t, target) > 0 }))
			}
		}
		needed = slices.DeleteFunc(needed, func(title string) bool { return title == panel.Title })
	}
	if len(needed) > 0 {
		t.Errorf("there are no panels %q", needed)
	}
}
