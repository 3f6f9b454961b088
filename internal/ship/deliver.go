package ship

import (
	"context"
	"fmt"
	"net/http"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/refused"
	"github.com/parascope/parascope/internal/wire"
)

// part is a record or a piece of one, on its way.
type part struct {
	raw     []byte // series, uncompressed; nil: body is the record's own
	body    []byte
	samples int
	tries   int  // how often it was sent
	slowed  int  // 429s among the answers
	mixed   bool // it was in a request of which some was refused: the receiver may have it
	// unanswered says that it was in a request without an answer: the receiver may have it.
	unanswered bool
}

// passage is an entry of the lane's, on its way.
type passage struct {
	entry    queue.Entry
	parts    []part
	outcome  queue.Outcome
	apart    []refused.Refusal // what is to wait apart
	accepted uint64            // requests that the receiver took of the remote write before it
	sent     bool
	// undecided were refused alone, in unknown words, before anything was accepted;
	// hopeless says that nothing is accepted at all.
	undecided []part
	hopeless  bool
	// unclear is what the last answer meant, if it was Unclear or Split and nothing shows that
	// the receiver takes others; else Later.
	unclear receiver.Meaning
	asked   int // extra requests
}

// deliver finds out what becomes of a record. It returns early, and leaves the
// record where it is, only when ctx ends.
func (l *shipLane) deliver(ctx context.Context, e queue.Entry, body []byte) {
	p := &passage{entry: e, parts: []part{{body: body, samples: int(e.Samples)}}, accepted: l.remote.accepted.Load()}
	if err := l.divert(p); err != nil {
		l.remote.diskTrouble(err) // its checksum was right, so this is a fault of ours
	}
	minTime, maxTime := e.MinTime, e.MaxTime
	for len(p.parts) > 0 || len(p.undecided) > 0 {
		set := l.remote.settings.Load()
		if l.lane.Over() {
			if l.refused.Trim(l.remote.clock.Oldest(set.ageLimit).UnixMilli()); l.lane.Over() {
				p.give(queue.QueueFull)
				break
			}
		}
		if oldest := l.remote.clock.Oldest(set.ageLimit).UnixMilli(); maxTime < oldest {
			p.give(queue.TooOld)
			break
		} else if minTime < oldest && len(p.parts) > 0 {
			if len(e.Bodies) > 1 && !p.sent && len(p.apart) == 0 && p.outcome.Sum() == 0 && l.trim(oldest) {
				return // what is left makes another request
			}
			// Those of one scrape have one time, unless an exporter sets
			// others; the young ones must not be refused for the old.
			minTime = oldest
			if dropped, err := p.parts[0].dropBefore(oldest); err == nil && dropped > 0 {
				p.outcome.Add(p.parts[0].lost(dropped, queue.TooOld))
				if p.parts[0].samples == 0 {
					p.parts = p.parts[1:]
					continue
				}
			}
		}
		if len(p.parts) == 0 {
			if l.settleUndecided(p) && !sleep(ctx, l.backoff.Wait(set.least, set.most)) {
				return
			}
			continue
		}
		if !l.attempt(ctx, set, p) {
			return
		}
	}
	if len(p.apart) > 0 {
		p.outcome = l.refused.Put(e, p.outcome, p.apart)
	} else {
		l.lane.Done(e, p.outcome)
	}
	l.remote.outcome(p.outcome)
}

// divert takes the samples of series that are known to be refused out of the entry:
// they wait apart, unsent.
func (l *shipLane) divert(p *passage) error {
	if l.refused.Held() == 0 {
		return nil
	}
	all, err := p.parts[0].points()
	if err != nil {
		return err
	}
	var kept, apart []byte
	n := 0
	for _, s := range all {
		if l.refused.Has(s.Series) {
			apart = append(apart, s.Framed...)
			continue
		}
		kept = append(kept, s.Framed...)
		n++
	}
	if len(apart) == 0 {
		return nil
	}
	p.apart = append(p.apart, refused.Refusal{Raw: apart})
	p.parts = p.parts[:0]
	if n > 0 {
		p.parts = append(p.parts, newPart(kept, n))
	}
	return nil
}

// give counts what is left of an entry as dropped, or as uncertain where the receiver
// may have it.
func (p *passage) give(why queue.Dropped) {
	for _, part := range append(p.parts, p.undecided...) {
		p.outcome.Add(part.lost(part.samples, why))
	}
	p.parts, p.undecided = nil, nil
}

// lost is what becomes of samples of the part that are not sent any more.
func (p *part) lost(samples int, why queue.Dropped) (o queue.Outcome) {
	switch n := uint64(samples); {
	case p.mixed:
		o.Uncertain[queue.SeriesLimit] = n
	case p.unanswered:
		o.Uncertain[queue.Unanswered] = n
	default:
		o.Dropped[why] = n
	}
	return o
}

// attempt sends the first part and does what its answer says. It reports false
// when ctx ended.
func (l *shipLane) attempt(ctx context.Context, set *settings, p *passage) bool {
	if p.unclear != receiver.Later && !l.askAgain(p) {
		return sleep(ctx, l.backoff.Wait(set.least, set.most))
	}
	if l.tooMuch(set, p) {
		return true
	}
	first := &p.parts[0]
	a, epoch, ok := l.post(ctx, set, first.body, first.samples, first.tries)
	if !ok {
		return ctx.Err() == nil
	}
	if !p.sent {
		l.remote.extra.Normal()
	}
	p.sent = true
	first.tries++
	first.unanswered = first.unanswered || a.Unanswered
	switch a.Meaning {
	case receiver.Accepted:
		p.outcome.Delivered += uint64(first.samples)
		p.parts = p.parts[1:]
		l.recent.keep(first.body)
		l.remote.good(l.key)
	case receiver.Deduplicated:
		p.outcome.Uncertain[a.Reason] += uint64(first.samples)
		l.remote.health.Refuse(l.remote.wall(), a.Text)
		p.parts = p.parts[1:]
		l.remote.answered(l.key)
	case receiver.Later:
		return l.retry(ctx, set, a, epoch, first)
	default:
		sent := *first
		again, err := l.isolate(p, a)
		if err != nil {
			// Its checksum was right, so this is a fault of ours; the record stays.
			a.Text = fmt.Sprintf("split request: %v", err)
		}
		if err != nil || again {
			return l.retry(ctx, set, a, epoch, &sent)
		}
		l.remote.answered(l.key)
	}
	l.backoff.Reset()
	return true
}

// post sends a body when the pace allows it. ok is false when it was not sent, or ctx
// ended before it was answered; time has passed then.
func (l *shipLane) post(ctx context.Context, set *settings, body []byte, samples, tries int) (a receiver.Answer, epoch int, ok bool) {
	if !l.remote.configured.Load() || set.client == nil { // those of a moment ago
		l.remote.calm(l.key)
		sleep(ctx, idle) // its remote_write is gone: it waits until it is too old
		return a, 0, false
	}
	// Not longer than a while at once: the queue's limits apply meanwhile.
	wait, epoch, ok := l.remote.pace.Reserve(samples, idle)
	if !ok {
		sleep(ctx, idle)
		return a, 0, false
	}
	if !sleep(ctx, wait) {
		return a, 0, false
	}
	a = set.client.Post(ctx, body, tries, l.remote.clock)
	if ctx.Err() != nil && a.Code == 0 {
		return a, 0, false // stopped: nothing is known of the request
	}
	l.remote.traffic.Answered(a.Code, samples, len(body), a.Meaning == receiver.Later)
	if a.Meaning == receiver.Accepted {
		l.remote.accepted.Add(1)
		l.remote.pace.Accept(samples)
		l.remote.size.Accept(samples)
	}
	return a, epoch, true
}

// tooMuch splits the first part where it is larger than what the receiver was found to
// take, and reports whether it was.
func (l *shipLane) tooMuch(set *settings, p *passage) bool {
	samples, bytes := l.remote.size.Limit(set.maxSamples, set.maxBytes)
	first := &p.parts[0]
	if first.samples < 2 || first.samples <= samples && first.size(p) <= bytes || samples == set.maxSamples && bytes == set.maxBytes {
		return false
	}
	halves, err := first.halve()
	if err != nil {
		return false
	}
	p.parts = append(halves, p.parts[1:]...)
	return true
}

// size is how many bytes a part has before compression.
func (p *part) size(of *passage) int {
	if p.raw == nil {
		return int(of.entry.RawBytes)
	}
	return len(p.raw)
}

// slowedMost is how many 429s a part meets before it becomes smaller: a rate limit
// refuses a request that is larger than its burst at any pace.
const slowedMost = 2

// retry notes the trouble and waits.
func (l *shipLane) retry(ctx context.Context, set *settings, a receiver.Answer, epoch int, p *part) bool {
	if a.RetryAfter > 0 {
		l.remote.pace.Pause(a.RetryAfter)
	}
	l.remote.bad(l.key, a)
	if a.Code == http.StatusTooManyRequests {
		if p.slowed++; p.slowed >= slowedMost && p.samples > receiver.LeastSamples {
			l.remote.size.TooManySamples(p.samples)
			p.slowed = 0
		}
		l.remote.pace.Refuse(p.samples, epoch) // which says when it may go again
		return sleep(ctx, set.least)
	}
	return sleep(ctx, l.backoff.Wait(set.least, set.most))
}

func newPart(raw []byte, samples int) part {
	return part{raw: raw, body: s2.EncodeSnappy(nil, raw), samples: samples}
}

// expand makes sure that the part has its series uncompressed.
func (p *part) expand() error {
	if p.raw != nil {
		return nil
	}
	raw, err := s2.Decode(nil, p.body)
	if err != nil {
		return fmt.Errorf("could not decompress record: %w", err)
	}
	p.raw = raw
	return nil
}

// points returns the part's samples.
func (p *part) points() ([]wire.Point, error) {
	if err := p.expand(); err != nil {
		return nil, err
	}
	return wire.Points(p.raw)
}

// halve splits the part in two, in order.
func (p *part) halve() ([]part, error) {
	if err := p.expand(); err != nil {
		return nil, err
	}
	first, second, err := wire.Halve(p.raw, p.samples)
	if err != nil {
		return nil, err
	}
	n := p.samples / 2
	halves := []part{newPart(first, n), newPart(second, p.samples-n)}
	for i := range halves {
		halves[i].mixed, halves[i].unanswered, halves[i].tries = p.mixed, p.unanswered, p.tries
	}
	return halves, nil
}

// dropBefore takes out the samples before millis.
func (p *part) dropBefore(millis int64) (int, error) {
	if err := p.expand(); err != nil {
		return 0, err
	}
	kept, dropped, err := wire.YoungerThan(p.raw, millis)
	if err != nil || dropped == 0 {
		return 0, err
	}
	p.raw, p.body, p.samples = kept, s2.EncodeSnappy(nil, kept), p.samples-dropped
	return dropped, nil
}
