package ship

import (
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/refused"
	"github.com/parascope/parascope/internal/wire"
)

// isolate does what a refusal of the passage's first part says. What is refused is to
// stand alone, so that it costs itself only: the part is sent again without the series
// that the answer names, or in halves, as far as extra requests are allowed. It
// reports whether the part is to be sent again as it is, after a while.
func (l *shipLane) isolate(p *passage, a receiver.Answer) (again bool, err error) {
	first := p.parts[0]
	all, err := first.points()
	if err != nil {
		return false, err
	}
	if a.Meaning == receiver.Split && first.samples > 1 && len(first.raw) > receiver.LeastBytes {
		l.remote.size.TooManyBytes(len(first.raw))
		halves, err := first.halve()
		if err != nil {
			return false, err
		}
		p.parts = append(halves, p.parts[1:]...)
		return false, nil
	}
	if number(all) < 2 {
		return l.alone(p, a, all), nil
	}
	id, isNamed := wire.Named(all, a.Printed)
	kept, others, isKnown := l.split(all, id, isNamed)
	if isNamed && l.mayAsk(p, a, 1) {
		p.parts = append([]part{join(kept)}, p.parts[1:]...)
		p.parts[0].mixed = true
		switch {
		case a.Meaning == receiver.Limited:
			p.apart = append(p.apart, refused.Refusal{Raw: join(others).raw, Why: a.Text, Mixed: first.unanswered, Alone: true})
		case a.Meaning == receiver.Never && len(others) == 1:
			l.doubt(p, a, 1, "")
			l.refused.Strike(others[0], a)
		default:
			p.parts = slices.Insert(p.parts, 1, join(others))
			p.parts[1].mixed = true
		}
		return false, nil
	}
	believed := l.believes(p, a)
	switch {
	case (believed || isKnown) && l.mayAsk(p, a, 2):
		mixed := first.mixed || a.Meaning != receiver.Split
		parts := []part{join(kept), join(others)}
		for i := range parts {
			parts[i].mixed, parts[i].unanswered = mixed, first.unanswered
		}
		p.parts = append(parts, p.parts[1:]...)
		return false, nil
	case a.Meaning == receiver.Never:
		l.doubt(p, a, first.samples, "")
		if isNamed && a.Reason == queue.InvalidLabels {
			l.refused.Strike(others[0], a) // the next request goes without it
		}
	case !believed:
		p.unclear = a.Meaning // it may be that the receiver takes nothing
		return true, nil
	default:
		p.apart = append(p.apart, refused.Refusal{Raw: first.raw, Why: a.Text, Mixed: true, Limit: a.Meaning == receiver.Limited})
	}
	p.parts = p.parts[1:]
	return false, nil
}

// mayAsk takes n extra requests. An entry that is sent again, as after a kill, can be
// refused sample by sample for their order: what is refused for what it is gets so
// many as one series among a thousand needs.
func (l *shipLane) mayAsk(p *passage, a receiver.Answer, n int) bool {
	if a.Meaning == receiver.Never && p.asked+n > neverAsked || !l.remote.extra.Take(refused.Search, n) {
		return false
	}
	p.asked += n
	return true
}

const neverAsked = 24

// believes reports whether a refusal speaks of the samples: in words that are known, or
// while the receiver takes others.
func (l *shipLane) believes(p *passage, a receiver.Answer) bool {
	return a.Meaning == receiver.Never || a.Meaning == receiver.Limited || l.takesOthers(p)
}

// takesOthers reports whether the receiver took a request since the passage began.
func (l *shipLane) takesOthers(p *passage) bool { return l.remote.accepted.Load() > p.accepted }

// mostUndecided is how many series a receiver must refuse, each alone, in unknown words,
// until it is asked about whole parts again: it takes nothing.
const mostUndecided = 16

// askAgain prepares what is sent after a refusal in unknown words. While the receiver takes
// nothing else, it is one series: what it says of a part that has others shows nothing. It
// reports whether the request may be made.
func (l *shipLane) askAgain(p *passage) bool {
	isBelieved := l.takesOthers(p)
	switch {
	case isBelieved:
		l.remote.extra.Take(refused.Follow, 1)
	case !l.remote.extra.Take(refused.Search, 1) && !l.remote.extra.Take(refused.Again, 1):
		return false
	}
	first, meaning := p.parts[0], p.unclear
	p.unclear = receiver.Later
	all, err := first.points()
	if err != nil || isBelieved || len(p.undecided) >= mostUndecided || number(all) < 2 {
		return true // isolate reports the error
	}
	others, one, _ := l.split(all, all[0].Series, true)
	parts := []part{join(one), join(others)}
	for i := range parts {
		parts[i].mixed, parts[i].unanswered = first.mixed || meaning != receiver.Split, first.unanswered
	}
	p.parts = append(parts, p.parts[1:]...)
	return true
}

// alone does what the refusal of a single series says. It reports whether it is to be
// sent again as it is.
func (l *shipLane) alone(p *passage, a receiver.Answer, all []wire.Point) (again bool) {
	first := p.parts[0]
	p.parts = p.parts[1:]
	switch {
	case a.Meaning == receiver.Never && len(all) > 1 && l.mayAsk(p, a, 2):
		half := len(all) / 2
		parts := []part{join(all[:half]), join(all[half:])}
		parts[0].mixed, parts[1].mixed = true, true
		p.parts = append(parts, p.parts...)
	case a.Meaning == receiver.Never:
		l.doubt(p, a, len(all), wire.Shown(all[0].Framed))
		if len(all) == 1 {
			l.refused.Strike(all[0], a)
		}
	case l.believes(p, a):
		p.apart = append(p.apart, refused.Refusal{Raw: first.raw, Why: a.Text, Mixed: first.unanswered, Alone: true})
	case p.hopeless:
		p.parts = append(p.parts, first) // another one is asked about next
		p.unclear = a.Meaning
		return true
	default:
		p.undecided = append(p.undecided, first)
		if len(p.parts) > 0 {
			p.unclear = a.Meaning
		}
		return true
	}
	return false
}

// settleUndecided finds out about the parts that were refused alone in unknown words,
// once all others were sent: they are sent again, together. If they are refused again, that
// is believed. It reports whether the receiver takes nothing.
func (l *shipLane) settleUndecided(p *passage) (nothing bool) {
	undecided := p.undecided
	p.undecided = nil
	if !l.takesOthers(p) {
		p.parts, p.hopeless, p.unclear = undecided, true, receiver.Unclear
		return true
	}
	l.remote.extra.Take(refused.Follow, 1)
	var raw []byte
	var all part
	for _, u := range undecided {
		raw = append(raw, u.raw...)
		all.samples += u.samples
		all.mixed, all.unanswered = all.mixed || u.mixed, all.unanswered || u.unanswered
	}
	all.raw, all.body = raw, s2.EncodeSnappy(nil, raw)
	p.parts = []part{all}
	return false
}

// doubt counts samples as uncertain, and says which series it is.
func (l *shipLane) doubt(p *passage, a receiver.Answer, samples int, series string) {
	p.outcome.Uncertain[a.Reason] += uint64(samples)
	l.tellDoubt(a, series)
}

func (l *shipLane) tellDoubt(a receiver.Answer, series string) {
	text := a.Text
	if series != "" && a.Printed == "" {
		text += " (series " + series + ")"
	}
	l.remote.health.Refuse(l.remote.wall(), text)
}

// number is how many series samples are of.
func number(all []wire.Point) int {
	seen := map[wire.SeriesID]bool{}
	for _, p := range all {
		seen[p.Series] = true
	}
	return len(seen)
}

// split divides samples by series: in that which an answer names and the others, which
// come first; else in those that the receiver took lately and the others, which isKnown
// says; else in halves.
func (l *shipLane) split(all []wire.Point, id wire.SeriesID, isNamed bool) (kept, others []wire.Point, isKnown bool) {
	in := func(p wire.Point) bool { return p.Series != id }
	if !isNamed {
		known := l.recent.series(l.remote.ship.elapsed())
		in = func(p wire.Point) bool { return known[p.Series] }
		n := len(slices.DeleteFunc(slices.Clone(all), in))
		if isKnown = n > 0 && n < len(all); !isKnown {
			order := map[wire.SeriesID]int{}
			for _, p := range all {
				if _, known := order[p.Series]; !known {
					order[p.Series] = len(order)
				}
			}
			in = func(p wire.Point) bool { return order[p.Series] < len(order)/2 }
		}
	}
	for _, p := range all {
		if in(p) {
			kept = append(kept, p)
		} else {
			others = append(others, p)
		}
	}
	return kept, others, isKnown
}

// join makes a part of samples.
func join(all []wire.Point) part {
	var raw []byte
	for _, s := range all {
		raw = append(raw, s.Framed...)
	}
	return newPart(raw, len(all))
}
