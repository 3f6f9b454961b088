package delivery

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Collector exports what Status returns, so that a scrape sees the ledger at one
// instant.
type Collector struct{ Status func() Status }

// Describe sends nothing: what there is depends on the configuration.
func (Collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the status of every remote.
func (c Collector) Collect(out chan<- prometheus.Metric) {
	for _, rs := range c.Status().Remotes {
		e := exporter{out: out, values: []string{rs.Name, rs.URL}}
		e.ledger(&rs)
		e.state(&rs)
		if rs.Verdict != Removed {
			e.prometheus(&rs)
		}
	}
}

// exporter sends the metrics of one remote. URLs are redacted.
type exporter struct {
	out    chan<- prometheus.Metric
	values []string
}

func (e exporter) send(kind prometheus.ValueType, name, help string, value float64, more ...string) {
	names := []string{"remote_name", "url"}
	values := e.values
	for i := 0; i+1 < len(more); i += 2 {
		names = append(names, more[i])
		values = append(values[:len(values):len(values)], more[i+1])
	}
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
}

func (e exporter) ledger(rs *RemoteStatus) {
	l := rs.Ledger
	e.send(prometheus.CounterValue, "parascope_delivery_samples_taken_total",
		"Samples accepted for delivery, including those that were dropped because they could not be queued. Equals delivered + queued + "+
			"uncertain + dropped.", float64(l.Taken))
	e.send(prometheus.CounterValue, "parascope_delivery_samples_delivered_total", "Samples that the receiver acknowledged.",
		float64(l.Delivered))
	e.send(prometheus.GaugeValue, "parascope_delivery_samples_queued", "Samples that wait in the queue on disk.", float64(l.Queued))
	for reason, n := range l.UncertainByReason() {
		e.send(prometheus.CounterValue, "parascope_delivery_samples_uncertain_total",
			"Samples in batches that the receiver refused partially, without reporting how many samples it refused.", float64(n), "reason", reason)
	}
	for reason, n := range l.DroppedByReason() {
		e.send(prometheus.CounterValue, "parascope_delivery_samples_dropped_total", "Samples that were permanently dropped.", float64(n),
			"reason", reason)
	}
}

func (e exporter) state(rs *RemoteStatus) {
	gauge := func(name, help string, v float64) { e.send(prometheus.GaugeValue, name, help, v) }
	gauge("parascope_delivery_oldest_sample_timestamp_seconds", "Timestamp of the oldest waiting sample, 0 if no sample waits.",
		unixSeconds(rs.OldestSample))
	gauge("parascope_delivery_last_success_timestamp_seconds",
		"Timestamp of the last request with an HTTP 2xx response, 0 if no request has succeeded since the start.", unixSeconds(rs.LastSuccess))
	gauge("parascope_delivery_failing_since_timestamp_seconds", "Timestamp since which requests fail, 0 if requests succeed.",
		unixSeconds(rs.FailingSince))
	gauge("parascope_delivery_loss_begins_timestamp_seconds",
		"Timestamp at which waiting samples begin to be lost if nothing changes, 0 if no loss is expected.", unixSeconds(rs.LossBegins))
	gauge("parascope_delivery_age_limit_seconds", "Age at which waiting samples are dropped, in seconds.", rs.AgeLimitSeconds)
	gauge("parascope_delivery_queue_bytes", "Size of the queue on disk, in bytes.", float64(rs.QueueBytes))
	gauge("parascope_delivery_queue_max_bytes", "Maximum size of the queue on disk, in bytes.", float64(rs.QueueMaxBytes))
	gauge("parascope_delivery_rate_limit_samples_per_second",
		"Samples per second that the receiver accepts according to its HTTP 429 responses, 0 if sending is not limited.", rs.RateLimit)
	gauge("parascope_delivery_torn_tail_bytes",
		"Bytes of incomplete data removed from the end of the queue when the queue was opened; samples in them were never counted as taken.",
		float64(rs.TornTailBytes))
	disk := 0.0
	if rs.Disk != "" {
		disk = 1
	}
	gauge("parascope_delivery_disk_failing", "1 if the queue's disk cannot be written, read or synced, 0 if it can.", disk)
	gauge("parascope_delivery_set_aside_files", "Queue files that could not be read and were set aside. Files of earlier runs "+
		"count until they are removed and the head is restarted.", float64(rs.AsideFiles))
	gauge("parascope_delivery_refused_series", "Series that the receiver currently refuses.", float64(rs.Refused.Series))
	gauge("parascope_delivery_refused_samples_queued", "Queued samples of series that the receiver refuses.",
		float64(rs.Refused.Samples))
	for text, n := range rs.Requests {
		e.send(prometheus.CounterValue, "parascope_delivery_requests_total",
			"Remote-write requests by HTTP status code of the response; the code is none if there was no response.", float64(n), "code", text)
	}
	e.send(prometheus.CounterValue, "parascope_delivery_samples_retried_total",
		"Samples whose request failed and was retried.", float64(rs.RetriedSamples))
	e.send(prometheus.CounterValue, "parascope_delivery_sent_bytes_total", "Bytes of compressed request bodies sent to the "+
		"receiver.", float64(rs.SentBytes))
}

// prometheus sends what dashboards and alerts for stock Prometheus read. A batch
// that is uncertain counts as failed there: stock Prometheus counts it so.
func (e exporter) prometheus(rs *RemoteStatus) {
	l := rs.Ledger
	count := func(name, help string, n uint64) { e.send(prometheus.CounterValue, name, help, float64(n)) }
	count("prometheus_remote_storage_samples_total", "Total number of samples sent to remote storage.", l.Delivered+l.Doubtful())
	count("prometheus_remote_storage_samples_failed_total",
		"Total number of samples which failed on send to remote storage, non-recoverable errors.", l.Doubtful())
	count("prometheus_remote_storage_samples_retried_total",
		"Total number of samples which failed on send to remote storage but were retried because the send error was recoverable.",
		rs.RetriedSamples)
	count("prometheus_remote_storage_bytes_total",
		"The total number of bytes of data (not metadata) sent by the queue after compression.", rs.SentBytes)
	for reason, n := range l.DroppedByReason() {
		e.send(prometheus.CounterValue, "prometheus_remote_storage_samples_dropped_total",
			"Total number of samples which were dropped after being read from the queue.", float64(n), "reason", reason)
	}
	e.send(prometheus.GaugeValue, "prometheus_remote_storage_samples_pending",
		"The number of samples pending in the queue to be sent to the remote storage.", float64(l.Queued))
	if !rs.NewestSample.IsZero() {
		sent := rs.NewestSample
		if l.Queued > 0 && !rs.OldestSample.IsZero() {
			sent = rs.OldestSample
		}
		e.send(prometheus.GaugeValue, "prometheus_remote_storage_queue_highest_timestamp_seconds",
			"Highest timestamp that was enqueued.", unixSeconds(rs.NewestSample))
		e.send(prometheus.GaugeValue, "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
			"Highest timestamp successfully sent by this queue.", unixSeconds(sent))
	}
}

// unixSeconds is a time as Prometheus writes it; 0 for the zero time.
func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
