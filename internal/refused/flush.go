package refused

import (
	"maps"
	"slices"
	"time"
)

// flushEvery is how often what waits in groups is sent because series were taken.
const flushEvery = 10 * time.Minute

// flush sends what waits in order, as a limit was lifted; not often, as it may have been
// for few series.
func (a *Area) flush() {
	if a.lifts = a.Lifts.Load(); !a.mayFlush() {
		return
	}
	a.flushedAt, a.offers = a.Elapsed(), nil
	if a.pools[limited].due > 0 {
		a.pools[limited].due = a.Elapsed()
	}
	ids := a.undecided()
	a.leave(ids)
	if len(ids) > 0 {
		a.groups = append(a.groups, group{ids: ids, refused: true, taken: true, flushed: true})
	}
}

func (a *Area) mayFlush() bool { return a.flushedAt == 0 || a.Elapsed()-a.flushedAt >= flushEvery }

// flushOn continues a flush of which the receiver refused a part: a limit is in force for some of
// the series, or the receiver has newer samples of others. It stores what it accepts, so
// that what waits arrives in order, and is found out about later.
func (a *Area) flushOn(q load) {
	a.mark(q)
	g := &a.groups[0]
	g.from, g.after = q.at, slices.Max(slices.Collect(maps.Values(q.upTo)))
	if q.complete {
		a.endFlush()
	}
}

// endFlush has a group be one of refused series again: all of it was sent just now.
func (a *Area) endFlush() {
	a.groups[0] = group{ids: a.groups[0].ids, refused: true}
	a.offerDue = a.Elapsed() + a.Pace
}
