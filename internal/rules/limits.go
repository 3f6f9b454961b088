package rules

import "time"

// limits are alerts about AWS's limits of instances, cards and volumes, and storage servers.
var limits = Group{Name: "parascope-limits", Every: every, Alerts: []Alert{
	{
		Name: "NetworkAllowanceExceeded", Severity: Warn, PerNode: true, For: 15 * time.Minute,
		Expr: `sum by (cluster, node) (rate(node_ethtool_bw_in_allowance_exceeded[5m])
  + rate(node_ethtool_bw_out_allowance_exceeded[5m])
  + rate(node_ethtool_pps_allowance_exceeded[5m])) > 100`,
		Summary: `AWS queues or drops {{ $value | printf "%.0f" }} packets a second of {{ $labels.node }} ({{ $labels.cluster }}): ` +
			`the instance's network maximum is exceeded.`,
	},
	{
		Name: "ConnectionTrackingExceeded", Severity: Page, PerNode: true, For: 5 * time.Minute,
		Expr: `sum by (cluster, node) (rate(node_ethtool_conntrack_allowance_exceeded[5m])) > 0`,
		Summary: `{{ $labels.node }} ({{ $labels.cluster }}) has more connections than AWS tracks for its instance type: ` +
			`new connections fail.`,
	},
	{
		Name: "EBSVolumeLimitExceeded", Severity: Warn, PerNode: true, For: 15 * time.Minute,
		Expr: `rate(node_ebs_volume_iops_exceeded_seconds_total[5m]) > 0.5
  or rate(node_ebs_volume_throughput_exceeded_seconds_total[5m]) > 0.5`,
		Summary: `Volume {{ $labels.volume_id }} of {{ $labels.node }} ({{ $labels.cluster }}) is at its provisioned maximum ` +
			`{{ $value | humanizePercentage }} of the time.`,
	},
	{
		Name: "EBSInstanceLimitExceeded", Severity: Warn, PerNode: true, For: 15 * time.Minute,
		Expr: `max by (cluster, node) (rate(node_ebs_instance_iops_exceeded_seconds_total[5m])) > 0.5
  or max by (cluster, node) (rate(node_ebs_instance_throughput_exceeded_seconds_total[5m])) > 0.5`,
		Summary: `{{ $labels.node }} ({{ $labels.cluster }}) is at its instance type's maximum for EBS {{ $value | humanizePercentage }} of the time.`,
	},
	{
		Name: "NFSRetransmissions", Severity: Warn, PerNode: true, For: 10 * time.Minute,
		Expr: `rate(node_nfs_server_retransmissions_total[5m]) > 1`,
		Summary: `{{ $labels.node }} ({{ $labels.cluster }}) retransmits {{ $value | printf "%.1f" }} requests a second to NFS server ` +
			`{{ $labels.server }}.`,
	},
	{
		Name: "LustreTimeouts", Severity: Warn, PerNode: true, For: 10 * time.Minute,
		Expr:    `rate(node_lustre_rpc_timeouts_total[5m]) > 0`,
		Summary: `Requests of {{ $labels.node }} ({{ $labels.cluster }}) to Lustre file system {{ $labels.fsname }} time out.`,
	},
}}

var efa = Group{Name: "parascope-efa", Every: every, Alerts: []Alert{
	{
		Name: "EFADevicesMissing", Severity: Page, PerNode: true, For: 5 * time.Minute,
		Expr: `node_amazonefa_devices < node_amazonefa_devices_expected`,
		Summary: `{{ $labels.node }} ({{ $labels.cluster }}) has {{ $value }} EFA devices, fewer than its instance type: ` +
			`jobs across nodes are slow or fail.`,
	},
	{
		Name: "EFARetransmissionTimeouts", Severity: Warn, PerNode: true, For: 10 * time.Minute,
		Expr: `sum by (cluster, node) (rate(node_amazonefa_retrans_timeout_events[5m])) > 1`,
		Summary: `EFA traffic of {{ $labels.node }} ({{ $labels.cluster }}) changes its path {{ $value | printf "%.1f" }} times a second ` +
			`because of timeouts.`,
	},
	{
		Name: "EFAPeersUnresponsive", Severity: Warn, PerNode: true, For: 5 * time.Minute,
		Expr:    `sum by (cluster, node) (rate(node_amazonefa_unresponsive_remote_events[5m])) > 0`,
		Summary: `Nodes that {{ $labels.node }} ({{ $labels.cluster }}) sends to over EFA do not respond.`,
	},
}}
