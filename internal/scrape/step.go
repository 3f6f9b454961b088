package scrape

import (
	"sync"
	"time"
)

// stepWatch notices that the machine's clock was set.
type stepWatch struct {
	mu     sync.Mutex
	offset time.Duration
	origin time.Time
}

func newStepWatch(wall time.Time, elapsed time.Duration) *stepWatch {
	return &stepWatch{origin: wall.Round(0).Add(-elapsed)}
}

// stepped returns by how much the clock was set since the last call, 0 for what
// a slewing NTP client does.
func (w *stepWatch) stepped(wall time.Time, elapsed time.Duration) time.Duration {
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
