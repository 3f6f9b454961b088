package awsside

import (
	"github.com/prometheus/common/model"
)

// heartbeat: after 10 minutes without one, compute nodes end themselves.
var heartbeat = question{
	applies: `parallelcluster_clustermgtd_heartbeat_timestamp_seconds{$c}`,
	missing: "the head sends nothing of ParallelCluster (job pcluster)",
	wrong:   `time() - parallelcluster_clustermgtd_heartbeat_timestamp_seconds{$c} > 240`,
	say: func(_ model.Metric, v float64) string {
		return "the last one was " + seconds(v) + " ago; after 10 minutes compute nodes end themselves, and their jobs with them"
	},
	next: "on the head node: 'sudo supervisorctl status clustermgtd' in ParallelCluster's cookbook environment, " +
		"and /var/log/parallelcluster/clustermgtd",
}
