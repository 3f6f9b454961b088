package awsside

import (
	"fmt"

	"github.com/prometheus/common/model"
)

// queueSize: a queue that is full drops its oldest samples.
var queueSize = question{
	applies: `parascope_delivery_queue_max_bytes{$c} > 0`,
	missing: "the head's own metrics (job head) are missing",
	wrong: `parascope_delivery_queue_bytes{$c} / on (cluster, remote_name) group_left ()
  (parascope_delivery_queue_max_bytes{$c} > 0) > 0.8`,
	say: func(m model.Metric, v float64) string {
		return fmt.Sprintf("the queue of %s is %.0f %% full", label(m, "remote_name"), v*100)
	},
	next: onHead + "; a higher --queue.max-bytes gives the queue more space",
}
