package scrape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	config_util "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	promscrape "github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/osutil"

	"github.com/parascope/parascope/internal/sample"
)

// What follows runs Prometheus' scrape manager and ours side by side, with the same
// configuration and a server each that gives the same answers, in a bubble in which
// time is virtual and begins with the year 2000. All that is taken must be equal:
// series, timestamps, the bits of values, and their order.

// recorder keeps what was taken, in the order in which it was.
type recorder struct {
	mu     sync.Mutex
	pages  [][]recorded
	newest map[string]int64
}

type recorded struct {
	series string
	t      int64
	value  string // bits, or a native histogram in words
}

func newRecorder() *recorder { return &recorder{newest: map[string]int64{}} }

// take keeps the samples that are newer than their series' newest.
func (r *recorder) take(page []recorded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := page[:0]
	for _, s := range page {
		if last, ok := r.newest[s.series]; ok && s.t <= last {
			continue
		}
		r.newest[s.series] = s.t
		kept = append(kept, s)
	}
	r.pages = append(r.pages, kept)
}

func floatBits(v float64) string { return fmt.Sprintf("%v %x", v, math.Float64bits(v)) }

// storageOf is the recorder as Prometheus' scrape manager writes to it.
type storageOf struct {
	*recorder
	refs map[string]storage.SeriesRef
}

func (r *storageOf) AppenderV2(context.Context) storage.AppenderV2 { return &appender{storage: r} }

type appender struct {
	storage *storageOf
	page    []recorded
}

func (a *appender) Append(_ storage.SeriesRef, ls labels.Labels, _, t int64, v float64, h *histogram.Histogram,
	fh *histogram.FloatHistogram, _ storage.AOptions) (storage.SeriesRef, error) {
	s := recorded{series: ls.String(), t: t, value: floatBits(v)}
	var err error // of the agent's appender
	if h != nil {
		s.value, err = prompbText(prompb.FromIntHistogram(t, h)), h.Validate()
	} else if fh != nil {
		s.value, err = prompbText(prompb.FromFloatHistogram(t, fh)), fh.Validate()
	}
	if err != nil {
		return 0, err
	}
	a.storage.mu.Lock()
	defer a.storage.mu.Unlock()
	if last, ok := a.storage.newest[s.series]; ok && t <= last {
		return 0, storage.ErrOutOfOrderSample
	}
	ref := a.storage.refs[s.series]
	if ref == 0 {
		ref = storage.SeriesRef(len(a.storage.refs) + 1)
		a.storage.refs[s.series] = ref
	}
	a.page = append(a.page, s)
	return ref, nil
}

func (a *appender) Commit() error   { a.storage.take(a.page); return nil }
func (a *appender) Rollback() error { a.page = nil; return nil }

func prompbText(h prompb.Histogram) string { h.Timestamp = 0; return h.String() }

// takePage is the recorder as our manager writes to it. That a page's labels are
// sent as they are read here is proved in package ship.
func (r *recorder) takePage(t testing.TB) func(*sample.Page) {
	return func(p *sample.Page) {
		var page []recorded
		for i, s := range p.Samples {
			ls := p.Words.Labels(p.Labels[s.Labels.From:s.Labels.To])
			one := recorded{series: ls.String(), t: s.Time, value: floatBits(s.Value)}
			if ls.Hash() != s.Series {
				t.Errorf("%s is named %x", ls, s.Series)
			}
			if s.Histogram.To > s.Histogram.From {
				var h prompb.Histogram
				if err := h.Unmarshal(p.Histograms[s.Histogram.From:s.Histogram.To]); err != nil || h.Timestamp != s.Time {
					t.Errorf("histogram of sample %d: time %d, want %d: %v", i, h.Timestamp, s.Time, err)
				}
				one.value = prompbText(h)
			}
			page = append(page, one)
		}
		r.take(page)
	}
}

// answers is what a target answers, scrape by scrape; the last one again and again.
type answers []http.HandlerFunc

// scenario is one comparison.
type scenario struct {
	name    string
	config  string // of the job, in YAML, at two blanks; interval 1s, timeout 1s
	targets []string
	answers answers
	for_    time.Duration // 0: until a scrape after the last answer
	// then happens to both managers, in turn, a second after each other.
	then []step
	// differs names what is different on purpose and takes it out of both.
	differs func(theirs, ours *outcome)
}

// step is what happens to a manager.
type step struct {
	at      time.Duration
	config  string
	targets []string
}

// outcome is what came of it.
type outcome struct {
	Series   map[string][]string // what was taken
	Errors   map[string]string   // what targets said every second
	Metadata []string
	Counters map[string]float64
	pages    [][]recorded
}

// manager is what both are.
type manager interface {
	ApplyConfig(*config.Config) error
	Run(<-chan map[string][]*targetgroup.Group) error
	Stop()
	TargetsActive() map[string][]*Target
}

// side is one of the two.
type side struct {
	manager
	recorder *recorder
	registry *prometheus.Registry
	server   *http.Server
	sets     chan map[string][]*targetgroup.Group
	sent     map[string][]*targetgroup.Group
	said     map[string]string
	running  sync.WaitGroup
}

// pipes is a listener whose connections are in memory, within the bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func newSide(t testing.TB, theirs bool, host string, answers answers) *side {
	s := &side{recorder: newRecorder(), registry: prometheus.NewRegistry(), sets: make(chan map[string][]*targetgroup.Group),
		said: map[string]string{}}
	listener := newPipes()
	var mu sync.Mutex
	served := map[string]int{}
	s.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n := served[r.Host]
		served[r.Host]++
		mu.Unlock()
		answers[min(n, len(answers)-1)](w, r)
	}), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	s.running.Go(func() { _ = s.server.Serve(listener) })
	dial := []config_util.HTTPClientOption{config_util.WithDialContextFunc(listener.dial)}
	logger := slog.New(slog.DiscardHandler)
	var err error
	if theirs {
		s.manager, err = promscrape.NewManager(&promscrape.Options{HTTPClientOptions: dial, DiscoveryReloadOnStartup: true,
			DiscoveryReloadInterval: model.Duration(time.Second)},
			logger, nil, nil, &storageOf{s.recorder, map[string]storage.SeriesRef{}}, s.registry)
	} else {
		o := DefaultOptions()
		o.MaxReadingBytes, o.MaxSeriesBytes = 1<<30, 1<<40 // Prometheus has no such bounds
		o.Registerer, o.Take, o.Dial, o.Host = s.registry, s.recorder.takePage(t), listener.dial, host
		s.manager, err = New(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start begins to scrape.
func (s *side) start(t testing.TB, yaml string, targets []string) {
	s.apply(t, yaml, targets)
	s.running.Go(func() {
		if err := s.Run(s.sets); err != nil {
			t.Error(err)
		}
	})
	s.send()
}

// apply puts a configuration in force; its targets are those that are given.
func (s *side) apply(t testing.TB, yaml string, targets []string) {
	c := parse(t, yaml)
	if err := s.ApplyConfig(c); err != nil {
		t.Fatal(err)
	}
	jobs, err := c.GetScrapeConfigs()
	if err != nil {
		t.Fatal(err)
	}
	s.sent = map[string][]*targetgroup.Group{}
	for _, j := range jobs {
		s.sent[j.JobName] = nil
		for _, d := range j.ServiceDiscoveryConfigs {
			if static, ok := d.(discovery.StaticConfig); ok {
				s.sent[j.JobName] = append(s.sent[j.JobName], static...)
			}
		}
		if targets != nil {
			g := &targetgroup.Group{Source: "test"}
			for _, name := range targets {
				g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(name)})
			}
			s.sent[j.JobName] = append(s.sent[j.JobName], g)
		}
	}
}

func (s *side) send() { s.sets <- s.sent }

// ask notes what targets say for a time, every second.
func (s *side) ask(long time.Duration) {
	for end := time.Now().Add(long); time.Now().Before(end); {
		<-time.After(min(time.Second, time.Until(end)))
		for _, targets := range s.TargetsActive() {
			for _, target := range targets {
				s.said[target.String()] += fmt.Sprintf("%s at %d: %v, %d families; ", target.Health(), target.LastScrape().UnixMilli(),
					target.LastError(), target.LengthMetadata())
			}
		}
	}
}

// end stops it and says what came of it.
func (s *side) end(t testing.TB) *outcome {
	o := &outcome{Series: map[string][]string{}, Errors: s.said, Counters: map[string]float64{}}
	for _, targets := range s.TargetsActive() {
		for _, target := range targets {
			for _, m := range target.ListMetadata() {
				o.Metadata = append(o.Metadata, fmt.Sprintf("%s %+v", target, m))
			}
		}
	}
	sort.Strings(o.Metadata)
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	s.Stop()
	_ = s.server.Close()
	close(s.sets)
	s.running.Wait()
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetType() == dto.MetricType_COUNTER || f.GetType() == dto.MetricType_GAUGE {
				o.Counters[f.GetName()+fmt.Sprint(m.Label)] = m.Counter.GetValue() + m.Gauge.GetValue()
			}
		}
	}
	s.recorder.mu.Lock()
	defer s.recorder.mu.Unlock()
	o.pages = s.recorder.pages
	o.fill()
	return o
}

// fill sorts what was taken by series.
func (o *outcome) fill() {
	for _, page := range o.pages {
		for _, s := range page {
			o.Series[s.series] = append(o.Series[s.series], fmt.Sprintf("%d: %s", s.t, s.value))
		}
	}
}

// lines are the outcome for people who look for a difference.
func (o *outcome) lines() (all []string) {
	for series, values := range o.Series {
		all = append(all, series+" "+strings.Join(values, ", "))
	}
	for name, v := range o.Counters {
		all = append(all, fmt.Sprint(name, " ", v))
	}
	for target, err := range o.Errors {
		all = append(all, target+" "+err)
	}
	all = append(all, o.Metadata...)
	sort.Strings(all)
	return all
}

// compare runs a scenario and fails where the two differ.
func compare(t *testing.T, c scenario) {
	// Prometheus' manager looks up the host's name, with state of package net that
	// must not be made inside a bubble.
	host, err := osutil.GetFQDN()
	if err != nil {
		t.Fatal(err)
	}
	var theirs, ours *outcome
	synctest.Test(t, func(t *testing.T) { theirs = play(t, c, host, true) })
	synctest.Test(t, func(t *testing.T) { ours = play(t, c, host, false) })
	expected(theirs, ours)
	if c.differs != nil {
		c.differs(theirs, ours)
	}
	if len(theirs.pages) < len(c.answers) {
		t.Errorf("only %d scrapes", len(theirs.pages))
	}
	if diff := cmp.Diff(theirs.lines(), ours.lines()); diff != "" {
		t.Errorf("-Prometheus +ours:\n%s", diff)
	}
}

// expected takes out what is gone on purpose: there is no table of symbols, and
// exemplars are not read. What has our name is counted here only.
func expected(theirs, ours *outcome) {
	maps.DeleteFunc(ours.Counters, func(name string, _ float64) bool { return strings.HasPrefix(name, "parascope_") })
	for _, gone := range []string{
		"prometheus_target_scrape_pool_symboltable_items", "prometheus_target_scrapes_exemplar_out_of_order_total",
	} {
		maps.DeleteFunc(theirs.Counters, func(name string, _ float64) bool { return strings.HasPrefix(name, gone+"[") })
	}
}

func play(t *testing.T, c scenario, host string, theirs bool) *outcome {
	s := newSide(t, theirs, host, c.answers)
	targets := c.targets
	if targets == nil {
		targets = []string{"node:9100"}
	}
	s.start(t, job(c.config), targets)
	long := c.for_
	if long == 0 {
		long = time.Duration(len(c.answers)+1) * time.Second
	}
	// Each scrape is at a moment of its own within a second: by now all are over.
	began := time.Now()
	for _, step := range c.then {
		s.ask(step.at - time.Since(began))
		yaml, to := step.config, step.targets
		if yaml == "" {
			yaml = job(c.config)
		}
		if to == nil {
			to = targets
		}
		s.apply(t, yaml, to)
		s.send()
	}
	s.ask(long - time.Since(began))
	synctest.Wait()
	return s.end(t)
}

// job is a configuration with one job.
func job(more string) string {
	return "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n- job_name: test\n" + strings.TrimSuffix(more, "\n") + "\n"
}

func parse(t testing.TB, yaml string) *config.Config {
	t.Helper()
	c, err := config.Load(yaml, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
