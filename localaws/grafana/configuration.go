package grafana

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
)

// versions are those of Grafana that a workspace can have, oldest first; the
// last is that of a workspace that does not ask for one.
var versions = []string{"9.4", "10.4", "12.4"}

// withoutAPIKeys is the first version of Grafana that has none: AWS removed them,
// those made before included.
const withoutAPIKeys = "12"

func (w *workspace) hasAPIKeys() bool { return compareVersions(w.Version, withoutAPIKeys) < 0 }

const defaultConfiguration = `{"plugins":{"pluginAdminEnabled":false},"unifiedAlerting":{"enabled":true}}`

// compareVersions orders versions by their numbers: 10.4 is after 9.4.
func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i]) // what is no number is 0: the list above has none
		n, _ := strconv.Atoi(y[i])
		if c := cmp.Compare(m, n); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func (g *Grafana) describeWorkspaceConfiguration(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := g.visible(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"configuration": w.Configuration, "grafanaVersion": w.Version})
}

func (g *Grafana) updateWorkspaceConfiguration(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ Configuration, GrafanaVersion *string }
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if in.Configuration == nil {
		return wire.Invalid("configuration", "is required")
	}
	if err := checkConfiguration(*in.Configuration); err != nil {
		return err
	}
	_, err := g.change(r, func(w *workspace) error {
		if err := w.checkSteady(r.Now); err != nil {
			return err
		}
		w.Configuration = *in.Configuration
		w.Busy, w.BusyUntil = updating, r.Now.Add(g.opts.UpdateDelay)
		if in.GrafanaVersion == nil || *in.GrafanaVersion == w.Version {
			return nil
		}
		if !slices.Contains(versions, *in.GrafanaVersion) {
			return wire.Invalid("grafanaVersion", "%s is not supported; the supported versions are "+
				"%s", *in.GrafanaVersion, strings.Join(versions, ", "))
		}
		if compareVersions(*in.GrafanaVersion, w.Version) < 0 {
			return wire.Invalid("grafanaVersion", "cannot downgrade from %s to %s; a workspace can only be upgraded", w.Version, *in.GrafanaVersion)
		}
		w.Version, w.Busy = *in.GrafanaVersion, versionUpdating
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusAccepted, struct{}{})
}

// listVersions lists the versions there are or, for a workspace, those that it
// can go up to.
func (g *Grafana) listVersions(rw http.ResponseWriter, r *gateway.Request) error {
	all := versions
	if id := r.URL.Query().Get("workspace-id"); id != "" {
		r.Labels["workspaceId"] = id
		w, err := g.visible(r)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(slices.Clone(all), func(v string) bool { return compareVersions(v, w.Version) <= 0 })
	}
	part, next, err := wire.Page(r, all, func(v string) string { return v })
	if err != nil {
		return err
	}
	return wire.Listed(rw, "grafanaVersions", part, next, nil)
}
