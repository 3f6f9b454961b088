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
	for range 120 { // each request is refused for two minutes
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
		} else {
			s.Accept(samples)
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

// TestSizeIsNotTheCause: while requests of a size are accepted, one of that size that is
// refused again and again does not make them smaller; one that is larger does.
func TestSizeIsNotTheCause(t *testing.T) {
	now := time.Duration(0)
	s := NewSize(func() time.Duration { return now })
	expect := func(want int) {
		t.Helper()
		if samples, _ := s.Limit(2000, 1<<20); samples != want {
			t.Errorf("after %s: %d samples, want %d", now, samples, want)
		}
	}
	s.Accept(500)
	s.Accept(10)
	s.TooManySamples(500)
	expect(2000)
	s.TooManySamples(800)
	expect(400)
	now += 61 * time.Second // it was long ago
	s.TooManySamples(400)
	expect(200)
}
