// Package head is Prometheus' agent role on the cluster's head node: it discovers
// targets, scrapes them and hands the samples to package ship. It reads a
// Prometheus configuration file and serves what operators look at: its own
// metrics, health and targets.
package head

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/scrape"
	"github.com/parascope/parascope/internal/ship"
	"github.com/parascope/parascope/internal/webconfig"
)

// Options configure a Head; DefaultOptions has what is needed.
type Options struct {
	ConfigFile         string
	IgnoreRules        bool // leave out rule_files and alerting
	StoragePath        string
	ListenAddress      string                  // host:port of metrics and health
	EnableLifecycle    bool                    // POST /-/reload
	ExternalURL        string                  // under which a proxy serves the head; empty: none
	RoutePrefix        string                  // of all paths; empty: the path of ExternalURL
	AutoReload         time.Duration           // after which a changed configuration file is reloaded; 0: never
	ExtraScrapeMetrics bool                    // of jobs whose configuration does not say
	WebConfigFile      string                  // with TLS and passwords of the listener; empty: none
	EnablePprof        bool                    // GET /debug/pprof/
	QueueLanes         int                     // of each remote_write, 1 to 64
	QueueMaxBytes      int64                   // on disk, of each remote_write; at least MinQueueMaxBytes
	QueueMaxRequest    int                     // bytes of a request before compression, MinQueueMaxRequest to MaxQueueMaxRequest
	MaxPageBytes       int64                   // unpacked, of a job without body_size_limit; at least MinPageBytes
	MaxReadingBytes    int64                   // of memory, for all pages that are being read; at least MaxPageBytes
	MaxSeriesBytes     int64                   // of memory, for the series of large pages; at least MinSeriesBytes
	Pages              map[string]http.Handler // more pages of the listener, by path
	Beside             []func(context.Context) // run until the head stops
	Collectors         []prometheus.Collector  // of more metrics of the head's own page
	Gone               Gone                    // nil: no target is
	Reload             <-chan os.Signal        // each value reloads the configuration file
	TuneGC             bool                    // set the process' garbage collection by what a head needs
	TuneMemory         bool                    // set the process' memory limit likewise
	Version            string                  // for parascope_build_info
	Revision           string
	Logger             *slog.Logger
}

// Limits of Options, in bytes: a queue holds a request of each lane, and a lane can
// join records to a request.
const (
	MinQueueMaxBytes   = 1 << 20
	MinPageBytes       = 1 << 20
	MinSeriesBytes     = 1 << 20
	MinQueueMaxRequest = 64 << 10
	MaxQueueMaxRequest = 16 << 20
)

// DefaultOptions are those of a head on a cluster's head node, without a log.
func DefaultOptions() Options {
	s, pages := ship.DefaultOptions(), scrape.DefaultOptions()
	return Options{
		ConfigFile: "/opt/prometheus/prometheus.yml", StoragePath: "data-agent/", ListenAddress: "127.0.0.1:9090",
		QueueLanes: s.Lanes, QueueMaxBytes: s.MaxBytes, QueueMaxRequest: s.MaxRequestBytes, Logger: s.Logger,
		MaxPageBytes: pages.MaxPageBytes, MaxReadingBytes: pages.MaxReadingBytes,
		MaxSeriesBytes: pages.MaxSeriesBytes,
	}
}

// Validate returns a hint.Usage error that names the flag of what Start does not
// accept. Files and addresses are not looked at.
func (o Options) Validate() error {
	if o.QueueLanes < 1 || o.QueueLanes > queue.MaxLanes {
		return hint.New(hint.Usage, fmt.Errorf("--queue.lanes is %d but must be between 1 and %d", o.QueueLanes, queue.MaxLanes),
			fmt.Sprintf("omit the flag, or give a number from 1 to %d", queue.MaxLanes))
	}
	if o.QueueMaxBytes < MinQueueMaxBytes {
		return hint.New(hint.Usage, fmt.Errorf("--queue.max-bytes is %d but must be at least 1MB", o.QueueMaxBytes),
			"omit the flag, or give a size such as 512MB or 4GB")
	}
	if o.QueueMaxRequest < MinQueueMaxRequest || o.QueueMaxRequest > MaxQueueMaxRequest {
		return hint.New(hint.Usage, fmt.Errorf("--queue.max-request-bytes is %d but must be between 64KB and 16MB", o.QueueMaxRequest),
			"omit the flag, or give a size such as 1MB")
	}
	if o.MaxPageBytes < MinPageBytes || o.MaxReadingBytes < o.MaxPageBytes {
		return hint.New(hint.Usage, fmt.Errorf("--scrape.max-page-bytes is %d but must be between 1MB and --scrape.max-reading-bytes "+
			"(%d)", o.MaxPageBytes,
			o.MaxReadingBytes),
			"omit both flags, or give --scrape.max-reading-bytes at least four times the size of --scrape.max-page-bytes")
	}
	if o.MaxSeriesBytes < MinSeriesBytes {
		return hint.New(hint.Usage, fmt.Errorf("--scrape.max-series-bytes is %d but must be at least 1MB", o.MaxSeriesBytes),
			"omit the flag, or give a size such as 16MB")
	}
	if u, err := url.Parse(o.ExternalURL); err != nil || o.ExternalURL != "" && u.Host == "" {
		return hint.New(hint.Usage, fmt.Errorf("--web.external-url %q is not a URL with a host", o.ExternalURL), "give a URL such as "+
			"https://HOST/PATH")
	}
	if o.Logger == nil {
		return errors.New("head: Logger must be set")
	}
	return nil
}

// Times within a head. Prometheus waits five seconds for discovery to settle; a
// person who starts a head waits with it.
const (
	discoverySettles = 200 * time.Millisecond
	stopHTTPTimeout  = time.Second
)

// A head's memory is what it remembers of its series. It comes with the first
// scrapes and then stays, and next to no garbage comes after them: collecting twice
// as often as Go would takes little then. While it comes, it would cost more than
// it saves.
const (
	settledGC = 50               // GOGC
	settles   = 45 * time.Second // three usual scrape intervals
)

// Head is a running head.
type Head struct {
	opts     Options
	logger   *slog.Logger
	registry *prometheus.Registry
	ship     *ship.Ship
	discover *discovery.Manager
	watch    *watch // over discoveries
	scrape   *scrape.Manager
	listener net.Listener
	protect  func(http.Handler) http.Handler // nil: all are let in
	server   *http.Server
	reloaded reloadMetrics

	cancel  context.CancelFunc
	stopped sync.Once
	stopErr error // of the first Stop
	running sync.WaitGroup
	failed  chan error
	reload  chan chan error // requests of POST /-/reload
}

// reloadMetrics have Prometheus' names: its mixin alerts on them.
type reloadMetrics struct {
	success prometheus.Gauge
	seconds prometheus.Gauge
}

// Start loads the configuration, binds the address and begins to scrape.
func Start(ctx context.Context, o Options) (_ *Head, err error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.ExtraScrapeMetrics { // as Prometheus' feature of that name
		yes := true
		config.DefaultGlobalConfig.ExtraScrapeMetrics = &yes
	}
	l, err := load(o.ConfigFile, o.IgnoreRules, o.Logger)
	if err != nil {
		return nil, err
	}
	h := &Head{opts: o, logger: o.Logger, registry: newRegistry(o), watch: newWatch(), failed: make(chan error, 3),
		reload: make(chan chan error)}
	if h.listener, err = h.listen(ctx); err != nil {
		return nil, err
	}
	// A disk that does not answer must not keep a head from being stopped.
	opened := make(chan error, 1)
	go func() { opened <- h.open(ctx) }()
	select {
	case err := <-opened:
		if err != nil {
			return nil, errors.Join(err, h.listener.Close())
		}
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("could not open the queues: %w", context.Cause(ctx)), h.listener.Close())
	}
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	h.cancel = cancel
	if err := h.prepare(runCtx, l); err != nil {
		cancel()
		return nil, errors.Join(err, h.ship.Close(), h.listener.Close())
	}
	h.run(runCtx)
	return h, nil
}

// listen binds the address, with what the file of --web.config.file says.
func (h *Head) listen(ctx context.Context) (net.Listener, error) {
	if h.opts.WebConfigFile == "" {
		return listen.TCP(ctx, h.opts.ListenAddress)
	}
	f, err := webconfig.Open(h.opts.WebConfigFile, h.logger)
	if err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("--web.config.file: %w", err), "docs/delivery.md describes the settings of the file")
	}
	h.protect = f.Protect
	l, err := listen.TCP(ctx, h.opts.ListenAddress)
	if c := f.TLS(); err == nil && c != nil {
		l = tls.NewListener(l, c)
	}
	return l, err
}

func newRegistry(o Options) *prometheus.Registry {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parascope_build_info", Help: "Always 1, labelled with the version and revision of this build.",
		ConstLabels: prometheus.Labels{"version": o.Version, "revision": o.Revision},
	})
	build.Set(1)
	r.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(o.Collectors...)
	return r
}

// open opens the way out.
func (h *Head) open(ctx context.Context) (err error) {
	h.reloaded = reloadMetrics{
		success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "prometheus_config_last_reload_successful",
			Help: "Whether the last configuration reload attempt was successful."}),
		seconds: prometheus.NewGauge(prometheus.GaugeOpts{Name: "prometheus_config_last_reload_success_timestamp_seconds",
			Help: "Timestamp of the last successful configuration reload."}),
	}
	h.registry.MustRegister(h.reloaded.success, h.reloaded.seconds)
	o := ship.DefaultOptions()
	o.Dir, o.Lanes, o.MaxBytes, o.MaxRequestBytes = h.opts.StoragePath, h.opts.QueueLanes, h.opts.QueueMaxBytes, h.opts.QueueMaxRequest
	o.Logger, o.Registerer = h.logger.With("component", "remote"), h.registry
	o.Metadata = func() []sample.Metadata {
		if h.scrape == nil {
			return nil // nothing is scraped yet
		}
		return h.scrape.Metadata()
	}
	h.ship, err = ship.Open(ctx, o)
	return err
}

// prepare makes the managers and puts the configuration in force, without
// scraping anything yet.
func (h *Head) prepare(ctx context.Context, l loaded) error {
	metrics, err := discovery.CreateAndRegisterSDMetrics(h.registry)
	if err == nil {
		err = withFiles(metrics, h.registry)
	}
	if err != nil {
		return fmt.Errorf("could not register discovery metrics: %w", err)
	}
	h.discover = discovery.NewManager(ctx, h.logger.With("component", "discovery"), h.registry, metrics,
		discovery.Name("scrape"), discovery.Updatert(discoverySettles))
	if h.discover == nil {
		return errors.New("could not prepare service discovery: its metrics were not registered")
	}
	o := scrape.DefaultOptions()
	o.Logger, o.Registerer, o.Take = h.logger.With("component", "scrape"), h.registry, h.ship.Take
	o.MaxPageBytes, o.MaxReadingBytes, o.MaxSeriesBytes = h.opts.MaxPageBytes, h.opts.MaxReadingBytes, h.opts.MaxSeriesBytes
	o.Gone = h.opts.Gone.ofTarget()
	if h.scrape, err = scrape.New(ctx, o); err != nil {
		return fmt.Errorf("could not prepare scraping: %w", err)
	}
	return h.apply(l)
}

// apply puts a configuration in force and notes in the metrics whether it was.
// What package ship refuses changes nothing.
func (h *Head) apply(l loaded) error {
	h.reloaded.success.Set(0)
	if err := h.ship.ApplyConfig(l.config); err != nil {
		return fmt.Errorf("could not apply %s: %w", h.opts.ConfigFile, err)
	}
	if err := errors.Join(h.scrape.ApplyConfig(l.config), h.discover.ApplyConfig(h.watch.over(l.discovery))); err != nil {
		return fmt.Errorf("%s was applied only partially: %w", h.opts.ConfigFile, err)
	}
	warn(h.logger, l)
	h.reloaded.success.Set(1)
	h.reloaded.seconds.SetToCurrentTime()
	return nil
}

// Reload reads the configuration file again. What is not valid changes nothing;
// where a job's certificates cannot be read, as in Prometheus, the rest is in force.
func (h *Head) Reload() error {
	l, err := load(h.opts.ConfigFile, h.opts.IgnoreRules, h.logger)
	if err != nil {
		h.reloaded.success.Set(0)
		return err
	}
	return h.apply(l)
}

func (h *Head) run(ctx context.Context) {
	if h.opts.TuneMemory {
		h.running.Go(func() { tuneMemory(ctx, h.scrape.Budget.TakeMost, h.opts.MaxReadingBytes) })
	}
	for _, f := range h.opts.Beside {
		h.running.Go(func() { f(ctx) })
	}
	h.server = &http.Server{Handler: h.guarded(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(h.logger.Handler(), slog.LevelWarn)}
	for name, f := range map[string]func() error{
		"discovery": h.discover.Run,
		"scraping":  func() error { return h.scrape.Run(h.discover.SyncCh()) },
		"serving": func() error {
			if err := h.server.Serve(h.listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	} {
		h.running.Go(func() {
			if err := f(); err != nil && !errors.Is(err, context.Canceled) {
				h.failed <- fmt.Errorf("%s stopped: %w", name, err)
			}
		})
	}
	h.logger.Info("head is running", "address", h.Addr(), "config", h.opts.ConfigFile, "storage", h.opts.StoragePath)
}

// Addr is the address that Start bound.
func (h *Head) Addr() string { return h.listener.Addr().String() }

// Stop ends scraping, sends what is left within a bound, and closes everything.
// Further calls wait for the first one and return what it returned.
func (h *Head) Stop(ctx context.Context) error {
	h.stopped.Do(func() { h.stopErr = h.stop(ctx) })
	return h.stopErr
}

func (h *Head) stop(ctx context.Context) error {
	h.cancel()
	h.scrape.Stop()
	errs := []error{h.ship.Close()}
	ctx, cancel := context.WithTimeout(ctx, stopHTTPTimeout)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		errs = append(errs, h.server.Close())
	}
	h.running.Wait()
	return errors.Join(errs...)
}

// Run starts a head and keeps it until ctx ends, which is no error.
func Run(ctx context.Context, o Options) error {
	seen := fileSum(o.ConfigFile) // before it is loaded: a change meanwhile is one
	h, err := Start(ctx, o)
	if err != nil {
		return err
	}
	var settled <-chan time.Time
	if o.TuneGC {
		settled = time.After(settles)
	}
	var look <-chan time.Time
	if o.AutoReload > 0 {
		ticker := time.NewTicker(o.AutoReload)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-look:
			if now := fileSum(o.ConfigFile); now != seen {
				seen = now
				h.logReload(h.Reload())
			}
		case <-settled:
			debug.SetGCPercent(settledGC)
		case <-ctx.Done():
			return h.Stop(context.WithoutCancel(ctx))
		case err := <-h.failed:
			return errors.Join(err, h.Stop(context.WithoutCancel(ctx)))
		case answer := <-h.reload:
			answer <- h.logReload(h.Reload())
		case <-o.Reload:
			h.logReload(h.Reload())
		}
	}
}

// fileSum is a checksum of a file, all zero while it cannot be read.
func fileSum(file string) (sum [sha256.Size]byte) {
	if mustBeFile(file) != nil {
		return sum
	}
	if text, err := os.ReadFile(file); err == nil {
		sum = sha256.Sum256(text)
	}
	return sum
}

// logReload tells the operator's log what came of a reload; over HTTP the caller
// is told as well, but is often a script that nobody reads.
func (h *Head) logReload(err error) error {
	if err != nil {
		h.logger.Error("could not reload the configuration", "file", h.opts.ConfigFile, "err", err)
	} else {
		h.logger.Info("configuration reloaded", "file", h.opts.ConfigFile)
	}
	return err
}
