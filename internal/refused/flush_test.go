package refused

import (
	"fmt"
	"testing"
	"time"
)

// TestLiftedLimit: once a probe is accepted, the other series that stand alone are asked
// about at once, and not a few more each minute.
func TestLiftedLimit(t *testing.T) {
	for name, c := range map[string]struct {
		within time.Duration
		lifted func(i int) bool
	}{
		"for all":    {time.Minute, func(int) bool { return true }},
		"for nine":   {10 * time.Minute, func(i int) bool { return i < 9 }},
		"for a half": {10 * time.Minute, func(i int) bool { return i%2 == 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			const series = 95
			l := newLab(t)
			words := func(i int) string {
				return fmt.Sprintf("user=T: per-metric series limit of 50 exceeded for metric m, for series "+`{__name__="m", i="%d"}`, i)
			}
			l.refuse = words
			for range 40 {
				l.scrape(series)
				l.pass(15 * time.Second)
			}
			want := 0
			for i := range series {
				if !c.lifted(i) {
					want++
				}
			}
			l.refuse = func(i int) string {
				if c.lifted(i) {
					return ""
				}
				return words(i)
			}
			l.made = nil
			from := l.now
			for l.area.Status().Series > want && l.now < from+time.Hour {
				l.pass(time.Second)
			}
			t.Logf("after %v, %d requests, %d in a minute", l.now-from, len(l.made), l.most())
			if l.now-from > c.within {
				t.Errorf("%d series are refused, want %d", l.area.Status().Series, want)
			}
			if most := l.most(); most > ExtraPerMinute {
				t.Errorf("%d requests in a minute", most)
			}
		})
	}
}

// TestOffersAfterALift: when a limit is lifted while it is not known which series of a group
// it was for, accepted series go on to arrive within the bound, and so does what waited.
func TestOffersAfterALift(t *testing.T) {
	for name, window := range map[string]time.Duration{"late samples are refused": 0, "late samples are accepted": time.Hour} {
		t.Run(name, func(t *testing.T) {
			const series, interval = 300, 5 * time.Second
			limited := func(i int) bool { return i%3 == 0 }
			l := newLab(t)
			l.window = window
			l.refuse = func(i int) string {
				if !limited(i) {
					return ""
				}
				return fmt.Sprintf("user=T: per-metric series limit of 50 exceeded for metric m, for series "+`{__name__="m", i="%d"}`, i)
			}
			for range 24 {
				l.scrape(series)
				l.pass(interval)
			}
			l.refuse = func(int) string { return "" }
			for range 12 * 5 {
				l.scrape(series)
				l.pass(interval)
			}
			slowest, oldest := time.Duration(0), time.Duration(0)
			for i := range series {
				if !limited(i) {
					slowest = max(slowest, l.slowest[i])
				}
				all := l.stored[i]
				if age := l.wall().Sub(time.UnixMilli(all[len(all)-1])); age > oldest {
					oldest = age
				}
			}
			t.Logf("%v, %d series are refused, ledger %+v", slowest, l.area.Status().Series, l.queue.Ledger())
			if oldest > OfferEvery+interval {
				t.Errorf("the last sample of a series that is stored is %v old", oldest)
			}
			if slowest > time.Minute {
				t.Errorf("a sample of an accepted series waited for %v", slowest)
			}
			if most, bound := l.most(), ExtraPerMinute+l.normal/10; most > bound {
				t.Errorf("%d extra requests in a minute, %d are allowed", most, bound)
			}
			if status := l.area.Status(); status.Series > 0 {
				t.Errorf("%d series are refused five minutes after the limit was lifted", status.Series)
			}
		})
	}
}
