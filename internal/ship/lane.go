package ship

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
)

// shipLane sends the records of a lane, one after the other, for ever; or, with
// once, until the lane is empty. It is the only reader of the lane.
type shipLane struct {
	remote  *remote
	lane    *queue.Lane
	key     int // of the lane in the remote's health
	backoff receiver.Backoff
	joined  []byte // room for a request that is made of several records
}

// idle is how long a lane waits at most before it looks again.
const idle = time.Second

func (l *shipLane) run(ctx context.Context, once bool) {
	for ctx.Err() == nil {
		set := l.remote.settings.Load()
		if !once {
			l.fill(ctx, set)
		}
		e, ok, err := l.lane.Peek(uint32(set.maxSamples), uint32(set.maxBytes))
		var body []byte
		if err == nil && ok {
			body, err = l.join(e)
		}
		switch {
		case err != nil:
			l.remote.diskTrouble(err)
			sleep(ctx, idle)
		case !ok && once:
			l.remote.calm(l.key)
			return
		case !ok:
			l.remote.calm(l.key)
			select {
			case <-l.lane.More():
			case <-ctx.Done():
			}
		default:
			l.deliver(ctx, e, body)
		}
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

// part is a record or a piece of one, on its way.
type part struct {
	raw     []byte // series, uncompressed; nil: body is the record's own
	body    []byte
	samples int
}

// deliver finds out what becomes of a record. It returns early, and leaves the
// record where it is, only when ctx ends.
func (l *shipLane) deliver(ctx context.Context, e queue.Entry, body []byte) {
	var o queue.Outcome
	parts := []part{{body: body, samples: int(e.Samples)}}
	minTime, maxTime := e.MinTime, e.MaxTime
	for len(parts) > 0 {
		set := l.remote.settings.Load()
		if l.lane.Over() {
			o.Dropped[queue.QueueFull] += samplesOf(parts)
			break
		}
		if oldest := l.remote.clock.Oldest(set.ageLimit).UnixMilli(); maxTime < oldest {
			o.Dropped[queue.TooOld] += samplesOf(parts)
			break
		} else if minTime < oldest {
			if len(e.Bodies) > 1 && o.Sum() == 0 && l.trim(oldest) {
				return // what is left makes another request
			}
			// Those of one scrape have one time, unless an exporter sets
			// others; the young ones must not be refused for the old.
			minTime = oldest
			if dropped, err := parts[0].dropBefore(oldest); err == nil && dropped > 0 {
				o.Dropped[queue.TooOld] += uint64(dropped)
				if parts[0].samples == 0 {
					parts = parts[1:]
					continue
				}
			}
		}
		if !l.attempt(ctx, set, &parts, &o) {
			return
		}
	}
	l.lane.Done(e, o)
	l.remote.outcome(o)
}

func samplesOf(parts []part) (n uint64) {
	for _, p := range parts {
		n += uint64(p.samples)
	}
	return n
}

// attempt sends the first part and does what its answer says. It reports false
// when ctx ended.
func (l *shipLane) attempt(ctx context.Context, set *settings, parts *[]part, o *queue.Outcome) bool {
	if !l.remote.configured.Load() {
		l.remote.calm(l.key)
		return sleep(ctx, idle) // its remote_write is gone: it waits until it is too old
	}
	p := (*parts)[0]
	// Not longer than a while at once: the queue's limits apply meanwhile.
	wait, epoch, ok := l.remote.pace.Reserve(p.samples, idle)
	if !ok {
		return sleep(ctx, idle)
	}
	if !sleep(ctx, wait) {
		return false
	}
	a := set.client.Post(ctx, p.body, 0, l.remote.clock)
	if ctx.Err() != nil && a.Code == 0 {
		return false // stopped: nothing is known of the request
	}
	l.remote.traffic.Answered(a.Code, p.samples, len(p.body), a.Meaning == receiver.Later)
	switch a.Meaning {
	case receiver.Accepted:
		o.Delivered += uint64(p.samples)
		*parts = (*parts)[1:]
		l.remote.pace.Accept(p.samples)
		l.remote.good(l.key)
	case receiver.Never, receiver.Deduplicated:
		o.Uncertain[a.Reason] += uint64(p.samples)
		l.remote.health.Refuse(l.remote.wall(), a.Text)
		l.remote.answered(l.key)
		*parts = (*parts)[1:]
	case receiver.Split:
		l.remote.answered(l.key)
		if p.samples == 1 {
			o.Dropped[queue.TooLarge]++
			*parts = (*parts)[1:]
			break
		}
		halves, err := p.halve()
		if err != nil {
			// Its checksum was right, so this is a fault of ours; the record stays.
			a = receiver.Answer{Code: a.Code, Text: fmt.Sprintf("split request: %v", err)}
			return l.retry(ctx, set, a, epoch, p.samples)
		}
		*parts = append(halves, (*parts)[1:]...)
	case receiver.Later, receiver.Limited, receiver.Unclear:
		return l.retry(ctx, set, a, epoch, p.samples)
	}
	l.backoff.Reset()
	return true
}

// retry notes the trouble and waits.
func (l *shipLane) retry(ctx context.Context, set *settings, a receiver.Answer, epoch, samples int) bool {
	if a.RetryAfter > 0 {
		l.remote.pace.Pause(a.RetryAfter)
	}
	l.remote.bad(l.key, a)
	if a.Code == http.StatusTooManyRequests {
		l.remote.pace.Refuse(samples, epoch) // which says when it may go again
		return sleep(ctx, set.least)
	}
	return sleep(ctx, l.backoff.Wait(set.least, set.most))
}

// expand makes sure that the part has its series uncompressed.
func (p *part) expand() error {
	if p.raw != nil {
		return nil
	}
	raw, err := s2.Decode(nil, p.body)
	if err != nil {
		return fmt.Errorf("decompress record: %w", err)
	}
	p.raw = raw
	return nil
}

// halve splits the part in two, in order.
func (p *part) halve() ([]part, error) {
	if err := p.expand(); err != nil {
		return nil, err
	}
	first, second, err := halve(p.raw, p.samples)
	if err != nil {
		return nil, err
	}
	n := p.samples / 2
	return []part{
		{raw: first, body: s2.EncodeSnappy(nil, first), samples: n},
		{raw: second, body: s2.EncodeSnappy(nil, second), samples: p.samples - n},
	}, nil
}

// dropBefore takes out the samples before millis.
func (p *part) dropBefore(millis int64) (int, error) {
	if err := p.expand(); err != nil {
		return 0, err
	}
	kept, dropped, err := youngerThan(p.raw, millis)
	if err != nil || dropped == 0 {
		return 0, err
	}
	p.raw, p.body, p.samples = kept, s2.EncodeSnappy(nil, kept), p.samples-dropped
	return dropped, nil
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
