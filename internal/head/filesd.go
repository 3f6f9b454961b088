package head

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"go.yaml.in/yaml/v2"
)

// files discovers the targets of file_sd_configs. It does what Prometheus' discoverer does, but
// for one thing: it reads regular files of bounded size only. Prometheus' waits for a pipe and
// reads a device or a large file into memory.
type files struct {
	config  *file.SDConfig
	logger  *slog.Logger
	metrics *fileMetrics
	groups  map[string]int // by file, as found last
}

func newFiles(c *file.SDConfig, o discovery.DiscovererOptions) *files {
	m, ok := o.Metrics.(*fileMetrics)
	if !ok {
		m = newFileMetrics(nil)
	}
	return &files{config: c, logger: o.Logger, metrics: m}
}

// Run reads the files when one of their directories changes, and at each interval.
func (d *files) Run(ctx context.Context, out chan<- []*targetgroup.Group) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		d.logger.Error("Error adding file watcher", "err", err)
		d.metrics.watcherErrors.Inc()
		watcher = &fsnotify.Watcher{} // at each interval only
	} else {
		defer watcher.Close()
	}
	defer func() {
		for name := range d.groups {
			d.metrics.changed.DeleteLabelValues(name)
		}
	}()
	ticker := time.NewTicker(time.Duration(d.config.RefreshInterval))
	defer ticker.Stop()
	for {
		d.refresh(ctx, out)
		if err == nil {
			d.watch(watcher)
		}
		if !d.changes(ctx, watcher, ticker.C) {
			return
		}
	}
}

// watch watches the directories of the files.
func (d *files) watch(watcher *fsnotify.Watcher) {
	for _, pattern := range d.config.Files {
		if err := watcher.Add(filepath.Dir(pattern)); err != nil {
			d.logger.Error("Error adding file watch", "path", filepath.Dir(pattern), "err", err)
		}
	}
}

// changes waits until the files are to be read again, and reports false at the end of ctx.
func (d *files) changes(ctx context.Context, watcher *fsnotify.Watcher, interval <-chan time.Time) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-interval:
			return true
		case event := <-watcher.Events:
			if event.Name != "" && event.Op != fsnotify.Chmod {
				return true
			}
		case err := <-watcher.Errors:
			if err != nil {
				d.logger.Error("Error watching file", "err", err)
			}
		}
	}
}

// refresh passes on what is in the files, and what is there no more.
func (d *files) refresh(ctx context.Context, out chan<- []*targetgroup.Group) {
	began := time.Now()
	defer func() { d.metrics.scan.Observe(time.Since(began).Seconds()) }()
	found := map[string]int{}
	for _, name := range d.names() {
		groups, err := d.read(name)
		if err != nil {
			d.metrics.readErrors.Inc()
			d.logger.Error("Error reading file", "path", name, "err", err)
			found[name] = d.groups[name] // what it had before stays
			continue
		}
		if !send(ctx, out, groups) {
			return
		}
		found[name] = len(groups)
	}
	for name, before := range d.groups {
		if _, there := found[name]; !there {
			d.metrics.changed.DeleteLabelValues(name)
		}
		for i := found[name]; i < before; i++ {
			if !send(ctx, out, []*targetgroup.Group{{Source: sourceOf(name, i)}}) {
				return
			}
		}
	}
	d.groups = found
}

func send(ctx context.Context, out chan<- []*targetgroup.Group, groups []*targetgroup.Group) bool {
	select {
	case out <- groups:
		return true
	case <-ctx.Done():
		return false
	}
}

// names are the files that are there.
func (d *files) names() (all []string) {
	for _, pattern := range d.config.Files {
		names, err := filepath.Glob(pattern)
		if err != nil {
			d.logger.Error("Error expanding glob", "glob", pattern, "err", err)
		}
		all = append(all, names...)
	}
	return all
}

// read reads one file.
func (d *files) read(name string) ([]*targetgroup.Group, error) {
	if why := notWhole(name, maxDiscovered); why != "" {
		return nil, errors.New("the file " + why)
	}
	// It may have become another one since: a pipe is not waited for.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDiscovered+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxDiscovered {
		return nil, fmt.Errorf("the file has more than %d bytes", maxDiscovered)
	}
	var groups []*targetgroup.Group
	if strings.EqualFold(filepath.Ext(name), ".json") {
		err = json.Unmarshal(text, &groups)
	} else {
		err = yaml.UnmarshalStrict(text, &groups)
	}
	if err != nil {
		return nil, err
	}
	for i, g := range groups {
		if g == nil {
			return nil, errors.New("nil target group item found")
		}
		g.Source = sourceOf(name, i)
		if g.Labels == nil {
			g.Labels = model.LabelSet{}
		}
		g.Labels[model.MetaLabelPrefix+"filepath"] = model.LabelValue(name)
	}
	if has, err := f.Stat(); err == nil {
		d.metrics.changed.WithLabelValues(name).Set(float64(has.ModTime().Unix()))
	}
	return groups, nil
}

func sourceOf(name string, i int) string { return fmt.Sprintf("%s:%d", name, i) }

// fileMetrics have the names of Prometheus' discoverer.
type fileMetrics struct {
	readErrors, watcherErrors prometheus.Counter
	scan                      prometheus.Summary
	changed                   *prometheus.GaugeVec
	registerer                discovery.MetricRegisterer
}

func newFileMetrics(r prometheus.Registerer) *fileMetrics {
	m := &fileMetrics{
		readErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "prometheus_sd_file_read_errors_total",
			Help: "The number of File-SD read errors."}),
		watcherErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "prometheus_sd_file_watcher_errors_total",
			Help: "The number of File-SD errors caused by filesystem watch failures."}),
		scan: prometheus.NewSummary(prometheus.SummaryOpts{Name: "prometheus_sd_file_scan_duration_seconds",
			Help: "The duration of the File-SD scan in seconds.", Objectives: map[float64]float64{0.5: 0.05, 0.9: 0.01, 0.99: 0.001}}),
		changed: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "prometheus_sd_file_mtime_seconds",
			Help: "Timestamp (mtime) of files read by FileSD. Timestamp is set at read time."}, []string{"filename"}),
	}
	m.registerer = discovery.NewMetricRegisterer(r, []prometheus.Collector{m.readErrors, m.scan, m.watcherErrors, m.changed})
	return m
}

// Register implements discovery.DiscovererMetrics.
func (m *fileMetrics) Register() error { return m.registerer.RegisterMetrics() }

// Unregister implements discovery.DiscovererMetrics.
func (m *fileMetrics) Unregister() { m.registerer.UnregisterMetrics() }

// withFiles has the metrics of files take the place of those of Prometheus' discoverer.
func withFiles(all *discovery.SDMetrics, r prometheus.Registerer) error {
	mechanism := (*file.SDConfig)(nil).Name()
	if theirs := all.MechanismMetrics[mechanism]; theirs != nil {
		theirs.Unregister()
	}
	ours := newFileMetrics(r)
	all.MechanismMetrics[mechanism] = ours
	return ours.Register()
}
