package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// clusterOverview is the first page to look at: is the cluster used, what is broken,
// what waits, and is what is shown new.
func clusterOverview() *grafana.DashboardBuilder {
	// A machine's name is its targets' label instance, without the port where a
	// configuration leaves it there.
	machines := `max by (cluster, instance) (label_replace(up{` + inCluster + `}, "instance", "$1", "instance", "(.*?)(:[0-9]+)?"))`
	return board("parascope-cluster-overview", "Cluster overview", "Utilization of the cluster, failures, and pending jobs.").
		WithPanel(number("Nodes up", "Machines with at least one target that answers its scrapes. Each machine is counted once.", short,
			`sum(`+machines+` == bool 1)`, 0)).
		WithPanel(number("Nodes down", "Machines that are scraped and do not answer. Powered-down nodes are not scraped and not counted.",
			short, `sum(`+machines+` == bool 0)`, 1)).
		WithPanel(number("Idle GPUs of jobs", "GPUs that are allocated to a job and whose current utilization is below 5 %.", short,
			orZero(`count(`+idleGPUs("")+`)`, slurmAnswers), 1)).
		WithPanel(number("Idle cost per hour",
			"Cost of the idle GPUs that are allocated to a job: the instance type's on-demand price divided by its number of GPUs.", dollars,
			orZero(`sum((`+idleGPUs("")+`)`+"\n"+` * on (cluster, node) group_left () (`+gpuPrice()+`))`, slurmAnswers)+
				` unless count(`+idleGPUs("")+`)`, 1)).
		WithPanel(number("Jobs waiting", "Pending jobs; each task of an array counts.", short,
			`sum(slurm_queue_pending{`+inCluster+`})`, 0)).
		WithPanel(number("Age of Slurm's data",
			"Age of the Slurm data that the dashboards show. Above five minutes, see the dashboard \"Pipeline\".", seconds,
			`max(time() - slurm_snapshot_timestamp_seconds{`+inCluster+`})`, 300)).
		WithPanel(lines("GPUs",
			"GPUs of all nodes, GPUs allocated to jobs, and working GPUs (at least 5 % of their multiprocessors in use).", short,
			query("A", `sum(slurm_gpus_total{`+inCluster+`})`, "total"),
			query("B", `sum(slurm_gpus_alloc{`+inCluster+`})`, "allocated to jobs"),
			query("C", `sum((`+busy(inCluster)+`) >= bool 0.05)`, "working")).Min(0).MaxDataPoints(fewerPoints)).
		WithPanel(ofStates(parts("Nodes by state", "Nodes by Slurm state; each node has one state. Powered-down nodes cost nothing.", short,
			query("A", `count by (status) (slurm_node_status{`+inCluster+`} == 1)`, "{{status}}"),
			query("B", `sum(slurm_nodes_powered_down{`+inCluster+`})`, "powered_down")))).
		WithPanel(rows("Last GPU faults", "Last occurrence of each XID of each GPU since the node booted, newest first, and what to do.",
			dateTime, "When",
			`sort_desc(`+top(20, `max by (node, gpu, xid) (parascope_gpu_xid_last_timestamp_seconds{`+inCluster+`})`)+`) * 1000`,
			column{"node", "Node"}, column{"gpu", "GPU"}, column{"xid", "XID"}).
			OverrideByName("XID", []grafana.DynamicConfigValue{{Id: "mappings", Value: texts(xidMeaning)}, {Id: "unit", Value: "string"},
				{Id: "custom.cellOptions", Value: map[string]any{"type": "auto", "wrapText": true}}})).
		WithPanel(rows("Nodes drained, down or failed", "Nodes that accept no jobs, with the reason and when it began.", dateTime, "Since",
			`1000 * max by (cluster, node) (slurm_node_drain_since_timestamp_seconds{`+inCluster+`})`+"\n"+
				` * on (cluster, node) group_right () max by (cluster, node, reason, user) (slurm_node_drain_reason_info{`+inCluster+`})`,
			column{"node", "Node"}, column{"reason", "Reason"}, column{"user", "Set by"})).
		WithPanel(parts("Pending jobs by reason", "Pending jobs by partition and class of reason.", short,
			query("A", `sum by (partition, reason) (slurm_queue_pending_reason{`+inCluster+`})`, "{{partition}}: {{reason}}"))).
		WithPanel(parts("Launch failures in an hour", "Nodes that EC2 did not launch in the hour before each moment, by EC2 error code.", short,
			query("A", `sum by (error_code) (`+grown("parallelcluster_node_launch_failures_total", inCluster, "1h")+`)`, "{{error_code}}")))
}

// ofStates gives Slurm's node states colours: those of the palette would have an idle node in red.
func ofStates(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	for _, c := range []struct{ colour, states string }{
		{"blue", "alloc"}, {"purple", "mix|comp"}, {"green", "idle"}, {"text", "planned|resv|other"}, {"yellow", "powering_up|powering_down"},
		{"orange", "drain|maint"}, {"red", "down|fail|noresp"}, {"gray", "powered_down"},
	} {
		p = p.OverrideByRegexp("/^("+c.states+")$/", []grafana.DynamicConfigValue{{Id: "color",
			Value: map[string]string{"mode": "fixed", "fixedColor": c.colour}}})
	}
	return p
}
