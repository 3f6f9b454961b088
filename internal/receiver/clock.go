package receiver

import (
	"sync"
	"time"
)

// Clock tells the receiver's time. What is too old, and when a signature
// was made, is judged by the receiver: a machine whose clock is an hour wrong, or
// is set right while samples wait, must neither drop nor sign by its own. Nor may a
// wrong Date drop anything: an age is judged by the earlier of both clocks, and
// what is too old by the later one alone is sent, so that the receiver decides.
type Clock struct {
	wall    func() time.Time     // may be set while we run
	elapsed func() time.Duration // never is
	began   time.Duration        // elapsed when the clock was made

	mu    sync.Mutex
	heard bool
	base  time.Time     // the time it was
	at    time.Duration // when elapsed was this
}

// dateTolerance is what a Date header may differ from our time before it counts:
// it is rounded to seconds and was on the way.
const dateTolerance = 3 * time.Second

// NewClock returns a clock that knows the machine's two: wall, which may be set at
// any time, and elapsed, which only runs.
func NewClock(wall func() time.Time, elapsed func() time.Duration) *Clock {
	now := elapsed()
	return &Clock{wall: wall, elapsed: elapsed, began: now, base: wall().Round(0), at: now}
}

// Receivers is the receiver's time as far as it is known, to sign by. Before the
// receiver was heard, it is the earlier of what the machine's clock says and what
// it said at the start.
func (c *Clock) Receivers() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.heard {
		return c.earliest()
	}
	return c.running()
}

// Now is the time to judge an age by: the earlier of the receiver's and the
// machine's. Of two times one of which is wrong, the earlier drops less.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.earliest()
}

// Oldest is the time before which a sample is too old when it may have the age
// limit. It is zero, and nothing is too old, while no receiver has confirmed the
// clock: a machine may start with any time. Only when it has asked in vain for as
// long as the limit, what it had at the start is too old by whatever clock.
func (c *Clock) Oldest(limit time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.heard && c.elapsed()-c.began < limit {
		return time.Time{}
	}
	return c.earliest().Add(-limit)
}

// running is the time that was heard last, or that the machine had at the start,
// and what passed since. The caller holds mu.
func (c *Clock) running() time.Time { return c.base.Add(c.elapsed() - c.at) }

func (c *Clock) earliest() time.Time {
	t := c.running()
	if wall := c.wall().Round(0); wall.Before(t) {
		return wall
	}
	return t
}

// Hear takes the Date header of an answer that the receiver itself gave.
func (c *Clock) Hear(date time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.elapsed()
	if c.heard && c.running().Sub(date).Abs() <= dateTolerance {
		return
	}
	// The machine's own time is finer where both agree.
	c.heard, c.base, c.at = true, date, at
	if wall := c.wall().Round(0); wall.Sub(date).Abs() <= dateTolerance {
		c.base = wall
	}
}
