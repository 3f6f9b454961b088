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
	t.Run("at once", func(t *testing.T) { offersOfManySamples(t, (*lab).pass) })
	t.Run("one turn a second", func(t *testing.T) {
		offersOfManySamples(t, func(l *lab, d time.Duration) {
			for end := l.now + d; l.now < end; l.now += time.Second {
				l.area.Turn(t.Context())
			}
		})
	})
}

func offersOfManySamples(t *testing.T, pass func(*lab, time.Duration)) {
	const series, interval = 300, 2 * time.Second
	l := newLab(t)
	l.refuse = func(i int) string {
		if i%2 == 0 {
			return ""
		}
		return cortexUserLimit
	}
	for round := range 90 {
		for others := 0; round%30 == 0 && others < ExtraPerMinute-8; others++ {
			l.extra.Take(Probe, 1)
		}
		l.scrape(series)
		pass(l, interval)
	}
	pass(l, OfferEvery+10*time.Second)
	for i := 0; i < series; i += 2 {
		if !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("accepted series %d: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
		if l.slowest[i] > time.Minute+10*time.Second {
			t.Errorf("a sample of accepted series %d waited for %v", i, l.slowest[i])
		}
	}
}
