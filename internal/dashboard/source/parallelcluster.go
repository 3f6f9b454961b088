package source

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// awsParallelCluster is what ParallelCluster does with nodes, from its event files and from CloudWatch.
func awsParallelCluster() *grafana.DashboardBuilder {
	const sel = inCluster
	events := func(name, by string) string {
		return `sum by (` + by + `) (` + grown("parallelcluster_"+name, sel, "$__range") + `)`
	}
	return board("parascope-aws-parallelcluster", "AWS and ParallelCluster", "Node launches, node failures, and errors that AWS returns.").
		WithVariable(labelValues("instance_id", "Head node", `parascope_node_info{`+inCluster+`,node_type="head"}`)).
		WithVariable(logGroup()).
		WithPanel(number("Age of heartbeat",
			"Time since clustermgtd's last heartbeat. When it is ten minutes old, compute nodes terminate themselves.",
			seconds,
			`max(time() - parallelcluster_clustermgtd_heartbeat_timestamp_seconds{`+sel+`})`, 180)).
		WithPanel(number("Protected mode",
			"on if the cluster is in protected mode: ParallelCluster launches no nodes in a queue because too many nodes failed to start.", short,
			`max(parallelcluster_compute_fleet_status{`+sel+`,status="PROTECTED"})`, 1).Mappings(texts(map[string]string{"0": "off", "1": "on"}))).
		WithPanel(rows("Compute fleet", "Status of the compute fleet.", short, "",
			`max by (status) (parallelcluster_compute_fleet_status{`+sel+`}) == 1`, column{"status", "Status"}).Span(12).Height(4)).
		WithPanel(number("Unreadable files", "Files of ParallelCluster that could not be read; their metrics are absent.", short,
			`sum(parallelcluster_file_success{`+sel+`} == bool 0)`, 1)).
		WithPanel(rows("Nodes that EC2 did not launch", "Nodes that EC2 did not launch in the time range, by EC2 error code.", short, "Nodes",
			events("node_launch_failures_total", "queue, compute_resource, failure_type, error_code")+` > 0`,
			column{"queue", "Queue"}, column{"compute_resource", "Resource"}, column{"failure_type", "Failure"}, column{"error_code", "Code"})).
		WithPanel(rows("Nodes that did not finish their start",
			"Nodes that failed to start in the time range. ParallelCluster counts them towards protected mode.", short,
			"Nodes", events("node_bootstrap_failures_total", "queue, compute_resource, failure_type")+` > 0`,
			column{"queue", "Queue"}, column{"compute_resource", "Resource"}, column{"failure_type", "Failure"})).
		WithPanel(rows("Nodes replaced after health checks", "Nodes that failed an EC2 health check or have a scheduled event.", short,
			"Nodes",
			events("node_health_check_failures_total", "queue, compute_resource, check")+` > 0`,
			column{"queue", "Queue"}, column{"compute_resource", "Resource"}, column{"check", "Check"})).
		WithPanel(rows("Custom actions that failed", "Scripts of the cluster's configuration that failed.", short, "Times",
			events("custom_action_failures_total", "queue, compute_resource, action, stage")+` > 0`,
			column{"queue", "Queue"}, column{"compute_resource", "Resource"}, column{"action", "Action"}, column{"stage", "Stage"})).
		WithPanel(bars("Nodes lost", "Nodes whose instance no longer exists, and nodes that stopped responding, by queue.", short,
			`(`+events("node_instances_lost_total", "queue")+` or 0 * sum by (queue) (parallelcluster_nodes_not_responding_total{`+sel+`}))`+"\n"+
				` + (`+events("nodes_not_responding_total", "queue")+` or 0 * sum by (queue) (parallelcluster_node_instances_lost_total{`+sel+`}))`,
			"{{queue}}", 1).Decimals(0)).
		WithPanel(bars("Health checks before jobs", "Health checks of nodes before jobs in the time range, by result.", short,
			events("compute_health_checks_total", "check, result"), "{{check}}: {{result}}", 0).Decimals(0)).
		WithRow(row("CloudWatch metrics")).
		WithPanel(cloudWatch("Instances that did not start",
			"CloudWatch metrics that ParallelCluster's metric filters count in the cluster's log, by cause. A cause that never "+
				"occurred is not shown.", short,
			filtered("Sum", "IamPolicyErrors", "VcpuLimitErrors", "VolumeLimitErrors", "InsufficientCapacityErrors", "OtherInstanceLaunchFailures",
				"InstanceBootstrapTimeoutErrors", "OnNodeStartDownloadErrors", "OnNodeStartRunErrors", "OnNodeConfiguredDownloadErrors",
				"OnNodeConfiguredRunErrors")).DrawStyle(common.GraphDrawStyleBars).FillOpacity(60).Stacking(stacked())).
		WithPanel(cloudWatch("Unhealthy instances",
			"CloudWatch metrics that ParallelCluster's metric filters count in the cluster's log, by check.", short,
			filtered("Sum", "EC2HealthCheckErrors", "ScheduledEventHealthCheckErrors", "NoCorrespondingInstanceErrors",
				"SlurmNodeNotRespondingErrors", "GpuHealthCheckFailures")).DrawStyle(common.GraphDrawStyleBars).FillOpacity(60).Stacking(stacked())).
		WithPanel(cloudWatch("Longest idle time of a node",
			"Idle time of a dynamic node. ParallelCluster terminates the node at ScaledownIdletime, "+
				"10 minutes by default.",
			seconds,
			filtered("Maximum", "MaxDynamicNodeIdleTime"))).
		WithPanel(cloudWatch("CPU, memory and disk of the head node",
			"CPU, memory and disk use of the head node. ParallelCluster's alarms fire above 90 %.",
			"percent",
			search("A", `{AWS/EC2,InstanceId} InstanceId="$instance_id" MetricName="CPUUtilization"`, "Maximum", "CPU"),
			search("B", `{CWAgent,InstanceId} InstanceId="$instance_id" MetricName="mem_used_percent"`, "Maximum", "memory"),
			search("C", `{CWAgent,InstanceId,path} InstanceId="$instance_id" path="/" MetricName="disk_used_percent"`, "Maximum", "disk")).
			Max(100).Thresholds(redFrom(90)).
			ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))).
		WithPanel(logLines("Errors in the cluster's log",
			"Lines with the word ERROR in the cluster's log group, from Logs Insights. Each refresh scans the group's logs of the time "+
				"range, and AWS charges for the scan.",
			`fields @timestamp, @logStream, @message | filter @message like /ERROR/ | sort @timestamp desc | limit 100`))
}
