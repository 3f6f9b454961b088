package head

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// mostPage is the size in bytes of a page that is just not too large.
const mostPage = 16<<20 - 1<<10

// TestSeriesCorpus: large pages of series that have nothing in common, beside good targets
// whose series are others at each scrape. What is kept of them is bounded.
func TestSeriesCorpus(t *testing.T) {
	if raceDetector {
		t.Skip("with the race detector a head takes ten times as long and as much memory, which are what is judged here")
	}
	for _, c := range []struct {
		name        string
		pages, size int // of a series in bytes
		churn       bool
	}{
		{"15 pages", 15, 256, false},
		{"3 pages of other series at each scrape", 3, 256, true},
		{"15 pages of other series at each scrape", 15, 128, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			pages := map[string]http.HandlerFunc{}
			for i := range c.pages {
				pages[fmt.Sprint("large ", i)] = seriesPage(mostPage/c.size, c.size, c.churn)
			}
			scrapeBeside(t, pages, "", 60, 8, 2*corpusInterval) // the pages are made on the same processors
		})
	}
}

// seriesPage shows so many series of so many bytes each; with churn they are others at each
// scrape.
func seriesPage(series, size int, churn bool) http.HandlerFunc {
	line := func(fill string, i int) string { return fmt.Sprintf("a{x=\"%s%08d-%08d\"} 1\n", fill, i, 0) }
	fill := strings.Repeat("x", size-len(line("", 0)))
	var page []byte
	for i := range series {
		page = append(page, line(fill, i)...)
	}
	var scrapes atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		body := page
		if churn {
			body = bytes.Clone(page)
			scrape := fmt.Sprintf("%08d\"} 1\n", scrapes.Add(1))
			for end := size; end <= len(body); end += size {
				copy(body[end-len(scrape):], scrape)
			}
		}
		_, _ = w.Write(body)
	}
}
