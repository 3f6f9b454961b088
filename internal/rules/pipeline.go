package rules

import "time"

const ofRemote = `{{ $labels.remote_name }} of the head of cluster {{ $labels.cluster }}`

var pipeline = Group{Name: "parascope-pipeline", Every: every, Alerts: []Alert{
	{
		Name: "DeliveryDelayed", Severity: Warn, For: 10 * time.Minute,
		Expr:    `time() - (parascope_delivery_failing_since_timestamp_seconds > 0) > 60`,
		Summary: `Requests of ` + ofRemote + ` have failed for {{ $value | humanizeDuration }}. Samples wait on disk.`,
	},
	{
		Name: "SamplesAboutToBeLost", Severity: Page,
		Expr:    `(parascope_delivery_loss_begins_timestamp_seconds > 0) - time() < 1800`,
		Summary: `Samples of ` + ofRemote + ` begin to be lost in {{ $value | humanizeDuration }} unless requests succeed.`,
	},
	{
		Name: "SamplesDropped", Severity: Page,
		Expr: newCounts("head", "parascope_delivery_samples_dropped_total", "cluster, remote_name, reason"),
		Summary: `{{ $value | printf "%.0f" }} samples of ` + ofRemote + ` were permanently dropped in 15 minutes: ` +
			`{{ $labels.reason }}.`,
	},
	{
		Name: "SamplesUncertain", Severity: Warn,
		Expr: newCounts("head", "parascope_delivery_samples_uncertain_total", "cluster, remote_name, reason"),
		Summary: `The receiver refused some of {{ $value | printf "%.0f" }} samples of ` + ofRemote + ` in 15 minutes: ` +
			`{{ $labels.reason }}.`,
	},
	{
		Name: "SeriesRefused", Severity: Warn, For: 10 * time.Minute,
		Expr:    `parascope_delivery_refused_series > 0`,
		Summary: `The receiver refuses {{ $value }} series of ` + ofRemote + `. Other series are delivered.`,
	},
	{
		Name: "HeadDiskFailing", Severity: Page,
		Expr:    `parascope_delivery_disk_failing == 1`,
		Summary: `Writing to disk fails for the queue of ` + ofRemote + `: samples that cannot be queued are dropped.`,
	},
	{
		Name: "DiscoveryFailing", Severity: Warn, For: 10 * time.Minute,
		Expr: `sum by (cluster, mechanism, config) (increase(prometheus_sd_refresh_failures_total[10m])) > 2`,
		Summary: `Discovery by {{ $labels.mechanism }} of job {{ $labels.config }} fails on the head of cluster {{ $labels.cluster }}: ` +
			`new nodes are not scraped.`,
	},
	{
		Name: "TargetsDown", Severity: Warn, PerNode: true, For: 10 * time.Minute,
		Expr:    `up{job!~"node|head"} == 0 unless on (cluster, node) up{job="node"} == 0`,
		Summary: `Job {{ $labels.job }} of {{ $labels.instance }} ({{ $labels.cluster }}) does not answer.`,
	},
	{
		// 2,628,000 s are the 730 hours of AWS' month. Samples count when they are taken: what is sent late is not more.
		Name: "BillAboveExpectation", Severity: Warn, For: 30 * time.Minute,
		Expr: `max by (cluster) (rate(parascope_delivery_samples_taken_total[1h])) * 2628000
  and on (cluster) max by (cluster) (rate(parascope_delivery_samples_taken_total[1h])) * 2628000
    / on (cluster) max by (cluster) (avg_over_time(parascope_cost_expected_samples_per_month[1h])) > 1.5`,
		Summary: `Cluster {{ $labels.cluster }} sends {{ $value | humanize }} samples per month at the current rate, more than 1.5 times ` +
			`the expected number. The AMP cost rises accordingly.`,
	},
}}

// HeadSeen and HeadForgotten are the series, with the label cluster, that say for which
// clusters HeadSilent can fire, and for which it ends: a sample of the second within the
// last five minutes ends the first.
const (
	HeadSeen      = "parascope:head_seen" // it records itself, and so lasts when the head's own series have ended
	HeadForgotten = "parascope:head_forgotten"
)

var head = Group{
	Name: "parascope-head", Every: every,
	Records: []Record{{Name: HeadSeen, Expr: `group by (cluster) (up{job="head"})
  or (` + HeadSeen + ` unless on (cluster) ` + HeadForgotten + `)`}},
	Alerts: []Alert{{
		Name: "HeadSilent", Severity: Page, For: 10 * time.Minute,
		Expr: HeadSeen + ` unless on (cluster) up{job="head"}`,
		Summary: `Nothing arrives from cluster {{ $labels.cluster }}: its head node, its Prometheus or the connection to AMP is down. ` +
			`No other alert of this cluster can fire.`,
	}},
}
