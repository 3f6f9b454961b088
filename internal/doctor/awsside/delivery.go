package awsside

import (
	"github.com/prometheus/common/model"
)

const onHead = "on the head node, run 'sudo parascope-head doctor' and 'parascope-head status'"

// delivery: this series arrives when some requests succeed, or older samples are sent later.
var delivery = question{
	applies: `parascope_delivery_samples_taken_total{$c}`,
	missing: "the head's own metrics (job head) are missing",
	wrong:   `time() - (parascope_delivery_failing_since_timestamp_seconds{$c} > 0) > 60`,
	say: func(m model.Metric, v float64) string {
		return "requests to " + label(m, "remote_name") + " have failed for " + seconds(v)
	},
	next: onHead,
}
