package refused

import (
	"sync"
	"time"
)

// Extra bounds the requests of a remote write that find out what a receiver refuses: to
// a tenth of those that deliver samples anyway, and 60 a minute.
type Extra struct {
	elapsed func() time.Duration

	mu     sync.Mutex
	made   []extra // in the last minute
	credit float64 // of the tenth
}

type extra struct {
	at   time.Duration
	kind Kind
}

// Kind says what an extra request is for.
type Kind int

const (
	// Search finds out which series are refused.
	Search Kind = iota
	// Offer asks whether older samples are still refused, before samples of undecided series are sent.
	Offer
	// Probe asks about series that are known to be refused.
	Probe
	// Again asks whether a receiver that took nothing takes something now.
	Again
	// Follow sends what is left of a series again of which the receiver has something:
	// it is made in any case, and searches wait for it.
	Follow
)

// Of the 60 a minute, a search has 36 while there are no offers. What is left is for offers:
// those of 8 lanes every 30 seconds are 16. Beside these and 24 probes, 20 are left to
// search on.
const (
	ExtraPerMinute  = 60
	searchAtOnce    = 36
	searchPerMinute = 20
	againEvery      = 3 * time.Second
	extraShare      = 0.1
	extraCredit     = 100
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
func (x *Extra) Take(kind Kind, n int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	now, searched, offered := x.elapsed(), 0, false
	for len(x.made) > 0 && now-x.made[0].at >= time.Minute {
		x.made = x.made[1:]
	}
	for _, m := range x.made {
		if m.kind == Search || m.kind == Follow {
			searched++
		}
		offered = offered || m.kind == Offer
		if kind == Again && m.kind == Again && now-m.at < againEvery {
			return false
		}
	}
	free := ExtraPerMinute - len(x.made)
	if kind == Search {
		most := searchAtOnce - len(x.made)
		if !offered {
			most = searchAtOnce - searched
		}
		free = min(free, max(most, searchPerMinute-searched))
	}
	if free = min(max(free, 0), n); kind == Follow {
		free = n
	}
	if over := float64(n - free); over > 0 {
		if kind != Search || over > x.credit {
			return false
		}
		x.credit -= over
	}
	for range free {
		x.made = append(x.made, extra{now, kind})
	}
	return true
}
