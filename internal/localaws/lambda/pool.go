package lambda

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/parascope/parascope/internal/localaws/gateway"
)

// maxConcurrent is how many environments there may be at once; AWS allows 1000,
// which are processes here.
const maxConcurrent = 50

// execute runs an invocation in an environment that is free, or in a new one.
func (l *Lambda) execute(ctx context.Context, fn *function, in invocation) (outcome, error) {
	for {
		e, err := l.acquire(ctx, fn)
		if err != nil {
			return outcome{}, err
		}
		out, taken, alive := e.run(ctx, in)
		l.release(e, alive)
		if taken {
			return out, nil
		}
		// The process ended before the invocation began, and is out of the pool now.
	}
}

// acquire takes an environment out of the pool, or makes one.
func (l *Lambda) acquire(ctx context.Context, fn *function) (*environment, error) {
	l.mu.Lock()
	key := fn.path()
	for len(l.idle[key]) > 0 {
		waiting := l.idle[key]
		e := waiting[len(waiting)-1]
		l.idle[key] = waiting[:len(waiting)-1]
		e.idle.Stop()
		if e.fn.RevisionID == fn.RevisionID && l.opts.Now().Sub(e.started) < maxLife && !e.gone() {
			l.mu.Unlock()
			return e, nil
		}
		l.retire(e)
	}
	closed, full := l.closed, len(l.all) >= maxConcurrent
	if !closed && !full {
		l.running.Add(1) // until it is retired
	}
	l.mu.Unlock()
	switch {
	case closed:
		return nil, refuse(http.StatusInternalServerError, "ServiceException", "The local cloud is stopping.", "Service")
	case full:
		return nil, &gateway.Error{Status: http.StatusTooManyRequests, Code: "TooManyRequestsException", Message: "Rate Exceeded.",
			Members: map[string]any{"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User"}}
	}
	e, err := l.open(ctx, fn)
	if err != nil {
		l.running.Done()
	}
	if _, refused := errors.AsType[*gateway.Error](err); refused {
		return nil, refuse(http.StatusForbidden, "AccessDeniedException", "The role defined for the function cannot be assumed by Lambda.", "User")
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[e] = struct{}{}
	if l.closed {
		e.kill() // Close has been through; the invocation ends as those that it met
	}
	return e, nil
}

func (e *environment) gone() bool {
	select {
	case <-e.exited:
		return true
	default:
		return false
	}
}

// release puts an environment back where its next invocation finds it, for a while.
func (l *Lambda) release(e *environment, alive bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !alive || l.closed {
		l.retire(e)
		return
	}
	key := e.fn.path()
	e.idle = time.AfterFunc(l.opts.IdleTimeout, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if i := slices.Index(l.idle[key], e); i >= 0 {
			l.idle[key] = slices.Delete(l.idle[key], i, i+1)
			l.retire(e)
		}
	})
	l.idle[key] = append(l.idle[key], e)
}

// retire ends an environment that is not in the pool. The caller holds mu.
func (l *Lambda) retire(e *environment) {
	go func() {
		defer l.running.Done()
		e.close()
		l.mu.Lock()
		delete(l.all, e)
		l.mu.Unlock()
	}()
}

// forget ends the environments that wait for a function that is gone.
func (l *Lambda) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.idle[key] {
		e.idle.Stop()
		l.retire(e)
	}
	delete(l.idle, key)
}
