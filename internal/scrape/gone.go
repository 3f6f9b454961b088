package scrape

import (
	"context"
	"fmt"
	"time"
)

// ends reports whether a scrape that failed was of a target that was taken away on purpose. Then
// its series end, the first time, and nothing else is taken: it is not down.
func (l *loop) ends(r *report, began, at time.Time) bool {
	failedBefore := l.failing
	if l.failing = r.err != nil; !l.failing || l.manager.options.Gone == nil || !l.gone(began, failedBefore) {
		l.ended = false
		return false
	}
	l.target.Report(at, time.Since(began), fmt.Errorf("the node is starting or being removed: %w", brief(r.err)))
	if !l.ended {
		l.ended = true
		l.endSeries(at)
	}
	return true
}

// gone asks whether the target was taken away: the first time by what is newer than the failure,
// later by what is known, or a target that stays away would have everybody asked each time.
func (l *loop) gone(began time.Time, failedBefore bool) bool {
	ctx, cancel := context.WithDeadline(l.manager.ctx, began.Add(max(l.interval, time.Since(began)+time.Second)))
	defer cancel()
	since := map[bool]time.Time{false: time.Now()}[failedBefore]
	return l.manager.options.Gone(ctx, l.target, since)
}

// endSeries marks all of the target's series stale, those that tell of scrapes too.
func (l *loop) endSeries(at time.Time) {
	p := l.manager.open(l, at, 0)
	if p == nil {
		return
	}
	defer l.manager.release(p)
	if panicked := guard(func() {
		_, _ = p.read(nil, "") // of an empty page there is no error
		p.reportGone()
		p.commit()
	}); panicked != nil {
		_ = l.panicked(panicked) // counts and logs it
	}
}
