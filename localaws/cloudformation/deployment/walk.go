package deployment

import (
	"context"
	"slices"
)

// walk does something for each of ids, at the same time where before allows: an id
// waits for those that before names. When one fails, those in work are told by ctx
// with errOther, and no other begins. With hold, only those that wait for the failed
// one are left out, and ctx stays.
func walk(ctx context.Context, ids []string, before func(string) []string, hold bool, do func(context.Context, string) bool) (ok bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		id string
		ok bool
	}
	results := make(chan result)
	waiting, good, working := slices.Clone(ids), map[string]bool{}, 0
	ok = true
	for {
		for i := 0; i < len(waiting) && (ok || hold) && ctx.Err() == nil; {
			id := waiting[i]
			if slices.ContainsFunc(before(id), func(d string) bool { return slices.Contains(ids, d) && !good[d] }) {
				i++
				continue
			}
			waiting = slices.Delete(waiting, i, i+1)
			working++
			go func() { results <- result{id, do(ctx, id)} }()
		}
		if working == 0 {
			return ok && len(waiting) == 0
		}
		r := <-results
		working--
		good[r.id] = r.ok
		if !r.ok {
			ok = false
			if !hold {
				cancel(errOther)
			}
		}
	}
}
