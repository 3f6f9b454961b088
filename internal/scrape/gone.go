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
	if l.failing = r.err != nil; !l.failing || !l.gone(began, failedBefore) {
		l.ended = false
		return false
	}
	l.target.Report(at, time.Since(began), fmt.Errorf("the node has just begun, or is taken away: %w", brief(r.err)))
	if !l.ended {
		l.ended = true
		l.endSeries(at)
	}
	return true
}

// gone asks whether the target was taken away. The first failure asks for what is newer than
// itself; later ones do with what is known, since a target that stays away would have
// everybody asked at each of its scrapes. The next scrape's moment is the bound.
func (l *loop) gone(began time.Time, failedBefore bool) bool {
	ask := l.manager.options.Gone
	if ask == nil {
		return false
	}
	var since time.Time
	now := time.Now()
	if !failedBefore {
		since = now
	}
	until := began.Add(l.interval)
	if soon := now.Add(time.Second); until.Before(soon) {
		until = soon
	}
	ctx, cancel := context.WithDeadline(l.manager.ctx, until)
	defer cancel()
	return ask(ctx, l.target, since)
}

// endSeries marks all of the target's series stale, those that tell of scrapes too.
func (l *loop) endSeries(at time.Time) {
	p := l.manager.open(l, at, 0)
	if p == nil {
		return
	}
	defer l.manager.release(p)
	if panicked := guard(func() {
		if _, err := p.read(nil, ""); err != nil {
			p.Clear()
		}
		p.reportGone()
		p.commit()
	}); panicked != nil {
		_ = l.panicked(panicked) // counts and logs it
	}
}
