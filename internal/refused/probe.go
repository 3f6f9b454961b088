package refused

import (
	"context"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/wire"
)

// Turn does what is due for what waits apart: at most one request.
func (a *Area) Turn(ctx context.Context) {
	if len(a.series) == 0 {
		return
	}
	if now := a.Elapsed(); now-a.trimmed >= idle {
		a.trimmed = now
		a.Trim(a.Oldest())
	}
	if !a.Configured() {
		return
	}
	if a.lifts != a.Lifts.Load() {
		a.flush()
	}
	next := slices.IndexFunc(a.groups, func(g group) bool { return g.taken })
	a.searches = false
	switch {
	case next < 0 && (a.round(ctx) || a.probe(ctx)):
	case next >= 0:
		g := a.groups[next]
		a.groups = slices.Insert(slices.Delete(a.groups, next, next+1), 0, g)
		a.ask(ctx)
	case len(a.groups) > 0 && a.Extra(Search, 1):
		a.searches = true
		a.ask(ctx)
	}
}

// busy reports whether a request can be made at once.
func (a *Area) busy() bool {
	return !a.failing && (len(a.offers) > 0 && !a.starved || a.searches || len(a.groups) > 0 && a.groups[0].taken)
}

// load is what a request asks about.
type load struct {
	body     []byte
	raw      []byte
	samples  int
	of       map[wire.SeriesID]int
	upTo     map[wire.SeriesID]uint64 // samples of the series before it are in the request, or settled
	at       queue.Cursor             // of the first record that is not in it as a whole
	complete bool                     // nothing of the series waits but this
}

// collect makes a request of the oldest samples of series that wait, in order, from the
// running number after on; with first of the first sample of each. A receiver that has that
// one already, as it stored what it could of a refused request, takes it again; it would not
// if it had the next one, too.
func (a *Area) collect(ids []wire.SeriesID, from queue.Cursor, after uint64, first bool) (load, error) {
	most, bytes := a.Limit()
	if a.most > 0 {
		most = min(most, a.most)
	}
	q := load{of: map[wire.SeriesID]int{}, upTo: map[wire.SeriesID]uint64{}, at: from, complete: true}
	end, single := a.Queue.ApartEnd(), len(ids) // series of which no second sample was seen
	for _, id := range ids {
		q.upTo[id] = end
	}
	for c := from; ; {
		e, next, ok, err := a.Queue.Apart(c)
		if err != nil || !ok {
			q.body = s2.EncodeSnappy(nil, q.raw)
			return q, err
		}
		all, at := []wire.Point(nil), c
		if c = next; !e.Note {
			if all, err = expandPoints(e.Body); err != nil {
				return load{}, err
			}
		}
		for i, p := range all {
			number := e.From + uint64(i)
			if _, wanted := q.upTo[p.Series]; !wanted || number < max(a.series[p.Series].settled, after) || number >= q.upTo[p.Series] {
				continue
			}
			if first && q.of[p.Series] > 0 {
				q.upTo[p.Series], q.complete = number, false
				if single--; single == 0 {
					q.body = s2.EncodeSnappy(nil, q.raw)
					return q, nil
				}
				continue
			}
			if q.samples > 0 && (q.samples >= most || len(q.raw)+len(p.Framed) > bytes) {
				q.cut(number, at)
				return q, nil
			}
			q.raw = append(q.raw, p.Framed...)
			q.samples++
			q.of[p.Series]++
		}
	}
}

// cut ends a request before the sample with the running number.
func (q *load) cut(number uint64, at queue.Cursor) {
	q.at, q.complete = at, false
	for id, to := range q.upTo {
		q.upTo[id] = min(to, number)
	}
	q.body = s2.EncodeSnappy(nil, q.raw)
}

// send makes the request. ok is false when it is to be made again.
func (a *Area) send(ctx context.Context, q load) (answer receiver.Answer, ok bool) {
	answer, epoch, ok := a.Post(ctx, q.body, q.samples)
	if !ok {
		return answer, false
	}
	switch {
	case answer.Meaning == receiver.Later:
		a.failing = true
		if answer.Unanswered {
			a.mayHave(q)
		}
		a.Retry(ctx, answer, epoch, q.samples)
		return answer, false
	case answer.Meaning == receiver.Split && q.samples > 1:
		a.most = max(q.samples/2, 1)
		return answer, false
	case answer.Meaning == receiver.Accepted:
		most, _ := a.Limit()
		a.most = min(2*a.most, most)
		a.Good()
	default:
		a.Answered()
	}
	a.failing = false
	return answer, true
}

// mayHave notes that the receiver may have the samples of a request.
func (a *Area) mayHave(q load) {
	for id, upTo := range q.upTo {
		a.series[id].probed = max(a.series[id].probed, upTo)
	}
}

// settle counts the samples of a request.
func (a *Area) settle(ids []wire.SeriesID, q load, o queue.Outcome) bool {
	if err := a.Queue.Settle(writeNote(q.upTo), o); err != nil {
		// They count as waiting, and are sent again.
		a.DiskTrouble(err)
		a.mayHave(q)
		a.failing = true
		return false
	}
	for _, id := range ids {
		s := a.series[id]
		s.settled = max(s.settled, q.upTo[id])
		s.waits -= q.of[id]
	}
	a.Outcome(o)
	return true
}

// release lets series be like others again.
func (a *Area) release(ids []wire.SeriesID) {
	for _, id := range ids {
		s := a.series[id]
		s.held, s.alone, s.never, s.waits = false, false, false, 0
	}
	a.Trim(0)
}

// ask asks about the first group.
func (a *Area) ask(ctx context.Context) {
	defer a.publish()
	g := a.groups[0]
	q, err := a.collect(g.ids, g.from, g.after, !g.taken)
	if err != nil {
		a.DiskTrouble(err)
		a.failing = true
		return
	}
	if q.samples == 0 && g.after > 0 {
		a.endFlush()
		return
	}
	if q.samples == 0 {
		a.groups = a.groups[1:]
		a.release(g.ids)
		return
	}
	answer, ok := a.send(ctx, q)
	if !ok {
		return
	}
	switch {
	case g.flushed && (g.after > 0 || answer.Meaning != receiver.Accepted):
		a.flushOn(q)
	case answer.Meaning == receiver.Accepted:
		a.finish(q, queue.Outcome{Delivered: uint64(q.samples)})
	case answer.Meaning == receiver.Deduplicated:
		a.finish(q, doubtful(answer.Reason, q.samples))
	default:
		a.refuse(ctx, q, answer)
	}
}

func doubtful(reason queue.Uncertain, samples int) (o queue.Outcome) {
	o.Uncertain[reason] = uint64(samples)
	return o
}

// finish settles a request of the first group.
func (a *Area) finish(q load, o queue.Outcome) {
	g := &a.groups[0]
	if !a.settle(g.ids, q, o) {
		return
	}
	if g.taken {
		g.from = q.at
	}
	g.taken = true
	if q.complete {
		ids := g.ids
		a.groups = a.groups[1:]
		a.release(ids)
	}
}

// refuse does what the refusal of the first group's request says.
func (a *Area) refuse(ctx context.Context, q load, answer receiver.Answer) {
	g := a.groups[0]
	all, err := wire.Points(q.raw)
	if err != nil {
		a.DiskTrouble(err)
		return
	}
	switch {
	case len(g.ids) > 1:
		a.divideFirst(ctx, q, all, answer)
		return
	}
	s := a.series[g.ids[0]]
	s.why = answer.Text
	if answer.Meaning != receiver.Never {
		s.alone, s.never = true, false
		a.groups = a.groups[1:]
		if a.pools[limited].due == 0 {
			a.pools[limited].due = a.Elapsed() + ProbeEvery
		}
		return
	}
	if isOrder(answer) {
		a.giveUp(ctx, g.ids, answer, q)
		return
	}
	a.Doubt(answer, s.name)
	if answer.Reason != queue.InvalidLabels {
		a.finish(q, doubtful(answer.Reason, q.samples))
	} else if a.settle(g.ids, q, doubtful(answer.Reason, q.samples)) {
		s.alone, s.never, s.reason, s.blamed = true, true, answer.Reason, true
		a.groups = a.groups[1:]
		if a.pools[never].due == 0 {
			a.pools[never].due = a.Elapsed() + ProbeEvery
		}
	}
}

// divideFirst splits the first group, whose request was refused.
func (a *Area) divideFirst(ctx context.Context, q load, all []wire.Point, answer receiver.Answer) {
	g := a.groups[0]
	a.mark(q)
	for _, id := range g.ids {
		a.series[id].why = answer.Text
	}
	a.partial = a.partial || isOrder(answer) || answer.Meaning == receiver.Limited
	id, isNamed := wire.Named(all, answer.Printed)
	switch {
	case isOrder(answer) && isNamed: // the receiver has newer samples of it
		a.giveUp(ctx, []wire.SeriesID{id}, answer, q)
	case g.taken && answer.Meaning == receiver.Limited: // they stood alone before, and stay in order
		for _, id := range g.ids {
			a.standAlone(id, answer)
		}
	default:
		first, second := divide(g.ids, all, answer.Printed)
		if len(a.undecided()) == 0 {
			a.offerDue = a.Elapsed() + a.Pace
		}
		a.groups = append([]group{{ids: first, refused: true}, {ids: second, refused: true}}, a.groups[1:]...)
	}
}

// isOrder reports whether samples are refused for those that the receiver has.
func isOrder(answer receiver.Answer) bool {
	return answer.Meaning == receiver.Never && (answer.Reason == queue.OutOfOrder || answer.Reason == queue.DuplicateTimestamp ||
		answer.Reason == queue.RefusedTooOld)
}

// divide splits a group by the series that an answer names, or in halves.
func divide(ids []wire.SeriesID, all []wire.Point, printed string) (first, second []wire.SeriesID) {
	id, found := wire.Named(all, printed)
	if !found {
		return ids[:len(ids)/2], ids[len(ids)/2:]
	}
	return slices.DeleteFunc(slices.Clone(ids), func(other wire.SeriesID) bool { return other == id }), []wire.SeriesID{id}
}

// probe asks about the series that stand alone, when it is time, and reports whether it
// did.
func (a *Area) probe(ctx context.Context) bool {
	now := a.Elapsed()
	for kind := range a.pools {
		p := &a.pools[kind]
		if p.due == 0 || now < p.due {
			continue
		}
		all := a.pooled(kind == never)
		if len(all) == 0 {
			*p = pool{}
			continue
		}
		why := Probe
		if p.again {
			why = Search
		}
		if !a.Extra(why, 1) {
			continue
		}
		p.again = false
		ids := p.next(all)
		if kind == never {
			ids = a.nextNever(p, all)
		}
		if len(p.rest) == 0 {
			p.due = now + ProbeEvery
		}
		a.probePool(ctx, p, kind == never, ids)
		return true
	}
	return false
}

// pooled returns the series that stand alone, refused for what they are or for a limit.
func (a *Area) pooled(never bool) (all []wire.SeriesID) {
	for id, s := range a.series {
		if s.held && s.alone && s.never == never {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all
}

// next returns which of a pool's series are asked about next.
func (p *pool) next(all []wire.SeriesID) []wire.SeriesID {
	if p.size == 0 || p.size >= len(all) {
		return all
	}
	from, _ := slices.BinarySearch(all, p.last+1)
	chosen := slices.Concat(all[from:], all[:from])[:p.size]
	p.last = chosen[p.size-1]
	return chosen
}

// nextNever returns which series that are refused for what they are are asked about next.
// The samples of a request that is refused are uncertain, so that one series would keep all
// others with it: those that were not refused by themselves are asked about first, and
// where there are none one after the other. The rest is asked about in a second request.
func (a *Area) nextNever(p *pool, all []wire.SeriesID) []wire.SeriesID {
	if rest := slices.DeleteFunc(p.rest, func(id wire.SeriesID) bool { return !slices.Contains(all, id) }); len(rest) > 0 {
		p.rest = nil
		return rest
	}
	open := slices.DeleteFunc(slices.Clone(all), func(id wire.SeriesID) bool { return a.series[id].blamed })
	if len(open) == 0 {
		open, p.size = all, 1
	}
	first := p.next(open)
	p.rest = slices.DeleteFunc(slices.Clone(all), func(id wire.SeriesID) bool { return slices.Contains(first, id) })
	return first
}

func (a *Area) probePool(ctx context.Context, p *pool, isNever bool, ids []wire.SeriesID) {
	defer a.publish()
	q, err := a.collect(ids, queue.Cursor{}, 0, !isNever)
	if err != nil {
		a.DiskTrouble(err)
		return
	}
	if q.samples == 0 {
		a.release(ids) // nothing came of them for a while
		return
	}
	answer, ok := a.send(ctx, q)
	switch {
	case !ok:
		p.due = a.Elapsed() + min(ProbeEvery, a.MaxBackoff())
		return
	case answer.Meaning == receiver.Accepted, answer.Meaning == receiver.Deduplicated:
		p.size *= 2
		p.taken = true
		a.Lifts.Add(1)
		o := queue.Outcome{Delivered: uint64(q.samples)}
		if answer.Meaning == receiver.Deduplicated {
			o = doubtful(answer.Reason, q.samples)
		}
		a.follow(ids, q, o)
	case isNever:
		a.Doubt(answer, a.series[ids[0]].name)
		reason := a.series[ids[0]].reason
		if answer.Meaning == receiver.Never {
			reason = answer.Reason
		}
		a.blame(p, ids, q, answer)
		a.settle(ids, q, doubtful(reason, q.samples))
	case len(ids) > 1:
		for _, id := range ids {
			a.series[id].probed = max(a.series[id].probed, q.upTo[id])
		}
		p.size = max(len(ids)/2, 1)
		if isOrder(answer) {
			p.due, p.again = a.Elapsed(), true // one of them was stored: it is found without waiting
		}
	case answer.Meaning == receiver.Never:
		a.Doubt(answer, a.series[ids[0]].name)
		a.follow(ids, q, doubtful(answer.Reason, q.samples))
		p.due, p.again = a.Elapsed(), true // no limit kept it out: that of the others may be lifted, too
	default:
		a.series[ids[0]].why = answer.Text
	}
	if !isNever {
		a.goOn(p, len(ids))
	}
}

// goOn lets a pool of which n series were asked about just now go on without waiting, once
// series of it were taken: until all others were asked about, and none of them was taken.
func (a *Area) goOn(p *pool, n int) {
	p.left -= n
	if p.left <= 0 && p.taken {
		p.left, p.taken = len(a.pooled(false)), false
	}
	if p.left > 0 {
		p.due, p.again = a.Elapsed(), true
	}
}

// blame notes which of the series of a request it is for which it was refused.
func (a *Area) blame(p *pool, ids []wire.SeriesID, q load, answer receiver.Answer) {
	all, err := wire.Points(q.raw)
	if err != nil {
		a.DiskTrouble(err)
		return
	}
	id, isNamed := wire.Named(all, answer.Printed)
	switch {
	case len(ids) == 1:
		a.series[ids[0]].blamed = true
	case isNamed:
		a.series[id].blamed = true
	default:
		p.size = max(len(ids)/2, 1)
	}
}

// follow settles a request of series that stood alone: what is left of them follows.
func (a *Area) follow(ids []wire.SeriesID, q load, o queue.Outcome) {
	if !a.settle(ids, q, o) {
		return
	}
	for _, id := range ids {
		a.series[id].alone = false
	}
	if q.complete {
		a.release(ids)
		return
	}
	a.groups = slices.Insert(a.groups, 0, group{ids: ids, taken: true, from: q.at})
}

// UntilDue is how long a lane that has nothing else to do waits at most before the
// next turn.
func (a *Area) UntilDue() time.Duration {
	if a.busy() {
		return 0
	}
	return idle
}
