// Package result has what a run of the setup function comes to: the answer to whoever
// invokes the function, and the line of JSON that each run adds to the function's log.
// The function writes that line and 'parascope status' reads it, with the same type.
package result

import (
	"time"

	"github.com/parascope/parascope/internal/alerts/namespace"
)

// Connection is what Grafana and Prometheus have after a run, and what the run did for it.
type Connection struct {
	GrafanaWorkspaceID string              `json:"grafanaWorkspaceId,omitempty"`
	GrafanaURL         string              `json:"grafanaUrl,omitempty"`
	GrafanaVersion     string              `json:"grafanaVersion,omitempty"`
	DataSources        []DataSource        `json:"dataSources,omitempty"`
	Dashboards         []Dashboard         `json:"dashboards,omitempty"`
	Rules              []namespace.Outcome `json:"ruleGroupsNamespaces,omitempty"` // of Prometheus
	Warnings           []string            `json:"warnings,omitempty"`
	Seconds            float64             `json:"seconds,omitempty"` // that it took
}

// DataSource is one that is connected.
type DataSource struct {
	Name    string `json:"name"`
	UID     string `json:"uid"`
	Type    string `json:"type"` // the plugin's id
	Default bool   `json:"default"`
	Action  Action `json:"action"`
	Health  string `json:"health"` // Grafana's status and message; "" where it was not checked
}

// Dashboard is one that is installed.
type Dashboard struct {
	Title  string `json:"title"`
	UID    string `json:"uid"`
	URL    string `json:"url"`
	Action Action `json:"action"`
	Kept   string `json:"kept,omitempty"` // path of the copy that a person had changed
}

// Action is what had to be done.
type Action string

const (
	Created   Action = "created"
	Repaired  Action = "repaired"
	Unchanged Action = "unchanged"
)

// Run is one run of the setup function. A run that failed has an Error, and what it had
// found and done until then.
type Run struct {
	Connection
	Outcome  Outcome   `json:"outcome"`
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"startedAt"` // the function's clock, UTC
	Finished time.Time `json:"finishedAt"`
}

// Outcome is how a run ended.
type Outcome string

const (
	Connected Outcome = "connected"
	Failed    Outcome = "failed"
)
