package grafana

import (
	"context"
	"errors"
	"net/http"

	"github.com/parascope/parascope/internal/awserr"
)

// DataSource is a data source as Grafana's API has it. What a client does not
// send, Grafana resets: an update sends all of it.
type DataSource struct {
	UID       string         `json:"uid,omitempty"`
	Name      string         `json:"name"`
	Type      string         `json:"type"` // plugin id: "prometheus", "cloudwatch", …
	Access    string         `json:"access"`
	URL       string         `json:"url"`
	IsDefault bool           `json:"isDefault"`
	JSONData  map[string]any `json:"jsonData"`
}

// DataSources lists all data sources.
func (c *Client) DataSources(ctx context.Context) ([]DataSource, error) {
	var all []DataSource
	err := c.do(ctx, http.MethodGet, "/api/datasources", nil, &all)
	return all, err
}

// CreateDataSource adds one. A name or uid that is taken is a StatusError 409. After
// an error of which MayBeDone is true, look before you create it again.
func (c *Client) CreateDataSource(ctx context.Context, d DataSource) error {
	return c.retry(ctx, neverBegan, func() error { return c.once(ctx, http.MethodPost, "/api/datasources", d, nil) })
}

// UpdateDataSource replaces the data source with this uid by d, which may have
// another uid.
func (c *Client) UpdateDataSource(ctx context.Context, uid string, d DataSource) error {
	return c.do(ctx, http.MethodPut, "/api/datasources/uid/"+segment(uid), d, nil)
}

// Health is what a data source says of itself.
type Health struct {
	Status  string `json:"status"` // OK, ERROR, UNKNOWN
	Message string `json:"message"`
}

// CheckHealth lets Grafana ask the data source's backend, with the workspace's
// own role. Grafana answers 400 for ERROR in some versions: that is a Health, too.
func (c *Client) CheckHealth(ctx context.Context, uid string) (Health, error) {
	path := "/api/datasources/uid/" + segment(uid) + "/health"
	var h Health
	err := c.do(ctx, http.MethodGet, path, nil, &h)
	h.Message = awserr.Public(h.Message) // a data source repeats what AWS told it
	if answer, ok := errors.AsType[*StatusError](err); ok && answer.Status == http.StatusBadRequest {
		return Health{Status: "ERROR", Message: answer.Message}, nil
	}
	return h, err
}
