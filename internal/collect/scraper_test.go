package collect

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

// imitated is a collector that does what a test says.
type imitated struct {
	read   func(*page.Page) error
	closed atomic.Int32
	panics bool // at Close
}

func (i *imitated) Read(p *page.Page) error { return i.read(p) }
func (i *imitated) Close() error {
	i.closed.Add(1)
	if i.panics {
		panic("closed")
	}
	return nil
}

func collectorOf(name string, read func(*page.Page) error) page.Collector {
	return page.Collector{Name: name, Open: func(page.Env) (page.Reader, error) { return &imitated{read: read}, nil }}
}

func gauge(name string, labels ...string) *page.Family {
	return &page.Family{Name: name, Help: "Of a test.", Type: page.Gauge, Labels: labels}
}

func scraperOf(max int, log *bytes.Buffer, cs ...page.Collector) *Scraper {
	logger := slog.New(slog.DiscardHandler)
	if log != nil {
		logger = slog.New(slog.NewTextHandler(log, nil))
	}
	return NewScraper(page.Env{Now: time.Now, Logger: logger}, max, cs)
}

func pageOf(s *Scraper) (text string) {
	s.Page(s.all(), func(b []byte) { text = string(b) })
	return text
}

// lines are the samples of text, without comments and durations.
func lines(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "#") && !strings.Contains(l, "duration_seconds") {
			b.WriteString(l)
		}
	}
	return b.String()
}

func TestFailureCostsItsOwnSamplesOnly(t *testing.T) {
	a, b := gauge("a"), gauge("b")
	var broken error
	panics := false
	var log bytes.Buffer
	s := scraperOf(0, &log,
		collectorOf("first", func(p *page.Page) error {
			p.Sample(a, 1)
			if panics {
				panic("index out of range")
			}
			return broken
		}),
		collectorOf("second", func(p *page.Page) error { p.Sample(b, 2); return nil }))
	defer s.Close()
	const good = "a 1\nb 2\nnode_scrape_collector_success{collector=\"first\"} 1\nnode_scrape_collector_success{collector=\"second\"} 1\n"
	const bad = "b 2\nnode_scrape_collector_success{collector=\"first\"} 0\nnode_scrape_collector_success{collector=\"second\"} 1\n"
	for i, step := range []struct {
		err    error
		panics bool
		want   string
	}{{want: good}, {err: errors.New("half a line"), want: bad}, {want: good}, {panics: true, want: bad}, {panics: true, want: bad},
		{want: good}} {
		broken, panics = step.err, step.panics
		if got := lines(pageOf(s)); got != step.want {
			t.Errorf("step %d: page\n%swant\n%s", i, got, step.want)
		}
	}
	if n := strings.Count(log.String(), "collector failed"); n != 2 {
		t.Errorf("two failures are logged %d times:\n%s", n, log.String())
	}
	if !strings.Contains(log.String(), "index out of range") {
		t.Errorf("the log does not have the panic's words:\n%s", log.String())
	}
}

// TestPanicOpensTheCollectorAnew: what panicked is closed, even if that panics as well.
func TestPanicOpensTheCollectorAnew(t *testing.T) {
	var readers []*imitated
	s := scraperOf(0, nil, page.Collector{Name: "c", Open: func(page.Env) (page.Reader, error) {
		readers = append(readers, &imitated{read: func(*page.Page) error { panic("half") }, panics: len(readers) == 1})
		return readers[len(readers)-1], nil
	}})
	for range 3 {
		pageOf(s)
	}
	if len(readers) != 3 {
		t.Fatalf("opened %d times; want 3", len(readers))
	}
	for i, r := range readers {
		if n := r.closed.Load(); n != 1 {
			t.Errorf("reader %d was closed %d times; want once", i, n)
		}
	}
	s.Close()
}

func TestMisuseIsAFailure(t *testing.T) {
	a, b, l := gauge("a"), gauge("b"), gauge("l", "x")
	for name, read := range map[string]func(*page.Page) error{
		"scattered family": func(p *page.Page) error { p.Sample(a, 1); p.Sample(b, 1); p.Sample(a, 2); return nil },
		"label count":      func(p *page.Page) error { p.Sample(l, 1); return nil },
	} {
		s := scraperOf(0, nil, collectorOf("c", read))
		if got, want := lines(pageOf(s)), "node_scrape_collector_success{collector=\"c\"} 0\n"; got != want {
			t.Errorf("%s: page\n%swant\n%s", name, got, want)
		}
	}
}

func TestHangingCollectorIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := gauge("a"), gauge("b")
		hang := make(chan struct{})
		var reads atomic.Int32
		s := scraperOf(0, nil,
			collectorOf("hung", func(p *page.Page) error { reads.Add(1); p.Sample(a, 1); <-hang; return nil }),
			collectorOf("fine", func(p *page.Page) error { p.Sample(b, 2); return nil }))
		start := time.Now()
		const without = "b 2\nnode_scrape_collector_success{collector=\"hung\"} 0\nnode_scrape_collector_success{collector=\"fine\"} 1\n"
		for range 3 {
			if got := lines(pageOf(s)); got != without {
				t.Errorf("page\n%swant\n%s", got, without)
			}
		}
		if took := time.Since(start); took != readingDeadline {
			t.Errorf("three pages took %v; the deadline of %v is waited for once", took, readingDeadline)
		}
		if n := reads.Load(); n != 1 {
			t.Errorf("the hung collector was read %d times; want once until it comes back", n)
		}
		close(hang)
		synctest.Wait()
		if got := lines(pageOf(s)); !strings.HasPrefix(got, "a 1\n") {
			t.Errorf("after the end of the hang: page\n%s", got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAllCollectorsHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		var cs []page.Collector
		for i := range 10 {
			cs = append(cs, collectorOf(fmt.Sprint("c", i), func(*page.Page) error { <-hang; return nil }))
		}
		s := scraperOf(0, nil, cs...)
		start := time.Now()
		pageOf(s)
		if took := time.Since(start); took != pageDeadline {
			t.Errorf("the page took %v; want %v", took, pageDeadline)
		}
		close(hang)
		synctest.Wait()
		s.Close()
	})
}

func TestScrapesAtOnceShareAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := gauge("a")
		start := make(chan struct{})
		var reads atomic.Int32
		s := scraperOf(0, nil, collectorOf("c", func(p *page.Page) error { p.Sample(a, float64(reads.Add(1))); <-start; return nil }))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got := lines(pageOf(s)); !strings.HasPrefix(got, "a 1\n") {
					t.Errorf("page\n%s", got)
				}
			})
		}
		synctest.Wait()
		close(start)
		wg.Wait()
		if n := reads.Load(); n != 1 {
			t.Errorf("100 scrapes at once read %d times; want once", n)
		}
		s.Close()
	})
}

func TestWhatTheMachineDoesNotHaveIsLeftOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := gauge("a")
		present := false
		opened := 0
		s := scraperOf(0, nil, page.Collector{Name: "card", Open: func(page.Env) (page.Reader, error) {
			opened++
			if !present {
				return nil, fmt.Errorf("no /sys/class/x: %w", page.ErrAbsent)
			}
			return &imitated{read: func(p *page.Page) error { p.Sample(a, 1); return nil }}, nil
		}})
		for range 3 {
			if got := pageOf(s); got != "" {
				t.Errorf("page %q; want none", got)
			}
		}
		if opened != 1 {
			t.Errorf("looked for it %d times within a minute; want once", opened)
		}
		present = true
		<-time.After(absentAgain)
		if got, want := lines(pageOf(s)), "a 1\nnode_scrape_collector_success{collector=\"card\"} 1\n"; got != want {
			t.Errorf("page\n%swant\n%s", got, want)
		}
		s.Close()
	})
}

// seriesOf counts a page's samples.
func seriesOf(text string) (n int) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n
}

// TestBudgetIsThePages: what the page says of itself counts too.
func TestBudgetIsThePages(t *testing.T) {
	families := make([]*page.Family, 60)
	for i := range families {
		families[i] = gauge(fmt.Sprintf("family_%02d", i), "n")
	}
	var log bytes.Buffer
	s := scraperOf(0, &log, collectorOf("c", func(p *page.Page) error {
		for i, f := range families {
			for j := range i%7 + 1 {
				p.Sample(f, 1, fmt.Sprint(j))
			}
		}
		return nil
	}))
	defer s.Close()
	whole := seriesOf(pageOf(s))
	for s.maxSeries = maxLeftOut + 4; s.maxSeries < whole+2; s.maxSeries++ {
		got := pageOf(s)
		if n := seriesOf(got); n > s.maxSeries || (n < whole) != (s.maxSeries < whole) {
			t.Errorf("the page has %d series of %d; want at most %d, and all if they fit", n, whole, s.maxSeries)
		}
	}
}

func TestBudgetLeavesOutWholeFamiliesFromTheEnd(t *testing.T) {
	first, many, last := gauge("first"), gauge("many", "n"), gauge("last")
	count := 5
	var log bytes.Buffer
	s := scraperOf(5, &log, collectorOf("c", func(p *page.Page) error {
		p.Sample(first, 1)
		for i := range count {
			p.Sample(many, float64(i), fmt.Sprint(i))
		}
		p.Sample(last, 1)
		return nil
	}))
	defer s.Close()
	const want = "first 1\nlast 1\nnode_scrape_collector_success{collector=\"c\"} 1\nparascope_node_series_left_out{family=\"many\"} 5\n"
	for range 2 {
		if got := lines(pageOf(s)); got != want {
			t.Errorf("page\n%swant\n%s", got, want)
		}
	}
	if n := strings.Count(log.String(), "families=[many]"); n != 1 {
		t.Errorf("what is left out is logged %d times:\n%s", n, log.String())
	}
	count = 2 // with one series too many, what says so takes the place of another
	if got := lines(pageOf(s)); !strings.Contains(got, "family=\"many\"} 2\n") || !strings.Contains(got, "\nlast 1\n") {
		t.Errorf("with one series too many: page\n%s", got)
	}
	count = 40
	if n := seriesOf(pageOf(s)); n > 5 {
		t.Errorf("the page has %d series; want at most 5", n)
	}
	count = 1
	if got := lines(pageOf(s)); strings.Contains(got, "left_out") || !strings.Contains(got, "many{") {
		t.Errorf("within the budget: page\n%s", got)
	}
}
