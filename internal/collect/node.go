package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/node_exporter/collector"

	"github.com/parascope/parascope/internal/hint"
)

// maxScrapes is how many scrapes may run at once, as in node_exporter.
const maxScrapes = 40

// lean are the collectors that a cluster's dashboards and alerts read. The
// others cost samples on every node and are there with Options.Full.
var lean = []string{
	"cpu", "diskstats", "filesystem", "infiniband", "loadavg", "meminfo", "netdev",
	"nfs", "pressure", "stat", "time", "uname", "vmstat",
}

// metrics is the handler of the metrics page.
type metrics struct {
	logger *slog.Logger
	self   *prometheus.Registry // about this server, the same whatever is filtered
	build  prometheus.Collector
	names  []string // of the collectors that are enabled
	all    http.Handler
}

func newMetrics(o Options) (http.Handler, error) {
	if err := configure(o); err != nil {
		return nil, err
	}
	m := &metrics{
		logger: o.Logger,
		self:   prometheus.NewRegistry(),
		build: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "parascope_build_info",
			Help:        "Always 1; the labels say which build of parascope this is.",
			ConstLabels: prometheus.Labels{"version": o.Version, "revision": o.Revision},
		}, func() float64 { return 1 }),
	}
	m.self.MustRegister(m.build,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	nodes, err := prepareCollectors(m.logger, o.Full)
	if err != nil {
		return nil, err
	}
	for name := range nodes.Collectors {
		m.names = append(m.names, name)
	}
	m.all = m.page(nodes)
	return m, nil
}

// prepareCollectors returns the enabled collectors. One that cannot be prepared,
// because /proc is not mounted for example, reports success 0 at each scrape, and
// its error, until it can.
func prepareCollectors(logger *slog.Logger, full bool) (*collector.NodeCollector, error) {
	if full {
		nodes, err := collector.NewNodeCollector(logger)
		if err != nil {
			return nil, fmt.Errorf("prepare the node collectors: %w", err)
		}
		return nodes, nil
	}
	var all *collector.NodeCollector
	unprepared := map[string]collector.Collector{}
	for _, name := range lean {
		nodes, err := collector.NewNodeCollector(logger, name)
		switch {
		case err != nil:
			logger.Warn("collector cannot read its source; it is tried again at each scrape", "collector", name, "err", err)
			unprepared[name] = unpreparedCollector{name, logger}
		case all == nil:
			all = nodes
		default:
			all.Collectors[name] = nodes.Collectors[name]
		}
	}
	if all == nil {
		return nil, errors.New("prepare the node collectors: none of them can be prepared")
	}
	maps.Copy(all.Collectors, unprepared)
	return all, nil
}

// unpreparedCollector is a collector whose preparation failed. Each reading tries it
// again.
type unpreparedCollector struct {
	name   string
	logger *slog.Logger
}

// Update reads the collector if it can be prepared now.
func (u unpreparedCollector) Update(ch chan<- prometheus.Metric) error {
	nodes, err := collector.NewNodeCollector(u.logger, u.name)
	if err != nil {
		return err
	}
	return nodes.Collectors[u.name].Update(ch)
}

// checkPaths names the flag of a path that was given and is no directory. The
// collectors would name neither the flag nor what is wrong.
func checkPaths(o Options) error {
	for _, p := range []struct{ flag, dir, usual string }{
		{"--path.procfs", o.ProcFS, "/proc"}, {"--path.sysfs", o.SysFS, "/sys"}, {"--path.rootfs", o.RootFS, "/"},
	} {
		info, err := os.Stat(p.dir)
		if errors.Is(err, fs.ErrNotExist) && p.dir == p.usual {
			continue // the collectors that read it say so, at each scrape
		}
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a directory", p.dir)
		}
		if err != nil {
			return hint.New(hint.Usage, fmt.Errorf("%s: %w", p.flag, err), "leave "+p.flag+" out, or give the directory where it is mounted")
		}
	}
	return nil
}

// configure tells the embedded collectors their paths and which are enabled.
// They read both from kingpin's global command line, which nothing else here
// uses, and find nothing at all unless it has been parsed.
func configure(o Options) error {
	args := []string{
		"--path.procfs=" + o.ProcFS,
		"--path.sysfs=" + o.SysFS,
		"--path.rootfs=" + o.RootFS,
	}
	if !o.Full {
		for _, name := range lean {
			args = append(args, "--collector."+name)
		}
	}
	if _, err := kingpin.CommandLine.Parse(args); err != nil {
		return hint.New(hint.Usage, fmt.Errorf("configure the node collectors: %w", err), "check --path.procfs, --path.sysfs and --path.rootfs")
	}
	if !o.Full {
		collector.DisableDefaultCollectors() // all but those just named
	}
	return nil
}

// page serves the metrics of nodes and of this server.
func (m *metrics) page(nodes *collector.NodeCollector) http.Handler {
	for name, c := range nodes.Collectors {
		nodes.Collectors[name] = guarded{c}
	}
	measured := prometheus.NewRegistry()
	measured.MustRegister(nodes)
	return promhttp.InstrumentMetricHandler(m.self, promhttp.HandlerFor(
		prometheus.Gatherers{m.self, measured},
		promhttp.HandlerOpts{
			ErrorLog:            slog.NewLogLogger(m.logger.Handler(), slog.LevelError),
			ErrorHandling:       promhttp.ContinueOnError,
			MaxRequestsInFlight: maxScrapes,
			Registry:            m.self,
		}))
}

// ServeHTTP serves all collectors, or those that ?collect[]= or ?exclude[]=
// leave, which is how scrape configurations for node_exporter choose.
func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wanted, excluded := r.URL.Query()["collect[]"], r.URL.Query()["exclude[]"]
	switch {
	case len(wanted) == 0 && len(excluded) == 0:
		m.all.ServeHTTP(w, r)
		return
	case len(wanted) > 0 && len(excluded) > 0:
		http.Error(w, "collect[] and exclude[] cannot be combined", http.StatusBadRequest)
		return
	case len(excluded) > 0:
		wanted = slices.DeleteFunc(slices.Clone(m.names), func(name string) bool { return slices.Contains(excluded, name) })
	}
	nodes, err := collector.NewNodeCollector(m.logger, wanted...)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.page(nodes).ServeHTTP(w, r)
}

// guarded makes a panic in an embedded collector, such as on a file that the
// kernel writes in a new way, a failure of that collector alone. It would end
// the process, since collectors run in goroutines of their own.
type guarded struct{ collector.Collector }

func (g guarded) Update(ch chan<- prometheus.Metric) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the collector panicked: %v", cause)
		}
	}()
	return g.Collector.Update(ch)
}
