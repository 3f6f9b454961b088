package awsside

import (
	"github.com/prometheus/common/model"
)

// heartbeat: after 10 minutes without one, compute nodes end themselves.
var heartbeat = question{
	applies: `up{$c,job="pcluster"}`,
	absent:  "the head's configuration has no scrape job pcluster",
	wrong: `time() - parallelcluster_clustermgtd_heartbeat_timestamp_seconds{$c} > 240
  or up{$c,job="pcluster"} == 1 unless on (cluster) parallelcluster_clustermgtd_heartbeat_timestamp_seconds{$c}`,
	say: func(m model.Metric, v float64) string {
		if m[model.MetricNameLabel] == "up" {
			return "the head could not read the heartbeat"
		}
		return "the last heartbeat was " + seconds(v) + " ago; after 10 minutes compute nodes terminate themselves, which ends their jobs"
	},
	next: "on the head node, run 'sudo supervisorctl status clustermgtd' in ParallelCluster's cookbook environment, and see " +
		"/var/log/parallelcluster/clustermgtd",
}
