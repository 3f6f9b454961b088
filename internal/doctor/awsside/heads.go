package awsside

import (
	"github.com/prometheus/common/model"
)

// heads: two heads that send the same series make AMP refuse one of each sample.
var heads = question{
	applies: `up{$c,job="head"}`,
	missing: "the head does not scrape itself (job head)",
	wrong:   `count by (cluster) (group by (cluster, instance) (up{$c,job="head"})) > 1`,
	say: func(_ model.Metric, v float64) string {
		return integer(v) + " heads send samples with the same cluster label"
	},
	next: "'parascope query up{job=\"head\"}' names the heads; give each cluster's head its own external_labels, and stop the surplus head",
}
