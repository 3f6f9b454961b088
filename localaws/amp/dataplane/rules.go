package dataplane

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
)

// Evaluated is a workspace that rules are evaluated on: its TSDB, which is open while Use runs.
type Evaluated struct {
	*tsdb.DB
	store    *Store
	id       string
	settings Settings
	ws       *workspace
}

// Evaluated opens a workspace for its rules.
func (s *Store) Evaluated(id string, settings Settings) (*Evaluated, error) {
	e := &Evaluated{store: s, id: id, settings: settings}
	err := s.use(id, settings, func(ws *workspace) error {
		e.DB, e.ws = ws.db, ws
		return nil
	})
	return e, err
}

// Use calls f while the workspace is open, and not at all when it was closed.
func (e *Evaluated) Use(f func()) error {
	return e.store.use(e.id, e.settings, func(*workspace) error { f(); return nil })
}

// Query evaluates an expression, within Use.
func (e *Evaluated) Query(ctx context.Context, expr string, at time.Time) (promql.Vector, error) {
	return rules.EngineQueryFunc(e.ws.engine, e.DB)(ctx, expr, at)
}

// Show makes the workspace's API show these rules; nil is none.
func (e *Evaluated) Show(m *rules.Manager) { e.ws.rules.Store(m) }
