// Package lambda is the local cloud's AWS Lambda: it keeps functions and runs
// their real code, each execution environment a process of its own with the
// credentials of the function's role, speaking Lambda's runtime API.
package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what the service is made of; the durations may be zero.
type Options struct {
	State   *state.DB
	Dir     string         // unpacked code
	BaseURL func() string  // the cloud's own address, for the SDKs in the functions
	Call    gateway.Caller // to fetch code from S3 and to write logs
	// AssumeRole gives the credentials of a role to a service that its trust policy
	// allows. A *gateway.Error is a refusal.
	AssumeRole  func(roleARN, service, session string, keys map[string][]string, lifetime time.Duration) (principal.AccessKey, error)
	Now         func() time.Time
	NewID       func() string // UUIDs
	Logger      *slog.Logger
	CreateDelay time.Duration   // how long a new function is Pending
	IdleTimeout time.Duration   // how long an environment waits for its next invocation; default a minute
	RetryDelays []time.Duration // before the further attempts at an Event that failed; default one and two minutes
}

// Lambda is the service.
type Lambda struct {
	opts    Options
	stop    chan struct{} // closed by Close
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	idle    map[string][]*worker // by function, path(region, name); the last was used last
	all     map[*worker]struct{}
	using   map[string]int  // code's folder → environments that run it
	dropped map[string]code // by folder: code that no function has, while environments run it
}

// New opens the service on its state, and removes code that no function has.
func New(o Options) (*Lambda, error) {
	if o.IdleTimeout == 0 {
		o.IdleTimeout = time.Minute
	}
	if o.RetryDelays == nil {
		o.RetryDelays = []time.Duration{time.Minute, 2 * time.Minute}
	}
	l := &Lambda{opts: o, stop: make(chan struct{}), idle: map[string][]*worker{}, all: map[*worker]struct{}{},
		using: map[string]int{}, dropped: map[string]code{}}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("could not resolve the directory of Lambda's functions: %w", err)
	}
	l.opts.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("could not create the directory of Lambda's functions: %w", err)
	}
	if err := l.removeOrphans(); err != nil {
		return nil, fmt.Errorf("could not clean up the directory of Lambda's functions: %w", err)
	}
	return l, nil
}

// Resume runs the asynchronous invocations that a stop of the cloud interrupted.
// The cloud must be able to answer calls by then. It does not wait for them; they
// end with Close, not with ctx.
func (l *Lambda) Resume(ctx context.Context) error {
	var queued []queuedEvent
	err := l.opts.State.View(func(tx *state.Tx) error {
		return tx.ForEach(eventBucket, func(_ string, decode func(any) error) error {
			var e queuedEvent
			err := decode(&e)
			queued = append(queued, e)
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("could not read the queue of asynchronous invocations: %w", err)
	}
	for _, e := range queued {
		l.background(ctx, e)
	}
	return nil
}

// Close ends all execution environments, and with them their invocations.
// Asynchronous ones stay queued for the next Resume.
func (l *Lambda) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.stop)
	for e := range l.all {
		e.Kill()
	}
	for _, waiting := range l.idle {
		for _, e := range waiting {
			l.retire(e)
		}
	}
	clear(l.idle)
	l.mu.Unlock()
	l.running.Wait()
	return nil
}

func (l *Lambda) removeOrphans() error {
	known := map[string]bool{}
	err := l.opts.State.View(func(tx *state.Tx) error {
		return eachFunction(tx, func(f *function) { known[f.Code.Dir] = true })
	})
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(l.opts.Dir)
	for _, e := range entries {
		if !known[e.Name()] && err == nil {
			err = os.RemoveAll(filepath.Join(l.opts.Dir, e.Name()))
		}
	}
	return err
}
