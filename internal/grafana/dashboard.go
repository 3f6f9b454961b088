package grafana

import (
	"context"
	"encoding/json"
	"net/http"
)

// EnsureFolder makes the folder unless it is there; it keeps a title that a
// person gave it.
func (c *Client) EnsureFolder(ctx context.Context, uid, title string) error {
	err := c.do(ctx, http.MethodGet, "/api/folders/"+segment(uid), nil, nil)
	if !IsStatus(err, http.StatusNotFound) {
		return err
	}
	err = c.do(ctx, http.MethodPost, "/api/folders", map[string]string{"uid": uid, "title": title}, nil)
	if IsStatus(err, http.StatusConflict) || IsStatus(err, http.StatusPreconditionFailed) {
		return nil // somebody else was faster, or an earlier try whose answer was lost
	}
	return err
}

// Dashboard is a dashboard and where it lies.
type Dashboard struct {
	JSON      json.RawMessage // the dashboard model
	FolderUID string
	URL       string // path of its page
}

// Dashboard returns the dashboard with this uid; found is false when there is none.
func (c *Client) Dashboard(ctx context.Context, uid string) (d Dashboard, found bool, err error) {
	var answer struct {
		Dashboard json.RawMessage
		Meta      struct{ FolderUID, URL string }
	}
	err = c.do(ctx, http.MethodGet, "/api/dashboards/uid/"+segment(uid), nil, &answer)
	if IsStatus(err, http.StatusNotFound) {
		return Dashboard{}, false, nil
	}
	return Dashboard{answer.Dashboard, answer.Meta.FolderUID, answer.Meta.URL}, err == nil, err
}

// SaveDashboard stores the model, whatever is there under its uid, and returns
// the path of its page.
func (c *Client) SaveDashboard(ctx context.Context, d Dashboard, message string) (url string, err error) {
	var saved struct{ URL string }
	err = c.do(ctx, http.MethodPost, "/api/dashboards/db", map[string]any{
		"dashboard": d.JSON, "folderUid": d.FolderUID, "overwrite": true, "message": message,
	}, &saved)
	return saved.URL, err
}

// Found is a dashboard that a search found.
type Found struct {
	UID       string `json:"uid"`
	Title     string `json:"title"`
	FolderUID string `json:"folderUid"`
}

// SearchDashboards lists all dashboards, up to 5,000.
func (c *Client) SearchDashboards(ctx context.Context) ([]Found, error) {
	var found []Found
	err := c.do(ctx, http.MethodGet, "/api/search?type=dash-db&limit=5000", nil, &found)
	return found, err
}
