package doctor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// Result is a check with what it found.
type Result struct {
	ID, Title string
	Cluster   string // that it is about; "": none
	Because   string // Unknown: ID of the check that failed or is unknown, and that this one needs
	Finding
}

// Options say how checks are run.
type Options struct {
	Bound   time.Duration // of each check; 0: none. A check that takes longer is Unknown
	AtOnce  int           // checks that run at the same time; below 2: one after the other, in the list's order
	Cluster string        // that the checks are about
	Before  []Result      // of earlier runs, whose checks may be needed
}

// Run runs checks, each when those that it needs are through, and gives the results to
// report in the list's order. What needs a check that failed is not run: it is Unknown
// because of that one. Run ends at the first error that report returns, and returns it.
func Run[E any](ctx context.Context, env E, checks []Check[E], o Options, report func(Result) error) ([]Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{options: o, over: map[string]chan struct{}{}, results: map[string]Result{}, slots: make(chan struct{}, max(1, o.AtOnce))}
	for _, b := range o.Before {
		r.results[b.ID] = b
	}
	for _, c := range checks {
		r.over[c.ID] = make(chan struct{})
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel() // before the wait
	for i, c := range checks {
		after := c.Needs
		if o.AtOnce < 2 && i > 0 {
			after = append(after[:len(after):len(after)], checks[i-1].ID)
		}
		running.Go(func() {
			defer close(r.over[c.ID])
			r.await(after)
			r.put(Result{ID: c.ID, Title: c.Title, Cluster: o.Cluster}, c.Needs, func() Finding { return bounded(ctx, o, c.Run, env) })
		})
	}
	var all []Result
	for _, c := range checks {
		<-r.over[c.ID]
		got := r.get(c.ID)
		all = append(all, got)
		if err := report(got); err != nil {
			return all, err
		}
	}
	return all, nil
}

// run is what the checks of a Run share.
type run struct {
	options Options
	over    map[string]chan struct{} // by ID, closed when the check is through; not written to after the beginning
	slots   chan struct{}
	mu      sync.Mutex
	results map[string]Result
}

func (r *run) await(ids []string) {
	for _, id := range ids {
		if over, here := r.over[id]; here {
			<-over
		}
	}
}

func (r *run) get(id string) Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.results[id]
}

// put finds a result and keeps it.
func (r *run) put(result Result, needs []string, find func() Finding) {
	for _, id := range needs {
		before := r.get(id)
		if before.Status == Failed {
			result.Because = before.ID
		}
		if before.Because != "" {
			result.Because = before.Because
		}
		if result.Because != "" {
			break
		}
	}
	if result.Because != "" {
		result.Finding = Finding{Status: Unknown, Detail: fmt.Sprintf("check %s failed", result.Because)}
	} else {
		r.slots <- struct{}{}
		result.Finding = find()
		<-r.slots
		result.Because = result.because
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if result.keep != nil {
		result.keep()
		result.keep = nil
	}
	r.results[result.ID] = result
}

// grace is how long a check has to end after its time.
const grace = time.Second

// bounded runs a check for so long at most. One that does not look at its context is left
// behind: what it finds later is neither read nor kept.
func bounded[E any](ctx context.Context, o Options, check func(context.Context, E) Finding, env E) Finding {
	if o.Bound == 0 {
		return check(ctx, env)
	}
	ctx, cancel := context.WithTimeout(ctx, o.Bound)
	defer cancel()
	found := make(chan Finding, 1)
	go func() { found <- check(ctx, env) }()
	var f Finding
	select {
	case f = <-found:
	case <-ctx.Done():
		// What heeds its context is over now.
		last := time.NewTimer(grace)
		defer last.Stop()
		select {
		case <-found:
		case <-last.C:
		}
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Unsure("the check was interrupted", "")
	case ctx.Err() != nil:
		return Unsure(fmt.Sprintf("the check did not finish within %s", o.Bound), "run the command again with a longer --timeout")
	}
	return f
}

// Outcome is what results come to together.
type Outcome string

// The values of Outcome.
const (
	AllGood   Outcome = "ok"      // every check is ok, or does not apply
	SomeWrong Outcome = "failed"  // at least one failed
	NotKnown  Outcome = "unknown" // none failed, and some could not be made
)

// OutcomeOf is the outcome of all results.
func OutcomeOf(all []Result) Outcome {
	o := AllGood
	for _, r := range all {
		switch r.Status {
		case Failed:
			return SomeWrong
		case Unknown:
			o = NotKnown
		}
	}
	return o
}

// Err is nil where all is well; else an error with the exit code and the next step of the
// first check that failed, and with code Unsure where none did and some are unknown.
func Err(all []Result) error {
	failed, unknown := 0, 0
	var first Result
	for _, r := range all {
		switch {
		case r.Status == Failed:
			if failed++; failed == 1 {
				first = r
			}
		case r.Status == Unknown:
			unknown++
		}
	}
	switch {
	case failed > 0:
		code := hint.Failure
		if first.Err != nil {
			code = hint.CodeOf(first.Err)
		}
		return hint.New(code, fmt.Errorf("%d of %d checks failed: %s", failed, len(all), first.Title), first.Next)
	case unknown > 0:
		return hint.New(hint.Unsure, fmt.Errorf("no check failed, but %d of %d could not be completed", unknown, len(all)), "")
	}
	return nil
}
