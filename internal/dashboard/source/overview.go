package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// chosen selects the nodes that the variables at the top name.
const chosen = `cluster=~"$cluster",instance=~"$instance"`

// clusterOverview is the first page to look at: are the nodes there, what are
// they busy with, what runs out.
func clusterOverview() *grafana.DashboardBuilder {
	return grafana.NewDashboardBuilder("Cluster overview").
		Uid("parascope-cluster-overview").
		Description("The nodes of the cluster, over the metrics of parascope node (node_exporter's names).").
		Tags([]string{"parascope"}).
		Readonly().
		Tooltip(grafana.DashboardCursorSyncCrosshair).
		Time("now-1h", "now").Refresh("30s").Timezone("browser").
		WithVariable(labelValues("cluster", "Cluster", "node_load1")).
		WithVariable(labelValues("instance", "Node", `node_load1{cluster=~"$cluster"}`)).
		WithRow(grafana.NewRowBuilder("Now")).
		WithPanel(number("Nodes up", "Targets with node metrics that answered their last scrape.", short,
			`count(up{`+chosen+`} == 1 and on (cluster, instance) node_uname_info{`+chosen+`})`, 0)).
		WithPanel(number("Nodes down", "Nodes that had metrics within the last hour and do not answer now.", short,
			`count(max_over_time(up{`+chosen+`}[1h]) == 1 and up{`+chosen+`} == 0) or vector(0)`, 1)).
		WithPanel(number("Fullest file system", "The file system with the least space left, of all nodes.", percent,
			`max(1 - node_filesystem_avail_bytes{`+chosen+`,fstype!~"tmpfs|overlay|squashfs|ramfs"} / node_filesystem_size_bytes{`+chosen+`,fstype!~"tmpfs|overlay|squashfs|ramfs"})`, 0.9)).
		WithPanel(number("Least memory left", "The node with the smallest share of its memory available.", percent,
			`min(node_memory_MemAvailable_bytes{`+chosen+`} / node_memory_MemTotal_bytes{`+chosen+`})`, 0)).
		WithRow(grafana.NewRowBuilder("Over time")).
		WithPanel(lines("CPU busy", "Share of all CPUs of a node that was not idle and not waiting for disks.", percent,
			query("A", `1 - avg by (instance) (sum by (instance, cpu) (rate(node_cpu_seconds_total{`+chosen+`,mode=~"idle|iowait|steal"}[$__rate_interval])))`, "{{instance}}")).Max(1)).
		WithPanel(lines("Load per CPU", "Runnable and waiting tasks by CPU; above 1 they queue.", short,
			query("A", `node_load1{`+chosen+`} / on (cluster, instance) (max by (cluster, instance) (node_cpus{`+chosen+`})
 or count by (cluster, instance) (node_cpu_seconds_total{`+chosen+`,mode="idle"}))`, "{{instance}}"))).
		WithPanel(lines("Memory used", "Memory that is not available to new programs.", bytesIEC,
			query("A", `node_memory_MemTotal_bytes{`+chosen+`} - node_memory_MemAvailable_bytes{`+chosen+`}`, "{{instance}}"))).
		WithPanel(lines("File system used", "Share of each file system that is in use.", percent,
			query("A", `1 - node_filesystem_avail_bytes{`+chosen+`,fstype!~"tmpfs|overlay|squashfs|ramfs"} / node_filesystem_size_bytes{`+chosen+`,fstype!~"tmpfs|overlay|squashfs|ramfs"}`, "{{instance}} {{mountpoint}}")).Max(1)).
		WithPanel(lines("Network", "Traffic of all interfaces but the loopback; sent below received.", bytesPerSecond,
			query("A", `sum by (instance) (rate(node_network_receive_bytes_total{`+chosen+`,device!="lo"}[$__rate_interval]))`,
				"{{instance}} received"),
			query("B", `sum by (instance) (rate(node_network_transmit_bytes_total{`+chosen+`,device!="lo"}[$__rate_interval]))`,
				"{{instance}} sent"))).
		WithPanel(lines("Disk busy", "Share of time that a disk was doing something.", percent,
			query("A", `rate(node_disk_io_time_seconds_total{`+chosen+`}[$__rate_interval])`, "{{instance}} {{device}}")))
}
