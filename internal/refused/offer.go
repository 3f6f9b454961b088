package refused

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/wire"
)

// While it is not known which series of a group are refused, the receiver is offered
// what comes of all of them, once and soon: those that it accepts then do not wait for
// the others, as it stores what it can of a request. Of the answer it is learned which
// they are: with each round some groups are offered by themselves. An offer that is
// taken releases its series; what was offered of them before is uncertain, as its
// answers were about other series, too.

const (
	// OfferEvery is how long a sample of a series that is not decided waits at most,
	// with up to 8 lanes.
	OfferEvery = 15 * time.Second
	// offerLanes are the lanes that extra requests are enough for at that pace.
	offerLanes = 8
	// maxRoundTests is how many groups of a lane are offered by themselves in a round.
	maxRoundTests = 16
	// maxRound bounds the samples of a round; what is left is offered in the next one.
	maxRound = 1 << 16
	// goneRounds is after how many rounds without a sample a group's targets are taken
	// to be gone: it is asked about in order then.
	goneRounds = 4
)

// OfferPace is how often each of so many lanes makes an offer.
func OfferPace(lanes int) time.Duration {
	return OfferEvery * time.Duration((max(lanes, 1)+offerLanes-1)/offerLanes)
}

// offer is a request with samples that were not sent by themselves before.
type offer struct {
	points []numbered
	test   []wire.SeriesID // the group that it is about; nil: several groups
	paid   bool            // it is among the requests of a search
}

// numbered is a sample with its running number.
type numbered struct {
	wire.Point
	number uint64
}

// isOffered reports whether what comes of a group is offered.
func (a *Area) isOffered(g group) bool { return g.refused && !g.taken && a.keeps != nothing }

// begin makes the offers of a round, when it is time.
func (a *Area) begin() {
	now := a.Elapsed()
	if len(a.offers) > 0 || now < a.offerDue || !slices.ContainsFunc(a.groups, a.isOffered) {
		return
	}
	a.offerDue = now + a.Pace
	fresh, err := a.freshPoints()
	if err != nil {
		a.DiskTrouble(err)
		return
	}
	if len(fresh) == 0 {
		return
	}
	tests := a.chooseTests(fresh)
	most, _ := a.Limit()
	var rest []numbered
	var groups []group
	for i, g := range a.groups {
		if !a.isOffered(g) {
			groups = append(groups, g)
			continue
		}
		points := pointsOf(g.ids, fresh)
		if g.gone++; len(points) > 0 {
			g.gone = 0
		}
		paid, tested := tests[i]
		if tested && len(points) > most && len(g.ids) > 1 { // too large for a request
			one, two := g.halve()
			groups, rest = append(groups, one, two), append(rest, points...)
			continue
		}
		groups = append(groups, g)
		if tested {
			a.offers = append(a.offers, a.cut(points, offer{test: slices.Clone(g.ids), paid: paid})...)
		} else {
			rest = append(rest, points...)
		}
	}
	a.groups = groups
	slices.SortFunc(rest, byNumber)
	a.offers = append(a.offers, a.cut(rest, offer{})...)
}

// pointsOf returns the samples of series, in order.
func pointsOf(ids []wire.SeriesID, fresh map[wire.SeriesID][]numbered) (points []numbered) {
	for _, id := range ids {
		points = append(points, fresh[id]...)
	}
	slices.SortFunc(points, byNumber)
	return points
}

func byNumber(x, y numbered) int { return cmp.Compare(x.number, y.number) }

// halve splits a group of several series.
func (g group) halve() (one, two group) {
	half := len(g.ids) / 2
	one, two = g, g
	one.ids, two.ids = slices.Clone(g.ids[:half]), slices.Clone(g.ids[half:])
	return one, two
}

// chooseTests says which groups are offered by themselves, as far as there are extra
// requests for it, and whether one was taken for it. Those of the last round are last.
func (a *Area) chooseTests(fresh map[wire.SeriesID][]numbered) map[int]bool {
	tests, offered := map[int]bool{}, 0
	for _, g := range a.groups {
		if a.isOffered(g) {
			offered++
		}
	}
	for i, g := range a.groups {
		has := slices.ContainsFunc(g.ids, func(id wire.SeriesID) bool { return len(fresh[id]) > 0 })
		if !a.isOffered(g) || a.keeps != good || !has {
			continue
		}
		if offered == 1 {
			tests[i] = false // the only offer is a test of it
			break
		}
		if len(tests) >= maxRoundTests || !a.Extra(Search, 1) {
			break
		}
		tests[i] = true
	}
	return tests
}

// freshPoints reads what came of series in groups since the last round.
func (a *Area) freshPoints() (map[wire.SeriesID][]numbered, error) {
	fresh, n := map[wire.SeriesID][]numbered{}, 0
	for n < maxRound {
		e, next, ok, err := a.Queue.Apart(a.offered)
		if err != nil || !ok {
			return fresh, err
		}
		if a.offered = next; e.Note {
			continue
		}
		all, err := expandPoints(e.Body)
		if err != nil {
			return fresh, err
		}
		for i, p := range all {
			number, s := e.From+uint64(i), a.series[p.Series]
			if s == nil || !s.held || s.alone || number < s.settled || number < s.tried {
				continue
			}
			fresh[p.Series] = append(fresh[p.Series], numbered{p, number})
			n++
		}
	}
	return fresh, nil
}

// cut makes offers, which are like that one, of samples: as many as fit into a request.
func (a *Area) cut(all []numbered, like offer) (offers []offer) {
	most, bytes := a.Limit()
	if a.most > 0 {
		most = min(most, a.most)
	}
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && n < max(most, 1) && (n == 0 || size+len(all[n].Framed) <= bytes) {
			size += len(all[n].Framed)
			n++
		}
		o := like
		o.points = all[:n:n]
		offers = append(offers, o)
		like.paid, all = false, all[n:]
	}
	if len(offers) > 1 {
		for i := range offers { // each is about a part of the group only
			offers[i].test = nil
		}
	}
	return offers
}

// offer makes the next request of a round, and reports whether one could be made.
func (a *Area) offer(ctx context.Context) bool {
	defer a.publish()
	o := &a.offers[0]
	o.points = slices.DeleteFunc(o.points, func(p numbered) bool { // decided or trimmed meanwhile
		s := a.series[p.Series]
		return s == nil || !s.held || s.alone || p.number < s.settled
	})
	if len(o.points) == 0 {
		a.offers = a.offers[1:]
		return true
	}
	q := load{samples: len(o.points)}
	for _, p := range o.points {
		q.raw = append(q.raw, p.Framed...)
	}
	// A full one is a request that would be made anyway.
	if most, _ := a.Limit(); !o.paid && q.samples < most {
		if o.paid = a.Extra(Offer, 1); !o.paid {
			a.starved = true
			return false
		}
	}
	a.starved = false
	q.body = s2.EncodeSnappy(nil, q.raw)
	answer, ok := a.send(ctx, q)
	if !ok {
		if answer.Meaning == receiver.Split && q.samples > 1 {
			a.offers = slices.Concat(a.cut(o.points, offer{}), a.offers[1:])
		}
		return true
	}
	done := *o
	a.offers = a.offers[1:]
	switch answer.Meaning {
	case receiver.Accepted:
		a.take(done, queue.Outcome{Delivered: uint64(q.samples)})
	case receiver.Deduplicated:
		a.take(done, doubtful(answer.Reason, q.samples))
	default:
		a.refuseOffer(done, answer)
	}
	return true
}

// take releases the series of an offer that was taken; o is what became of its samples.
func (a *Area) take(taken offer, o queue.Outcome) {
	q := load{upTo: map[wire.SeriesID]uint64{}}
	for _, p := range taken.points {
		q.upTo[p.Series] = p.number + 1
	}
	n, err := a.count(&q)
	if err != nil {
		a.DiskTrouble(err)
		return // they are offered with what comes next, or asked about
	}
	o.Uncertain[queue.SeriesLimit] += uint64(n - len(taken.points))
	ids := slices.Collect(maps.Keys(q.upTo))
	if a.settle(ids, q, o) {
		a.leave(ids)
		a.followUp(ids)
	}
}

// count finds out how many samples of series are to be settled, before the running
// numbers in q.
func (a *Area) count(q *load) (n int, err error) {
	q.of = map[wire.SeriesID]int{}
	_, err = a.each(func(e queue.ApartEntry) error {
		if e.Note {
			return nil
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
	return n, err
}

// followUp lets what is left of series follow in order, and releases the others.
func (a *Area) followUp(ids []wire.SeriesID) {
	var waiting, free []wire.SeriesID
	for _, id := range ids {
		if a.series[id].waits > 0 {
			waiting = append(waiting, id)
		} else {
			free = append(free, id)
		}
	}
	if len(waiting) > 0 {
		slices.Sort(waiting)
		a.groups = slices.Insert(a.groups, 0, group{ids: waiting, taken: true})
	}
	a.release(free)
}

// leave takes series out of their groups.
func (a *Area) leave(ids []wire.SeriesID) {
	gone := map[wire.SeriesID]bool{}
	for _, id := range ids {
		gone[id] = true
	}
	for i := range a.groups {
		a.groups[i].ids = slices.DeleteFunc(a.groups[i].ids, func(id wire.SeriesID) bool { return gone[id] })
	}
	a.groups = slices.DeleteFunc(a.groups, func(g group) bool { return len(g.ids) == 0 })
}

// refuseOffer notes that an offer was refused, and learns what there is to learn.
func (a *Area) refuseOffer(o offer, answer receiver.Answer) {
	all := make([]wire.Point, 0, len(o.points))
	for _, p := range o.points {
		s := a.series[p.Series]
		s.tried, s.probed = max(s.tried, p.number+1), max(s.probed, p.number+1)
		all = append(all, p.Point)
	}
	if answer.Meaning == receiver.Limited {
		a.keeps = good
	}
	id, isNamed := wire.Named(all, answer.Printed)
	switch at := a.groupOf(o.test); {
	case isNamed && answer.Meaning == receiver.Never:
		a.giveUp([]wire.SeriesID{id}, answer)
	case isNamed:
		a.standAlone(id, answer)
	case at < 0:
	case answer.Meaning == receiver.Never && len(o.test) == 1:
		a.giveUp(o.test, answer)
	case len(o.test) == 1:
		a.standAlone(o.test[0], answer)
	default: // those that were offered by themselves are last in the next round
		one, two := a.groups[at].halve()
		a.groups = append(slices.Delete(a.groups, at, at+1), one, two)
	}
}

// groupOf returns where the group with these series is, or -1.
func (a *Area) groupOf(ids []wire.SeriesID) int {
	if len(ids) == 0 {
		return -1
	}
	return slices.IndexFunc(a.groups, func(g group) bool { return slices.Equal(g.ids, ids) })
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

// giveUp makes what was sent of series uncertain, which are refused for what they are;
// what is left of them follows.
func (a *Area) giveUp(ids []wire.SeriesID, answer receiver.Answer) {
	q := load{upTo: map[wire.SeriesID]uint64{}}
	for _, id := range ids {
		q.upTo[id] = a.series[id].tried
	}
	a.Doubt(answer, a.series[ids[0]].name)
	n, err := a.count(&q)
	if err != nil {
		a.DiskTrouble(err)
		return
	}
	if a.settle(ids, q, doubtful(answer.Reason, n)) {
		a.leave(ids)
		a.followUp(ids)
	}
}
