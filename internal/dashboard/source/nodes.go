package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Expressions of one or more machines; sel begins with the cluster.
func cpuBusy(sel string) string {
	return `1 - avg by (cluster, instance) (sum by (cluster, instance, job, cpu) (rate(node_cpu_seconds_total{` + sel +
		`,mode=~"idle|iowait|steal"}[$__rate_interval])))`
}

// cpus is the number of CPUs: ours says it, and stock node_exporter has a series for each.
func cpus(sel string) string {
	return `(max by (cluster, instance) (node_cpus{` + sel + `})` + "\n" +
		` or count by (cluster, instance) (node_cpu_seconds_total{` + sel + `,mode="idle"})) > 0`
}

func memoryAvailable(sel string) string {
	return `max by (cluster, instance) (node_memory_MemAvailable_bytes{` + sel + `})` + "\n" +
		` / (max by (cluster, instance) (node_memory_MemTotal_bytes{` + sel + `}) > 0)`
}

func fileSystemUsed(sel string) string {
	return `1 - max by (cluster, instance, mountpoint) (node_filesystem_avail_bytes{` + sel + `,` + realDisks + `})` + "\n" +
		` / (max by (cluster, instance, mountpoint) (node_filesystem_size_bytes{` + sel + `,` + realDisks + `}) > 0)`
}

// nodes is all machines of a cluster, the worst first.
func nodes() *grafana.DashboardBuilder {
	const sel = inCluster
	return board("parascope-nodes", "Nodes", "All machines of a cluster, the most loaded first. The dashboard \"Node\" shows one machine.").
		WithPanel(bars("Lowest available memory", "The 15 machines with the smallest share of their memory available.", percent,
			bottom(15, memoryAvailable(sel)), "{{instance}}", 0).Max(1)).
		WithPanel(bars("Fullest file systems", "The 15 fullest file systems, excluding file systems in memory.", percent,
			top(15, fileSystemUsed(sel)), "{{instance}} {{mountpoint}}", 0.9).Max(1)).
		WithPanel(bars("Load per CPU", "Runnable and waiting tasks per CPU, the 15 highest. Above 1, tasks wait for a CPU.", short,
			top(15, `max by (cluster, instance) (node_load1{`+sel+`})`+"\n"+` / (`+cpus(sel)+`)`), "{{instance}}", 1.5)).
		WithPanel(bars("Busiest CPUs", "Share of a machine's CPU time that was not idle and did not wait for disks, the 15 highest.", percent,
			top(15, cpuBusy(sel)), "{{instance}}", 0).Max(1)).
		WithPanel(bars("Memory pressure", "Share of time in which all tasks were stalled by lack of memory, the 15 highest.", percent,
			top(15, `max by (cluster, instance) (rate(node_pressure_memory_stalled_seconds_total{`+sel+`}[$__rate_interval]))`), "{{instance}}",
			0.05).Max(1)).
		WithPanel(bars("Processes killed by OOM", "Processes that the kernel killed in the time range.", short,
			top(15, `max by (cluster, instance) (increase(node_vmstat_oom_kill{`+sel+`}[$__range])) > 0`), "{{instance}}", 1).Decimals(0)).
		WithPanel(rows("Unresponsive file systems", "Mounts whose size could not be read, such as those of a server that is gone.",
			short, "",
			`max by (instance, mountpoint, device_error) (node_filesystem_device_error{`+sel+`}) == 1`,
			column{"instance", "Node"}, column{"mountpoint", "Mount point"}, column{"device_error", "Error"})).
		WithPanel(rows("Targets not answering", "Targets that did not answer their last scrape.", short, "",
			`max by (instance, job) (up{`+sel+`}) == 0`, column{"instance", "Node"}, column{"job", "Job"}))
}

// node is one machine.
func node() *grafana.DashboardBuilder {
	const sel = chosen
	return board("parascope-node", "Node", "One machine: processor, memory, disks, network.").
		WithVariable(someOf("instance", "Node", `up{`+inCluster+`}`)).
		WithPanel(rows("Machine", "Instance type and Availability Zone of the machine.", short, "",
			`max by (instance, instance_id, instance_type, availability_zone, address, parallelcluster_version) (parascope_node_info{`+sel+`})`,
			column{"instance", "Node"}, column{"instance_id", "Instance"}, column{"instance_type", "Type"}, column{"availability_zone", "Zone"},
			column{"address", "Address"}, column{"parallelcluster_version", "ParallelCluster"}).
			Span(24).Height(4)).
		WithPanel(lines("CPU busy", "Share of the CPUs' time that was not idle and did not wait for disks.", percent,
			query("A", cpuBusy(sel), "{{instance}}")).Min(0).Max(1)).
		WithPanel(lines("CPU by mode", "Share of the CPUs' time by mode.", percent,
			query("A", `avg by (instance, mode) (rate(node_cpu_seconds_total{`+sel+`,mode!="idle"}[$__rate_interval]))`,
				"{{instance}} {{mode}}")).Min(0)).
		WithPanel(lines("Load per CPU", "Runnable and waiting tasks per CPU. Above 1, tasks wait for a CPU.", short,
			query("A", `max by (cluster, instance) (node_load1{`+sel+`})`+"\n"+` / (`+cpus(sel)+`)`, "{{instance}}")).Min(0)).
		WithPanel(lines("Memory", "Total memory of the machine, and memory that is available to new programs.", bytesIEC,
			query("A", `max by (instance) (node_memory_MemTotal_bytes{`+sel+`})`, "{{instance}} total"),
			query("B", `max by (instance) (node_memory_MemAvailable_bytes{`+sel+`})`, "{{instance}} available")).Min(0)).
		WithPanel(lines("Time that tasks waited", "Share of time in which at least one task waited for a CPU, memory or disks.", percent,
			query("A", `max by (instance) (rate(node_pressure_cpu_waiting_seconds_total{`+sel+`}[$__rate_interval]))`, "{{instance}} CPU"),
			query("B", `max by (instance) (rate(node_pressure_memory_waiting_seconds_total{`+sel+`}[$__rate_interval]))`, "{{instance}} memory"),
			query("C", `max by (instance) (rate(node_pressure_io_waiting_seconds_total{`+sel+`}[$__rate_interval]))`, "{{instance}} disks")).Min(0)).
		WithPanel(lines("File system used", "Share of each file system that is in use.", percent,
			query("A", fileSystemUsed(sel), "{{instance}} {{mountpoint}}")).Min(0).Max(1)).
		WithPanel(lines("Network", "Traffic of all network interfaces except the loopback interface.", bytesPerSecond,
			query("A", ofMachine("instance", `rate(node_network_receive_bytes_total{`+sel+`,device!="lo"}[$__rate_interval])`), "{{instance}} received"),
			query("B", ofMachine("instance", `rate(node_network_transmit_bytes_total{`+sel+`,device!="lo"}[$__rate_interval])`),
				"{{instance}} sent")).Min(0)).
		WithPanel(lines("Disks", "Bytes that were read from and written to disks.", bytesPerSecond,
			query("A", ofMachine("instance", `rate(node_disk_read_bytes_total{`+sel+`}[$__rate_interval])`), "{{instance}} read"),
			query("B", ofMachine("instance", `rate(node_disk_written_bytes_total{`+sel+`}[$__rate_interval])`), "{{instance}} written")).Min(0)).
		WithPanel(lines("Disk busy", "Share of time in which a disk was busy; the sum of several disks can be above 1.", percent,
			query("A", `max by (instance, device) (rate(node_disk_io_time_seconds_total{`+sel+`}[$__rate_interval]))`,
				"{{instance}} {{device}}")).Min(0))
}
