package scrape

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	promscrape "github.com/prometheus/prometheus/scrape"
)

// metrics have Prometheus' names: its alerts and dashboards ask for them.
type metrics struct {
	pools, poolsFailed, reloads, reloadsFailed, exceededTargetLimit    prometheus.Counter
	exceededBodySize, exceededSamples, exceededLabels, exceededBuckets prometheus.Counter
	outOfOrder, duplicates, outOfBounds, cacheFlushForced, panics      prometheus.Counter
	targetLimit, targets                                               *prometheus.GaugeVec
	syncs, syncFailed                                                  *prometheus.CounterVec
	interval, reloadSeconds, syncSeconds                               *prometheus.SummaryVec
	scrapeSeconds                                                      prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, m *Manager) (*metrics, error) {
	all := m.Kept.Metrics()
	keep := func(c prometheus.Collector) { all = append(all, c) }
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "prometheus_target_" + name, Help: help})
		keep(c)
		return c
	}
	counters := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "prometheus_target_" + name, Help: help}, []string{"scrape_job"})
		keep(c)
		return c
	}
	gauges := func(name, help string) *prometheus.GaugeVec {
		c := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "prometheus_target_" + name, Help: help}, []string{"scrape_job"})
		keep(c)
		return c
	}
	summary := func(name, help, label string) *prometheus.SummaryVec {
		c := prometheus.NewSummaryVec(prometheus.SummaryOpts{
			Name: "prometheus_target_" + name, Help: help,
			Objectives: map[float64]float64{0.01: 0.001, 0.05: 0.005, 0.5: 0.05, 0.90: 0.01, 0.99: 0.001},
		}, []string{label})
		keep(c)
		return c
	}
	s := &metrics{
		pools:         counter("scrape_pools_total", "Total number of scrape pool creation attempts."),
		poolsFailed:   counter("scrape_pools_failed_total", "Total number of scrape pool creations that failed."),
		reloads:       counter("scrape_pool_reloads_total", "Total number of scrape pool reloads."),
		reloadsFailed: counter("scrape_pool_reloads_failed_total", "Total number of failed scrape pool reloads."),
		exceededTargetLimit: counter("scrape_pool_exceeded_target_limit_total",
			"Total number of times scrape pools hit the target limit, during sync or config reload."),
		exceededBodySize: counter("scrapes_exceeded_body_size_limit_total", "Total number of scrapes that hit the body size limit"),
		exceededSamples: counter("scrapes_exceeded_sample_limit_total",
			"Total number of scrapes that hit the sample limit and were rejected."),
		exceededLabels: counter("scrape_pool_exceeded_label_limits_total",
			"Total number of times scrape pools hit the label limits, during sync or config reload."),
		exceededBuckets: counter("scrapes_exceeded_native_histogram_bucket_limit_total",
			"Total number of scrapes that hit the native histogram bucket limit and were rejected."),
		outOfOrder: counter("scrapes_sample_out_of_order_total",
			"Total number of samples rejected due to not being out of the expected order."),
		duplicates: counter("scrapes_sample_duplicate_timestamp_total",
			"Total number of samples rejected due to duplicate timestamps but different values."),
		outOfBounds: counter("scrapes_sample_out_of_bounds_total",
			"Total number of samples rejected due to timestamp falling outside of the time bounds."),
		cacheFlushForced: counter("scrapes_cache_flush_forced_total",
			"How many times a scrape cache was flushed due to getting big while scrapes are failing."),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "parascope_scrape_panics_total",
			Help: "Total number of scrapes that failed because parsing the target's response panicked."}),
		targetLimit: gauges("scrape_pool_target_limit", "Maximum number of targets allowed in this scrape pool."),
		targets:     gauges("scrape_pool_targets", "Current number of targets in this scrape pool."),
		syncs:       counters("scrape_pool_sync_total", "Total number of syncs that were executed on a scrape pool."),
		syncFailed:  counters("sync_failed_total", "Total number of target sync failures."),
		interval:    summary("interval_length_seconds", "Actual intervals between scrapes.", "interval"),
		reloadSeconds: summary("reload_length_seconds", "Actual interval to reload the scrape pool with a given configuration.",
			"interval"),
		syncSeconds: summary("sync_length_seconds", "Actual interval to sync the scrape pool.", "scrape_job"),
		scrapeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "prometheus_target_scrape_duration_seconds", Help: "Total duration of the scrape from start to commit completion in seconds.",
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour,
		}),
	}
	keep(s.panics)
	keep(s.scrapeSeconds)
	keep(&promscrape.MetadataMetricsCollector{
		CacheEntries: prometheus.NewDesc("prometheus_target_metadata_cache_entries",
			"Total number of metric metadata entries in the cache", []string{"scrape_job"}, nil),
		CacheBytes: prometheus.NewDesc("prometheus_target_metadata_cache_bytes",
			"The number of bytes that are currently used for storing metric metadata in the cache", []string{"scrape_job"}, nil),
		TargetsGatherer: m,
	})
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("could not register scrape metrics: %w", err)
		}
	}
	return s, nil
}

// forget drops what is told of a job that is gone.
func (s *metrics) forget(job string) {
	s.targetLimit.DeleteLabelValues(job)
	s.targets.DeleteLabelValues(job)
	s.syncs.DeleteLabelValues(job)
	s.syncFailed.DeleteLabelValues(job)
	s.syncSeconds.DeleteLabelValues(job)
}
