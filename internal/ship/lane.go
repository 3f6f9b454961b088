package ship

import (
	"context"
	"time"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/refused"
)

// shipLane sends the records of a lane, one after the other, for ever; or, with
// once, until the lane is empty. It is the only reader of the lane.
type shipLane struct {
	remote  *remote
	lane    *queue.Lane
	key     int // of the lane in the remote's health
	backoff receiver.Backoff
	joined  []byte       // room for a request that is made of several records
	refused refused.Area // series that the receiver refuses
	recent  recent
	drained func() // called when the lane was empty first, with once; may be nil
}

// idle is how long a lane waits at most before it looks again.
const idle = time.Second

func (l *shipLane) run(ctx context.Context, once bool) {
	for err := l.refused.Begin(l.refusedLane()); err != nil; err = l.refused.Begin(l.refusedLane()) {
		l.remote.diskTrouble(err)
		if !sleep(ctx, idle) {
			return
		}
	}
	for ctx.Err() == nil {
		l.refused.Turn(ctx)
		set := l.remote.settings.Load()
		if !once {
			l.fill(ctx, set)
		}
		samples, bytes := l.remote.size.Limit(set.maxSamples, set.maxBytes)
		e, ok, err := l.lane.Peek(uint32(samples), uint32(bytes))
		var body []byte
		if err == nil && ok {
			body, err = l.join(e)
		}
		switch {
		case err != nil:
			l.remote.diskTrouble(err)
			sleep(ctx, idle)
		case !ok:
			if once && l.drained != nil {
				l.drained()
				l.drained = nil
			}
			if !l.refused.Failing() || l.lane.ApartWaits() == 0 {
				l.remote.calm(l.key)
			}
			if once && l.lane.ApartWaits() == 0 {
				return
			}
			l.wait(ctx)
		default:
			l.deliver(ctx, e, body)
		}
	}
}

// refusedLane is the lane as what is refused needs it.
func (l *shipLane) refusedLane() refused.Lane {
	r := l.remote
	return refused.Lane{
		Queue: l.lane, Elapsed: r.ship.elapsed, Wall: r.wall, Configured: r.configured.Load, Extra: r.extra.Take,
		Pace: refused.OfferPace(r.ship.options.Lanes), Lifts: &r.lifts,
		Oldest:     func() int64 { return r.clock.Oldest(r.settings.Load().ageLimit).UnixMilli() },
		MaxBackoff: func() time.Duration { return r.settings.Load().most },
		Limit: func() (int, int) {
			set := r.settings.Load()
			return r.size.Limit(set.maxSamples, set.maxBytes)
		},
		Post: func(ctx context.Context, body []byte, samples int) (receiver.Answer, int, bool) {
			return l.post(ctx, r.settings.Load(), body, samples, 0)
		},
		Retry: func(ctx context.Context, a receiver.Answer, epoch, samples int) {
			l.retry(ctx, r.settings.Load(), a, epoch, &part{samples: samples})
		},
		Good: func() {
			r.good(l.key)
			l.backoff.Reset()
		},
		Answered: func() {
			r.answered(l.key)
			l.backoff.Reset()
		},
		Doubt: l.tellDoubt, Outcome: r.outcome, DiskTrouble: r.diskTrouble, DiskFailed: r.diskFailed,
	}
}

// wait waits until something comes to the lane, or what waits apart is due.
func (l *shipLane) wait(ctx context.Context) {
	var look <-chan time.Time
	if l.lane.ApartWaits() > 0 {
		timer := time.NewTimer(l.refused.UntilDue())
		defer timer.Stop()
		look = timer.C
	}
	select {
	case <-l.lane.More():
	case <-look:
	case <-ctx.Done():
	}
}

// join makes one body of an entry's.
func (l *shipLane) join(e queue.Entry) ([]byte, error) {
	if len(e.Bodies) == 1 {
		return e.Bodies[0], nil
	}
	joined, err := joinBlocks(l.joined[:0], e.Bodies, e.RawBytes)
	l.joined = joined
	return joined, err
}

// await waits until ready is closed, and reports whether ctx did not end first.
// Meanwhile the limits on bytes and on age apply to what waits.
func (l *shipLane) await(ctx context.Context, ready <-chan struct{}) bool {
	ticker := time.NewTicker(idle)
	defer ticker.Stop()
	for {
		select {
		case <-ready:
			return true
		case <-ctx.Done():
			return false
		case <-ticker.C:
			l.trim(l.remote.clock.Oldest(l.remote.settings.Load().ageLimit).UnixMilli())
		}
	}
}

// trim drops records at the front while the lane holds too much, and those whose
// samples are all from before millis. It reports whether there were any.
func (l *shipLane) trim(millis int64) bool {
	l.refused.Trim(millis)
	for dropped := false; ; dropped = true {
		over := l.lane.Over()
		e, ok, err := l.lane.Peek(1, 0)
		if err != nil || !ok || !over && e.MaxTime >= millis {
			return dropped // the next Peek meets the error, too
		}
		why := queue.TooOld
		if over {
			why = queue.QueueFull
		}
		var o queue.Outcome
		o.Dropped[why] = uint64(e.Samples)
		l.lane.Done(e, o)
		l.remote.outcome(o)
	}
}

// fill waits until what waits makes a whole request, for as long as settings.hold
// from when something does.
func (l *shipLane) fill(ctx context.Context, set *settings) {
	n := l.lane.Waiting()
	if n == 0 || n >= uint64(set.maxSamples) {
		return
	}
	timer := time.NewTimer(set.hold)
	defer timer.Stop()
	for l.lane.Waiting() < uint64(set.maxSamples) {
		select {
		case <-l.lane.More():
		case <-timer.C:
			return
		case <-l.remote.hurry:
			return
		case <-ctx.Done():
			return
		}
	}
}

// sleep waits for d and reports whether ctx did not end meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
