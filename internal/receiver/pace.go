package receiver

import (
	"cmp"
	"math/rand/v2"
	"sync"
	"time"
)

// Pace finds the rate that a receiver accepts. Nothing is limited until the
// receiver answers 429: a backlog drains as fast as requests go. From then on
// requests are spaced. With a 429 the rate falls, at once to what was accepted of
// late if it was far above that, else by a fifth; without one it rises, slowly at
// first and faster the longer none came. So the receiver's limit is met from both
// sides, and one request in many is refused instead of every other one. A receiver
// that took nothing for a while is asked every few seconds, and when it takes
// again the rate doubles with each request until it is what it was.
//
// A 429 can have a cause that no rate of ours changes: others share the limit, or a
// proxy refuses one request in five. So while the receiver accepts requests at all the
// rate does not fall below three times what comes to be sent, or what was accepted if
// that is less.
type Pace struct {
	elapsed func() time.Duration

	mu        sync.Mutex
	rate      float64       // samples a second; 0: no limit
	free      time.Duration // when the next request may go
	epoch     int           // counts changes of the rate downwards
	refused   time.Duration // when that last was
	grown     time.Duration // when the rate last rose
	notBefore time.Duration // Retry-After

	streak int     // 429s since a request was accepted
	sound  float64 // rate that was right before the streak; 0: unknown
	recent flow    // what was accepted in the last second
	took   flow    // what was accepted in the last minute
	came   flow    // what came to be sent in it
}

// flow is a number of samples a second.
type flow struct {
	window time.Duration
	began  time.Duration // of the time in which samples were counted
	count  float64
	before float64 // a second, in the window before
}

// add counts n samples.
func (f *flow) add(now time.Duration, n int) {
	f.rate(now)
	f.count += float64(n)
}

// rate is how many samples a second there were of late.
func (f *flow) rate(now time.Duration) float64 {
	d := now - f.began
	if d >= f.window {
		f.before, f.count, f.began = f.count/d.Seconds(), 0, now
		return f.before
	}
	part := d.Seconds() / f.window.Seconds()
	return f.count/f.window.Seconds() + (1-part)*f.before
}

const (
	paceDecrease = 0.8
	paceIncrease = 0.03            // a second, right after a 429
	paceHurry    = 5 * time.Second // without a 429 double it
	// paceStreak is how many 429s in a row say that the receiver accepts nothing.
	paceStreak = 4
	// paceLeast is for a least rate with which half of the requests, and more, may be refused.
	paceLeast = 3.0
	// paceFloor keeps at least one request in five seconds going, so that it is
	// noticed when the receiver accepts again.
	paceFloor = 5.0
	// paceLift is how far above the accepted rate a limit no longer matters.
	paceLift = 20.0
)

// NewPace returns a pace that limits nothing yet. elapsed is a clock that is
// never set.
func NewPace(elapsed func() time.Duration) *Pace {
	return &Pace{elapsed: elapsed, recent: flow{window: time.Second}, took: flow{window: time.Minute}, came: flow{window: time.Minute}}
}

// Reserve returns how long to wait before a request of n samples may go, and the
// epoch to report its answer with; others then queue behind. If that is longer
// than most, ok is false and nothing is reserved.
func (p *Pace) Reserve(n int, most time.Duration) (wait time.Duration, epoch int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.elapsed()
	p.grow(now)
	at := max(now, p.notBefore)
	if p.rate > 0 {
		at = max(at, p.free)
	}
	if at-now > most {
		return at - now, p.epoch, false
	}
	if p.rate > 0 {
		p.free = at + time.Duration(float64(n)/p.rate*float64(time.Second))
	}
	return at - now, p.epoch, true
}

func (p *Pace) grow(now time.Duration) {
	if p.rate == 0 {
		return
	}
	hurry := 1 + (now-p.refused).Seconds()/paceHurry.Seconds()
	p.rate *= 1 + paceIncrease*hurry*min((now-p.grown).Seconds(), 1)
	p.grown = now
	if recent := p.recent.rate(now); recent > 0 && p.rate > paceLift*recent {
		p.rate = 0
	}
}

// Come notes n samples that are to be sent.
func (p *Pace) Come(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.came.add(p.elapsed(), n)
}

// least is the rate below which that in force does not fall while requests are accepted.
func (p *Pace) least(now time.Duration) float64 {
	return paceLeast * min(p.came.rate(now), p.took.rate(now))
}

// Accept notes n samples that were accepted.
func (p *Pace) Accept(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.elapsed()
	p.recent.add(now, n)
	p.took.add(now, n)
	if back := max(p.sound, p.least(now)); p.rate > 0 && (p.sound == 0 || p.rate < back) {
		// It took nothing for a while, or was asked at a bad moment: back
		// quickly to where it was, or to where it refuses again.
		p.rate *= 2
		if p.sound > 0 {
			p.rate = min(p.rate, back)
		}
		p.free = now + time.Duration(float64(n)/p.rate*float64(time.Second))
	}
	p.streak = 0
}

// Refuse notes a 429 to a request of n samples of the epoch.
func (p *Pace) Refuse(n, epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch != p.epoch {
		return // it was sent before the rate fell
	}
	p.streak++
	now := p.elapsed()
	recent, before := p.recent.rate(now), p.rate
	switch {
	case p.rate == 0, p.rate*paceDecrease > 2*recent:
		p.rate = recent
	default:
		p.rate *= paceDecrease
	}
	if least := p.least(now); p.streak <= paceStreak {
		p.rate = max(p.rate, min(least, cmp.Or(before, least)))
	}
	if p.streak == 1 {
		p.sound = p.rate
	}
	p.rate = max(p.rate, float64(n)/paceFloor)
	p.free, p.grown, p.refused = max(p.free, now), now, now
	p.epoch++
}

// Pause lets no request go for d, as a Retry-After asks.
func (p *Pace) Pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notBefore = max(p.notBefore, p.elapsed()+d)
}

// Limit is the rate in force, in samples a second; 0 if there is none.
func (p *Pace) Limit() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rate
}

// Backoff is how long a lane waits between tries: doubling from least to most,
// and each time a random part between half and all of it, so that lanes do not
// come back together.
type Backoff struct{ next time.Duration }

// Wait returns how long to wait now.
func (b *Backoff) Wait(least, most time.Duration) time.Duration {
	if b.next < least {
		b.next = least
	}
	d := min(b.next, most)
	b.next = min(2*d, most)
	return d/2 + rand.N(d/2+1)
}

// Reset begins with the least again.
func (b *Backoff) Reset() { b.next = 0 }
