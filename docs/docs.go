// Package docs holds those documents that programs read: the metrics that there are, and the
// pages of alerts.
package docs

import "embed"

// Alerts has the page of each alert, alerts/NAME.md.
//
//go:embed alerts/*.md
var Alerts embed.FS

// Metrics, SlurmMetrics and HeadMetrics are the tables of metrics, as Markdown.
var (
	//go:embed metrics.md
	Metrics string
	//go:embed metrics-slurm.md
	SlurmMetrics string
	//go:embed metrics-head.md
	HeadMetrics string
)
