package grafana_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/grafana/grafana-openapi-client-go/client/folders"
	"github.com/grafana/grafana-openapi-client-go/client/search"
	"github.com/grafana/grafana-openapi-client-go/models"

	"github.com/parascope/parascope/localaws/grafana"
)

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
			model := map[string]any{"uid": "overview", "title": "Cluster overview", "tags": []string{"parascope", "nodes"}, "panels": []any{},
				"id": nil}
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
			if err != nil || got.Payload.Meta.FolderUID != "parascope" || got.Payload.Meta.Version != 2 ||
				got.Payload.Dashboard.(map[string]any)["title"] != "Cluster overview" {
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
			if updated, err := g.Folders.UpdateFolder("parascope", &models.UpdateFolderCommand{Title: "Renamed", Version: 1}); err != nil ||
				updated.Payload.Version != 2 {
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
	if _, got := s.call(t, "POST", "/api/folders",
		nil); got["message"] != "You'll need additional permissions to perform this action. Permissions needed: folders:create" {
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
	if status, got := s.call(t, "POST", "/api/dashboards/db",
		map[string]any{"dashboard": map[string]any{"uid": "d", "title": "D"}}); status != 200 {
		t.Fatal(got)
	}
	gone := create(t, s.client(), func(in *sdk.CreateWorkspaceInput) { in.WorkspaceName = aws.String("gone") })
	if _, err := s.client().DeleteWorkspace(t.Context(), &sdk.DeleteWorkspaceInput{WorkspaceId: gone.Id}); err != nil {
		t.Fatal(err)
	}
	s.Stop()
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
	if _, err := s.client().DescribeWorkspace(t.Context(), &sdk.DescribeWorkspaceInput{WorkspaceId: gone.Id}); !isError(err,
		"ResourceNotFoundException", "") {
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
	s.Stop()
	raw := contents(t, s.dir)
	if raw != "" {
		t.Errorf("left behind: %s", raw)
	}
}
