package deployment

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/template"
)

// back undoes a creation or an update.
func (r *run) back(ctx context.Context) {
	if r.stack.Operation.Kind == Create {
		if r.deleteAll(ctx, nil) {
			r.finish("ROLLBACK_COMPLETE", "")
		} else if !r.interruptedBy(ctx) {
			r.finish("ROLLBACK_FAILED", r.notDeleted())
		}
		return
	}
	if !r.revert(ctx) {
		if r.interruptedBy(ctx) {
			return
		}
		r.mu.Lock()
		r.stack.Operation.Halted = true
		ids := r.stack.failed("UPDATE_FAILED")
		r.mu.Unlock()
		r.status("UPDATE_ROLLBACK_FAILED", fmt.Sprintf("The following resource(s) failed to update: [%s]. ", strings.Join(ids, ", ")))
		return
	}
	r.phase(RollbackCleanup)
	r.status("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
	r.cleanup(ctx)
}

// interruptedBy reports whether somebody else goes on with the stack.
func (r *run) interruptedBy(ctx context.Context) bool { return r.stopping() || ctx.Err() != nil }

// revert brings changed resources back to what they were, in the order in which
// they depend on each other, and puts new ones with what is to be deleted.
func (r *run) revert(ctx context.Context) bool {
	r.mu.Lock()
	var changed []string
	for _, id := range r.stack.sorted() {
		res := r.stack.Resources[id]
		switch {
		case res.New:
			if res.DeletionPolicy == template.RetainExceptOnCreate {
				res.DeletionPolicy = template.Delete
			}
			r.stack.Trash = append(r.stack.Trash, res)
			delete(r.stack.Resources, id)
		case res.Before != nil:
			changed = append(changed, id)
		}
	}
	depends := map[string][]string{}
	for _, id := range changed {
		depends[id] = r.stack.Resources[id].Before.DependsOn
	}
	r.mu.Unlock()
	return walk(ctx, changed, func(id string) []string { return depends[id] }, true, r.revertOne)
}

func (r *run) revertOne(ctx context.Context, id string) bool {
	r.mu.Lock()
	now := r.stack.Resources[id]
	before := now.Before
	skip := slices.Contains(r.stack.Operation.Retain, id)
	replaced := now.PhysicalID != before.PhysicalID
	if replaced && now.PhysicalID != "" {
		gone := *now
		gone.Before, gone.DeletionPolicy = nil, template.Delete
		r.stack.Trash = append(r.stack.Trash, &gone)
	}
	restored := *before
	r.mu.Unlock()
	if replaced || skip {
		r.put(&restored)
		r.note(&restored, "UPDATE_COMPLETE", "")
		return true
	}
	from := now.Properties
	if now.Tried != nil {
		from = now.Tried // an earlier try to go back did not end
	}
	restored.Before, restored.Tried = before, from // until it has succeeded
	r.put(&restored)
	if !r.act(ctx, Update, &restored, from, "") {
		return false
	}
	r.mu.Lock()
	restored.Before, restored.Tried = nil, nil
	r.mu.Unlock()
	return true
}

// cleanup deletes what an update or its rollback left over. That something cannot
// be deleted does not make the update fail.
func (r *run) cleanup(ctx context.Context) {
	op := r.stack.Operation
	r.mu.Lock()
	trash := slices.Clone(r.stack.Trash)
	for _, res := range r.stack.Resources {
		res.Before, res.New = nil, false
	}
	r.mu.Unlock()
	ok := r.deleteThese(ctx, trash, nil)
	if r.interruptedBy(ctx) {
		return
	}
	r.mu.Lock()
	r.stack.Trash = nil
	r.stack.Updated = r.now()
	r.mu.Unlock()
	switch {
	case op.Phase == RollbackCleanup && ok:
		r.finish("UPDATE_ROLLBACK_COMPLETE", "")
	case op.Phase == RollbackCleanup:
		r.finish("UPDATE_ROLLBACK_COMPLETE", "One or more resources could not be deleted.")
	case ok:
		r.finish("UPDATE_COMPLETE", "")
	default:
		r.finish("UPDATE_COMPLETE", "Update successful. One or more resources could not be deleted.")
	}
}

// remove deletes the stack.
func (r *run) remove(ctx context.Context) {
	ok := r.deleteAll(ctx, r.stack.Operation.Retain)
	switch {
	case r.interruptedBy(ctx):
	case ok:
		r.mu.Lock()
		r.stack.Deleted, r.stack.Outputs = r.now(), nil
		r.mu.Unlock()
		r.finish("DELETE_COMPLETE", "")
	default:
		r.finish("DELETE_FAILED", r.notDeleted())
	}
}

func (r *run) notDeleted() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", strings.Join(r.stack.failed("DELETE_FAILED"), ", "))
}

// deleteAll deletes all that the stack has, but for what is to be retained.
func (r *run) deleteAll(ctx context.Context, retain []string) bool {
	r.mu.Lock()
	var all []*Resource
	for _, id := range r.stack.sorted() {
		res := r.stack.Resources[id]
		if res.Status == "DELETE_COMPLETE" || res.Status == "DELETE_SKIPPED" {
			continue
		}
		// What a rolled back update still had to deal with goes too.
		if old := res.Before; old != nil && old.PhysicalID != res.PhysicalID {
			r.stack.Trash = append(r.stack.Trash, old)
			res.Before = nil
		}
		all = append(all, res)
	}
	trash := slices.Clone(r.stack.Trash)
	r.mu.Unlock()
	if !r.deleteThese(ctx, all, retain) {
		return false
	}
	ok := r.deleteThese(ctx, trash, nil)
	if ok {
		r.mu.Lock()
		r.stack.Trash = nil
		r.mu.Unlock()
	}
	return ok
}

// deleteThese deletes resources, each after those that were made from it. Two may
// have one logical id: they are the old and the new one.
func (r *run) deleteThese(ctx context.Context, all []*Resource, retain []string) bool {
	byID := map[string][]*Resource{}
	var ids []string
	for _, res := range all {
		if byID[res.LogicalID] == nil {
			ids = append(ids, res.LogicalID)
		}
		byID[res.LogicalID] = append(byID[res.LogicalID], res)
	}
	return walk(ctx, ids, func(id string) []string { return dependents(all, id) }, true, func(ctx context.Context, id string) bool {
		ok := true
		for _, res := range byID[id] {
			ok = r.deleteOne(ctx, res, retain) && ok
		}
		return ok
	})
}

func (r *run) deleteOne(ctx context.Context, res *Resource, retain []string) bool {
	keep := res.DeletionPolicy == template.Retain || res.DeletionPolicy == template.RetainExceptOnCreate && r.stack.Operation.Kind != Create
	switch {
	case slices.Contains(retain, res.LogicalID), keep && res.PhysicalID != "":
		r.note(res, "DELETE_SKIPPED", "")
		return true
	case res.PhysicalID == "":
		r.note(res, "DELETE_COMPLETE", "")
		return true
	}
	return r.act(ctx, Delete, res, nil, "")
}
