package ship

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// sink is a receiver. It decodes with Prometheus' own code and counts what came,
// by series and timestamp.
type sink struct {
	*httptest.Server
	// answer decides what to do with a request, nil accepts. It may write the
	// response itself and return false, or return whether the samples are kept.
	mu         sync.Mutex
	answer     func(w http.ResponseWriter, r *http.Request, samples int) bool
	seen       map[string]map[int64]float64
	newest     map[string]int64
	outOfOrder int
	duplicates int
	requests   int
	batches    []int // samples of the requests that were kept
	metadata   []prompb.MetricMetadata
	histograms []prompb.Histogram
}

func newSink(t testing.TB) *sink {
	s := &sink{seen: map[string]map[int64]float64{}, newest: map[string]int64{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // killed while it sent
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		http.Error(w, "not snappy: "+err.Error(), http.StatusTeapot)
		return
	}
	var req prompb.WriteRequest
	if err := req.Unmarshal(raw); err != nil {
		http.Error(w, "not a write request: "+err.Error(), http.StatusTeapot)
		return
	}
	samples := 0
	for _, ts := range req.Timeseries {
		samples += len(ts.Samples) + len(ts.Histograms)
	}
	s.mu.Lock()
	s.requests++
	answer := s.answer
	s.mu.Unlock()
	if answer != nil && !answer(w, r, samples) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(&req, samples)
}

func (s *sink) keep(req *prompb.WriteRequest, samples int) {
	s.metadata = append(s.metadata, req.Metadata...)
	if samples > 0 {
		s.batches = append(s.batches, samples)
	}
	for _, ts := range req.Timeseries {
		var name strings.Builder
		for _, l := range ts.Labels {
			fmt.Fprintf(&name, "%s=%q,", l.Name, l.Value)
		}
		for _, p := range ts.Samples {
			s.count(name.String(), p.Timestamp, p.Value)
		}
		for _, h := range ts.Histograms {
			s.count(name.String(), h.Timestamp, 0)
			s.histograms = append(s.histograms, h)
		}
	}
}

func (s *sink) count(series string, t int64, v float64) {
	points := s.seen[series]
	if points == nil {
		points = map[int64]float64{}
		s.seen[series] = points
	}
	if _, again := points[t]; again {
		s.duplicates++
		return
	}
	if newest, known := s.newest[series]; known && t < newest {
		s.outOfOrder++
	}
	s.newest[series] = max(s.newest[series], t)
	points[t] = v
}

func (s *sink) answerWith(f func(w http.ResponseWriter, r *http.Request, samples int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// always answers every request in the same way, and keeps nothing.
func always(code int, body string) func(http.ResponseWriter, *http.Request, int) bool {
	return func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		http.Error(w, body, code)
		return false
	}
}

// distinct is how many (series, timestamp) pairs came.
func (s *sink) distinct() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, points := range s.seen {
		n += len(points)
	}
	return n
}

// rig is a Ship under test.
type rig struct {
	*Ship
	t        testing.TB
	registry *prometheus.Registry
	options  Options
}

// start opens a Ship with a configuration; what is not set in o is as in DefaultOptions.
func start(t testing.TB, o Options, yaml string) *rig {
	t.Helper()
	r := &rig{t: t, registry: prometheus.NewRegistry()}
	d := DefaultOptions()
	d.Registerer = r.registry
	d.Dir = cmp.Or(o.Dir, t.TempDir())
	d.Lanes, d.MaxBytes = cmp.Or(o.Lanes, d.Lanes), cmp.Or(o.MaxBytes, d.MaxBytes)
	d.MaxRequestBytes = cmp.Or(o.MaxRequestBytes, d.MaxRequestBytes)
	d.Logger = cmp.Or(o.Logger, d.Logger)
	if o.Metadata != nil {
		d.Metadata = o.Metadata
	}
	if o.Now != nil {
		d.Now, d.Elapsed = o.Now, o.Elapsed
	}
	r.options = d
	s, err := Open(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	r.Ship = s
	if err := s.ApplyConfig(parse(t, yaml)); err != nil {
		t.Fatal(err)
	}
	return r
}

func parse(t testing.TB, yaml string) *config.Config {
	t.Helper()
	c, err := config.Load(yaml, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// remoteWrite is a configuration with one section and fast retries; more is added
// to the section, indented by four.
func remoteWrite(s *sink, more ...string) string {
	return "global: {external_labels: {cluster: test}}\nremote_write:\n  - url: " + s.URL + "/api/v1/remote_write\n" +
		"    remote_timeout: 30s\n    queue_config: {min_backoff: 5ms, max_backoff: 50ms, batch_send_deadline: 20ms}\n    " + strings.Join(more,
		"\n    ") + "\n"
}

// scrape takes a page of n series with the same timestamp, as package scrape does.
func (r *rig) scrape(target string, n int, at time.Time) {
	var p sample.Page
	for i := range n {
		r.add(&p, labels.FromStrings("__name__", fmt.Sprintf("metric_%d", i), "instance", target, "job", "test"), at.UnixMilli(), float64(i))
	}
	r.Take(&p)
}

// add adds a sample to a page, with the external label of remoteWrite.
func (r *rig) add(p *sample.Page, ls labels.Labels, t int64, v float64) {
	p.Samples = append(p.Samples, r.sample(p, ls, t, v))
}

func (r *rig) sample(p *sample.Page, ls labels.Labels, t int64, v float64) sample.Sample {
	return encode(p, ls, t, v, labels.Label{Name: "cluster", Value: "test"})
}

// encode adds a series' labels to a page and returns a sample that refers to them.
func encode(p *sample.Page, ls labels.Labels, t int64, v float64, external ...labels.Label) sample.Sample {
	if p.Words == nil {
		p.Words = sample.NewWords()
	}
	one := sample.Sample{Time: t, Value: v, Labels: sample.Span{From: uint32(len(p.Labels))}}
	p.Labels, one.Series = p.Words.Encode(p.Labels, ls, external)
	one.Labels.To = uint32(len(p.Labels))
	return one
}

var staleNaN = math.Float64frombits(value.StaleNaN)

// await polls until the condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	check.Await(t, what, check.That(holds))
}

// settled waits until n samples are taken and none waits, and returns the ledger.
func (r *rig) settled(n int) queue.Ledger {
	r.t.Helper()
	var l queue.Ledger
	await(r.t, fmt.Sprintf("%d samples are taken and none waits", n), func() bool {
		l = r.Status().Total
		if !l.Balanced() {
			r.t.Fatalf("ledger is not balanced: %+v", l)
		}
		return l.Taken >= uint64(n) && l.Queued == 0
	})
	return l
}

// settledOnDisk waits until n samples are taken.
func (r *rig) settledOnDisk(n int) {
	r.t.Helper()
	await(r.t, fmt.Sprintf("%d samples are taken", n), func() bool { return r.Status().Total.Taken == uint64(n) })
}

func (r *rig) remote() delivery.RemoteStatus {
	r.t.Helper()
	st := r.Status()
	if len(st.Remotes) != 1 {
		r.t.Fatalf("%d remotes, want 1", len(st.Remotes))
	}
	return st.Remotes[0]
}

func (r *rig) stop() {
	r.t.Helper()
	for range 2 { // the second call does nothing
		if err := r.Close(); err != nil {
			r.t.Fatal(err)
		}
	}
}
