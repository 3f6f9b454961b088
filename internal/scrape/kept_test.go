package scrape

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/scrape/budget"
)

// kilobyte is a series of about one, of its own words.
func kilobyte(name string, i int) string {
	return fmt.Sprintf("%s{x=\"%s-%d\"} 1\n", name, strings.Repeat("x", 1000), i)
}

func kilobytes(name string, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(kilobyte(name, i))
	}
	return b.String()
}

// keeping runs our manager with a limit on what is kept, and pages by the host.
func keeping(t *testing.T, most int64, pages map[string]*atomic.Pointer[string]) (*side, *Manager) {
	s := newSide(t, false, "host", answers{func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, *pages[strings.TrimSuffix(r.Host, ":1")].Load())
	}})
	m := s.manager.(*Manager)
	m.Kept = budget.NewKept(most)
	return s, m
}

func pagesOf(all map[string]string) map[string]*atomic.Pointer[string] {
	pages := map[string]*atomic.Pointer[string]{}
	for name, text := range all {
		pages[name] = new(atomic.Pointer[string])
		pages[name].Store(&text)
	}
	return pages
}

func show(p *atomic.Pointer[string], text string) { p.Store(&text) }

// TestSeriesAreCounted: what is kept of targets is counted, and no more when their series
// go, when a reload makes others of them, and when they go themselves.
func TestSeriesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := pagesOf(map[string]string{"a": kilobytes("a", 3000), "b": "b 1\n"})
		s, m := keeping(t, 1<<30, pages)
		held := func(what string, from, to int64) {
			t.Helper()
			synctest.Wait()
			if all, limited := m.Kept.Held(); all < from || all > to || limited > max(to-1<<20, 0) {
				t.Errorf("%s: %d bytes are held, %d of them limited, want between %d and %d", what, all, limited, from, to)
			}
		}
		const kb, mb = 1 << 10, 1 << 20
		yaml := func(site, more string) string {
			return strings.Replace(job(more), "global: {", "global: {external_labels: {site: "+site+"}, ", 1)
		}
		s.start(t, yaml("x", ""), []string{"a:1", "b:1"})
		<-time.After(2 * time.Second)
		held("at first", 3*mb, 5*mb)
		show(pages["a"], kilobytes("a", 100))
		<-time.After(2 * time.Second)
		held("series are gone", 100*kb, 500*kb)
		show(pages["a"], kilobytes("a", 3000)+"a b\n")
		<-time.After(2 * time.Second)
		held("a page that fails", 3*mb, 5*mb)
		show(pages["a"], "# TYPE a gauge\n")
		<-time.After(2 * time.Second)
		show(pages["a"], many(10, "# HELP a%d "+strings.Repeat("x", 1000)))
		<-time.After(2 * time.Second)
		held("texts", 10*kb, 50*kb)
		show(pages["a"], kilobytes("a", 3000))
		<-time.After(2 * time.Second)
		held("series are back", 3*mb, 5*mb)
		s.apply(t, yaml("x", "  sample_limit: 5000\n"), []string{"a:1", "b:1"})
		<-time.After(4 * time.Second)
		held("a reload of the same series", 3*mb, 5*mb)
		s.apply(t, yaml("y", ""), []string{"a:1", "b:1"})
		<-time.After(5 * time.Second)
		held("a reload that makes other series", 3*mb, 5*mb)
		s.apply(t, yaml("y", ""), []string{"b:1"})
		s.send()
		<-time.After(5 * time.Second)
		held("a target is gone", 1, 50*kb)
		s.apply(t, strings.ReplaceAll(yaml("y", ""), "job_name: test", "job_name: other"), nil)
		s.send()
		<-time.After(5 * time.Second)
		held("the job is gone", 0, 0)
		s.end(t)
	})
}

// TestLargestPageIsRefused: where the series of all targets are too much, the scrapes of
// the largest page fail, whichever came first, and all of its series end. The others are
// scraped at all times. When there is room it is scraped again.
func TestLargestPageIsRefused(t *testing.T) {
	const large, middle = 5000, 3000
	synctest.Test(t, func(t *testing.T) {
		pages := pagesOf(map[string]string{"small": "small 1\n", "middle": "middle 1\n", "large": kilobytes("large", large)})
		s, m := keeping(t, 6<<20, pages)
		s.start(t, job(""), []string{"small:1", "middle:1", "large:1"})
		said := func(host string) string {
			for _, target := range m.TargetsActive()["test"] {
				if target.URL().Host == host+":1" && target.LastError() != nil {
					return target.LastError().Error()
				}
			}
			return ""
		}
		<-time.After(3 * time.Second)
		if why := said("large"); why != "" {
			t.Fatalf("alone, the large page is refused: %s", why)
		}
		show(pages["middle"], kilobytes("middle", middle))
		<-time.After(2 * time.Second)
		show(pages["large"], kilobytes("large", large)+kilobytes("never", 10))
		<-time.After(2 * time.Second)
		if why := said("large"); !strings.Contains(why, "--scrape.max-series-bytes") {
			t.Errorf("the large page says %q", why)
		}
		if why := said("middle") + said("small"); why != "" {
			t.Errorf("the others say %q", why)
		}
		if _, limited := m.Kept.Held(); limited > 6<<20 {
			t.Errorf("%d bytes are held", limited)
		}
		show(pages["middle"], "middle 1\n")
		show(pages["large"], kilobytes("large", large))
		<-time.After(3 * time.Second)
		if why := said("large"); why != "" {
			t.Errorf("there is room, and the large page says %q", why)
		}
		o := s.end(t)
		of := func(name, host string) (pattern string) {
			for _, one := range o.Series[strings.ReplaceAll(fmt.Sprintf(series, name), "node:1", host+":1")] {
				_, value, _ := strings.Cut(one, ": ")
				value, _, _ = strings.Cut(value, " ")
				pattern += map[bool]string{true: "x", false: value}[value == "NaN"]
			}
			return pattern
		}
		if ups := of("up", "small") + of("up", "middle"); strings.Contains(ups, "0") || len(ups) < 20 {
			t.Errorf("small and middle are up: %s", ups)
		}
		if up := of("up", "large"); !strings.Contains(up, "1110") || !strings.HasSuffix(up, "011") && !strings.HasSuffix(up, "0111") {
			t.Errorf("large is up: %s", up)
		}
		ends, n := strings.Count(of("up", "large"), "10"), 0
		for name, all := range o.Series {
			switch {
			case strings.Contains(name, `"never"`):
				t.Fatalf("a series that was never taken has %v", all)
			case strings.Contains(name, `"large", instance`):
				n++
				text := strings.Join(all, " ")
				if strings.Count(text, "NaN") != ends || strings.Contains(all[len(all)-1], "NaN") || len(all) < 5 {
					t.Fatalf("a series of the large page has %v; want %d end", all, ends)
				}
			}
		}
		if n != large || ends == 0 {
			t.Errorf("%d series of the large page were taken, and ended %d times", n, ends)
		}
	})
}

// TestPageThatGrowsIsRefused: what it had ends, and what it never had does not.
func TestPageThatGrowsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := pagesOf(map[string]string{"a": kilobytes("old", 100)})
		s, _ := keeping(t, 2<<20, pages)
		s.start(t, job(""), []string{"a:1"})
		<-time.After(2 * time.Second)
		show(pages["a"], kilobytes("old", 50)+kilobytes("new", 5000))
		<-time.After(3 * time.Second)
		o := s.end(t)
		n := 0
		for name, all := range o.Series {
			if strings.Contains(name, `"new"`) {
				t.Fatalf("a series that was never taken has %v", all)
			}
			if strings.Contains(name, `"old"`) {
				if n++; len(all) != 3 || !strings.Contains(all[2], "NaN") {
					t.Fatalf("a series has %v; want 2 samples and a marker", all)
				}
			}
		}
		if n != 100 {
			t.Errorf("%d series were taken", n)
		}
	})
}

// TestLargePageIsTakenInParts: each has so many bytes at most, beside one series; nothing is
// lost or doubled.
func TestLargePageIsTakenInParts(t *testing.T) {
	const n = 5000
	seen := map[uint64]int{}
	parts, largest := 0, 0
	l := loopOf(t, func(p *sample.Page) {
		bytes := 0
		for _, s := range p.Samples {
			seen[s.Series]++
			size, _ := sample.Size(s.Labels.Of(p.Labels))
			bytes += size
		}
		largest = max(largest, bytes)
		parts++
	})
	body := []byte(kilobytes("a", n))
	p := l.manager.open(l, time.Now(), len(body))
	if _, err := p.read(body, "text/plain"); err != nil {
		t.Fatal(err)
	}
	p.commit()
	l.manager.release(p)
	if parts < 5 || largest > partBytes+2<<10 {
		t.Errorf("%d parts, of %d bytes", parts, largest)
	}
	for s, times := range seen {
		if times != 1 {
			t.Fatalf("series %x was taken %d times", s, times)
		}
	}
	if len(seen) != n {
		t.Errorf("%d series were taken", len(seen))
	}
}
