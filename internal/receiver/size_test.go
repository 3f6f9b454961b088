package receiver

import (
	"testing"
	"time"
)

// TestSizeGrowsAgain: requests that became small within a short rate limit are large again
// soon after it, and a limit that lasts is tried less and less often.
func TestSizeGrowsAgain(t *testing.T) {
	const full, bytes = 2000, 1 << 20
	now := time.Duration(0)
	s := NewSize(func() time.Duration { return now })
	samples, _ := s.Limit(full, bytes)
	for range 20 { // each request is refused for 20 s
		s.TooManySamples(samples)
		samples, _ = s.Limit(full, bytes)
		now += time.Second
	}
	if samples != LeastSamples {
		t.Fatalf("%d samples while all is refused", samples)
	}
	for range 150 {
		now += time.Second
		samples, _ = s.Limit(full, bytes)
	}
	if samples != full {
		t.Errorf("%d samples two and a half minutes after the limit was lifted", samples)
	}
	// A burst of 60 for an hour.
	refusals := 0
	for range 3600 {
		if samples, _ = s.Limit(full, bytes); samples > 60 {
			s.TooManySamples(samples)
			refusals++
		}
		now += time.Second
	}
	if refusals > 25 {
		t.Errorf("%d requests were too large within an hour", refusals)
	}
	if samples, _ = s.Limit(full, bytes); samples > 120 || samples < 30 {
		t.Errorf("%d samples with a burst of 60", samples)
	}
}
