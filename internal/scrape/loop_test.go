package scrape

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// start runs a manager of ours on the system's network and clock.
func start(t testing.TB, yaml string, take func(*sample.Page), targets ...string) (*Manager, chan<- map[string][]*targetgroup.Group) {
	t.Helper()
	o := DefaultOptions()
	o.Registerer, o.Take = prometheus.NewRegistry(), take
	m, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.ApplyConfig(parse(t, yaml)); err != nil {
		t.Fatal(err)
	}
	sets := make(chan map[string][]*targetgroup.Group)
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(sets); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		m.Stop()
		m.Stop() // does nothing
		running.Wait()
	})
	sets <- groups(targets...)
	return m, sets
}

func groups(targets ...string) map[string][]*targetgroup.Group {
	g := &targetgroup.Group{Source: "test"}
	for _, name := range targets {
		g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(strings.TrimPrefix(name, "http://"))})
	}
	return map[string][]*targetgroup.Group{"test": {g}}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	check.Await(t, what, check.That(holds))
}

// TestStopsAtOnce: a target that hangs is not waited for, and nothing is said of
// it.
func TestStopsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		s := newSide(t, false, "host", answers{func(_ http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			<-r.Context().Done()
		}})
		taken := func() int {
			s.recorder.mu.Lock()
			defer s.recorder.mu.Unlock()
			return len(s.recorder.pages)
		}
		s.start(t, job(""), []string{"node:1"})
		<-time.After(2*time.Second + 500*time.Millisecond) // it has been down, and is asked again
		synctest.Wait()
		n, began := taken(), time.Now()
		if n == 0 || asked.Load() <= int64(n) {
			t.Errorf("asked %d times, %d pages: the target is not being asked", asked.Load(), n)
		}
		s.Stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("Stop waited for %s", took)
		}
		<-time.After(time.Minute)
		if now := taken(); now != n {
			t.Errorf("%d pages were taken after Stop", now-n)
		}
		s.end(t) // stops again, which does nothing
	})
}

// TestReloadWhileScraping changes everything that can be changed, with scrapes
// going on: no page is lost or torn, and no series goes back in time.
func TestReloadWhileScraping(t *testing.T) {
	var urls []string
	for range 4 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, many(50, "a{x=\"%d\"} 1"))
		}))
		t.Cleanup(s.Close)
		urls = append(urls, s.URL)
	}
	var mu sync.Mutex
	newest := map[uint64]int64{}
	pages := 0
	m, sets := start(t, job("  scrape_interval: 20ms\n  scrape_timeout: 20ms\n"), func(p *sample.Page) {
		mu.Lock()
		defer mu.Unlock()
		pages++
		for _, s := range p.Samples {
			if s.Time <= newest[s.Series] {
				t.Errorf("series %x: %d after %d", s.Series, s.Time, newest[s.Series])
			}
			newest[s.Series] = s.Time
		}
	}, urls...)
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return pages
	}
	for i := range 30 {
		n := count()
		more := fmt.Sprintf("  scrape_interval: %dms\n  scrape_timeout: 20ms\n", 20+i%2)
		if i%3 == 0 {
			more += fmt.Sprintf("  metric_relabel_configs: [{target_label: round, replacement: '%d'}]\n", i)
		}
		if err := m.ApplyConfig(parse(t, job(more))); err != nil {
			t.Fatal(err)
		}
		sets <- groups(urls[:1+i%4]...)
		m.Metadata()
		m.TargetsDroppedCounts()
		await(t, "a page is taken after the reload", func() bool { return count() > n })
	}
}

// TestUnixSocket: a target may be a socket of this machine.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "exporter")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	target := httptest.NewUnstartedServer(texts("a 1\n")[0])
	target.Listener.Close()
	target.Listener = listener
	target.Start()
	t.Cleanup(target.Close)
	var samples atomic.Int64
	start(t, job("  relabel_configs: [{target_label: __unix_socket__, replacement: "+path+"}]\n"),
		func(p *sample.Page) { samples.Store(int64(len(p.Samples))) }, "nowhere:1")
	await(t, "the socket's page is taken", func() bool { return samples.Load() == 1+usualReports })
}

// TestExternalLabelsChange: the series under the old ones are marked stale.
func TestExternalLabelsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSide(t, false, "host", texts("a 1\n"))
		yaml := func(name string) string {
			return strings.Replace(job(""), "global: {", "global: {external_labels: {site: "+name+"}, ", 1)
		}
		s.start(t, yaml("old"), []string{"node:1"})
		<-time.After(3 * time.Second)
		s.apply(t, yaml("new"), []string{"node:1"})
		<-time.After(5 * time.Second)
		o := s.end(t)
		of := func(site string) []string {
			return o.Series[`{__name__="a", instance="node:1", job="test", site="`+site+`"}`]
		}
		if all := of("old"); len(all) != 4 || !strings.Contains(all[3], "NaN") {
			t.Errorf("before: %v; want 3 samples and a marker", all)
		}
		if all := of("new"); len(all) != 5 || strings.Contains(all[4], "NaN") {
			t.Errorf("after: %v; want 5 samples", all)
		}
	})
}

// TestOrderIsForgotten: series of which nothing was taken for long are given a
// number anew, and when the clock is set back all begin anew.
func TestOrderIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := texts(fmt.Sprintf("a 1\nb 1 %d\n", millis(0)), fmt.Sprintf("a 2\nb 1 %d\n", millis(0)),
			fmt.Sprintf("a 3\nb 2 %d\n", millis(time.Millisecond)))
		s := newSide(t, false, "host", append(pages, texts(fmt.Sprintf("a 4\nb 3 %d\n", millis(-time.Hour)))...))
		m := s.manager.(*Manager)
		var set atomic.Int64
		m.options.Now = func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
		s.start(t, job(""), []string{"node:1"})
		<-time.After(2 * time.Second)
		m.order.Forget(millis(time.Hour), millis(time.Hour))
		<-time.After(time.Second)
		set.Store(int64(-time.Hour))
		s.recorder.mu.Lock()
		clear(s.recorder.newest)
		s.recorder.mu.Unlock()
		<-time.After(time.Second)
		o := s.end(t)
		if all := o.Series[`{__name__="a", instance="node:1", job="test"}`]; len(all) == 4 && all[3] > all[0] {
			t.Errorf("the clock was set back, and the timestamps were not: %v", all)
		}
		for name, want := range map[string]int{"a": 4, "b": 3} {
			if all := o.Series[`{__name__="`+name+`", instance="node:1", job="test"}`]; len(all) != want {
				t.Errorf("%s: %v, want %d samples", name, all, want)
			}
		}
	})
}
