package amp

import (
	"errors"
	"net/http"
	"time"

	"github.com/parascope/parascope/localaws/amp/alertmanager"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

const (
	definitions      = "amp-alert-manager-definitions" // bucket: workspace id → document
	kindOfDefinition = "alertmanagerdefinition"
)

func (a *AMP) createAlertManagerDefinition(rw http.ResponseWriter, r *gateway.Request) error {
	return a.writeDefinition(rw, r, func(old *document, data []byte, refused error) (document, error) {
		if old != nil {
			return document{}, &gateway.Error{Status: http.StatusConflict, Code: "ConflictException",
				Message: "Alert manager definition already exists.",
				Members: map[string]any{"resourceId": r.Labels["workspaceId"], "resourceType": kindOfDefinition}}
		}
		return newDocument(r.Now, a.opts.DocumentDelay, data, refused), nil
	})
}

func (a *AMP) putAlertManagerDefinition(rw http.ResponseWriter, r *gateway.Request) error {
	return a.writeDefinition(rw, r, func(old *document, data []byte, refused error) (document, error) {
		if old == nil {
			return document{}, notFound(kindOfDefinition, r.Labels["workspaceId"])
		}
		if !old.settled(r.Now) {
			return document{}, conflictOf(kindOfDefinition, r.Labels["workspaceId"], old.status(r.Now))
		}
		old.replace(r.Now, a.opts.DocumentDelay, data, refused)
		return *old, nil
	})
}

// writeDefinition lets f make or change the definition of the workspace, and answers with its status.
func (a *AMP) writeDefinition(rw http.ResponseWriter, r *gateway.Request,
	f func(old *document, data []byte, refused error) (document, error)) error {
	var in struct {
		ClientToken string
		Data        []byte
	}
	if err := parse(r, &in); err != nil {
		return err
	}
	if err := checkData(in.Data); err != nil {
		return err
	}
	_, refused := alertmanager.ReadDefinition(in.Data)
	if errors.Is(refused, alertmanager.ErrMalformed) {
		return malformed(refused)
	}
	if err := a.once(r, in.ClientToken, in, func(tx *state.Tx, w *workspace) error {
		old, err := loadDefinition(tx, r.Now, w.ID)
		if err != nil {
			return err
		}
		d, err := f(old, in.Data, refused)
		if err != nil {
			return err
		}
		return tx.Put(definitions, w.ID, d)
	}); err != nil {
		return err
	}
	a.wake()
	d, err := a.definitionOf(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusAccepted, map[string]any{"status": d.status(r.Now)})
}

func (a *AMP) describeAlertManagerDefinition(rw http.ResponseWriter, r *gateway.Request) error {
	d, err := a.definitionOf(r)
	if err != nil {
		return err
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"alertManagerDefinition": map[string]any{
		"createdAt": seconds(d.CreatedAt), "data": d.shown(r.Now), "modifiedAt": seconds(d.ModifiedAt), "status": d.status(r.Now),
	}})
}

func (a *AMP) deleteAlertManagerDefinition(rw http.ResponseWriter, r *gateway.Request) error {
	err := a.once(r, r.URL.Query().Get("clientToken"), nil, func(tx *state.Tx, w *workspace) error {
		d, err := loadDefinition(tx, r.Now, w.ID)
		switch {
		case err != nil:
			return err
		case d == nil:
			return notFound(kindOfDefinition, w.ID)
		case !d.settled(r.Now):
			return conflictOf(kindOfDefinition, w.ID, d.status(r.Now))
		}
		d.GoneAt = r.Now.Add(a.opts.DocumentDelay)
		return tx.Put(definitions, w.ID, d)
	})
	if err != nil {
		return err
	}
	a.wake()
	return gateway.WriteJSON(rw, http.StatusAccepted, nil)
}

// definitionOf is the definition of the workspace that the request names.
func (a *AMP) definitionOf(r *gateway.Request) (d *document, err error) {
	w, err := a.visible(r)
	if err != nil {
		return nil, err
	}
	err = a.opts.State.View(func(tx *state.Tx) error {
		d, err = loadDefinition(tx, r.Now, w.ID)
		return err
	})
	if err == nil && d == nil {
		err = notFound(kindOfDefinition, w.ID)
	}
	return d, err
}

// loadDefinition returns a workspace's definition, nil when there is none.
func loadDefinition(tx *state.Tx, now time.Time, workspaceID string) (*document, error) {
	var d document
	found, err := tx.Get(definitions, workspaceID, &d)
	if err != nil || !found || d.gone(now) {
		return nil, err
	}
	return &d, nil
}
