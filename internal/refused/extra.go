package refused

import (
	"sync"
	"time"
)

// Extra bounds the requests of a remote write that find out what a receiver refuses: to
// a tenth of those that deliver samples anyway, and so many a minute.
type Extra struct {
	elapsed func() time.Duration

	mu     sync.Mutex
	made   []time.Duration // when those of the last minute were
	credit float64         // of the tenth
}

const (
	// ExtraPerMinute leaves 2 requests a minute to each of 8 lanes, for series that are
	// known to be refused.
	ExtraPerMinute = 44
	extraShare     = 0.1
	extraCredit    = 100
)

// NewExtra returns a bound of which nothing is used. elapsed is a clock that is never
// set.
func NewExtra(elapsed func() time.Duration) *Extra { return &Extra{elapsed: elapsed} }

// Normal notes a request that delivers samples.
func (x *Extra) Normal() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.credit = min(x.credit+extraShare, extraCredit)
}

// Take reports whether n more requests may be made, and counts them.
func (x *Extra) Take(n int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.elapsed()
	for len(x.made) > 0 && now-x.made[0] >= time.Minute {
		x.made = x.made[1:]
	}
	if free := ExtraPerMinute - len(x.made); n > free {
		if float64(n-max(free, 0)) > x.credit {
			return false
		}
		x.credit -= float64(n - max(free, 0))
		n = max(free, 0)
	}
	for range n {
		x.made = append(x.made, now)
	}
	return true
}
