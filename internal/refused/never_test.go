package refused

import (
	"net/http"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/wire"
)

// TestStruckBesideRefused: series that were refused for what they are, and are accepted
// again, are series like others soon, though one that is probed with them is refused for
// ever.
func TestStruckBesideRefused(t *testing.T) {
	const order = "user=T: err: out of order sample. timestamp=1"
	for name, c := range map[string]struct {
		words   string
		whole   bool
		minutes int
	}{
		"labels, named":                {`series has too many labels (actual: 13, limit: 8) series: '{__name__="m", i="0"}'`, true, 1},
		"labels, not named":            {"series has too large labels", true, 1},
		"named":                        {`timestamp too new: 1 metric: "m{i=\"0\"}"`, false, 2},
		"named, nothing is stored":     {`timestamp too new: 1 for series {__name__="m", i="0"}`, true, 2},
		"not named":                    {"timestamp too new: 1", false, 8},
		"not named, nothing is stored": {"timestamp too new: 1", true, 8},
		"another one is named":         {`timestamp too new: 1 for series {__name__="m", i="7"}`, true, 8},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.whole = c.whole
			const series = 8
			l.scrape(series)
			for id, i := range l.names {
				text := order
				if i == 0 {
					text = c.words
				}
				for range strikesOut {
					l.area.Strike(wire.Point{Series: id}, receiver.Classify(http.StatusBadRequest, nil, text, l.wall()))
				}
			}
			l.refuse = func(i int) string {
				if i == 0 {
					return c.words
				}
				return ""
			}
			for range 4 * c.minutes {
				l.scrape(series)
				l.pass(15 * time.Second)
			}
			l.pass(2 * time.Second)
			if ledger := l.queue.Ledger(); c.minutes == 1 && ledger.Doubtful() > 5 {
				t.Errorf("ledger %+v: what is accepted is uncertain", ledger)
			}
			if status := l.area.Status(); status.Series != 1 {
				t.Errorf("%d series are refused, want 1", status.Series)
			}
			from := map[int]int{}
			for i, all := range l.stored {
				from[i] = len(all)
			}
			for range 4 {
				l.scrape(series)
				l.pass(15 * time.Second)
			}
			for i := 1; i < series; i++ {
				if n := len(l.stored[i]); n != from[i]+4 {
					t.Errorf("series %d: %d samples are stored, want %d", i, n, from[i]+4)
				}
			}
			if most := l.most(); most > 2 {
				t.Errorf("%d requests in a minute for what is refused", most)
			}
			l.refuse = func(int) string { return "" }
			l.pass(2 * time.Minute)
			if status := l.area.Status(); status.Series != 0 {
				t.Errorf("%d series are refused after it was lifted", status.Series)
			}
		})
	}
}

// TestStrikesAreForgotten: samples that are refused now and then do not make their series
// wait.
func TestStrikesAreForgotten(t *testing.T) {
	l := newLab(t)
	l.scrape(1)
	for id := range l.names {
		for range 10 {
			l.area.Strike(wire.Point{Series: id}, receiver.Classify(http.StatusBadRequest, nil, "err: out of order sample", l.wall()))
			if l.area.Has(id) {
				t.Fatal("the series is held")
			}
			l.pass(strikesLast)
		}
	}
}
