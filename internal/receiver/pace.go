package receiver

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Pace finds the rate that a receiver accepts. Nothing is limited until the
// receiver answers 429: a backlog drains as fast as requests go. Then the rate
// becomes a part of what was accepted lately, falls by a fifth with every 429 that
// answers a request made under the new rate, and rises by three percent a second
// otherwise: the receiver's limit is met from both sides, and one request in many
// is refused instead of every other one.
type Pace struct {
	elapsed func() time.Duration

	mu        sync.Mutex
	rate      float64       // samples a second; 0: no limit
	free      time.Duration // when the next request may go
	epoch     int           // counts changes of the rate downwards
	grown     time.Duration // when the rate last rose
	notBefore time.Duration // Retry-After

	window   time.Duration // start of the window that is measured
	accepted float64       // samples in it
	measured float64       // samples a second, of the last whole window
}

const (
	paceDecrease = 0.8
	paceIncrease = 0.03 // a second
	paceWindow   = 2 * time.Second
	paceFloor    = 10.0 // samples a second
	// paceLift is how far above the measured rate a limit no longer matters.
	paceLift = 20.0
)

// NewPace returns a pace that limits nothing yet. elapsed is a clock that is
// never set.
func NewPace(elapsed func() time.Duration) *Pace { return &Pace{elapsed: elapsed} }

// Reserve returns how long to wait before a request of n samples may go, and the
// epoch to report its answer with. The wait is spoken for: others queue behind.
func (p *Pace) Reserve(n int) (wait time.Duration, epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.elapsed()
	p.grow(now)
	at := max(now, p.notBefore)
	if p.rate > 0 {
		at = max(at, p.free)
		p.free = at + time.Duration(float64(n)/p.rate*float64(time.Second))
	}
	return at - now, p.epoch
}

func (p *Pace) grow(now time.Duration) {
	if p.rate == 0 {
		return
	}
	p.rate *= 1 + paceIncrease*(now-p.grown).Seconds()
	p.grown = now
	if p.measured > 0 && p.rate > paceLift*p.measured {
		p.rate = 0
	}
}

// Accept notes n samples that were accepted.
func (p *Pace) Accept(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.measure(p.elapsed())
	p.accepted += float64(n)
}

func (p *Pace) measure(now time.Duration) {
	if d := now - p.window; d >= paceWindow {
		p.measured, p.accepted, p.window = p.accepted/d.Seconds(), 0, now
	}
}

// Refuse notes a 429 to a request of the epoch.
func (p *Pace) Refuse(epoch int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if epoch != p.epoch {
		return // it was sent before the rate fell
	}
	now := p.elapsed()
	p.measure(now)
	if p.rate == 0 {
		recent := p.accepted / max((now-p.window).Seconds(), 0.1)
		p.rate = max(p.measured, recent)
	}
	p.rate = max(p.rate*paceDecrease, paceFloor)
	p.free, p.grown = now, now
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
