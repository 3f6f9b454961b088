package source

import (
	"strings"

	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// network is EFA and the limits of the instances' network cards.
func network() *grafana.DashboardBuilder {
	sum := func(sel string, metrics ...string) string {
		var all []string
		for _, metric := range metrics {
			all = append(all, ofMachine("node", `rate(`+metric+`{`+inCluster+sel+`}[$__rate_interval])`))
		}
		return top(15, strings.Join(all, "\n + ")) // among more lines nobody finds one, and a browser is slow to draw them
	}
	grown := func(metric string) string {
		return ofMachine("node", `increase(`+metric+`{`+inCluster+`}[$__range])`)
	}
	limits := []struct{ metric, legend string }{
		{"node_ethtool_bw_in_allowance_exceeded", "bandwidth in"},
		{"node_ethtool_bw_out_allowance_exceeded", "bandwidth out"},
		{"node_ethtool_pps_allowance_exceeded", "packets"},
		{"node_ethtool_conntrack_allowance_exceeded", "connections"},
		{"node_ethtool_linklocal_allowance_exceeded", "DNS, metadata and time sync"},
	}
	var exceeded []*prometheus.DataqueryBuilder // of all nodes
	var each []string                           // of a node
	for i, l := range limits {
		exceeded = append(exceeded, query(string(rune('A'+i)), "sum("+ofMachine("node", `rate(`+l.metric+`{`+inCluster+`}[$__rate_interval])`)+")",
			l.legend))
		each = append(each, grown(l.metric))
	}
	return board("parascope-network", "Network", "EFA, and the limits of the instances' network cards.").
		WithPanel(number("EFA devices missing", "EFA devices that the instance types have but that are missing on the nodes.", short,
			`sum(clamp_min(max by `+byNode+` (node_amazonefa_devices_expected{`+inCluster+`}) - max by `+byNode+
				` (node_amazonefa_devices{`+inCluster+`}), 0))`, 1).Height(8)).
		WithPanel(lines("EFA", "Data sent and received over EFA, summed over the devices of a node; the 15 nodes with the highest values at "+
			"each moment are shown.", bytesPerSecond,
			query("A", sum("", "node_amazonefa_tx_bytes"), "{{node}} sent"),
			query("B", sum("", "node_amazonefa_rx_bytes"), "{{node}} received")).Min(0).Span(10)).
		WithPanel(lines("RDMA over EFA", "Data of RDMA reads and writes that a node started; the 15 nodes with the highest values at each "+
			"moment are shown.",
			bytesPerSecond,
			query("A", sum("", "node_amazonefa_rdma_read_bytes"), "{{node}} read"),
			query("B", sum("", "node_amazonefa_rdma_write_bytes"), "{{node}} written")).Min(0).Span(10)).
		WithPanel(lines("EFA packets retransmitted",
			"Packets that a node retransmitted; the 15 nodes with the highest values at each moment are shown.",
			packetsOfSecond,
			query("A", sum("", "node_amazonefa_retrans_pkts"), "{{node}}")).Min(0)).
		WithPanel(bars("EFA timeouts and impaired connections",
			"Retransmission timeouts, peers that did not respond and impaired connections in the time "+
				"range.", short,
			`sort_desc((`+grown("node_amazonefa_retrans_timeout_events")+"\n + "+grown("node_amazonefa_unresponsive_remote_events")+"\n + "+
				grown("node_amazonefa_impaired_remote_conn_events")+`) > 0)`, "{{node}}", 1).Decimals(0)).
		WithPanel(lines("EFA packets dropped",
			"Packets that were received and then dropped; the 15 nodes with the highest values at each moment are shown.",
			packetsOfSecond,
			query("A", sum("", "node_amazonefa_rx_drops"), "{{node}}")).Min(0)).
		WithPanel(lines("Network limits exceeded",
			"Packets that were queued or dropped because the limit of an instance was exceeded, of all nodes, by limit.",
			packetsOfSecond, exceeded...).Min(0)).
		WithPanel(bars("Network limits exceeded by node", "Packets that were queued or dropped in the time range because the limit of an "+
			"instance was exceeded: the 15 nodes with the most.", short,
			`sort_desc(`+top(15, `(`+strings.Join(each, "\n + ")+`) > 0`)+`)`, "{{node}}", 1).Decimals(0)).
		WithPanel(lines("Traffic", "Traffic of all network interfaces, excluding EFA traffic; the 15 nodes with the highest values at each "+
			"moment are shown.",
			bytesPerSecond,
			query("A", sum(`,device!="lo"`, "node_network_receive_bytes_total"), "{{node}} received"),
			query("B", sum(`,device!="lo"`, "node_network_transmit_bytes_total"), "{{node}} sent")).Min(0)).
		WithPanel(lines("Errors and drops", "Packets with errors, and dropped packets, in both directions; the 15 nodes with the "+
			"highest values at each moment are shown.", packetsOfSecond,
			query("A", sum("", "node_network_receive_errs_total", "node_network_transmit_errs_total"), "{{node}} errors"),
			query("B", sum("", "node_network_receive_drop_total", "node_network_transmit_drop_total"), "{{node}} dropped")).Min(0).Span(24))
}

// storage is disks, Lustre, NFS and what CloudWatch knows of file systems.
func storage() *grafana.DashboardBuilder {
	sum := func(metric string) string {
		return top(15, ofMachine("node", `rate(`+metric+`{`+inCluster+`}[$__rate_interval])`))
	}
	share := func(metric string) string {
		return top(15, `max by (node, device) (rate(`+metric+`{`+inCluster+`}[$__rate_interval]))`)
	}
	return board("parascope-storage", "Storage", "EBS limits, Lustre, NFS, and CloudWatch metrics of FSx and EFS.").
		WithPanel(lines("EBS volume limits exceeded",
			"Share of time in which the demand exceeded a volume's provisioned limit; the 15 volumes with the highest shares are shown.", percent,
			query("A", share("node_ebs_volume_iops_exceeded_seconds_total"), "{{node}} {{device}} operations"),
			query("B", share("node_ebs_volume_throughput_exceeded_seconds_total"), "{{node}} {{device}} throughput")).Min(0)).
		WithPanel(lines("EBS instance limits exceeded",
			"Share of time in which the demand exceeded the instance's limit for EBS; the 15 volumes with the highest shares are shown.", percent,
			query("A", share("node_ebs_instance_iops_exceeded_seconds_total"), "{{node}} {{device}} operations"),
			query("B", share("node_ebs_instance_throughput_exceeded_seconds_total"), "{{node}} {{device}} throughput")).Min(0)).
		WithPanel(lines("Disks", "Bytes read and written, summed over the disks of a node; the 15 nodes with the highest values at each moment "+
			"are shown.",
			bytesPerSecond,
			query("A", sum("node_disk_read_bytes_total"), "{{node}} read"),
			query("B", sum("node_disk_written_bytes_total"), "{{node}} written")).Min(0)).
		WithPanel(lines("Lustre", "Bytes read from and written to FSx for Lustre; the 15 nodes with the highest values at each moment are shown.",
			bytesPerSecond,
			query("A", sum("node_lustre_read_bytes_total"), "{{node}} read"),
			query("B", sum("node_lustre_write_bytes_total"), "{{node}} written")).Min(0)).
		WithPanel(lines("Lustre operations", "Metadata operations of all nodes.", operationsPerS,
			query("A", `sum by (fsname, operation) (rate(node_lustre_operations_total{`+inCluster+`}[$__rate_interval]))`,
				"{{fsname}} {{operation}}")).Min(0)).
		WithPanel(lines("Lustre requests timed out per second",
			"Requests to a Lustre server that timed out; the 15 nodes with the highest values at each moment are shown.", short,
			query("A", sum("node_lustre_rpc_timeouts_total"), "{{node}}")).Min(0)).
		WithPanel(lines("NFS calls", "Calls to NFS servers; the 15 nodes with the highest values at each moment are shown.", requestsPerSec,
			query("A", sum("node_nfs_rpcs_total"), "{{node}}")).Min(0)).
		WithPanel(lines("NFS calls retransmitted", "NFS calls that were retransmitted because the server did not respond, which "+
			"indicates a server or network failure; the 15 nodes with the highest rates are shown.", requestsPerSec,
			query("A", top(15, ofMachine("node, server", `rate(node_nfs_server_retransmissions_total{`+inCluster+`}[$__rate_interval])`)),
				"{{node}} {{server}}")).Min(0)).
		WithPanel(bars("File systems full within a day", "Hours until a file system is full at the rate of the last six hours. Only "+
			"file systems with "+
			"less than a day left are shown.", hours,
			`sort((max by (node, mountpoint) (node_filesystem_avail_bytes{`+inCluster+`,`+realDisks+`})`+"\n"+
				` / (max by (node, mountpoint) (-deriv(node_filesystem_avail_bytes{`+inCluster+`,`+realDisks+`}[6h])) > 0)) / 3600 < 24)`,
			"{{node}} {{mountpoint}}", 0).Max(24).Thresholds(redBelow(24)).Span(24).Height(4)).
		WithRow(row("CloudWatch metrics")).
		WithPanel(cloudWatch("FSx data in five minutes", "Bytes that clients read from and wrote to FSx file systems in five minutes.", bytesIEC,
			search("A", `{AWS/FSx,FileSystemId} MetricName=("DataReadBytes" OR "DataWriteBytes")`, "Sum", itsSystem+" "+itsName))).
		WithPanel(cloudWatch("FSx free space", "Bytes that are free on FSx file systems.", bytesIEC,
			search("A", `{AWS/FSx,FileSystemId} MetricName="FreeDataStorageCapacity"`, "Sum", itsSystem))).
		WithPanel(cloudWatch("EFS data in five minutes", "Bytes that clients read from and wrote to EFS file systems in five minutes.", bytesIEC,
			search("A", `{AWS/EFS,FileSystemId} MetricName="MeteredIOBytes"`, "Sum", itsSystem))).
		WithPanel(cloudWatch("EFS I/O limit used", "Percentage of the I/O limit that a General Purpose file system uses.", "percent",
			search("A", `{AWS/EFS,FileSystemId} MetricName="PercentIOLimit"`, "Maximum", itsSystem)))
}
