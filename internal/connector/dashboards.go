package connector

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/grafana"
)

// The folder that the dashboards that ship lie in. People's own copies belong
// elsewhere: what lies here is replaced.
const (
	folderUID   = "parascope"
	folderTitle = "parascope"
)

// installDashboards makes the folder and puts the dashboards that ship into it,
// with prometheus as their data source.
func installDashboards(ctx context.Context, client *grafana.Client, prometheus result.DataSource) ([]result.Dashboard, error) {
	if err := client.EnsureFolder(ctx, folderUID, folderTitle); err != nil {
		return nil, fmt.Errorf("make Grafana folder %q: %w", folderTitle, err)
	}
	var installed []result.Dashboard
	for _, d := range dashboard.All() {
		model, err := d.For(prometheus.Type, prometheus.UID)
		if err != nil {
			return nil, err
		}
		done, err := installDashboard(ctx, client, d, model)
		if err != nil {
			return nil, fmt.Errorf("install dashboard %q: %w", d.Title, err)
		}
		installed = append(installed, done)
	}
	return installed, nil
}

func installDashboard(ctx context.Context, client *grafana.Client, d dashboard.Dashboard, model json.RawMessage) (result.Dashboard, error) {
	has, found, err := client.Dashboard(ctx, d.UID)
	if err != nil {
		return result.Dashboard{}, err
	}
	done := result.Dashboard{Title: d.Title, UID: d.UID, URL: has.URL, Action: result.Unchanged}
	if found {
		if has.FolderUID == folderUID && sameModel(has.JSON, model) {
			return done, nil
		}
		done.Action = result.Repaired
	} else {
		done.Action = result.Created
	}
	done.URL, err = client.SaveDashboard(ctx, grafana.Dashboard{JSON: model, FolderUID: folderUID}, "installed by parascope")
	return done, err
}

// sameModel compares dashboards but for what Grafana counts by itself.
func sameModel(a, b json.RawMessage) bool {
	var models [2]map[string]any
	for i, raw := range []json.RawMessage{a, b} {
		if err := json.Unmarshal(raw, &models[i]); err != nil {
			return false
		}
		delete(models[i], "id")
		delete(models[i], "version")
	}
	return reflect.DeepEqual(models[0], models[1])
}
