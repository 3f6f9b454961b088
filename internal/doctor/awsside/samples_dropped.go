package awsside

import (
	"github.com/prometheus/common/model"
)

// samplesDropped: within an hour. A counter's first value is no increase, but what was
// dropped before the counter was seen is older than that.
var samplesDropped = question{
	applies: `parascope_delivery_samples_taken_total{$c}`,
	missing: "the head's own metrics (job head) are missing",
	wrong: `increase(parascope_delivery_samples_dropped_total{$c}[1h]) > 0
  or increase(parascope_delivery_samples_uncertain_total{$c}[1h]) > 0`,
	say: func(m model.Metric, v float64) string {
		return "about " + integer(v) + " samples for " + label(m, "remote_name") + " were lost or uncertain in the last hour: " + label(m,
			"reason")
	},
	next: onHead,
}
