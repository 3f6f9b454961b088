// Package scrape fetches the pages of targets and takes their samples, as
// Prometheus does: its configuration, discovery, relabelling, parsers and targets
// are Prometheus' packages, and what comes of a page is what Prometheus makes of it
// (differential_test.go holds the two side by side). The loop is ours, for the sake
// of memory and time: Prometheus keeps the text, the labels and two map entries of
// each series and looks them up at each sample; we keep a hash, and the labels in
// the form that a request needs, in slices without pointers (series.go), and expect
// the page to be in the order in which it was (known.go).
//
// A pool (pool.go) is one job with a loop for each target (loop.go). A loop fetches
// a page (fetch.go), reads it (page.go), adds the samples that tell of the scrape
// (report.go) and hands the whole to Options.Take. It does not know what becomes of
// it there. Package rules is what a job's configuration says of samples, package
// order the newest timestamp of each series, package metadata what targets say of
// their metrics.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"log/slog"
	"net"
	"os"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/scrape/bodies"
	"github.com/parascope/parascope/internal/scrape/budget"
	"github.com/parascope/parascope/internal/scrape/clock"
	"github.com/parascope/parascope/internal/scrape/order"
)

const (
	// syncEvery is how often targets are followed at most.
	syncEvery = time.Second
	// sweep is how often series that are gone are forgotten, if not many come: the
	// memory is then that of what is remembered, and not of what came since.
	sweep = time.Minute
	// remembers is how long the newest timestamp of a series is kept that is not on a
	// page any more: a target that is gone is marked stale two intervals later. Those
	// of exporters that set timestamps may be shown again; a receiver refuses what is
	// older than an hour.
	remembers      = 5 * time.Minute
	remembersShown = time.Hour
)

// Target is what is scraped; its state is that of the last scrape.
type Target = promscrape.Target

// Options are what a Manager is made of. All but Dial are needed; DefaultOptions
// lacks Registerer and Take.
type Options struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Take is given each page, and keeps nothing of it.
	Take func(*sample.Page)
	// Host is this machine's name: heads on others scrape at other moments.
	Host string
	// MaxPageBytes is the largest page, unpacked, of a job without body_size_limit,
	// MaxReadingBytes bounds the memory of all pages that are being read, and MaxSeriesBytes
	// that of what is known of all targets' series.
	MaxPageBytes    int64
	MaxReadingBytes int64
	MaxSeriesBytes  int64
	// Dial makes the connections to targets; nil: the system's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Gone is asked about a target that could not be read: whether it was taken away on
	// purpose, by what was known at since or later (the zero time: by what is known). Its
	// series end then, and it is not down. It returns when ctx ends. nil: none ever is.
	Gone func(ctx context.Context, t *Target, since time.Time) bool
	// Now is the machine's clock, which may be set while we run, and Elapsed one
	// that only runs: they tell when it is.
	Now     func() time.Time
	Elapsed func() time.Duration
}

// DefaultOptions have the system's name and clocks, and no log. Host is empty if the
// system does not tell its name.
func DefaultOptions() Options {
	host, _ := os.Hostname()
	began := time.Now()
	return Options{
		Logger: slog.New(slog.DiscardHandler), Host: host, MaxPageBytes: 16 << 20, MaxReadingBytes: 48 << 20,
		MaxSeriesBytes: 16 << 20,
		Now:            time.Now, Elapsed: func() time.Duration { return time.Since(began) },
	}
}

// Validate returns an error that says what New does not accept.
func (o Options) Validate() error {
	if o.Host == "" {
		return errors.New("could not determine the host name of this machine")
	}
	if o.Logger == nil || o.Registerer == nil || o.Take == nil || o.Now == nil || o.Elapsed == nil {
		return errors.New("scrape: Logger, Registerer, Take, Now and Elapsed must be set")
	}
	if o.MaxPageBytes <= 0 || o.MaxReadingBytes < o.MaxPageBytes || o.MaxSeriesBytes <= 0 {
		return errors.New("scrape: MaxPageBytes and MaxSeriesBytes must be positive, and MaxReadingBytes at least as large as MaxPageBytes")
	}
	return nil
}

// Manager scrapes what discovery finds, as the configuration says.
type Manager struct {
	options Options
	logger  *slog.Logger
	metrics *metrics
	order   *order.Order
	steps   *clock.Watch
	seeds   [2]maphash.Seed
	pages   chan *page     // that are not in use; nil: to be made
	large   chan *page     // likewise, for bodies of more than largeBody
	Budget  *budget.Budget // of the pages that are being read
	Kept    *budget.Kept   // of the caches of all targets
	bodies  bodies.Room    // for them
	taking  sync.Mutex     // held while a page is taken

	ctx     context.Context // ends when scraping does
	cancel  context.CancelFunc
	running sync.WaitGroup // loops

	mu       sync.Mutex
	configs  map[string]*config.ScrapeConfig // by job
	external []labels.Label
	seed     uint64 // of the offsets: two heads do not scrape at the same moment
	sets     map[string][]*targetgroup.Group
	pools    map[string]*pool
}

// New makes a Manager that scrapes nothing yet. ctx gives values only; Stop ends
// everything.
func New(ctx context.Context, o Options) (*Manager, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	m := &Manager{
		options: o, logger: o.Logger, order: order.New(), steps: clock.New(o.Now(), o.Elapsed()),
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		pages: make(chan *page, runtime.GOMAXPROCS(0)), large: make(chan *page, 1),
		bodies: bodies.New(), Budget: budget.New(o.MaxReadingBytes), Kept: budget.NewKept(o.MaxSeriesBytes),
		pools: map[string]*pool{},
	}
	for range cap(m.pages) {
		m.pages <- nil
	}
	m.large <- nil
	var err error
	if m.metrics, err = newMetrics(o.Registerer, m); err != nil {
		return nil, err
	}
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return m, nil
}

// Run follows the target sets, by job, until Stop or until sets is closed.
func (m *Manager) Run(sets <-chan map[string][]*targetgroup.Group) error {
	tick, swept := time.NewTicker(syncEvery), time.NewTicker(sweep)
	defer tick.Stop()
	defer swept.Stop()
	free, changed := true, false // free: the last time is long ago
	for {
		select {
		case s, ok := <-sets:
			if !ok {
				return nil
			}
			m.mu.Lock()
			m.sets = s
			m.mu.Unlock()
			if changed = !free; free {
				m.sync()
				free = false
				tick.Reset(syncEvery)
			}
		case <-tick.C:
			if free = !changed; changed {
				m.sync()
				changed = false
			}
			if m.order.Crowded() {
				m.forget()
			}
		case <-swept.C:
			m.forget()
		case <-m.ctx.Done():
			return nil
		}
	}
}

// forget drops what is remembered of series that are gone.
func (m *Manager) forget() {
	long := remembers
	m.mu.Lock()
	for _, p := range m.pools {
		for _, l := range p.loops {
			long = max(long, 3*l.interval)
		}
	}
	m.mu.Unlock()
	now := m.options.Now()
	m.order.Forget(now.Add(-long).UnixMilli(), now.Add(-max(long, remembersShown)).UnixMilli())
}

// sync makes the pools follow the target sets.
func (m *Manager) sync() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return
	}
	for job, groups := range m.sets {
		p := m.pools[job]
		if p == nil {
			c := m.configs[job]
			if c == nil {
				continue // a reload took it away; discovery is about to do so
			}
			m.metrics.pools.Inc()
			var err error
			if p, err = newPool(m, c); err != nil {
				m.metrics.poolsFailed.Inc()
				m.logger.Error("could not start scrape job", "scrape_pool", job, "err", err)
				continue
			}
			m.pools[job] = p
		}
		p.sync(groups)
	}
}

// ApplyConfig scrapes as the configuration says from now on. Jobs that did not
// change are left alone; of those that did, targets keep their state. The series
// of a job that is gone are marked stale.
func (m *Manager) ApplyConfig(c *config.Config) error {
	jobs, err := c.GetScrapeConfigs()
	if err != nil {
		return fmt.Errorf("could not read scrape_configs: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return errors.New("scraping has ended")
	}
	// Labels are encoded with the external ones: series with others are others.
	var external []labels.Label
	c.GlobalConfig.ExternalLabels.Range(func(l labels.Label) { external = append(external, l) })
	sameLabels := m.configs == nil || slices.Equal(m.external, external)
	m.configs, m.external = map[string]*config.ScrapeConfig{}, external
	for _, j := range jobs {
		m.configs[j.JobName] = j
	}
	m.seed = offsetSeed(m.options.Host, c.GlobalConfig.ExternalLabels)
	var errs []error
	for job, p := range m.pools {
		switch now := m.configs[job]; {
		case now == nil:
			p.stop()
			delete(m.pools, job)
		case !sameLabels || !reflect.DeepEqual(p.config, now):
			if err := p.reload(now, sameLabels); err != nil {
				errs = append(errs, fmt.Errorf("job %s: %w", job, err))
			}
		}
	}
	return errors.Join(errs...)
}

func offsetSeed(host string, external labels.Labels) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s%s", host, external)
	return h.Sum64()
}

// Stop ends scraping. What is being scraped is given up: nothing of it is taken. It
// may be called again.
func (m *Manager) Stop() {
	m.mu.Lock() // no loop is started after this
	m.cancel()
	m.mu.Unlock()
	m.running.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.pools {
		p.closeIdle()
	}
}

// TargetsActive returns what is scraped, by job.
func (m *Manager) TargetsActive() map[string][]*Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string][]*Target{}
	for job, p := range m.pools {
		all[job] = p.targets()
	}
	return all
}

// TargetsDroppedCounts returns how many targets relabelling dropped, by job.
func (m *Manager) TargetsDroppedCounts() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]int{}
	for job, p := range m.pools {
		all[job] = p.dropped
	}
	return all
}

// Metadata returns what the targets say of their metrics, each piece once.
func (m *Manager) Metadata() []sample.Metadata {
	seen := map[promscrape.MetricMetadata]bool{}
	var all []sample.Metadata
	for _, targets := range m.TargetsActive() {
		for _, t := range targets {
			for _, md := range t.ListMetadata() {
				if !seen[md] {
					seen[md] = true
					all = append(all, sample.Metadata{Family: md.MetricFamily, Type: md.Type, Help: md.Help, Unit: md.Unit})
				}
			}
		}
	}
	return all
}

// now is the machine's clock, without that which only runs.
func (m *Manager) now() time.Time { return m.options.Now().Round(0) }

// watchClock notices when the clock is set back.
func (m *Manager) watchClock() {
	switch step := m.steps.Stepped(m.options.Now(), m.options.Elapsed()); {
	case step < 0:
		m.logger.Warn("the system clock was set back; the receiver may refuse samples with earlier timestamps", "by", (-step).String())
		m.order.Reset()
	case step > 0:
		m.logger.Warn("the system clock was set forward", "by", step.String())
	}
}
