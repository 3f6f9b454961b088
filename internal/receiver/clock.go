package receiver

import (
	"sync"
	"time"
)

// Clock tells the receiver's time. What is too old, and when a signature
// was made, is judged by the receiver: a machine whose clock is an hour wrong, or
// is set right while samples wait, must neither drop nor sign by its own.
type Clock struct {
	wall    func() time.Time     // may be set while we run
	elapsed func() time.Duration // never is

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
	return &Clock{wall: wall, elapsed: elapsed, base: wall().Round(0), at: elapsed()}
}

// Now is the receiver's time as far as it is known. Before the receiver was
// heard, it is the earlier of what the machine's clock says and what it said at
// the start: of two times one of which is wrong, the earlier drops less.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.base.Add(c.elapsed() - c.at)
	if wall := c.wall().Round(0); !c.heard && wall.Before(t) {
		return wall
	}
	return t
}

// Hear takes the Date header of an answer.
func (c *Clock) Hear(date time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.elapsed()
	if t := c.base.Add(at - c.at); c.heard && t.Sub(date).Abs() <= dateTolerance {
		return
	}
	// The machine's own time is finer where both agree.
	c.heard, c.base, c.at = true, date, at
	if wall := c.wall().Round(0); wall.Sub(date).Abs() <= dateTolerance {
		c.base = wall
	}
}
