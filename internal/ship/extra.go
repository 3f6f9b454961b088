package ship

import (
	"sync"
	"time"
)

// extra bounds the requests of a remote write that find out what a receiver refuses: to
// a tenth of those that deliver samples anyway, and so many a minute.
type extra struct {
	elapsed func() time.Duration

	mu     sync.Mutex
	made   []time.Duration // when those of the last minute were
	credit float64         // of the tenth
}

const (
	// extraPerMinute leaves 2 requests a minute to each of 8 lanes, for series that are
	// known to be refused.
	extraPerMinute = 44
	extraShare     = 0.1
	extraCredit    = 100
)

// normal notes a request that delivers samples.
func (x *extra) normal() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.credit = min(x.credit+extraShare, extraCredit)
}

// take reports whether n more requests may be made, and counts them.
func (x *extra) take(n int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := x.elapsed()
	for len(x.made) > 0 && now-x.made[0] >= time.Minute {
		x.made = x.made[1:]
	}
	if free := extraPerMinute - len(x.made); n > free {
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
