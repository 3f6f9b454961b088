package awsside

import (
	"github.com/prometheus/common/model"
)

// queueAge: AMP refuses samples that are older than an hour.
var queueAge = question{
	applies: `parascope_delivery_samples_taken_total{$c}`,
	missing: "the head's own metrics (job head) are missing",
	wrong: `time() - (parascope_delivery_oldest_sample_timestamp_seconds{$c} > 0)
  > on (cluster, remote_name) group_left () (parascope_delivery_age_limit_seconds{$c} > 0) / 2`,
	say: func(m model.Metric, v float64) string {
		return "the oldest waiting sample for " + label(m, "remote_name") + " is " + seconds(v) + " old"
	},
	next: onHead,
}
