package scrape

import (
	"fmt"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/sample"
)

// BenchmarkPage reads and takes a page of 6,000 series, as node_exporter's of a large node:
// one whose series are all known, one of which a twentieth is new, and one all of which is.
func BenchmarkPage(b *testing.B) {
	const series, pages = 6000, 20
	for _, c := range []struct {
		name string
		kept int // of the series, from page to page
	}{{"known", series}, {"twentieth", series / 20 * 19}, {"new", 0}} {
		b.Run(c.name, func(b *testing.B) {
			var taken int
			l := loopOf(b, func(p *sample.Page) { taken += len(p.Samples) })
			bodies := make([][]byte, pages)
			for n := range bodies {
				for i := range series {
					first := n * series
					if i < c.kept {
						first = 0
					}
					bodies[n] = fmt.Appendf(bodies[n], "node_cpu_seconds_total{cpu=\"%d\",mode=\"idle\",numa=\"%d\"} %d\n", first+i, i%8, 1000+n)
				}
			}
			at := time.Now()
			take := func(n int) {
				at = at.Add(time.Millisecond)
				p := l.manager.open(l, at, len(bodies[n%pages]))
				if _, err := p.read(bodies[n%pages], "text/plain; version=0.0.4"); err != nil {
					b.Fatal(err)
				}
				p.commit()
				l.manager.release(p)
			}
			take(pages - 1)
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				take(n)
			}
			if taken < series {
				b.Errorf("%d samples were taken", taken)
			}
		})
	}
}

// loopOf returns the loop of a target that nothing scrapes.
func loopOf(tb testing.TB, take func(*sample.Page)) *loop {
	tb.Helper()
	m, _ := start(tb, job("  scrape_interval: 1h\n"), take)
	p, err := newPool(m, m.configs["test"])
	if err != nil {
		tb.Fatal(err)
	}
	all := p.find(groups("node:1")["test"])
	if len(all) != 1 {
		tb.Fatalf("%d targets", len(all))
	}
	return p.newLoop(all[0], nil)
}
