package rules

import "time"

// many is how many nodes of a cluster may have an alert of their own at once. With more,
// one alert stands for them, NodesDown for NodeDown: AMP holds 1,000 alerts.
const many = "50"

const nodeDown = `up{job="node"} == 0`

var node = Group{Name: "parascope-node", Every: every, Alerts: []Alert{
	{
		Name: "NodeDown", Severity: Page, For: 3 * time.Minute,
		Expr: nodeDown + ` unless on (cluster) count by (cluster) (` + nodeDown + `) > ` + many,
		Summary: `Node {{ $labels.node }} of cluster {{ $labels.cluster }} does not answer, and Slurm has not powered it down. ` +
			`Queue: {{ $labels.queue }}.`,
	},
	{
		Name: "NodesDown", Severity: Page, For: 3 * time.Minute,
		Expr:    `count by (cluster) (` + nodeDown + `) > ` + many,
		Summary: `{{ $value }} nodes of cluster {{ $labels.cluster }} do not answer.`,
	},
	{
		Name: "NodeFilesystemFull", Severity: Page, PerNode: true, For: 5 * time.Minute,
		Expr: `node_filesystem_avail_bytes / (node_filesystem_size_bytes > 0) < 0.03
  and on (cluster, node, mountpoint) node_filesystem_readonly == 0`,
		Summary: `File system {{ $labels.mountpoint }} of {{ $labels.node }} ({{ $labels.cluster }}) has {{ $value | humanizePercentage }} left.`,
	},
	{
		Name: "NodeFilesystemFillsUp", Severity: Warn, PerNode: true, For: 30 * time.Minute,
		Expr: `predict_linear(node_filesystem_avail_bytes[3h], 6 * 3600) < 0
  and node_filesystem_avail_bytes / (node_filesystem_size_bytes > 0) < 0.3
  and on (cluster, node, mountpoint) node_filesystem_readonly == 0`,
		Summary: `File system {{ $labels.mountpoint }} of {{ $labels.node }} ({{ $labels.cluster }}) will be full within 6 hours ` +
			`at the current rate.`,
	},
	{
		Name: "NodeFilesystemUnreadable", Severity: Page, PerNode: true, For: 5 * time.Minute,
		Expr: `node_filesystem_device_error == 1`,
		Summary: `File system {{ $labels.mountpoint }} of {{ $labels.node }} ({{ $labels.cluster }}) does not answer: ` +
			`{{ $labels.device_error }}.`,
	},
	{
		Name: "NodeOOMKills", Severity: Warn, PerNode: true,
		Expr: `increase(node_vmstat_oom_kill[10m]) > 0`,
		Summary: `The kernel of {{ $labels.node }} ({{ $labels.cluster }}) killed {{ $value | printf "%.0f" }} processes in 10 minutes ` +
			`because memory was exhausted.`,
	},
	{
		Name: "NodeCPUThrottled", Severity: Warn, PerNode: true, For: 10 * time.Minute,
		Expr:    `sum by (cluster, node) (rate(node_cpu_package_throttles_total[5m])) > 0`,
		Summary: `Heat reduces the CPU clocks of {{ $labels.node }} ({{ $labels.cluster }}).`,
	},
	{
		Name: "NodeClockOff", Severity: Warn, PerNode: true, For: 5 * time.Minute,
		Expr: `abs(node_time_seconds - timestamp(node_time_seconds)) > 30`,
		Summary: `The clock of {{ $labels.node }} ({{ $labels.cluster }}) is {{ $value | printf "%.0f" }} s off. AWS refuses requests ` +
			`if the clock is off by 5 minutes or more.`,
	},
}}
