package grafana

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const (
	maxWorkspaces = 5 // per region
	clientTokens  = "grafana-client-tokens"
)

// created remembers what a client token made: the same request again makes nothing new.
type created struct {
	Request     string // as it was sent, decoded and encoded again
	WorkspaceID string
}

// createWorkspace makes a workspace, and opens the address of its Grafana at once:
// DescribeWorkspace has it from the beginning.
func (g *Grafana) createWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	var in input
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if err := g.acceptable(r, &in); err != nil {
		return err
	}
	request, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in.ClientToken != nil {
		if w, err := g.before(r, *in.ClientToken, string(request)); w != nil || err != nil {
			return describeOr(rw, http.StatusAccepted, w, r.Now, err)
		}
	}
	w := g.newWorkspace(r, &in)
	if w.Address, err = g.listeners.start(w.ID, ""); err != nil {
		return err
	}
	if err := g.add(r, w, in.ClientToken, string(request)); err != nil {
		if closing := g.listeners.stop(w.ID); closing != nil {
			g.opts.Logger.Error("could not release the address of a workspace that was not created", "workspace", w.ID, "err", closing)
		}
		return err
	}
	return describeOr(rw, http.StatusAccepted, w, r.Now, nil)
}

// acceptable checks everything that a new workspace depends on.
func (g *Grafana) acceptable(r *gateway.Request, in *input) error {
	if err := in.required(); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	if in.Configuration != nil {
		if err := checkConfiguration(*in.Configuration); err != nil {
			return err
		}
	}
	if v := in.GrafanaVersion; v != nil && !slices.Contains(versions, *v) {
		return wire.Invalid("grafanaVersion", "%s is not supported; the supported versions are %s", *v, strings.Join(versions, ", "))
	}
	if *in.PermissionType == "CUSTOMER_MANAGED" && in.WorkspaceRoleARN == nil {
		return wire.Refused("workspaceRoleArn is required when permissionType is CUSTOMER_MANAGED")
	}
	if len(in.Tags) > 0 {
		if err := r.Authorize("grafana:TagResource", "*", tagKeys(in.Tags)); err != nil {
			return err
		}
	}
	if err := in.authorizeUse(r); err != nil {
		return err
	}
	return g.checkProviders(r, in.AuthenticationProviders)
}

func (g *Grafana) newWorkspace(r *gateway.Request, in *input) *workspace {
	id := strings.ReplaceAll(g.opts.NewID(), "-", "")
	w := &workspace{
		ID: "g-" + id[len(id)-10:], Region: r.Region, AuthenticationProviders: in.AuthenticationProviders,
		Version: versions[len(versions)-1], Configuration: defaultConfiguration, Tags: in.Tags,
		CreatedAt: r.Now, ModifiedAt: r.Now, ReadyAt: r.Now.Add(g.opts.CreateDelay),
		Settings: settings{DataSources: []string{}},
	}
	in.apply(&w.Settings)
	if w.Tags == nil {
		w.Tags = map[string]string{}
	}
	if in.GrafanaVersion != nil {
		w.Version = *in.GrafanaVersion
	}
	if in.Configuration != nil {
		w.Configuration = *in.Configuration
	}
	if slices.Contains(w.AuthenticationProviders, sso) {
		w.SSOClientID = "ins-" + id[:16]
	}
	fault, own := g.opts.Faults[w.Settings.Name]
	if !own {
		fault = g.opts.Faults[""]
	}
	w.Fault = fault
	return w
}

// add stores a new workspace, if the region has room for it.
func (g *Grafana) add(r *gateway.Request, w *workspace, token *string, request string) error {
	return g.opts.State.Update(func(tx *state.Tx) error {
		count := 0
		if err := eachWorkspace(tx, func(w *workspace) {
			if w.Region == r.Region && !w.gone(r.Now) {
				count++
			}
		}); err != nil {
			return err
		}
		if count >= maxWorkspaces {
			return wire.Quota("workspace", principal.Account, "You have reached the maximum number of workspaces (%d) in this region.",
				maxWorkspaces)
		}
		if token != nil {
			if err := tx.Put(clientTokens, r.Region+"/"+*token, created{request, w.ID}); err != nil {
				return err
			}
		}
		return tx.Put(workspaces, w.ID, w)
	})
}

// before is the workspace that the client token made, nil when it made none.
func (g *Grafana) before(r *gateway.Request, token, request string) (*workspace, error) {
	var c created
	found := false
	err := g.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = tx.Get(clientTokens, r.Region+"/"+token, &c)
		return err
	})
	if !found || err != nil {
		return nil, err
	}
	if c.Request != request {
		return nil, wire.Conflict("workspace", c.WorkspaceID, "The client token was already used for a request with other parameters.")
	}
	w, err := g.load(r.Now, c.WorkspaceID)
	if w == nil && err == nil {
		err = wire.Conflict("workspace", c.WorkspaceID, "The client token was already used for a workspace that has since been deleted.")
	}
	return w, err
}

// visible returns the workspace that the request names, if its region has it.
func (g *Grafana) visible(r *gateway.Request) (*workspace, error) {
	id := r.Labels["workspaceId"]
	if err := g.finishDeletions(r.Now); err != nil {
		return nil, err
	}
	w, err := g.load(r.Now, id)
	if err != nil {
		return nil, err
	}
	if w == nil || w.Region != r.Region {
		return nil, wire.NotFound("workspace", id)
	}
	return w, nil
}

// steady returns the workspace that the request names, if it is one that works.
func (g *Grafana) steady(r *gateway.Request) (*workspace, error) {
	w, err := g.visible(r)
	if err != nil {
		return nil, err
	}
	return w, w.checkSteady(r.Now)
}

func (w *workspace) checkSteady(now time.Time) error {
	if status := w.status(now); status != active && status != degraded {
		return wire.Conflict("workspace", w.ID, "Workspace %s is in state %s; it must be %s.", w.ID, status, active)
	}
	return nil
}

// change loads the workspace that the request names, lets f change it, and stores it.
func (g *Grafana) change(r *gateway.Request, f func(*workspace) error) (*workspace, error) {
	if _, err := g.visible(r); err != nil {
		return nil, err
	}
	var w workspace
	err := g.opts.State.Update(func(tx *state.Tx) error {
		id := r.Labels["workspaceId"]
		if found, err := tx.Get(workspaces, id, &w); err != nil {
			return err
		} else if !found {
			return wire.NotFound("workspace", id)
		}
		if err := f(&w); err != nil {
			return err
		}
		w.ModifiedAt = r.Now
		return tx.Put(workspaces, id, w)
	})
	return &w, err
}

func (g *Grafana) describeWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := g.visible(r)
	return describeOr(rw, http.StatusOK, w, r.Now, err)
}

func (g *Grafana) updateWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	var in input
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if err := in.authorizeUse(r); err != nil {
		return err
	}
	w, err := g.change(r, func(w *workspace) error {
		if err := w.checkSteady(r.Now); err != nil {
			return err
		}
		in.apply(&w.Settings)
		if w.Settings.PermissionType == "CUSTOMER_MANAGED" && w.Settings.WorkspaceRoleARN == "" {
			return wire.Refused("workspaceRoleArn is required when permissionType is CUSTOMER_MANAGED")
		}
		w.Busy, w.BusyUntil = updating, r.Now.Add(g.opts.UpdateDelay)
		return nil
	})
	return describeOr(rw, http.StatusAccepted, w, r.Now, err)
}

// deleteWorkspace deletes a workspace of any state but one: what fails must be
// possible to get rid of.
func (g *Grafana) deleteWorkspace(rw http.ResponseWriter, r *gateway.Request) error {
	w, err := g.visible(r)
	if err != nil {
		return err
	}
	if slices.Contains(w.AuthenticationProviders, sso) {
		if err := r.Authorize("sso:DeleteManagedApplicationInstance", "*", nil); err != nil {
			return err
		}
	}
	w, err = g.change(r, func(w *workspace) error {
		switch now := w.status(r.Now); now {
		case creating, updating, versionUpdating, deleting:
			return wire.Conflict("workspace", w.ID, "Workspace %s cannot be deleted while it is %s.", w.ID, now)
		}
		w.GoneAt = r.Now.Add(g.opts.DeleteDelay)
		return nil
	})
	return describeOr(rw, http.StatusAccepted, w, r.Now, err)
}

func (g *Grafana) listWorkspaces(rw http.ResponseWriter, r *gateway.Request) error {
	if err := g.finishDeletions(r.Now); err != nil {
		return err
	}
	all, err := g.selected(func(w *workspace) bool { return w.Region == r.Region })
	if err != nil {
		return err
	}
	part, next, err := wire.Page(r, all, func(w *workspace) string { return w.ID })
	if err != nil {
		return err
	}
	summaries := []map[string]any{}
	for _, w := range part {
		summary := w.summary(r.Now)
		for _, name := range []string{"description", "name"} { // the model's summary has no empty ones
			if summary[name] == "" {
				delete(summary, name)
			}
		}
		summaries = append(summaries, summary)
	}
	return wire.Listed(rw, "workspaces", summaries, next, nil)
}

// summary is a workspace as ListWorkspaces prints it.
func (w *workspace) summary(now time.Time) map[string]any {
	return map[string]any{
		"authentication": w.authenticationSummary(), "created": wire.Epoch(w.CreatedAt), "description": w.Settings.Description,
		"endpoint": w.Address, "grafanaVersion": w.Version, "id": w.ID, "modified": wire.Epoch(w.ModifiedAt), "name": w.Settings.Name,
		"notificationDestinations": append([]string{}, w.Settings.NotificationDestinations...), "status": w.status(now), "tags": w.Tags,
	}
}

// description is a workspace as DescribeWorkspace prints it.
type description struct {
	settings
	Authentication map[string]any    `json:"authentication"`
	Created        float64           `json:"created"`
	Modified       float64           `json:"modified"`
	Endpoint       string            `json:"endpoint"`
	GrafanaVersion string            `json:"grafanaVersion"`
	ID             string            `json:"id"`
	Status         string            `json:"status"`
	Tags           map[string]string `json:"tags"`
	Degraded       string            `json:"degradedWorkspaceReason,omitempty"`
}

func describeOr(rw http.ResponseWriter, status int, w *workspace, now time.Time, err error) error {
	if err != nil {
		return err
	}
	d := description{
		settings: w.Settings, Authentication: w.authenticationSummary(), Created: wire.Epoch(w.CreatedAt), Modified: wire.Epoch(w.ModifiedAt),
		Endpoint: w.Address, GrafanaVersion: w.Version, ID: w.ID, Status: w.status(now), Tags: w.Tags,
	}
	if d.Status == degraded {
		d.Degraded = w.Fault.Reason
	}
	return gateway.WriteJSON(rw, status, map[string]any{"workspace": d})
}
