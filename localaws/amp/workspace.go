package amp

import (
	"errors"
	"fmt"
	"time"

	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const workspaces = "amp-workspaces" // bucket: workspace id → workspace

// States of a workspace, as AWS calls them.
const (
	creating = "CREATING"
	active   = "ACTIVE"
	deleting = "DELETING"
)

// workspace is one as it is stored. Its state follows from the clock: nothing
// has to run for a workspace to become ACTIVE or to go away.
type workspace struct {
	ID            string
	Region        string
	Alias         string
	KmsKeyARN     string
	Tags          map[string]string
	CreatedAt     time.Time
	ActiveAt      time.Time
	GoneAt        time.Time // zero unless it was deleted
	Configuration configuration
}

func (w *workspace) status(now time.Time) string {
	switch {
	case !w.GoneAt.IsZero():
		return deleting
	case now.Before(w.ActiveAt):
		return creating
	}
	return active
}

func (w *workspace) gone(now time.Time) bool { return !w.GoneAt.IsZero() && !now.Before(w.GoneAt) }

func (w *workspace) arn() string {
	return "arn:aws:aps:" + w.Region + ":" + principal.Account + ":workspace/" + w.ID
}

// load returns the workspace, nil when there is none.
func (a *AMP) load(now time.Time, id string) (*workspace, error) {
	var w workspace
	found := false
	err := a.opts.State.View(func(tx *state.Tx) (err error) {
		found, err = tx.Get(workspaces, id, &w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("could not load workspace %s: %w", id, err)
	}
	if !found || w.gone(now) {
		return nil, nil
	}
	return &w, nil
}

// finishDeletions forgets the workspaces whose time has come, and their samples.
func (a *AMP) finishDeletions(now time.Time) error {
	var gone []string
	err := a.opts.State.View(func(tx *state.Tx) error {
		return eachWorkspace(tx, func(w *workspace) {
			if w.gone(now) {
				gone = append(gone, w.ID)
			}
		})
	})
	for _, id := range gone {
		if err == nil {
			err = a.data.Remove(id)
		}
		if err == nil {
			err = a.opts.State.Update(func(tx *state.Tx) error {
				return errors.Join(forgetDocuments(tx, id), tx.Delete(workspaces, id))
			})
		}
	}
	if err != nil {
		return fmt.Errorf("could not finish deleting workspaces: %w", err)
	}
	return nil
}

func eachWorkspace(tx *state.Tx, f func(*workspace)) error {
	return tx.ForEach(workspaces, func(_ string, decode func(any) error) error {
		var w workspace
		if err := decode(&w); err != nil {
			return err
		}
		f(&w)
		return nil
	})
}
