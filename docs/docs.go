// Package docs holds those documents that programs read: the metrics that there are.
package docs

import _ "embed"

// Metrics, SlurmMetrics and HeadMetrics are the tables of metrics, as Markdown.
var (
	//go:embed metrics.md
	Metrics string
	//go:embed metrics-slurm.md
	SlurmMetrics string
	//go:embed metrics-head.md
	HeadMetrics string
)
