package site

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// workspace makes a Grafana workspace of a version, with data sources under these uids.
func workspace(t *testing.T, cfg aws.Config, name, version, plugin, prometheus string) (id string) {
	t.Helper()
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("grafana-" + name),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
			`"Principal":{"Service":"grafana.amazonaws.com"}}]}`)})
	check.OK(t, err)
	out, err := amg.NewFromConfig(cfg).CreateWorkspace(t.Context(), &amg.CreateWorkspaceInput{WorkspaceName: &name,
		AccountAccessType: types.AccountAccessTypeCurrentAccount, PermissionType: types.PermissionTypeCustomerManaged,
		AuthenticationProviders: []types.AuthenticationProviderTypes{types.AuthenticationProviderTypesAwsSso},
		WorkspaceRoleArn:        role.Role.Arn, GrafanaVersion: &version})
	check.OK(t, err)
	id = *out.Workspace.Id
	check.Await(t, "the workspace is ACTIVE", check.That(func() bool {
		w, err := amg.NewFromConfig(cfg).DescribeWorkspace(t.Context(), &amg.DescribeWorkspaceInput{WorkspaceId: &id})
		return err == nil && w.Workspace.Status == types.WorkspaceStatusActive
	}))
	borrow(t, cfg, id, func(client *grafana.Client) error {
		return errors.Join(
			client.CreateDataSource(t.Context(), grafana.DataSource{Name: "AMP", UID: prometheus, Type: plugin, Access: "proxy",
				URL: "http://127.0.0.1:9", IsDefault: true}),
			client.CreateDataSource(t.Context(), grafana.DataSource{Name: "CW", UID: "cw-" + name, Type: "cloudwatch", Access: "proxy"}))
	})
	return id
}

func borrow(t *testing.T, cfg aws.Config, id string, f func(*grafana.Client) error) {
	t.Helper()
	check.OK(t, connector.New(cfg, connector.DefaultOptions()).Borrow(t.Context(), id, f))
}

const own = `{"uid": "mine", "title": "Mine & ours", "panels": [
  {"type": "stat", "datasource": {"type": "prometheus", "uid": "amp-a"}, "targets": [{"expr": "up", "datasource": {"type": "prometheus", "uid": "amp-a"}}]},
  {"type": "timeseries", "datasource": {"type": "cloudwatch", "uid": "cw-a"}, "targets": []},
  {"type": "stat", "datasource": {"type": "prometheus", "uid": "another"}, "targets": []}]}`

// TestExportAndImport: what people made in one workspace comes to another one of another
// version with that one's data sources; what ships stays where it is.
func TestExportAndImport(t *testing.T) {
	cfg := localtest.Start(t, localaws.Options{}).Operator()
	from := workspace(t, cfg, "a", "10.4", "prometheus", "amp-a")
	to := workspace(t, cfg, "b", "12.4", "grafana-amazonprometheus-datasource", "amp-b")
	dir := filepath.Join(t.TempDir(), "dashboards")
	borrow(t, cfg, from, func(client *grafana.Client) error {
		check.OK(t, client.EnsureFolder(t.Context(), "parascope", "parascope"))
		for folder, model := range map[string]string{"": own, "parascope": `{"uid": "parascope-node", "title": "Node", "panels": []}`} {
			_, err := client.SaveDashboard(t.Context(), grafana.Dashboard{JSON: json.RawMessage(model), FolderUID: folder}, "a person")
			check.OK(t, err)
		}
		files, err := Export(t.Context(), client, dir)
		check.OK(t, err)
		if len(files) != 1 || files[0].File != filepath.Join(dir, "mine-ours.mine.json") || files[0].UID != "mine" {
			t.Errorf("exported %+v", files)
		}
		return nil
	})
	exported, err := os.ReadFile(filepath.Join(dir, "mine-ours.mine.json"))
	check.OK(t, err)
	if text := string(exported); strings.Contains(text, "amp-a") || strings.Contains(text, "cw-a") || !strings.Contains(text, `"another"`) {
		t.Errorf("the file names this workspace's data sources, or not another one:\n%s", text)
	}
	borrow(t, cfg, to, func(client *grafana.Client) error {
		for range 2 { // once more: it is replaced
			files, err := Import(t.Context(), client, []string{dir})
			check.OK(t, err)
			if len(files) != 1 || files[0].URL == "" {
				t.Errorf("imported %+v", files)
			}
		}
		d, found, err := client.Dashboard(t.Context(), "mine")
		check.OK(t, err)
		if text := string(d.JSON); !found || d.FolderUID != "site" || strings.Count(text, `"amp-b"`) != 2 || strings.Count(text, `"cw-b"`) != 1 ||
			strings.Count(text, `"grafana-amazonprometheus-datasource"`) != 2 {
			t.Errorf("%v in %q:\n%s", found, d.FolderUID, text)
		}
		return nil
	})
	accounts, err := amg.NewFromConfig(cfg).ListWorkspaceServiceAccounts(t.Context(), &amg.ListWorkspaceServiceAccountsInput{WorkspaceId: &to})
	check.OK(t, err)
	if len(accounts.ServiceAccounts) > 0 {
		t.Errorf("service accounts are left: %+v", accounts.ServiceAccounts)
	}
}

// TestReadRefuses: what is no dashboard, or has the uid of one that ships.
func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	for content, says := range map[string]string{
		`{`: "unexpected end", `{"uid": "x"}`: "no title", `[]`: "cannot unmarshal", `{"title": "Node", "uid": "parascope-node"}`: "a dashboard of parascope",
	} {
		path := filepath.Join(dir, "x.json")
		check.OK(t, os.WriteFile(path, []byte(content), 0o600))
		if _, _, err := read(path, dashboard.Sources{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", content, err, says)
		}
	}
	one, model, err := read(write(t, `{"dashboard": {"title": "a", "id": 7, "x": {"type": "prometheus", "uid": "${DS_AMP}"}}}`),
		dashboard.Sources{Plugin: "p", Prometheus: "u"})
	if err != nil || one.Title != "a" || string(model) != `{"title":"a","x":{"type":"p","uid":"u"}}` {
		t.Errorf("%+v, %s, %v", one, model, err)
	}
	for _, names := range [][]string{{filepath.Join(dir, "none.json")}, {t.TempDir()}, nil} {
		if paths, err := expand(names); err == nil {
			t.Errorf("%q: %q", names, paths)
		}
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dashboard.json")
	check.OK(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
