package lambda

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/lambda/environment"
)

// maxConcurrent is how many environments there may be at once; AWS allows 1000,
// which are processes here.
const maxConcurrent = 50

// maxLife is when an environment is not used again, so that its credentials never
// end in it.
const maxLife = 2 * time.Hour

// worker is an execution environment in the pool.
type worker struct {
	*environment.Environment
	fn      *function // as it was when the environment was made
	started time.Time
	idle    *time.Timer
}

// execute runs an invocation in an environment that is free, or in a new one.
func (l *Lambda) execute(ctx context.Context, fn *function, in environment.Invocation) (environment.Outcome, error) {
	for {
		e, err := l.acquire(ctx, fn)
		if errors.Is(err, errReplaced) {
			if fn, err = l.load(fn.Region, fn.Name); err == nil {
				continue
			}
		}
		if err != nil {
			return environment.Outcome{}, err
		}
		out, taken, alive := e.Run(ctx, in)
		l.release(e, alive)
		if taken {
			return out, nil
		}
		// The process ended before the invocation began, and is out of the pool now.
	}
}

// errReplaced is the error for a function whose code was replaced, or that was deleted,
// since it was loaded.
var errReplaced = errors.New("the function has other code by now")

// acquire takes an environment out of the pool, or makes one.
func (l *Lambda) acquire(ctx context.Context, fn *function) (*worker, error) {
	l.mu.Lock()
	key := fn.path()
	for len(l.idle[key]) > 0 {
		waiting := l.idle[key]
		e := waiting[len(waiting)-1]
		l.idle[key] = waiting[:len(waiting)-1]
		e.idle.Stop()
		if e.fn.RevisionID == fn.RevisionID && l.opts.Now().Sub(e.started) < maxLife && !e.Gone() {
			l.mu.Unlock()
			return e, nil
		}
		l.retire(e)
	}
	closed, full := l.closed, len(l.all) >= maxConcurrent
	_, gone := os.Stat(filepath.Join(l.opts.Dir, fn.Code.Dir))
	if !closed && !full && gone == nil {
		l.running.Add(1) // until it is retired
		l.using[fn.Code.Dir]++
	}
	l.mu.Unlock()
	switch {
	case closed:
		return nil, refuse(http.StatusInternalServerError, "ServiceException", "The local cloud is stopping.", "Service")
	case full:
		return nil, &gateway.Error{Status: http.StatusTooManyRequests, Code: "TooManyRequestsException", Message: "Rate Exceeded.",
			Members: map[string]any{"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User"}}
	case errors.Is(gone, fs.ErrNotExist):
		return nil, errReplaced
	case gone != nil:
		return nil, fmt.Errorf("could not find the code of function %s: %w", fn.Name, gone)
	}
	e, err := l.open(ctx, fn)
	if err != nil {
		l.mu.Lock()
		l.ended(fn.Code.Dir)
		l.mu.Unlock()
		l.running.Done()
	}
	if _, refused := errors.AsType[*gateway.Error](err); refused {
		return nil, refuse(http.StatusForbidden, "AccessDeniedException", "The role defined for the function cannot be assumed by Lambda.",
			"User")
	}
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[e] = struct{}{}
	if l.closed {
		e.Kill() // Close has been through; the invocation ends as those that it met
	}
	return e, nil
}

// open makes an environment for the function.
func (l *Lambda) open(ctx context.Context, fn *function) (*worker, error) {
	key, err := l.assume(fn)
	if err != nil {
		return nil, err
	}
	e, err := environment.Open(ctx, environment.Options{
		Function: environment.Function{
			Region: fn.Region, Name: fn.Name, ARN: fn.arn(), Runtime: fn.Runtime, Architecture: fn.Architecture, Handler: fn.Handler,
			Dir:     filepath.Join(l.opts.Dir, fn.Code.Dir),
			Timeout: time.Duration(fn.Timeout) * time.Second, MemorySize: fn.MemorySize, Variables: fn.Environment, LogGroup: fn.LogGroup,
		},
		Key: key, Endpoint: l.opts.BaseURL(), Call: l.opts.Call, Now: l.opts.Now, NewID: l.opts.NewID, Logger: l.opts.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("could not open an environment of function %s: %w", fn.Name, err)
	}
	return &worker{Environment: e, fn: fn, started: l.opts.Now()}, nil
}

// release puts an environment back where its next invocation finds it, for a while.
func (l *Lambda) release(e *worker, alive bool) {
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
func (l *Lambda) retire(e *worker) {
	go func() {
		defer l.running.Done()
		e.Close()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, e)
		l.ended(e.fn.Code.Dir)
	}()
}

// ended notes that an environment does not run the code in this folder any more, and
// removes it if no function has it. The caller holds mu.
func (l *Lambda) ended(dir string) {
	if l.using[dir]--; l.using[dir] > 0 {
		return
	}
	delete(l.using, dir)
	if c, dropped := l.dropped[dir]; dropped {
		delete(l.dropped, dir)
		l.remove(c)
	}
}

// drop removes code that a function had, as soon as no environment runs it.
func (l *Lambda) drop(c code) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.using[c.Dir] > 0 {
		l.dropped[c.Dir] = c
		return
	}
	l.remove(c)
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
