package awsside

import (
	"github.com/prometheus/common/model"
)

// queueDisk: what cannot be written to disk is lost with the process.
var queueDisk = question{
	applies: `parascope_delivery_disk_failing{$c}`,
	missing: "the head's own metrics (job head) are missing",
	wrong:   `parascope_delivery_disk_failing{$c} == 1 or parascope_delivery_set_aside_files{$c} > 0`,
	say: func(m model.Metric, v float64) string {
		if m[model.MetricNameLabel] == "parascope_delivery_set_aside_files" {
			return integer(v) + " files of the queue of " + label(m, "remote_name") + " could not be read"
		}
		return "the queue of remote write " + label(m, "remote_name") + " cannot be written to disk"
	},
	next: "on the head node, run 'df -h /opt/prometheus', and 'parascope-head inspect /opt/prometheus/data'",
}
