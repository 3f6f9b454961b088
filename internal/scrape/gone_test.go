package scrape

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
)

// goneCase is a target of which something is said when it does not answer, once a second.
type goneCase struct {
	name    string
	down    func(at time.Duration) bool // whether it does not answer
	gone    func(at time.Duration) bool
	hang    bool   // whoever asks whether it is gone waits until the bound
	up      string // samples of up, one a second, from 1 s on: 1, 0 or x for a staleness marker
	series  string // of the page's series
	asked   string // one letter a question: n for what is newer than the failure, k for what is known
	stopped bool   // discovery takes the target away after 5 s
}

func within(from, to time.Duration) func(time.Duration) bool {
	return func(at time.Duration) bool { return from <= at && at < to }
}

// never and always are within no time and all times.
func never(time.Duration) bool  { return false }
func always(time.Duration) bool { return true }

func TestTargetsThatAreTakenAway(t *testing.T) {
	const end = time.Hour
	for _, c := range []goneCase{
		{name: "it powers down: its series end, and it was never down", down: within(3*time.Second, end), gone: always,
			up: "111x", series: "111x", asked: "nkkkk"},
		{name: "it dies by itself", down: within(3*time.Second, end), gone: never, up: "11100000", series: "111x", asked: "nkkkk"},
		{name: "it dies, and is powered down later", down: within(3*time.Second, end), gone: within(5*time.Second, end),
			up: "11100x", series: "111x", asked: "nkkkk"},
		{name: "it powers down and answers again", down: within(3*time.Second, 5*time.Second), gone: always,
			up: "111x111", series: "111x111", asked: "nk"},
		{name: "it never answered, and is gone", down: always, gone: always, up: "x", series: "", asked: "nkkkkkkk"},
		{name: "nobody can say in time", down: within(3*time.Second, end), gone: never, hang: true,
			up: "1110000", series: "111x", asked: "nkkkk"},
		{name: "it powers down, and discovery takes it away", down: within(3*time.Second, end), gone: always,
			up: "111x", series: "111x", asked: "nkk", stopped: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, c.play)
		})
	}
}

func (c goneCase) play(t *testing.T) {
	began := time.Now()
	at := func() time.Duration { return time.Since(began).Round(time.Second) }
	s := newSide(t, false, "host", answers{func(w http.ResponseWriter, r *http.Request) {
		if c.down(at()) {
			panic(http.ErrAbortHandler) // closes the connection
		}
		shows("text/plain; version=0.0.4", "a 1\n")(w, r)
	}})
	var mu sync.Mutex
	var asked strings.Builder
	var failed atomic.Int64
	s.manager.(*Manager).options.Gone = func(ctx context.Context, target *Target, since time.Time) bool {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case since.IsZero():
			asked.WriteByte('k')
		case since.After(time.Now()):
			failed.Add(1)
		default:
			asked.WriteByte('n')
		}
		if c.hang {
			<-ctx.Done()
		}
		return c.gone(at())
	}
	yaml := job("  relabel_configs: [{target_label: node, replacement: n}]\n")
	s.start(t, yaml, []string{"node:1"})
	<-time.After(5*time.Second + 500*time.Millisecond)
	if c.stopped {
		s.apply(t, yaml, []string{})
		s.send()
	}
	<-time.After(2 * time.Second)
	o := s.end(t)
	if got := asked.String(); got != c.asked || failed.Load() > 0 {
		t.Errorf("asked %s, want %s; %d times for the future", got, c.asked, failed.Load())
	}
	for name, want := range map[string]string{"up": c.up, "a": c.series} {
		var got strings.Builder
		for _, v := range o.Series[`{__name__="`+name+`", instance="node:1", job="test", node="n"}`] {
			_, value, _ := strings.Cut(v, ": ")
			got.WriteByte(strings.Replace(value, "NaN", "x", 1)[0])
		}
		if got.String() != want {
			t.Errorf("%s: %s, want %s", name, &got, want)
		}
	}
}

// TestSeriesThatAreGoneAreForgotten: what is remembered of a series goes within minutes.
func TestSeriesThatAreGoneAreForgotten(t *testing.T) {
	pages := answers{texts("gone 1\n")[0]}
	for range 7 * 60 {
		pages = append(pages, texts("stays 1\n")[0])
	}
	hostile(t, "", pages, func(m *Manager) {
		for name, remembered := range map[string]bool{"gone": false, "stays": true} {
			_, s := m.order.Find(labels.FromStrings("__name__", name, "instance", "node:1", "job", "test").Hash())
			if s != nil != remembered {
				t.Errorf("%s is remembered: %t", name, s != nil)
			}
		}
	})
}

// TestRefusedPagesAreNotRemembered: the series of a page of which nothing is taken are nowhere.
func TestRefusedPagesAreNotRemembered(t *testing.T) {
	hostile(t, "", texts("taken 1\n", "refused 1\n1\n"), func(m *Manager) {
		for name, remembered := range map[string]bool{"taken": true, "refused": false} {
			_, s := m.order.Find(labels.FromStrings("__name__", name, "instance", "node:1", "job", "test").Hash())
			if s != nil != remembered {
				t.Errorf("%s is remembered: %t", name, s != nil)
			}
		}
	})
}
