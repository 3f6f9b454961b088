package refused

import (
	"slices"
	"testing"
	"time"
)

// TestOffersOfManySamples: what comes of series that are not decided is more than one
// request takes, and other lanes leave few extra requests. Accepted series wait no longer
// than with few samples.
func TestOffersOfManySamples(t *testing.T) {
	const series, interval = 300, 2 * time.Second
	l := newLab(t)
	l.refuse = func(i int) string {
		if i%2 == 0 {
			return ""
		}
		return cortexUserLimit
	}
	for round := range 90 {
		for others := 0; round%30 == 0 && others < ExtraPerMinute-12; others++ {
			l.extra.Take(Probe, 1)
		}
		l.scrape(series)
		l.pass(interval)
	}
	l.pass(OfferEvery + time.Second)
	for i := 0; i < series; i += 2 {
		if !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("accepted series %d: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
		if l.slowest[i] > time.Minute {
			t.Errorf("a sample of accepted series %d waited for %v", i, l.slowest[i])
		}
	}
}
