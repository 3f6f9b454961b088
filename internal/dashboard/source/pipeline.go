package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// pipeline is the way of samples from a page to AMP.
func pipeline() *grafana.DashboardBuilder {
	const sel = inCluster
	rate := func(metric string) string { return `sum(rate(` + metric + `{` + sel + `}[$__rate_interval]))` }
	return board("parascope-pipeline", "Pipeline", "Whether these dashboards are complete and current: samples scraped, sent, "+
		"waiting and lost.").
		WithPanel(number("Samples waiting", "Samples in the queue on the head node's disk that are not sent yet.", short,
			`sum(parascope_delivery_samples_queued{`+sel+`})`, 0)).
		WithPanel(number("Longest wait", "Age of the oldest sample that is not sent yet. AMP refuses samples that are older "+
			"than an hour.",
			seconds,
			`max((time() - parascope_delivery_oldest_sample_timestamp_seconds{`+sel+
				`}) * (parascope_delivery_oldest_sample_timestamp_seconds{`+sel+`} > bool 0))`, 300)).
		WithPanel(number("Samples lost", "Samples that were dropped in the time range.", short,
			orZero(`sum(`+grown("parascope_delivery_samples_dropped_total", sel, "$__range")+`)`,
				`parascope_delivery_samples_taken_total{`+sel+`}`), 1)).
		WithPanel(number("Samples uncertain", "Samples of batches that AMP refused in part, in the time range.", short,
			orZero(`sum(`+grown("parascope_delivery_samples_uncertain_total", sel, "$__range")+`)`,
				`parascope_delivery_samples_taken_total{`+sel+`}`), 1)).
		WithPanel(number("Targets not answering", "Targets that did not answer their last scrape.", short,
			`sum(up{`+sel+`} == bool 0)`, 1)).
		WithPanel(number("Series refused", "Series that AMP refuses.", short, `sum(parascope_delivery_refused_series{`+sel+`})`, 1)).
		WithPanel(lines("Samples per second", "Samples that were scraped, and samples that AMP accepted.", short,
			query("A", rate("parascope_delivery_samples_taken_total"), "taken"),
			query("B", rate("parascope_delivery_samples_delivered_total"), "delivered")).Min(0)).
		WithPanel(lines("Requests to AMP", "Remote write requests by HTTP status; the status none means that there was no "+
			"response.", requestsPerSec,
			query("A", `sum by (code) (rate(parascope_delivery_requests_total{`+sel+`}[$__rate_interval]))`, "{{code}}")).Min(0)).
		WithPanel(lines("Samples lost per second, by reason", "Samples that were dropped, by reason.", short,
			query("A", `sum by (reason) (rate(parascope_delivery_samples_dropped_total{`+sel+`}[$__rate_interval]))`, "{{reason}}")).Min(0)).
		WithPanel(lines("Queue, share of its limit", "Share of the queue's size limit that is in use.", percent,
			query("A", `sum(parascope_delivery_queue_bytes{`+sel+`})`+"\n"+` / (sum(parascope_delivery_queue_max_bytes{`+sel+`}) > 0)`, "used")).
			Min(0).Max(1)).
		WithPanel(lines("Samples per scrape, by job",
			"Samples of all targets of a scrape job in one scrape: approximately the number of series of the job.", short,
			query("A", `sum by (job) (scrape_samples_post_metric_relabeling{`+sel+`})`, "{{job}}")).Min(0)).
		WithPanel(bars("Targets with the most samples", "The 15 targets with the most samples.", short,
			top(15, `max by (cluster, instance, job) (scrape_samples_scraped{`+sel+`})`), "{{job}} {{instance}}", 0)).
		WithPanel(bars("Slowest scrapes", "The 15 targets with the longest scrape duration.", seconds,
			top(15, `max by (cluster, instance, job) (scrape_duration_seconds{`+sel+`})`), "{{job}} {{instance}}", 5)).
		WithPanel(rows("Metric families omitted", "Metric families that a node omitted because of its --max-series limit.", short, "Series",
			`sum by (family) (parascope_node_series_left_out{`+sel+`})`, column{"family", "Family"})).
		WithPanel(rows("Failed collectors", "Collectors of nodes that failed at the last scrape.", short, "",
			`max by (instance, collector) (node_scrape_collector_success{`+sel+`}) == 0`, column{"instance", "Node"}, column{"collector", "Collector"})).
		WithPanel(rows("Versions", "Versions of parascope's programs. More than one version means that an upgrade is in progress.", short,
			"Targets",
			`count by (job, version) (parascope_build_info{`+sel+`})`, column{"job", "Job"}, column{"version", "Version"}))
}
