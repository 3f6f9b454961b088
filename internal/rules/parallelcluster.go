package rules

import "time"

const pcluster = "pcluster"

var parallelCluster = Group{Name: "parascope-parallelcluster", Every: every, Alerts: []Alert{
	{
		Name: "ParallelClusterCapacityRefused", Severity: Warn,
		Expr: newCounts(pcluster, "parallelcluster_node_launch_failures_total", "cluster, queue, compute_resource, failure_type, error_code"),
		Summary: `EC2 did not launch {{ $value | printf "%.0f" }} nodes of queue {{ $labels.queue }} ({{ $labels.cluster }}): ` +
			`{{ $labels.error_code }} {{ $labels.failure_type }}.`,
	},
	{
		Name: "ParallelClusterBootstrapFailures", Severity: Warn,
		Expr: newCounts(pcluster, "parallelcluster_node_bootstrap_failures_total", "cluster, queue, compute_resource, failure_type"),
		Summary: `{{ $value | printf "%.0f" }} nodes of queue {{ $labels.queue }} ({{ $labels.cluster }}) did not finish their start: ` +
			`{{ $labels.failure_type }}. After 10 the cluster is in protected mode.`,
	},
	{
		Name: "ParallelClusterProtectedMode", Severity: Page,
		Expr: `parallelcluster_compute_fleet_status{status="PROTECTED"} == 1`,
		Summary: `Cluster {{ $labels.cluster }} is in protected mode: ParallelCluster starts no nodes in the queues whose nodes failed ` +
			`to start.`,
	},
	{
		Name: "ParallelClusterHeartbeatStale", Severity: Page,
		Expr: `time() - parallelcluster_clustermgtd_heartbeat_timestamp_seconds > 240`,
		Summary: `clustermgtd of cluster {{ $labels.cluster }} has sent no heartbeat for {{ $value | humanizeDuration }}. After 10 ` +
			`minutes all compute nodes terminate themselves, which ends their jobs.`,
	},
	{
		Name: "ParallelClusterNodesReplaced", Severity: Warn,
		Expr: newCounts(pcluster, "parallelcluster_node_health_check_failures_total", "cluster, queue, check"),
		Summary: `ParallelCluster replaces {{ $value | printf "%.0f" }} nodes of queue {{ $labels.queue }} ({{ $labels.cluster }}): ` +
			`{{ $labels.check }}.`,
	},
	{
		Name: "ParallelClusterInstancesLost", Severity: Warn,
		Expr: newCounts(pcluster, "parallelcluster_node_instances_lost_total", "cluster, queue"),
		Summary: `The instances of {{ $value | printf "%.0f" }} nodes of queue {{ $labels.queue }} ({{ $labels.cluster }}) no longer ` +
			`exist, and Slurm did not power them down.`,
	},
	{
		Name: "ParallelClusterMetricsMissing", Severity: Warn, For: 10 * time.Minute,
		Expr: `group by (cluster) (up{job="pcluster"}) unless on (cluster) parallelcluster_clustermgtd_heartbeat_timestamp_seconds`,
		Summary: `The head of cluster {{ $labels.cluster }} does not find ParallelCluster's heartbeat: no alert would fire if ` +
			`clustermgtd stopped.`,
	},
}}
