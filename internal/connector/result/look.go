package result

import (
	"encoding/json"
	"fmt"
)

// LookRequest is the payload that asks the setup function what Grafana has, without a
// repair. A function that does not know it would repair: ask the one of this program only.
const LookRequest = `{"look":true}`

// AsksToLook reports whether a payload is a LookRequest.
func AsksToLook(payload []byte) bool {
	var request struct {
		Look        bool `json:"look"`
		RequestType string
	}
	return json.Unmarshal(payload, &request) == nil && request.Look && request.RequestType == ""
}

// Look is what a workspace's Grafana has.
type Look struct {
	GrafanaVersion string       `json:"grafanaVersion"`
	DataSources    []SeenSource `json:"dataSources"`
}

// SeenSource is a data source as it was found.
type SeenSource struct {
	Name     string `json:"name"`
	UID      string `json:"uid"`
	Type     string `json:"type"` // the plugin's id
	Default  bool   `json:"default"`
	URL      string `json:"url"`
	Signs    bool   `json:"signs"`    // its requests, with SigV4
	AuthType string `json:"authType"` // where the credentials for that come from
	Region   string `json:"region"`   // that it signs for
	Ours     bool   `json:"ours"`     // it has the name or the uid of the one that the function makes
	Healthy  bool   `json:"healthy"`  // of ours only: Grafana can query it
	Health   string `json:"health"`   // of ours only: Grafana's message
}

// Sources that are read of a Look at most, ours among them wherever it stands.
const maxSources = 200

// ReadLook reads the function's answer to a LookRequest. Texts of it are cleaned.
func ReadLook(payload []byte) (Look, error) {
	var l Look
	if err := json.Unmarshal(payload, &l); err != nil {
		return Look{}, fmt.Errorf("the response of the setup function is not valid: %w", err)
	}
	l.DataSources = l.DataSources[:min(len(l.DataSources), maxSources)]
	texts := []*string{&l.GrafanaVersion}
	for i := range l.DataSources {
		d := &l.DataSources[i]
		texts = append(texts, &d.Name, &d.UID, &d.Type, &d.URL, &d.AuthType, &d.Region, &d.Health)
	}
	for _, t := range texts {
		*t = shown(*t)
	}
	return l, nil
}
