// Package dataplane is the data plane of the local Amazon Managed Service for
// Prometheus: one Prometheus TSDB per workspace behind Prometheus' own HTTP API,
// with the limits that a sender and a reader meet at AMP.
package dataplane

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
)

// Limits are AMP's quotas that can be made smaller here, so that a sender meets
// them. Zero is AMP's default.
type Limits struct {
	IngestionRate  int // samples per second; 1,666,666
	IngestionBurst int // samples that can come at once; IngestionRate
	ActiveSeries   int // 50,000,000
}

func (l Limits) withDefaults() Limits {
	if l.IngestionRate == 0 {
		l.IngestionRate = 1_666_666
	}
	if l.IngestionBurst == 0 {
		l.IngestionBurst = l.IngestionRate
	}
	if l.ActiveSeries == 0 {
		l.ActiveSeries = 50_000_000
	}
	return l
}

// Settings are a workspace's own, from its configuration.
type Settings struct {
	RetentionDays    int
	OutOfOrderWindow time.Duration
	RuleQueryOffset  time.Duration // how far behind the clock rules look
}

// Options are what a Store is made of; all but Limits are needed.
type Options struct {
	Dir    string // samples of workspace ws-x lie in Dir/ws-x
	Now    func() time.Time
	Logger *slog.Logger
	Limits Limits
	// Find returns the settings of the workspace that a request names, or the
	// error that AMP gives for one that is unknown, not ready or elsewhere.
	Find func(r *gateway.Request, workspaceID string) (Settings, error)
}

// Store holds the samples of all workspaces. A workspace is opened by the first
// request for it and stays open: most of a person's workspaces are never used.
type Store struct {
	opts    Options
	queries slots

	mu      sync.Mutex // guards entries, never held while a TSDB opens
	entries map[string]*entry
	closed  bool
}

// entry is a workspace that was asked for; ws is nil until it is open. That of a
// removed one stays: a request that was on its way must not open it again.
type entry struct {
	mu     sync.RWMutex // held for reading while a request uses ws, for writing while the entry changes
	ws     *workspace
	closed bool // for good
}

var errClosed = errors.New("the local cloud is stopping")

// New prepares a Store; it opens nothing.
func New(o Options) *Store {
	o.Limits = o.Limits.withDefaults()
	return &Store{opts: o, queries: make(slots, maxQueries), entries: map[string]*entry{}}
}

// use calls f with the open workspace, which stays open until f returns.
func (s *Store) use(id string, settings Settings, f func(*workspace) error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	e := s.entry(id)
	s.mu.Unlock()

	e.mu.RLock()
	if e.ws == nil {
		e.mu.RUnlock()
		if err := e.open(s, id, settings); err != nil {
			return err
		}
		e.mu.RLock()
	}
	defer e.mu.RUnlock()
	if e.ws == nil {
		return s.gone(id)
	}
	return f(e.ws)
}

// entry is the workspace's, which is made when it is needed; the caller holds s.mu.
func (s *Store) entry(id string) *entry {
	e := s.entries[id]
	if e == nil {
		e = &entry{}
		s.entries[id] = e
	}
	return e
}

// gone is for a request that was on its way when its workspace was removed, or the
// store closed: then a sender is to try again.
func (s *Store) gone(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return &gateway.Error{Status: http.StatusNotFound, Message: "Workspace not found: " + id}
}

func (e *entry) open(s *Store, id string, settings Settings) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ws != nil || e.closed {
		return nil
	}
	ws, err := openWorkspace(filepath.Join(s.opts.Dir, id), id, settings, s.opts, s.queries)
	if err != nil {
		return fmt.Errorf("could not open workspace %s: %w", id, err)
	}
	e.ws = ws
	return nil
}

// Apply gives an open workspace new settings; one that is not open gets them
// when it opens.
func (s *Store) Apply(workspaceID string, settings Settings) error {
	s.mu.Lock()
	e := s.entries[workspaceID]
	s.mu.Unlock()
	if e == nil {
		return nil
	}
	e.mu.Lock() // a TSDB takes settings from one caller at a time
	defer e.mu.Unlock()
	if e.ws == nil {
		return nil
	}
	return e.ws.apply(settings)
}

// Remove closes the workspace and deletes its samples.
func (s *Store) Remove(workspaceID string) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	e := s.entry(workspaceID)
	s.mu.Unlock()
	if err := errors.Join(e.close(), os.RemoveAll(filepath.Join(s.opts.Dir, workspaceID))); err != nil {
		return fmt.Errorf("could not delete the data of workspace %s: %w", workspaceID, err)
	}
	return nil
}

// Close waits for running requests and closes all workspaces.
func (s *Store) Close() error {
	s.mu.Lock()
	entries := s.entries
	s.entries, s.closed = nil, true
	s.mu.Unlock()
	var errs []error
	for id, e := range entries {
		if err := e.close(); err != nil {
			errs = append(errs, fmt.Errorf("could not close workspace %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

func (e *entry) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.ws == nil {
		return nil
	}
	ws := e.ws
	e.ws = nil
	return ws.db.Close()
}
