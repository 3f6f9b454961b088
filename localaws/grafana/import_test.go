package grafana_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-openapi-client-go/models"
)

// exported is a dashboard as Grafana exports it for others.
func exported() map[string]any {
	return map[string]any{
		"id": 7, "uid": "shared", "title": "Shared by ${VAR_SITE}",
		"__inputs": []any{
			map[string]any{"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus", "label": "prometheus"},
			map[string]any{"name": "VAR_SITE", "type": "constant", "value": "nobody"},
		},
		"panels": []any{map[string]any{"type": "stat", "title": "${node}", "datasource": map[string]any{"type": "prometheus",
			"uid": "${DS_PROMETHEUS}"}}},
		"templating": map[string]any{"list": []any{map[string]any{"name": "node", "datasource": "${DS_PROMETHEUS}"}}},
	}
}

func TestImportOfADashboard(t *testing.T) {
	g := startSite(t, "12.4", types.RoleEditor).grafana()
	source := &models.ImportDashboardInput{Name: "DS_PROMETHEUS", Type: "datasource", PluginID: "prometheus", Value: "amp"}
	some := []*models.ImportDashboardInput{source}
	_, err := g.Dashboards.ImportDashboard(&models.ImportDashboardRequest{Dashboard: exported(), Inputs: some})
	if !says(err, "400") || !says(err, "Dashboard input variable: VAR_SITE missing from import command") {
		t.Errorf("without an input: %v", err)
	}
	in := &models.ImportDashboardRequest{Dashboard: exported(), Inputs: []*models.ImportDashboardInput{source,
		{Name: "*", Type: "constant", Value: "us"}}}
	out, err := g.Dashboards.ImportDashboard(in)
	if err != nil {
		t.Fatal(err)
	}
	if p := out.Payload; p.UID != "shared" || p.ImportedURL != "/d/shared/shared-by-us" || !p.Imported || p.Title != "Shared by us" {
		t.Errorf("imported %+v", p)
	}
	got, err := g.Dashboards.GetDashboardByUID("shared")
	if err != nil {
		t.Fatal(err)
	}
	model := got.Payload.Dashboard.(map[string]any)
	want := map[string]any{"panels": []any{map[string]any{"type": "stat", "title": "${node}", "datasource": map[string]any{
		"type": "prometheus", "uid": "amp"}}}, "templating": map[string]any{"list": []any{map[string]any{"name": "node", "datasource": "amp"}}}}
	if diff := cmp.Diff(want, map[string]any{"panels": model["panels"], "templating": model["templating"]}); diff != "" {
		t.Error(diff)
	}
	if _, there := model["__inputs"]; there {
		t.Error("the inputs are still there")
	}
	if _, err := g.Dashboards.ImportDashboard(in); !says(err, "412") {
		t.Errorf("again: %v", err)
	}
	in.Overwrite = true
	if _, err := g.Dashboards.ImportDashboard(in); err != nil {
		t.Errorf("again, over it: %v", err)
	}
	bomb := exported()
	bomb["uid"], bomb["tags"] = "bomb", strings.Repeat("${VAR_SITE}", 1000)
	in.Dashboard, in.Inputs[1].Value = bomb, strings.Repeat("x", 1<<20)
	if _, err := g.Dashboards.ImportDashboard(in); !says(err, "413") {
		t.Errorf("a megabyte in a thousand places: %v", err)
	}
	in.Inputs[1].Value = "us"
	viewer := startSite(t, "12.4", types.RoleViewer).grafana()
	if _, err := viewer.Dashboards.ImportDashboard(in); !says(err, "403") {
		t.Errorf("a viewer: %v", err)
	}
}
