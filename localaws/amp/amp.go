// Package amp is the local Amazon Managed Service for Prometheus: the control
// plane, which keeps workspaces, and over package dataplane their samples.
package amp

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; the delays and limits may be zero.
type Options struct {
	State       *state.DB
	Dir         string        // samples
	BaseURL     func() string // scheme and host of the workspaces' endpoints
	Now         func() time.Time
	NewID       func() string // UUIDs
	Logger      *slog.Logger
	CreateDelay time.Duration // how long a new workspace is CREATING
	DeleteDelay time.Duration // how long a deleted one is DELETING
	// DocumentDelay is how long rule groups namespaces and alert manager definitions take.
	DocumentDelay time.Duration
	Limits        dataplane.Limits
	Call          gateway.Caller // to SNS; nil: nothing is notified
	ManualRules   bool           // rules are evaluated by EvaluateRules only
}

// AMP is the service.
type AMP struct {
	opts    Options
	data    *dataplane.Store
	engines engines
}

// New opens the service on its state. It refuses limits and delays below zero.
func New(o Options) (*AMP, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("could not open Amazon Managed Service for Prometheus: %w", err)
	}
	a := &AMP{opts: o, engines: engines{all: map[string]*engine{}, woken: make(chan struct{}, 1)}}
	a.data = dataplane.New(dataplane.Options{Dir: o.Dir, Now: o.Now, Logger: o.Logger, Limits: o.Limits, Find: a.find})
	if err := a.finishDeletions(o.Now()); err != nil {
		return nil, errors.Join(err, a.data.Close())
	}
	return a, nil
}

func (o Options) check() error {
	for _, s := range []struct {
		name  string
		value int64
	}{
		{"the ingestion rate", int64(o.Limits.IngestionRate)},
		{"the ingestion burst", int64(o.Limits.IngestionBurst)},
		{"the limit of active series", int64(o.Limits.ActiveSeries)},
		{"the delay of creation, in nanoseconds,", int64(o.CreateDelay)},
		{"the delay of deletion, in nanoseconds,", int64(o.DeleteDelay)},
		{"the delay of rules and definitions, in nanoseconds,", int64(o.DocumentDelay)},
	} {
		if s.value < 0 {
			return fmt.Errorf("%s is %d: it must be at least 0", s.name, s.value)
		}
	}
	return nil
}

// Close ends the evaluation of rules, and closes the workspaces' samples.
func (a *AMP) Close() error {
	a.engines.close()
	return a.data.Close()
}

// find answers the data plane: the settings of the workspace it was asked for.
func (a *AMP) find(r *gateway.Request, id string) (dataplane.Settings, error) {
	w, err := a.load(r.Now, id)
	if err != nil {
		return dataplane.Settings{}, err
	}
	switch {
	case w == nil:
		return dataplane.Settings{}, &gateway.Error{Status: http.StatusNotFound, Message: "Workspace not found: " + id}
	case w.Region != r.Region:
		return dataplane.Settings{}, &gateway.Error{Status: http.StatusForbidden, Message: "Credential should be scoped to a valid region."}
	case w.status(r.Now) != active:
		return dataplane.Settings{}, &gateway.Error{Status: http.StatusBadRequest,
			Message: fmt.Sprintf("Workspace %s is not ACTIVE but %s", id, w.status(r.Now))}
	}
	return w.Configuration.settings(), nil
}
