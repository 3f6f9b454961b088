package server

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/parascope/parascope/localaws/gateway"
)

// importCommand is a dashboard as it was exported elsewhere, with what stands for
// its inputs here.
type importCommand struct {
	saveCommand
	Inputs   []input `json:"inputs"`
	PluginID string  `json:"pluginId"`
	Path     string  `json:"path"`
}

// input is something that a dashboard names and another Grafana has: a data source,
// whose value is its uid, or a constant.
type input struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	PluginID string `json:"pluginId"`
	Value    string `json:"value"`
}

// importDashboard saves a dashboard with its inputs filled in.
func (s *Server) importDashboard(c *call) error {
	var in importCommand
	if err := c.read(&in); err != nil {
		return err
	}
	if in.PluginID != "" || in.Path != "" {
		return refuse(http.StatusNotImplemented, gateway.Simplified("does not import dashboards of plugins"))
	}
	if in.Dashboard == nil {
		return refuse(http.StatusBadRequest, "Dashboard must be set")
	}
	values, err := in.values()
	if err != nil {
		return err
	}
	left := maxBody
	filled, _ := fill(in.Dashboard, values, &left).(map[string]any) // what it makes of a map is one
	if left < 0 {
		return refuse(http.StatusRequestEntityTooLarge, gateway.Simplified(fmt.Sprintf("fills in at most %d bytes", maxBody)))
	}
	delete(filled, "__inputs")
	delete(filled, "id")
	in.Dashboard = filled
	d, err := s.store(c, in.saveCommand)
	if err != nil {
		return err
	}
	return c.write(http.StatusOK, map[string]any{
		"uid": d.UID, "pluginId": "", "title": d.Title, "imported": true, "importedUri": "db/" + slug(d.Title), "importedUrl": d.url(),
		"slug": slug(d.Title), "dashboardId": d.ID, "folderId": 0, "folderUid": d.Folder, "importedRevision": 1, "revision": 1,
		"description": text(d.Model, "description"), "path": "", "removed": false,
	})
}

// values are what stands for each of the dashboard's inputs.
func (in *importCommand) values() (map[string]string, error) {
	wanted, _ := in.Dashboard["__inputs"].([]any) // a dashboard need not have any
	values := map[string]string{}
	for _, w := range wanted {
		w, _ := w.(map[string]any) // what is none has no name
		name, kind := text(w, "name"), text(w, "type")
		i := slices.IndexFunc(in.Inputs, func(i input) bool { return i.Type == kind && (i.Name == name || i.Name == "*") })
		if i < 0 {
			return nil, refuse(http.StatusBadRequest, fmt.Sprintf("Dashboard input variable: %s missing from import command", name))
		}
		values["${"+name+"}"] = in.Inputs[i].Value
	}
	return values, nil
}

var placeholder = regexp.MustCompile(`\$\{.+?\}`)

// fill puts the values in the place of their names in all texts of a JSON value, as long
// as there are bytes left for them.
func fill(v any, values map[string]string, left *int) any {
	switch v := v.(type) {
	case string:
		return placeholder.ReplaceAllStringFunc(v, func(name string) string {
			value, known := values[name]
			if !known {
				return name
			}
			if *left -= len(value); *left < 0 {
				return ""
			}
			return value
		})
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = fill(x, values, left)
		}
		return out
	case map[string]any:
		out := maps.Clone(v)
		for k, x := range v {
			out[k] = fill(x, values, left)
		}
		return out
	}
	return v
}
