// Package clock notices that the machine's clock was set.
package clock

import (
	"sync"
	"time"
)

// Watch notices that the machine's clock was set.
type Watch struct {
	mu     sync.Mutex
	offset time.Duration
	origin time.Time
}

// New returns one that begins at a time of the clock, and of one that only runs.
func New(wall time.Time, elapsed time.Duration) *Watch {
	return &Watch{origin: wall.Round(0).Add(-elapsed)}
}

// Stepped returns by how much the clock was set since the last call, 0 for what
// a slewing NTP client does.
func (w *Watch) Stepped(wall time.Time, elapsed time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	offset := wall.Round(0).Add(-elapsed).Sub(w.origin)
	step := offset - w.offset
	if step.Abs() < 500*time.Millisecond {
		step = 0
	}
	w.offset = offset
	return step
}
