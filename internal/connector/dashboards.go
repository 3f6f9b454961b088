package connector

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/grafana"
)

// The folder that the dashboards that ship lie in. People's own copies belong
// elsewhere: what lies here is replaced, and what a person changed of it kept aside.
const (
	folderUID       = "parascope"
	folderTitle     = "parascope"
	keptFolderUID   = "parascope-kept"
	keptFolderTitle = "parascope: changed by hand"
)

// installDashboards makes the folder and puts the dashboards that ship into it,
// with the data sources that were connected, the default one first.
func installDashboards(ctx context.Context, client *grafana.Client, connected []result.DataSource) ([]result.Dashboard, error) {
	if err := client.EnsureFolder(ctx, folderUID, folderTitle); err != nil {
		return nil, fmt.Errorf("could not create Grafana folder %q: %w", folderTitle, err)
	}
	sources := dashboard.Sources{Plugin: connected[0].Type, Prometheus: connected[0].UID, CloudWatch: connected[1].UID}
	var installed []result.Dashboard
	for _, d := range dashboard.All() {
		model, err := d.For(sources)
		if err != nil {
			return nil, err
		}
		done, err := installDashboard(ctx, client, d, model)
		if err != nil {
			return nil, fmt.Errorf("could not install dashboard %q: %w", d.Title, err)
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
	done := result.Dashboard{Title: d.Title, UID: d.UID, URL: has.URL, Action: result.Created}
	if found {
		content, err := dashboard.Content(has.JSON)
		if err != nil {
			return done, err
		}
		was, marked := dashboard.MarkOf(has.JSON)
		want, _ := dashboard.MarkOf(model)
		byHand := !marked || was.Content != content
		if !byHand && was == want && has.FolderUID == folderUID {
			done.Action = result.Unchanged
			return done, nil
		}
		done.Action = result.Repaired
		if byHand {
			if done.Kept, err = keepAside(ctx, client, d, has.JSON, content); err != nil {
				return done, fmt.Errorf("could not save the manually changed dashboard: %w", err)
			}
		}
	}
	done.URL, err = client.SaveDashboard(ctx, grafana.Dashboard{JSON: model, FolderUID: folderUID}, "installed by parascope")
	return done, err
}

// keepAside saves what a person made of a dashboard under a uid of its content, so that it
// is kept once, and returns the path of its page.
func keepAside(ctx context.Context, client *grafana.Client, d dashboard.Dashboard, changed json.RawMessage, content string) (string,
	error) {
	var model map[string]any
	if err := json.Unmarshal(changed, &model); err != nil {
		return "", err
	}
	delete(model, "id")
	delete(model, "version")
	model["uid"], model["title"], model["tags"] = keptFolderUID+"-"+content, d.Title+", changed by hand ("+content+")", []string{keptFolderUID}
	model["editable"] = true
	copied, err := json.Marshal(model)
	if err != nil {
		return "", err
	}
	if err := client.EnsureFolder(ctx, keptFolderUID, keptFolderTitle); err != nil {
		return "", fmt.Errorf("could not create Grafana folder %q: %w", keptFolderTitle, err)
	}
	return client.SaveDashboard(ctx, grafana.Dashboard{JSON: copied, FolderUID: keptFolderUID}, "kept by parascope")
}
