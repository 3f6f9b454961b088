package awsside

import (
	"github.com/prometheus/common/model"
)

// seriesRefused: by a limit of the workspace, or for their labels.
var seriesRefused = question{
	applies: `parascope_delivery_samples_taken_total{$c}`,
	missing: "the head's own metrics (job head) are missing",
	wrong:   `parascope_delivery_refused_series{$c} > 0`,
	say: func(m model.Metric, v float64) string {
		return "AMP refuses " + integer(v) + " series of " + label(m, "remote_name")
	},
	next: "on the head node, run 'parascope-head status', which shows the series and AMP's reason; raise the limit, or drop the series with " +
		"write_relabel_configs",
}
