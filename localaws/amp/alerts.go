package amp

import (
	"errors"
	"net/http"

	"github.com/parascope/parascope/localaws/amp/alertmanager"
	"github.com/parascope/parascope/localaws/gateway"
)

// alertManagerOperations are Alertmanager's API v2 at AMP's paths.
func (a *AMP) alertManagerOperations() []gateway.Operation {
	const (
		v2        = "/workspaces/{workspaceId}/alertmanager/api/v2/"
		get, post = http.MethodGet, http.MethodPost
		reference = "AMP user guide, Prometheus-compatible APIs"
		upstream  = "Alertmanager's API v2, which AMP implements"
	)
	serve := func(f func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error)) func(http.ResponseWriter, *gateway.Request) error {
		return func(w http.ResponseWriter, r *gateway.Request) error { return a.withAlertManager(w, r, f) }
	}
	return []gateway.Operation{
		{Name: "ListAlertManagerAlerts", Method: get, Path: v2 + "alerts", Rules: []gateway.Rule{
			{Text: "the parameters are filter, active, silenced, inhibited and receiver; resolved alerts are not returned", Basis: gateway.Inferred,
				Source: upstream},
			{Text: "a request to a workspace without an alert manager definition returns 404 `the Alertmanager is not " +
				"configured`", Basis: gateway.Inferred,
				Source: "behaviour of Cortex, which AMP is built on"},
		}, Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
			return m.Alerts(r.Context(), r.URL.Query())
		})},
		{Name: "CreateAlertManagerAlerts", Method: post, Path: v2 + "alerts", Rules: []gateway.Rule{
			{Text: "the alert manager holds at most 1,000 alerts; it drops further alerts, and the response is 200", Basis: gateway.Confirmed,
				Source: "AMP user guide, service quotas (it documents the limit; the response is that of Alertmanager)"},
		}, Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
			return nil, m.PostAlerts(r.Context(), r.Body)
		})},
		{Name: "ListAlertManagerAlertGroups", Method: get, Path: v2 + "alerts/groups",
			Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
				return m.AlertGroups(r.Context(), r.URL.Query())
			})},
		{Name: "ListAlertManagerReceivers", Method: get, Path: v2 + "receivers",
			Serve: serve(func(_ *gateway.Request, m *alertmanager.Alertmanager) (any, error) { return m.Receivers(), nil })},
		{Name: "ListAlertManagerSilences", Method: get, Path: v2 + "silences",
			Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
				return m.Silences(r.Context(), r.URL.Query())
			})},
		{Name: "PutAlertManagerSilences", Method: post, Path: v2 + "silences", Rules: []gateway.Rule{
			{Text: "the response is `{\"silenceID\": \"…\"}`; a silence that ends in the past, or before it starts, is refused with 400; a " +
				"workspace has at most 1,000 " +
				"silences",
				Basis:  gateway.Confirmed,
				Source: reference + " (it documents the response) and service quotas; " + upstream + " (it refuses such silences)"},
		}, Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
			id, err := m.PutSilence(r.Context(), r.Body)
			return map[string]string{"silenceID": id}, err
		})},
		{Name: "GetAlertManagerSilence", Method: get, Path: v2 + "silence/{silenceId}",
			Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
				return m.Silence(r.Context(), r.Labels["silenceId"])
			})},
		{Name: "DeleteAlertManagerSilence", Method: http.MethodDelete, Path: v2 + "silence/{silenceId}",
			Serve: serve(func(r *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
				return nil, m.EndSilence(r.Context(), r.Labels["silenceId"])
			})},
		{Name: "GetAlertManagerStatus", Method: get, Path: v2 + "status", Rules: []gateway.Rule{
			{Text: "`{\"cluster\":null,\"config\":{\"original\":\"…\"},\"uptime\":null,\"versionInfo\":null}`", Basis: gateway.Confirmed,
				Source: reference + ", GetAlertManagerStatus"},
		}, Serve: serve(func(_ *gateway.Request, m *alertmanager.Alertmanager) (any, error) {
			return map[string]any{"cluster": nil, "config": map[string]string{"original": m.Original()}, "uptime": nil, "versionInfo": nil}, nil
		})},
	}
}

// withAlertManager serves a request with the alert manager of its workspace.
func (a *AMP) withAlertManager(w http.ResponseWriter, r *gateway.Request,
	f func(*gateway.Request, *alertmanager.Alertmanager) (any, error)) error {
	id := r.Labels["workspaceId"]
	if _, err := a.find(r, id); err != nil {
		return err
	}
	if _, err := a.bringUp(r.Context()); err != nil {
		a.opts.Logger.Error("could not start the rule evaluation and the alert manager", "err", err)
	}
	a.engines.mu.Lock()
	e := a.engines.all[id]
	a.engines.mu.Unlock()
	if e == nil {
		return notConfigured()
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.alerts == nil {
		return notConfigured()
	}
	out, err := f(r, e.alerts)
	if err != nil {
		status, text := alertmanager.StatusOf(err)
		if status == http.StatusInternalServerError {
			return errors.Join(errors.New("alert manager"), err)
		}
		return gateway.WriteJSON(w, status, text)
	}
	return gateway.WriteJSON(w, http.StatusOK, out)
}

func notConfigured() error {
	return &gateway.Error{Status: http.StatusNotFound, Message: "the Alertmanager is not configured"}
}
