package ship

import (
	"fmt"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/refused"
)

// refusesEach returns a refusal of each of n series that is bad, in words for that series.
func refusesEach(n int, bad func(i int) bool, words func(name string) string) func(string, int64) (int, string) {
	isBad := map[string]bool{}
	for i := range n {
		isBad[seriesOfRig(i)] = bad(i)
	}
	return func(name string, _ int64) (int, string) {
		if isBad[name] {
			return 400, words(name)
		}
		return 0, ""
	}
}

// TestUnknownWordsForSomeOfEverything: each request has series that are refused in unknown
// words, so that none is accepted as a whole. The requests that a search has at once find
// out that the receiver takes others.
func TestUnknownWordsForSomeOfEverything(t *testing.T) {
	for _, c := range []struct{ lanes, series, bad, of int }{
		{1, 655, 2, 11}, {4, 655, 2, 11}, {8, 655, 2, 11}, {1, 400, 1, 100}, {4, 655, 1, 3}, {8, 655, 1, 2}, {8, 4000, 1, 5}, {8, 6000, 1, 2},
	} {
		t.Run(fmt.Sprintf("%d lanes, %d of %d", c.lanes, c.bad, c.of), func(t *testing.T) {
			t.Parallel()
			s := newStrict(t)
			s.set(refusesEach(c.series, func(i int) bool { return i%c.of < c.bad }, func(string) string { return "no such thing" }))
			clock := newClocks()
			stopped := clock.elapsed() // no time passes
			r := start(t, Options{Lanes: c.lanes, Now: clock.wall, Elapsed: func() time.Duration { return stopped }}, s.yaml())
			r.scrape("node", c.series, clock.wall())
			await(t, "refused series wait apart", func() bool {
				l := r.Status().Total
				return l.Delivered > 0 && r.remote().Refused.Samples+int(l.Sum()) == c.series
			})
			if requests, _ := s.counts(); requests > c.series/500+2*c.lanes+refused.ExtraPerMinute {
				t.Errorf("%d requests", requests)
			}
			r.stop()
		})
	}
}

// TestTakesNothingIsAskedSeldom: while a receiver refuses everything in unknown words, the
// lanes together make as many requests as find out what is refused, however short the backoff is.
func TestTakesNothingIsAskedSeldom(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(400, "not today"))
	clock := newClocks()
	r := start(t, Options{Lanes: 4, Now: clock.wall, Elapsed: clock.elapsed}, remoteWrite(s))
	r.scrape("node", 400, clock.wall())
	begin := clock.elapsed()
	for range 20 {
		clock.skip(3 * time.Second)
		sleep(t.Context(), 100*time.Millisecond)
	}
	s.mu.Lock()
	requests := s.requests
	s.mu.Unlock()
	minutes := int((clock.elapsed() - begin).Minutes()) + 1
	t.Logf("%d requests in %d minutes", requests, minutes)
	if most := 4 + refused.ExtraPerMinute*minutes; requests > most {
		t.Errorf("%d requests in %d minutes, want at most %d", requests, minutes, most)
	}
	s.answerWith(nil)
	await(t, "all are sent", func() bool {
		clock.skip(time.Second)
		return r.Status().Total.Queued == 0
	})
	if l := r.settled(400); l.Delivered != 400 || s.outOfOrder > 0 {
		t.Errorf("ledger %+v, %d out of order", l, s.outOfOrder)
	}
	r.stop()
}

// TestHalfIsRefusedForLabels: half of the series are refused for their labels, each answer
// names one of them, and each request that delivers samples teaches one even where there
// are no extra requests: the others become certain.
func TestHalfIsRefusedForLabels(t *testing.T) {
	const series = 400
	s := newStrict(t)
	s.set(refusesEach(series, func(i int) bool { return i%2 == 0 }, func(name string) string {
		return "series has too many labels (actual: 13, limit: 8) series: '" + name + "'"
	}))
	clock := newClocks()
	r := start(t, Options{Lanes: 1, Now: clock.wall, Elapsed: clock.elapsed}, s.yaml())
	// Time stands still: after the first searches, only what is learned without extra requests counts.
	for round := range 240 {
		r.scrape("node", series, clock.wall())
		await(t, "it is sent", func() bool { return len(s.samplesOf(series-1)) == round+1 })
		if round%16 == 0 && r.Status().Total.Delivered > 0 {
			break
		}
	}
	if l := r.Status().Total; l.Delivered == 0 {
		t.Errorf("nothing is delivered after %d requests: %+v", s.requests, l)
	}
	r.stop()
}
