package deployment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/cloudformation/template"
	"github.com/parascope/parascope/localaws/state"
)

// Options are what an engine is made of; all are needed.
type Options struct {
	State  *state.DB
	Cloud  resource.Cloud
	Lookup func(name string) (resource.Type, bool) // the resource types
	Logger *slog.Logger
}

// Engine runs the operations of all stacks.
type Engine struct {
	o       Options
	mu      sync.Mutex
	life    context.Context // set by Start
	running map[string]*run // by stack id
	done    sync.WaitGroup
}

// New makes an engine. It does nothing before Start.
func New(o Options) *Engine { return &Engine{o: o, running: map[string]*run{}} }

// Why an operation's context ends.
var (
	errOther    = errors.New("another resource failed")
	errReplaced = errors.New("the stack is being deleted")
	errUser     = errors.New("the user cancelled it")
	errTime     = errors.New("the stack's TimeoutInMinutes is exceeded")
	errStopped  = errors.New("the local cloud stops")
	errNoStart  = errors.New("the engine was not started")
)

// Start takes up what a stop interrupted. Operations run until ctx ends.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	e.life = ctx
	e.mu.Unlock()
	all, err := e.List("")
	if err != nil {
		return err
	}
	for _, s := range all {
		if !s.Busy() {
			continue
		}
		if err := e.interrupted(s); err != nil {
			return err
		}
		if err := e.begin(s); err != nil {
			return err
		}
	}
	return nil
}

// Wait returns when no operation runs any more: after the end of Start's ctx they
// stop where they are.
func (e *Engine) Wait() { e.done.Wait() }

// interrupted fails the resources that a creation or an update had in work when
// the process was stopped: how that ended is not known.
func (e *Engine) interrupted(s *Stack) error {
	if s.Operation.Phase != Forward || s.Operation.Kind == Delete {
		return nil
	}
	var events []Event
	for _, id := range s.sorted() {
		r := s.Resources[id]
		verb, busy := strings.CutSuffix(r.Status, "_IN_PROGRESS")
		if !busy {
			continue
		}
		r.Status, r.At = verb+"_FAILED", e.o.Cloud.Now()
		r.StatusReason = "The local cloud was stopped during the operation; the result of the operation is unknown"
		events = append(events, r.event())
	}
	return e.save(s, events...)
}

// Begin starts the stack's Operation with the status that it begins with.
func (e *Engine) Begin(s *Stack, status, reason string) error {
	s.Operation.Started = e.o.Cloud.Now()
	return e.beginWith(s, status, reason)
}

func (e *Engine) beginWith(s *Stack, status, reason string) error {
	if err := e.mark(s, status, reason); err != nil {
		return err
	}
	return e.begin(s)
}

// mark gives a stack that no operation runs on a status, and stores it.
func (e *Engine) mark(s *Stack, status, reason string) error {
	s.Status, s.StatusReason = status, reason
	if err := e.save(s, s.event(e.o.Cloud.Now())); err != nil {
		return fmt.Errorf("could not store stack %s: %w", s.Name, err)
	}
	return nil
}

// Mark gives a stack that no operation runs on a status, and stores it.
func (e *Engine) Mark(s *Stack, status, reason string) error { return e.mark(s, status, reason) }

// Save stores a stack that no operation runs on.
func (e *Engine) Save(s *Stack) error { return e.save(s) }

func (s *Stack) event(at time.Time) Event {
	return Event{LogicalID: s.Name, PhysicalID: s.ID, Type: Type, Status: s.Status, Reason: s.StatusReason, At: at}
}

// begin runs the stack's operation in the background.
func (e *Engine) begin(s *Stack) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life == nil {
		return fmt.Errorf("could not run an operation of stack %s: %w", s.Name, errNoStart)
	}
	ctx, cancel := context.WithCancelCause(e.life)
	r := &run{engine: e, stack: s, cancel: cancel, ended: make(chan struct{})}
	e.running[s.ID] = r
	e.done.Go(func() {
		defer cancel(nil)
		err := r.perform(ctx)
		if err != nil && !errors.Is(err, errStopped) {
			e.o.Logger.Error("a stack operation ended", "stack", s.Name, "err", err)
		}
		e.mu.Lock()
		if e.running[s.ID] == r {
			delete(e.running, s.ID)
		}
		e.mu.Unlock()
		close(r.ended)
	})
	return nil
}

// Cancel ends an update that is going forward, which then rolls back.
func (e *Engine) Cancel(id string) { e.interrupt(id, errUser) }

// Abandon ends whatever runs on the stack, and waits for that, so that it can be
// deleted.
func (e *Engine) Abandon(ctx context.Context, id string) error {
	r := e.interrupt(id, errReplaced)
	if r == nil {
		return nil
	}
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("could not wait for the running operation: %w", ctx.Err())
	}
}

func (e *Engine) interrupt(id string, why error) *run {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.running[id]
	if r != nil {
		r.cancel(why)
	}
	return r
}

// Scope evaluates a definition for a stack; ref and attribute look resources up.
func (e *Engine) scope(s *Stack, t *template.Template, d Definition, around template.Surroundings) (*template.Scope, error) {
	around.Pseudo = map[string]string{
		"AWS::AccountId": account(s.ID), "AWS::Partition": "aws", "AWS::Region": s.Region, "AWS::StackId": s.ID, "AWS::StackName": s.Name,
		"AWS::URLSuffix": "amazonaws.com",
	}
	return t.NewScope(d.Parameters, around)
}

// account is the account in an ARN.
func account(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}
