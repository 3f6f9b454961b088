package refused

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/wire"
)

// While it is not known which series of groups are refused, the receiver is offered
// what comes of all of them, once and soon: it stores what it accepts of a request, and
// those series do not wait for the others. As an offer is newer than what waits, it is
// made right after something older was refused: when a limit was lifted, what waits goes
// out first.

const (
	// OfferEvery is how long a sample of a series that is not decided waits at most,
	// with up to 8 lanes.
	OfferEvery = 30 * time.Second
	// offerLanes are the lanes that extra requests are enough for at that pace.
	offerLanes = 8
	// askedFor is for how long offers are made after something older was refused: a round
	// of many samples takes a lane seconds, beside its deliveries.
	askedFor = 5 * time.Second
	// maxRound bounds the samples of a round; what is left is offered in the next one.
	maxRound = 1 << 16
)

// OfferPace is how often each of so many lanes makes an offer.
func OfferPace(lanes int) time.Duration {
	return OfferEvery * time.Duration((max(lanes, 1)+offerLanes-1)/offerLanes)
}

// numbered is a sample with its running number.
type numbered struct {
	wire.Point
	number uint64
}

// undecided returns the series of groups of which some are refused.
func (a *Area) undecided() (ids []wire.SeriesID) {
	for _, g := range a.groups {
		if g.refused && !g.taken {
			ids = append(ids, g.ids...)
		}
	}
	return ids
}

// round makes an offer when it is time: something older is asked about, and where it is
// refused, what came since the last round is offered. It reports whether it made a
// request.
func (a *Area) round(ctx context.Context) bool {
	isDue := a.Elapsed() >= a.offerDue
	ids := a.undecided()
	if !isDue && len(a.offers) == 0 || len(ids) == 0 {
		a.starved = false
		return false
	}
	defer a.publish()
	if len(a.offers) > 0 && a.Elapsed()-a.askedAt < askedFor {
		a.offer(ctx)
		return true
	}
	if a.starved = !a.Extra(Offer, 1); a.starved {
		return false
	}
	id, isCanary := a.canary()
	if isCanary = isCanary && a.partial; isCanary {
		ids = []wire.SeriesID{id}
	}
	q, err := a.collect(ids, queue.Cursor{}, 0, true)
	if err != nil {
		a.DiskTrouble(err)
		return false
	}
	answer, ok := a.send(ctx, q)
	if !ok {
		return true
	}
	asked := slices.Collect(maps.Keys(q.of))
	switch {
	case answer.Meaning == receiver.Accepted:
		a.leave(asked)
		a.follow(asked, q, queue.Outcome{Delivered: uint64(q.samples)})
		if a.Lifts.Add(1); a.mayFlush() { // what waits goes out first
			a.offerDue, a.offers = max(a.offerDue, a.Elapsed()+idle), nil
			return true
		}
	case isCanary && answer.Meaning == receiver.Never:
		a.giveUp(ctx, asked, answer, q)
	case isOrder(answer): // it has newer samples of some
		a.partial = true
		a.mark(q)
		all, err := wire.Points(q.raw)
		if id, isNamed := wire.Named(all, answer.Printed); err == nil && isNamed {
			a.giveUp(ctx, []wire.SeriesID{id}, answer, q)
		}
	default:
		a.mark(q)
	}
	a.askedAt = a.Elapsed()
	if len(a.offers) == 0 && isDue {
		a.offerDue = a.Elapsed() + a.Pace
		if err := a.collectFresh(); err != nil {
			a.DiskTrouble(err)
		}
	}
	a.offer(ctx)
	return true
}

// canary returns a series that stands alone, refused for a limit.
func (a *Area) canary() (id wire.SeriesID, found bool) {
	for id, s := range a.series {
		if s.held && s.alone && !s.never && s.waits > 0 {
			return id, true
		}
	}
	return 0, false
}

// mark notes that samples were sent together, and refused in part.
func (a *Area) mark(q load) {
	for id := range q.of {
		s := a.series[id]
		s.probed, s.tried = max(s.probed, q.upTo[id]), max(s.tried, q.upTo[id])
	}
}

// collectFresh makes the offers of what came of undecided series since the last round.
func (a *Area) collectFresh() error {
	isUndecided := map[wire.SeriesID]bool{}
	for _, id := range a.undecided() {
		isUndecided[id] = true
	}
	for n := 0; n < maxRound; {
		e, next, ok, err := a.Queue.Apart(a.offered)
		if err != nil || !ok {
			return err
		}
		if a.offered = next; e.Note {
			continue
		}
		all, err := expandPoints(e.Body)
		if err != nil {
			return err
		}
		for i, p := range all {
			number := e.From + uint64(i)
			if !isUndecided[p.Series] || number < a.series[p.Series].settled || number < a.series[p.Series].tried {
				continue
			}
			a.offers = append(a.offers, numbered{p, number})
			n++
		}
	}
	return nil
}

// offer makes a request of what is to be offered.
func (a *Area) offer(ctx context.Context) {
	a.offers = slices.DeleteFunc(a.offers, func(p numbered) bool { // decided or trimmed meanwhile
		s := a.series[p.Series]
		return s == nil || !s.held || s.alone || p.number < s.settled
	})
	most, bytes := a.Limit()
	if a.most > 0 {
		most = min(most, a.most)
	}
	q := load{of: map[wire.SeriesID]int{}, upTo: map[wire.SeriesID]uint64{}}
	for _, p := range a.offers {
		if q.samples > 0 && (q.samples >= most || len(q.raw)+len(p.Framed) > bytes) {
			break
		}
		q.raw = append(q.raw, p.Framed...)
		q.of[p.Series]++
		q.upTo[p.Series] = p.number + 1
		q.samples++
	}
	if q.samples == 0 {
		return
	}
	q.body = s2.EncodeSnappy(nil, q.raw)
	answer, ok := a.send(ctx, q)
	if !ok {
		return // it is made again, smaller where it was too large
	}
	all := make([]wire.Point, 0, q.samples)
	for _, p := range a.offers[:q.samples] {
		all = append(all, p.Point)
	}
	a.offers = a.offers[q.samples:]
	switch answer.Meaning {
	case receiver.Accepted:
		a.take(q, queue.Outcome{Delivered: uint64(q.samples)})
	case receiver.Deduplicated:
		a.take(q, doubtful(answer.Reason, q.samples))
	default:
		a.mark(q)
		if id, isNamed := wire.Named(all, answer.Printed); isNamed && answer.Meaning == receiver.Never {
			a.giveUp(ctx, []wire.SeriesID{id}, answer, q)
		} else if isNamed {
			a.standAlone(id, answer)
		}
	}
}

// take releases the series of an offer that was taken; o is what became of its samples.
// Those before it were in requests of which some was refused.
func (a *Area) take(q load, o queue.Outcome) {
	taken := q.samples
	n, err := a.count(&q)
	if err != nil {
		a.DiskTrouble(err)
		return // they are asked about
	}
	o.Uncertain[queue.SeriesLimit] += uint64(n - taken)
	ids := slices.Collect(maps.Keys(q.upTo))
	if a.settle(ids, q, o) {
		a.followUp(ids)
	}
}

// isTaken finds out whether the receiver takes a series whose first samples it refused
// for their order: it has the last one of the request then, or takes it now. Where a
// limit is in force the series stands alone, and what waits of it stays.
func (a *Area) isTaken(ctx context.Context, id wire.SeriesID, q load) bool {
	all, err := wire.Points(q.raw)
	if err != nil {
		a.DiskTrouble(err)
		return false
	}
	last := slices.IndexFunc(all, func(p wire.Point) bool { return p.Series == id })
	for i, p := range all {
		if p.Series == id {
			last = i
		}
	}
	a.Extra(Follow, 1)
	answer, ok := a.send(ctx, load{body: s2.EncodeSnappy(nil, all[last].Framed), samples: 1})
	if ok && (answer.Meaning == receiver.Limited || answer.Meaning == receiver.Unclear) {
		a.standAlone(id, answer)
		return false
	}
	return ok
}

// giveUp makes samples of series uncertain, and those before them: they are refused for
// what they are. What is left of the series follows.
func (a *Area) giveUp(ctx context.Context, ids []wire.SeriesID, answer receiver.Answer, q load) {
	if len(ids) == 1 && isOrder(answer) && q.of[ids[0]] > 1 && !a.isTaken(ctx, ids[0], q) {
		return
	}
	a.Doubt(answer, a.series[ids[0]].name)
	of := load{upTo: map[wire.SeriesID]uint64{}}
	for _, id := range ids {
		of.upTo[id] = q.upTo[id]
	}
	n, err := a.count(&of)
	if err != nil {
		a.DiskTrouble(err)
		return
	}
	if a.settle(ids, of, doubtful(answer.Reason, n)) && a.followUp(ids) {
		a.Extra(Follow, 1)
	}
}

// count finds out how many samples of series are to be settled, before the running
// numbers in q.
func (a *Area) count(q *load) (n int, err error) {
	q.of = map[wire.SeriesID]int{}
	last := slices.Max(slices.Collect(maps.Values(q.upTo)))
	_, err = a.each(func(e queue.ApartEntry) error {
		if e.Note {
			return nil
		}
		if e.From >= last {
			return errEnough
		}
		all, err := expandPoints(e.Body)
		for i, p := range all {
			if number := e.From + uint64(i); number < q.upTo[p.Series] && number >= a.series[p.Series].settled {
				q.of[p.Series]++
				n++
			}
		}
		return err
	})
	if err == errEnough {
		err = nil
	}
	return n, err
}

// errEnough ends a walk over what waits apart.
var errEnough = errors.New("enough")

// followUp takes series out of their groups: what is left of them follows in order, and
// the others are released. It reports whether something is left.
func (a *Area) followUp(ids []wire.SeriesID) bool {
	a.leave(ids)
	var waiting, free []wire.SeriesID
	for _, id := range ids {
		if a.series[id].alone = false; a.series[id].waits > 0 {
			waiting = append(waiting, id)
		} else {
			free = append(free, id)
		}
	}
	if len(waiting) > 0 {
		slices.SortFunc(waiting, func(x, y wire.SeriesID) int { return cmp.Compare(x, y) })
		a.groups = slices.Insert(a.groups, 0, group{ids: waiting, taken: true})
	}
	a.release(free)
	return len(waiting) > 0
}

// leave takes series out of their groups.
func (a *Area) leave(ids []wire.SeriesID) {
	gone := map[wire.SeriesID]bool{}
	for _, id := range ids {
		gone[id] = true
	}
	for i := range a.groups {
		a.groups[i].ids = slices.DeleteFunc(slices.Clone(a.groups[i].ids), func(id wire.SeriesID) bool { return gone[id] })
	}
	a.groups = slices.DeleteFunc(a.groups, func(g group) bool { return len(g.ids) == 0 })
}

// standAlone notes that a series is refused for a limit.
func (a *Area) standAlone(id wire.SeriesID, answer receiver.Answer) {
	a.leave([]wire.SeriesID{id})
	s := a.series[id]
	s.alone, s.never, s.why = true, false, answer.Text
	if a.pools[limited].due == 0 {
		a.pools[limited].due = a.Elapsed() + ProbeEvery
	}
}

// Lifts is how often series of a remote write that had been refused were taken.
type Lifts = atomic.Uint64
