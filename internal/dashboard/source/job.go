package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// job is one job, over its nodes and GPUs. Who has what is joined: device metrics do not
// carry jobs.
func job() *grafana.DashboardBuilder {
	const own = inCluster + `,job_id=~"$job_id"`
	const sel = inCluster + `,node=~"$job_node"` // of many nodes, those that had the job in the time range
	onNode := func(expr string) string {         // of the job's nodes
		return expr + "\n" + ` and on (cluster, node) (slurm_node_job{` + own + `})`
	}
	onGPU := func(expr string) string { // of the job's GPUs
		return `(` + expr + `)` + "\n" + ` and on (cluster, node, device) (slurm_gpu_job{` + own + `})`
	}
	nodeRate := func(metric string) string {
		return top(15, onNode(ofMachine("cluster, node", `rate(`+metric+`{`+sel+`}[$__rate_interval])`)))
	}
	work := onGPU(busy(sel))
	// A GPU is slow beside its peers where it is under their median by more than five times
	// the median of the distances, and by a tenth; among fewer than four nothing can be said.
	median := `scalar(quantile(0.5, ` + work + `))`
	spread := `scalar(quantile(0.5, abs((` + work + `) - ` + median + `)))`
	slow := `((` + work + `) < ` + median + ` - 5 * ` + spread + `) < 0.9 * ` + median + "\n" +
		` and on () count(` + work + `) >= 4`
	return board("parascope-job", "Job", "One job: its nodes and GPUs, the spread between them, and its slowest GPUs.").
		WithVariable(oneOf("job_id", "Job", `slurm_job_info{`+inCluster+`}`)).
		WithVariable(nodesOf("job_node", `slurm_node_job{`+own+`}`)).
		WithPanel(rows("Job", "User and start time of the job.", dateTime, "Since",
			`1000 * max by (cluster, job_id) (slurm_job_start_timestamp_seconds{`+own+`})`+"\n"+
				` * on (cluster, job_id) group_right () max by (cluster, job_id, user, account, partition) (slurm_job_info{`+own+`})`,
			column{"job_id", "Job"}, column{"user", "User"}, column{"account", "Account"}, column{"partition", "Partition"}).Height(4)).
		WithPanel(number("Nodes", "Nodes of the job.", short, `max(slurm_job_nodes{`+own+`})`, 0)).
		WithPanel(number("GPUs", "GPUs of the job.", short, orZero(`count(count by (cluster, node, device) (slurm_gpu_job{`+own+`}))`,
			`slurm_job_nodes{`+own+`}`), 0)).
		WithPanel(number("Cost per hour", "Cost per hour of the job's GPUs: the instance type's on-demand price divided by its number of "+
			"GPUs.", dollars,
			`sum(max by (cluster, node, device) (slurm_gpu_job{`+own+`})`+"\n"+` * on (cluster, node) group_left () (`+gpuPrice()+`))`, 0)).
		WithPanel(lines("GPU utilization of the job", "Share of multiprocessors in use: minimum, median and maximum of the job's GPUs.", percent,
			query("A", `min(`+work+`)`, "minimum"), query("B", `quantile(0.5, `+work+`)`, "median"),
			query("C", `max(`+work+`)`, "maximum")).Min(0).Max(1).MaxDataPoints(fewerPoints)).
		WithPanel(rows("GPUs slower than their peers",
			"GPUs with much less activity than the job's other GPUs: over 10 % and five median absolute deviations below the median of "+
				"at least four GPUs.", percent,
			"Utilization", slow, column{"node", "Node"}, column{"gpu", "GPU"})).
		WithPanel(history("Utilization by GPU", "Share of multiprocessors in use of each GPU of the job. Darker means higher; grey is "+
			"less than 5 %.",
			percent, heat(),
			query("A", `max by (gpu_of_node) (label_join(`+work+`, "gpu_of_node", " GPU ", "node", "gpu"))`, "{{gpu_of_node}}")).MaxDataPoints(fewerPoints)).
		WithPanel(lines("GPU power of the job", "Power of the job's GPUs, by node.", watts,
			query("A", `sum by (node) (`+onGPU(power(sel))+`)`, "{{node}}")).Min(0)).
		WithPanel(lines("CPU by node", "Share of the CPUs' time that was not idle and did not wait for disks.", percent,
			query("A", onNode(`1 - avg by (cluster, node) (sum by (cluster, node, job, cpu) (rate(node_cpu_seconds_total{`+sel+
				`,mode=~"idle|iowait|steal"}[$__rate_interval])))`), "{{node}}")).Min(0).Max(1)).
		WithPanel(lines("Memory available by node", "Share of a node's memory that is available to new programs.", percent,
			query("A", onNode(`max by (cluster, node) (node_memory_MemAvailable_bytes{`+sel+`})`+"\n"+
				` / (max by (cluster, node) (node_memory_MemTotal_bytes{`+sel+`}) > 0)`), "{{node}}")).Min(0).Max(1)).
		WithPanel(lines("EFA by node", "Data that a node sent and received over EFA; the 15 nodes with the highest values at each moment are "+
			"shown.",
			bytesPerSecond,
			query("A", nodeRate("node_amazonefa_tx_bytes"), "{{node}} sent"), query("B", nodeRate("node_amazonefa_rx_bytes"),
				"{{node}} received")).Min(0)).
		WithPanel(lines("Lustre by node", "Data that a node read from and wrote to FSx for Lustre; the 15 nodes with the "+
			"highest rates are shown.",
			bytesPerSecond,
			query("A", nodeRate("node_lustre_read_bytes_total"), "{{node}} read"),
			query("B", nodeRate("node_lustre_write_bytes_total"), "{{node}} written")).Min(0).Span(24))
}
