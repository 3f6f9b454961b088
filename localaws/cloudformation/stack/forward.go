package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
	"github.com/parascope/parascope/localaws/cloudformation/template"
)

// forward makes the stack what its operation wants it to be.
func (r *run) forward(ctx context.Context) {
	op := r.stack.Operation
	going, stop := r.limit(ctx)
	defer stop()
	outputs, err := r.apply(going)
	switch why := context.Cause(ctx); {
	case r.stopping(), errors.Is(why, errReplaced):
	case err == nil && op.Kind == Create:
		r.adopt(op.Target, outputs)
		r.finish("CREATE_COMPLETE", "")
	case err == nil:
		r.adopt(op.Target, outputs)
		r.discard(r.surroundings(ctx))
		r.phase(Cleanup)
		r.status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
		r.cleanup(ctx)
	case errors.Is(why, errUser):
		r.phase(Rollback)
		r.status("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
		r.back(r.engine.life)
	default:
		r.failForward(ctx, going, err)
	}
}

// failForward decides where a failed creation or update goes.
func (r *run) failForward(ctx, going context.Context, err error) {
	op := r.stack.Operation
	reason := r.whatFailed(going, err)
	switch {
	case op.Kind == Create && op.OnFailure == OnFailureNothing:
		r.adopt(op.Target, nil)
		r.finish("CREATE_FAILED", reason)
	case op.Kind == Create && op.OnFailure == OnFailureDelete:
		r.adopt(op.Target, nil)
		r.mu.Lock()
		op.Kind = Delete
		r.mu.Unlock()
		r.status("DELETE_IN_PROGRESS", reason+"Delete requested by user.")
		r.remove(ctx)
	case op.Kind == Create:
		r.adopt(op.Target, nil)
		r.phase(Rollback)
		r.status("ROLLBACK_IN_PROGRESS", reason+"Rollback requested by user.")
		r.back(ctx)
	default:
		r.phase(Rollback)
		r.status("UPDATE_ROLLBACK_IN_PROGRESS", reason)
		r.back(ctx)
	}
}

// whatFailed is AWS's sentence about it, with a blank at its end.
func (r *run) whatFailed(going context.Context, err error) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for _, kind := range []struct{ status, verb string }{{"CREATE_FAILED", "create"}, {"UPDATE_FAILED", "update"}} {
		if ids := r.stack.failed(kind.status); len(ids) > 0 {
			fmt.Fprintf(&b, "The following resource(s) failed to %s: [%s]. ", kind.verb, strings.Join(ids, ", "))
		}
	}
	switch {
	case errors.Is(context.Cause(going), errTime):
		return "Stack creation time exceeded the specified timeout. " + b.String()
	case b.Len() == 0:
		return err.Error() + ". "
	}
	return b.String()
}

// limit ends a creation when the time that it was given is over.
func (r *run) limit(ctx context.Context) (context.Context, func()) {
	going, cancel := context.WithCancelCause(ctx)
	minutes := r.stack.TimeoutMinutes
	if r.stack.Operation.Kind != Create || minutes == 0 {
		return going, func() { cancel(nil) }
	}
	end := r.stack.Operation.Started.Add(time.Duration(minutes) * time.Minute)
	go func() {
		tick := time.NewTicker(r.engine.o.Cloud.Poll)
		defer tick.Stop()
		for {
			select {
			case <-going.Done():
				return
			case <-tick.C:
			}
			if r.now().After(end) {
				cancel(errTime)
			}
		}
	}()
	return going, func() { cancel(nil) }
}

// adopt makes the target the stack's definition.
func (r *run) adopt(d Definition, outputs []template.OutputValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stack.Definition, r.stack.Outputs = d, outputs
	if r.stack.Operation.Kind == Create {
		for _, res := range r.stack.Resources {
			res.New = false
		}
	}
}

var errFailed = errors.New("a resource failed")

// apply makes and changes resources, each after those that it refers to, and
// evaluates the outputs.
func (r *run) apply(ctx context.Context) ([]template.OutputValue, error) {
	op := r.stack.Operation
	t, err := template.Parse(op.Target.Body)
	if err != nil {
		return nil, err
	}
	scope, err := r.engine.scope(r.stack, t, op.Target, r.surroundings(ctx))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	interrupted := len(r.stack.failed("CREATE_FAILED"))+len(r.stack.failed("UPDATE_FAILED")) > 0
	r.mu.Unlock()
	if interrupted {
		return nil, errFailed // before the process was stopped
	}
	each := func(ctx context.Context, id string) bool {
		return r.applyOne(ctx, t.Resources[id], id, scope)
	}
	if !walk(ctx, scope.Resources(), scope.Dependencies, false, each) {
		return nil, errFailed
	}
	return scope.Outputs()
}

// applyOne brings one resource to what the template says.
func (r *run) applyOne(ctx context.Context, def template.Resource, id string, scope *template.Scope) bool {
	typ, _ := r.engine.o.Lookup(def.Type)
	properties, err := scope.Properties(id)
	next := &Resource{
		LogicalID: id, Type: def.Type, DependsOn: scope.Dependencies(id), Metadata: def.Metadata,
		DeletionPolicy: def.DeletionPolicy, UpdateReplacePolicy: def.UpdateReplacePolicy, New: true,
	}
	r.mu.Lock()
	old := r.stack.Resources[id]
	if err == nil {
		next.Properties = typ.WithTags(properties, r.stack.Operation.Target.Tags)
	}
	r.mu.Unlock()
	if old != nil && (old.New || old.Before != nil) {
		return true // made before the process was stopped
	}
	if old == nil {
		r.put(next)
		if err != nil {
			r.note(next, "CREATE_FAILED", r.reason(ctx, Create, "", plain(err)))
			return false
		}
		return r.act(ctx, Create, next, nil, "")
	}
	if err != nil {
		r.mu.Lock()
		before := *old
		old.Before = &before
		r.mu.Unlock()
		r.note(old, "UPDATE_FAILED", r.reason(ctx, Update, "", plain(err)))
		return false
	}
	return r.change(ctx, typ, old, next)
}

// plain makes an event's reason of an error of the template's evaluation.
func plain(err error) error {
	if refused, ok := errors.AsType[*template.Error](err); ok {
		return &resource.Failure{Plain: refused.Message}
	}
	return err
}

func (r *run) put(res *Resource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stack.Resources == nil {
		r.stack.Resources = map[string]*Resource{}
	}
	r.stack.Resources[res.LogicalID] = res
}

// change updates a resource in place or makes a new one for it.
func (r *run) change(ctx context.Context, typ resource.Type, old, next *Resource) bool {
	changes := typ.Changes(old.Properties, next.Properties)
	if len(changes) == 0 {
		r.mu.Lock()
		old.DependsOn, old.DeletionPolicy, old.UpdateReplacePolicy, old.Metadata = next.DependsOn, next.DeletionPolicy, next.UpdateReplacePolicy,
			next.Metadata
		r.mu.Unlock()
		return true
	}
	before := *old
	before.Before = nil
	next.New, next.Before = false, &before
	if slices.ContainsFunc(changes, func(c resource.Change) bool { return c.Replaces }) {
		r.put(next)
		return r.act(ctx, Create, next, nil, "Requested update requires the creation of a new physical resource; hence creating one.")
	}
	next.PhysicalID, next.Attributes = old.PhysicalID, maps.Clone(old.Attributes)
	r.put(next)
	return r.act(ctx, Update, next, before.Properties, "")
}

// discard sorts out, after an update that succeeded, what is not needed any more.
func (r *run) discard(around template.Surroundings) {
	t, err := template.Parse(r.stack.Operation.Target.Body)
	if err != nil {
		return // apply has parsed it
	}
	scope, err := r.engine.scope(r.stack, t, r.stack.Operation.Target, around)
	if err != nil {
		return // apply has evaluated it
	}
	wanted := scope.Resources()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range r.stack.sorted() {
		res := r.stack.Resources[id]
		if old := res.Before; old != nil && old.PhysicalID != res.PhysicalID {
			old.DeletionPolicy = old.UpdateReplacePolicy
			r.stack.Trash = append(r.stack.Trash, old)
		}
		res.Before, res.New = nil, false
		if !slices.Contains(wanted, id) {
			r.stack.Trash = append(r.stack.Trash, res)
			delete(r.stack.Resources, id)
		}
	}
}
