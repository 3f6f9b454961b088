package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parascope/parascope/localaws/cloudformation/catalog"
	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/cloudformation/template"
)

// run is one operation of one stack.
type run struct {
	engine *Engine
	cancel context.CancelCauseFunc
	ended  chan struct{}

	mu    sync.Mutex // the resources work at the same time
	stack *Stack

	broken atomic.Pointer[error] // storing failed: nothing more can be done
}

func (r *run) now() time.Time { return r.engine.o.Cloud.Now() }

// perform takes the operation through its phases. It returns errStopped when the
// process ends before the operation does.
func (r *run) perform(ctx context.Context) error {
	switch op := r.stack.Operation; {
	case op.Kind == Delete:
		r.remove(ctx)
	case op.Phase == Rollback:
		r.back(ctx)
	case op.Phase == Cleanup, op.Phase == RollbackCleanup:
		r.cleanup(ctx)
	default:
		r.forward(ctx)
	}
	if err := r.broken.Load(); err != nil {
		return *err
	}
	if r.engine.life.Err() != nil && r.stack.Busy() {
		return errStopped
	}
	return nil
}

// stopping reports whether the process ends: nothing is to be concluded from
// contexts that ended with it.
func (r *run) stopping() bool { return r.engine.life.Err() != nil || r.broken.Load() != nil }

// status changes the stack's status.
func (r *run) status(status, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping() {
		return
	}
	r.stack.Status, r.stack.StatusReason = status, reason
	r.store(r.stack.event(r.now()))
}

// store saves the stack; the lock is held.
func (r *run) store(events ...Event) {
	if r.broken.Load() != nil {
		return
	}
	if err := r.engine.save(r.stack, events...); err != nil {
		err = fmt.Errorf("could not store stack %s: %w", r.stack.Name, err)
		r.broken.Store(&err)
	}
}

// finish ends the operation with this status.
func (r *run) finish(status, reason string) {
	if r.stopping() {
		return
	}
	r.mu.Lock()
	r.stack.Operation = nil
	r.mu.Unlock()
	r.status(status, reason)
}

// phase notes how far the operation is.
func (r *run) phase(p string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stack.Operation.Phase = p
}

// note changes a resource's status and writes the event.
func (r *run) note(res *Resource, status, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping() {
		return
	}
	res.Status, res.StatusReason, res.At = status, reason, r.now()
	r.store(res.event())
}

func (res *Resource) event() Event {
	properties, err := json.Marshal(res.Properties)
	if err != nil {
		properties = nil // maps of strings always have a JSON form
	}
	return Event{LogicalID: res.LogicalID, PhysicalID: res.PhysicalID, Type: res.Type, Status: res.Status, Reason: res.StatusReason,
		Properties: string(properties), At: res.At}
}

// surroundings look resources up in the stack as it is now.
func (r *run) surroundings(ctx context.Context) template.Surroundings {
	return template.Surroundings{
		Ref: func(id string) (string, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			res := r.stack.Resources[id]
			if res == nil {
				return "", fmt.Errorf("resource %s does not exist yet", id)
			}
			return res.PhysicalID, nil
		},
		Attribute: func(id, name string) (any, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return attribute(r.stack, r.stack.Resources[id], name)
		},
		Zones: func(region string) ([]string, error) {
			return catalog.Zones(r.work(ctx, &Resource{}, nil), region)
		},
	}
}

// attribute is what Fn::GetAtt of the resource gives.
func attribute(s *Stack, res *Resource, name string) (any, error) {
	if res == nil {
		return nil, fmt.Errorf("attribute %s belongs to a resource that does not exist yet", name)
	}
	if v, ok := res.Attributes[name]; ok {
		return v, nil
	}
	if catalog.Custom(res.Type) {
		return nil, &template.Error{Message: fmt.Sprintf("CustomResource attribute error: Vendor response doesn't contain %s key in object "+
			"%s|%s in S3 bucket cloudformation-custom-resource-storage-%s",
			name, s.ID, res.LogicalID, strings.ReplaceAll(s.Region, "-", ""))}
	}
	return nil, &template.Error{Message: fmt.Sprintf("Attribute '%s' does not exist", name)}
}

// work is what a type is given to work with.
func (r *run) work(ctx context.Context, res *Resource, old map[string]any) *resource.Work {
	s := r.stack
	return &resource.Work{
		Context: ctx, Cloud: r.engine.o.Cloud, As: s.Operation.As, LogicalID: res.LogicalID, TypeName: res.Type, Token: r.engine.o.Cloud.NewID(),
		Stack:      resource.Stack{ID: s.ID, Name: s.Name, Region: s.Region, Account: account(s.ID)},
		Properties: res.Properties, Old: old, ID: res.PhysicalID, Attributes: maps.Clone(res.Attributes),
	}
}

// act runs a verb of the resource's type and notes how it went. reason is that of
// the first event.
func (r *run) act(ctx context.Context, verb string, res *Resource, old map[string]any, reason string) bool {
	shown := verb
	if verb == Create && res.Before != nil {
		shown = Update // a replacement
	}
	r.note(res, shown+"_IN_PROGRESS", reason)
	typ, _ := r.engine.o.Lookup(res.Type)
	w := r.work(ctx, res, old)
	initiated := false
	w.Keep = func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		res.PhysicalID, res.Attributes, res.At = w.ID, maps.Clone(w.Attributes), r.now()
		if !initiated {
			res.StatusReason = "Resource creation Initiated"
			r.store(res.event())
		} else {
			r.store()
		}
		initiated = true
		return ctx.Err()
	}
	err := typ.Run(verb, w)
	if r.stopping() {
		return false
	}
	if err != nil {
		r.note(res, shown+"_FAILED", r.reason(ctx, verb, w.Token, err))
		return false
	}
	r.mu.Lock()
	if verb != Delete {
		res.PhysicalID, res.Attributes = w.ID, w.Attributes
	}
	r.mu.Unlock()
	r.note(res, shown+"_COMPLETE", "")
	return true
}

// reason is what an event says of an error.
func (r *run) reason(ctx context.Context, verb, token string, err error) string {
	if ctx.Err() != nil {
		names := map[string]string{Create: "creation", Update: "update", Delete: "deletion"}
		return "Resource " + names[verb] + " " + cancelled
	}
	if failure, ok := errors.AsType[*resource.Failure](err); ok {
		return failure.Reason(token)
	}
	r.engine.o.Logger.Error("a resource operation failed because of an error in the local cloud", "stack", r.stack.Name, "err", err)
	return "Internal Failure"
}

// dependents are the resources among all that were made from id.
func dependents(all []*Resource, id string) []string {
	var out []string
	for _, res := range all {
		if slices.Contains(res.DependsOn, id) {
			out = append(out, res.LogicalID)
		}
	}
	return out
}
