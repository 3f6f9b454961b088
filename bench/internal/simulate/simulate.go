// Package simulate serves the metrics pages of a fleet that does not exist:
// GPU nodes with the names, labels and sizes of the stock exporters' pages. Pages
// are rendered once and patched, so that a fleet of 160 nodes costs little beside
// the agents that a benchmark measures; and every page that a client has got
// is noted, which is the truth that a receiver's count is held against.
package simulate

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Target is a page of the fleet as a scrape configuration names it. All targets
// share one address; Path tells them apart.
type Target struct {
	Job      string
	Instance string
	Path     string
	Series   int
}

// Page is one that a client has got as a whole.
type Page struct {
	Instance string
	Sequence int
	Samples  int
	Served   time.Time // when all but its last byte had been handed to the client
}

// ExtraPrefix begins the names of metrics that are on no page of a fleet, and that are
// not counted.
const ExtraPrefix = "bench_extra_"

// Fleet is an http.Handler of all targets.
type Fleet struct {
	targets []*target
	now     func() time.Time
	zips    sync.Pool // of *gzip.Writer: one costs a megabyte to make

	mu     sync.Mutex
	closed bool
	pages  []Page
}

type target struct {
	Target
	mu       sync.Mutex
	page     *page
	sequence int
}

// New makes a fleet of nodes. Each has a page of nodeSeries for its node and EFA
// metrics, and one of gpuSeries unless that is 0.
func New(nodes, nodeSeries, gpuSeries int, now func() time.Time) *Fleet {
	f := &Fleet{now: now}
	f.zips.New = func() any {
		zip, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil {
			panic(err) // the level is a constant of the package
		}
		return zip
	}
	add := func(job, instance string, families []family, series int) {
		path := "/targets/" + strconv.Itoa(len(f.targets)) + "/metrics"
		f.targets = append(f.targets, &target{
			Target: Target{Job: job, Instance: instance, Path: path, Series: series},
			page:   render(cut(families, series-1), int64(len(f.targets))),
		})
	}
	for i := range nodes {
		add("node", fmt.Sprintf("ip-10-0-%d-%d:9100", i/250, i%250), nodePage(), nodeSeries)
		if gpuSeries > 0 {
			add("dcgm", fmt.Sprintf("ip-10-0-%d-%d:9400", i/250, i%250), gpuPage(), gpuSeries)
		}
	}
	return f
}

// Targets lists them to scrape.
func (f *Fleet) Targets() []Target {
	out := make([]Target, len(f.targets))
	for i, t := range f.targets {
		out[i] = t.Target
	}
	return out
}

// Close makes every further scrape fail: the time in which pages are taken is over.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
}

// Pages are all pages that were served so far, in the order in which they were.
func (f *Fleet) Pages() []Page {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pages)
}

// ServeHTTP serves one scrape, compressed when the client takes that, as the
// exporters do.
func (f *Fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	rest, ok := strings.CutPrefix(r.URL.Path, "/targets/")
	number, tail, _ := strings.Cut(rest, "/")
	i, err := strconv.Atoi(number)
	switch {
	case !ok || err != nil || i < 0 || i >= len(f.targets) || tail != "metrics":
		http.NotFound(w, r)
		return
	case closed:
		http.Error(w, "the measurement is over", http.StatusServiceUnavailable)
		return
	}
	t := f.targets[i]
	var body bytes.Buffer
	zipped := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	var sequence int
	if zipped {
		zip := f.zips.Get().(*gzip.Writer)
		sequence, err = t.writeZipped(&body, zip)
		f.zips.Put(zip)
	} else {
		sequence = t.write(&body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	if zipped {
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	whole := body.Bytes()
	last := len(whole) - 1
	if err := send(w, whole[:last]); err != nil {
		return // the client went away: this page was not taken
	}
	// The page is noted before its last byte leaves, so that it is noted by the time
	// a client has all of it.
	p := Page{t.Instance, sequence, t.Series, f.now()}
	f.mu.Lock()
	f.pages = append(f.pages, p)
	f.mu.Unlock()
	if err := send(w, whole[last:]); err != nil {
		f.mu.Lock()
		f.pages = slices.DeleteFunc(f.pages, func(q Page) bool { return q == p })
		f.mu.Unlock()
	}
}

// send hands b to the client.
func send(w http.ResponseWriter, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// write puts the target's next page into body.
func (t *target) write(body *bytes.Buffer) (sequence int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sequence++
	t.page.set(t.sequence)
	body.Write(t.page.body)
	return t.sequence
}

func (t *target) writeZipped(body *bytes.Buffer, zip *gzip.Writer) (sequence int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sequence++
	t.page.set(t.sequence)
	zip.Reset(body)
	if _, err := zip.Write(t.page.body); err != nil {
		return 0, fmt.Errorf("compress page: %w", err)
	}
	if err := zip.Close(); err != nil {
		return 0, fmt.Errorf("compress page: %w", err)
	}
	return t.sequence, nil
}
