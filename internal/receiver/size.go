package receiver

import (
	"sync"
	"time"
)

// Size is what a receiver was found to take in one request. It shrinks with each
// request that is too large, and grows again with time.
type Size struct {
	elapsed func() time.Duration

	mu      sync.Mutex
	bytes   int // before compression; 0: no limit is known
	samples int
	since   time.Duration // when it last shrank or grew
	grows   time.Duration // how long a size is kept before twice as much is tried
	tries   bool          // the size grew, and nothing was too large since then
	took    int           // samples of the largest request that was accepted of late
	tookAt  time.Duration // when that was
	takes   bool          // a request was accepted since the size last shrank
}

const (
	// LeastBytes is the size below which an answer that speaks of size is not believed.
	LeastBytes = 16 << 10
	// LeastSamples is how few samples a rate limit can ask for.
	LeastSamples = 10
	// sizeGrows is how long a size is kept before twice as much is tried: a rate limit may
	// have been for a moment only. The time doubles where that is too much, up to mostGrows.
	sizeGrows = 15 * time.Second
	mostGrows = 10 * time.Minute
	// tookFor is how long an accepted request shows that its size is not the cause of a 429.
	tookFor = time.Minute
)

// NewSize returns a size without a limit. elapsed is a clock that is never set.
func NewSize(elapsed func() time.Duration) *Size { return &Size{elapsed: elapsed} }

// Limit returns what a request may have, at most samples and bytes.
func (s *Size) Limit(samples, bytes int) (int, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (s.bytes > 0 || s.samples > 0) && s.elapsed()-s.since >= s.grows {
		s.bytes, s.samples, s.since, s.tries = 2*s.bytes, 2*s.samples, s.elapsed(), true
	}
	if s.samples >= samples {
		s.samples = 0
	}
	if s.bytes >= bytes {
		s.bytes = 0
	}
	if s.samples == 0 && s.bytes == 0 && s.tries && s.elapsed()-s.since >= s.grows {
		s.grows, s.tries = 0, false // it took full requests
	}
	if s.samples > 0 {
		samples = s.samples
	}
	if s.bytes > 0 {
		bytes = s.bytes
	}
	return samples, bytes
}

// TooManyBytes notes that a request of so many bytes was too large.
func (s *Size) TooManyBytes(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if half := max(bytes/2, LeastBytes); s.bytes == 0 || half < s.bytes {
		s.bytes = half
	}
	s.shrink()
}

// Accept notes that a request of so many samples was accepted.
func (s *Size) Accept(samples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes = true
	if now := s.elapsed(); samples >= s.took || now-s.tookAt >= tookFor {
		s.took, s.tookAt = samples, now
	}
}

// TooManySamples notes that a request of so many samples is refused again and again. One
// that is not larger than another that was accepted of late is refused for something else.
func (s *Size) TooManySamples(samples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if samples <= s.took && s.elapsed()-s.tookAt < tookFor {
		return
	}
	if half := max(samples/2, LeastSamples); s.samples == 0 || half < s.samples {
		s.samples = half
	}
	s.shrink()
}

// shrink notes that a size was too large, now. The caller holds mu.
func (s *Size) shrink() {
	switch {
	case s.tries && s.takes: // a receiver that accepts nothing shows nothing
		s.grows = min(2*s.grows, mostGrows)
	case s.grows == 0:
		s.grows = sizeGrows
	}
	s.since, s.tries, s.takes = s.elapsed(), false, false
}
