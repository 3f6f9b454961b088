package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// slurm is the queue and the scheduler.
func slurm() *grafana.DashboardBuilder {
	const sel = inCluster
	quantile := func(q, metric string) string {
		return `histogram_quantile(` + q + `, sum by (le) (rate(` + metric + `_bucket{` + sel + `}[1h])))`
	}
	return board("parascope-slurm", "Slurm", "Slurm's job queue and scheduler.").
		WithPanel(number("Jobs running", "Running jobs; each task of an array counts.", short, `sum(slurm_queue_running{`+sel+`})`, 0)).
		WithPanel(number("Jobs waiting", "Pending jobs; each task of an array counts.", short, `sum(slurm_queue_pending{`+sel+`})`, 0)).
		WithPanel(number("Oldest eligible job", "Age of the oldest pending job, since it became eligible.", seconds,
			`max(slurm_queue_pending_oldest_seconds{`+sel+`})`, 0)).
		WithPanel(number("CPUs allocated", "Share of all CPUs that are allocated to jobs.", percent,
			`sum(slurm_cpus_alloc{`+sel+`}) / (sum(slurm_cpus_total{`+sel+`}) > 0)`, 0)).
		WithPanel(number("GPUs allocated", "Share of all GPUs that are allocated to jobs.", percent,
			`sum(slurm_gpus_alloc{`+sel+`}) / (sum(slurm_gpus_total{`+sel+`}) > 0)`, 0)).
		WithPanel(number("Failed Slurm commands", "Commands of Slurm whose output could not be read; their metrics are absent.", short,
			`sum(slurm_command_success{`+sel+`} == bool 0)`, 1)).
		WithPanel(parts("Jobs by partition", "Running and pending jobs.", short,
			query("A", `sum by (partition) (slurm_partition_jobs{`+sel+`,state="running"})`, "{{partition}} running"),
			query("B", `sum by (partition) (slurm_partition_jobs{`+sel+`,state="pending"})`, "{{partition}} waiting"))).
		WithPanel(parts("Pending jobs by reason", "Pending jobs by class of the pending reason.", short,
			query("A", `sum by (reason) (slurm_queue_pending_reason{`+sel+`})`, "{{reason}}"))).
		WithPanel(lines("Wait of started jobs", "Time from eligibility to start of the jobs that started in the last hour.", seconds,
			query("A", quantile("0.5", "slurm_job_wait_seconds"), "median"), query("B", quantile("0.95", "slurm_job_wait_seconds"),
				"95th percentile")).Min(0).MaxDataPoints(60)).
		WithPanel(parts("Jobs ended in an hour", "Jobs that ended in the hour before each moment, by final state.", short,
			query("A", `sum by (state) (`+grown("slurm_jobs_finished_total", sel, "1h")+`)`, "{{state}}"))).
		WithPanel(parts("CPUs by partition", "Allocated and free CPUs of a partition.", short,
			query("A", `sum by (partition) (slurm_partition_cpus{`+sel+`,state="allocated"})`, "{{partition}} allocated"),
			query("B", `sum by (partition) (slurm_partition_cpus{`+sel+`,state="idle"})`, "{{partition}} free"))).
		WithPanel(lines("Nodes by partition and state",
			"Nodes of a partition by state. A node is counted in each of its partitions; do not sum over partitions.", short,
			query("A", `sum by (partition, state) (slurm_partition_nodes{`+sel+`}) > 0`, "{{partition}} {{state}}")).Min(0)).
		WithPanel(lines("Scheduling cycles", "Duration of the last scheduling cycles. Above a few seconds, jobs start late.", microseconds,
			query("A", `max(slurm_scheduler_last_cycle{`+sel+`})`, "main"),
			query("B", `max(slurm_scheduler_backfill_last_cycle{`+sel+`})`, "backfill")).Min(0)).
		WithPanel(lines("Load of slurmctld", "Messages that slurmctld has not sent yet, and slurmctld threads that process requests.", short,
			query("A", `max(slurm_scheduler_dbd_queue_size{`+sel+`})`, "messages for slurmdbd"),
			query("B", `max(slurm_scheduler_queue_size{`+sel+`})`, "messages for nodes"),
			query("C", `max(slurm_scheduler_threads{`+sel+`})`, "threads")).Min(0)).
		WithPanel(bars("Time that slurmctld spent, by request",
			"Total time that slurmctld spent on requests of a type since its statistics were reset: the ten types with the longest "+
				"time.", microseconds,
			top(10, `max by (cluster, operation) (slurm_rpc_stats_total_time{`+sel+`})`), "{{operation}}", 0)).
		WithPanel(lines("Duration of Slurm's commands",
			"Duration of the commands that parascope runs. Each command holds a lock of slurmctld.", seconds,
			query("A", `max by (command) (slurm_command_duration_seconds{`+sel+`})`, "{{command}}")).Min(0))
}

// availability is how much of the nodes' time could be used.
func availability() *grafana.DashboardBuilder {
	const sel = inCluster
	spent := func(state string) string {
		return `sum(increase(slurm_node_state_seconds_total{` + sel + state + `}[$__range]))`
	}
	events := func(metric, more, evidence string) string {
		return "(" + orZero(`sum(`+grown(metric, sel+more, "$__range")+`)`, evidence) + ")"
	}
	lost := events("parallelcluster_node_instances_lost_total", "", `parallelcluster_file_success{`+sel+`}`) + "\n + " +
		events("parallelcluster_nodes_not_responding_total", "", `parallelcluster_file_success{`+sel+`}`)
	return board("parascope-availability", "Availability", "Share of the nodes' time that was available, and the causes of unavailability.").
		WithPanel(number("Time unavailable",
			"Share of the nodes' time in which they were drained, down or failed. Powered-down time does not count.", percent,
			spent(`,state="unavailable"`)+"\n"+` / (`+spent(`,state!="power_saving"`)+` > 0)`, 0.05)).
		WithPanel(number("Time busy", "Share of the nodes' time in which jobs ran. Powered-down time does not count.", percent,
			spent(`,state="busy"`)+"\n"+` / (`+spent(`,state!="power_saving"`)+` > 0)`, 0)).
		WithPanel(number("Hours lost", "Node hours in which nodes were drained, down or "+
			"failed.", nodeHours, spent(`,state="unavailable"`)+` / 3600`, 0)).
		WithPanel(number("Failures", "Jobs that failed because of their node, lost instances, and nodes that stopped responding.", short,
			events("slurm_jobs_finished_total", `,state="node_fail"`, slurmAnswers)+"\n + "+lost, 1)).
		WithPanel(number("MTBF",
			"Mean time between failures: node hours, without powered-down time, per lost instance or node that stopped responding.", nodeHours,
			spent(`,state!="power_saving"`)+` / 3600`+"\n"+
				` / ((`+lost+`) > 0)`, 0)).
		WithPanel(number("Nodes unavailable", "Nodes that accept no jobs now.", short,
			orZero(`count(slurm_node_status{`+sel+`,status=~"drain|down|fail|noresp"} == 1)`, slurmAnswers), 1)).
		WithPanel(history("Nodes over time",
			"Whether a node accepted or ran jobs, or was drained, down or failed. Nothing is shown while it is powered "+
				"down.", short, usable(), query("A",
				`max by (node) (slurm_node_status{`+sel+`,status!~"drain|down|fail|noresp"})`+"\n"+
					` or 0 * max by (node) (slurm_node_status{`+sel+`,status=~"drain|down|fail|noresp"})`, "{{node}}")).
			Mappings(texts(map[string]string{"0": "unavailable", "1": "available"}))).
		WithPanel(rows("Nodes with the most time lost", "Hours of the time range in which a node was drained, down or failed.", nodeHours, "Lost",
			top(15, `sum by (node) (increase(slurm_node_state_seconds_total{`+sel+`,state="unavailable"}[$__range])) / 3600 > 0`),
			column{"node", "Node"})).
		WithPanel(rows("Nodes drained, down or failed", "Nodes that accept no jobs, with the reason and the duration.", seconds, "For",
			`(time() - max by (cluster, node) (slurm_node_drain_since_timestamp_seconds{`+sel+`}))`+"\n"+
				` * on (cluster, node) group_right () max by (cluster, node, reason, user) (slurm_node_drain_reason_info{`+sel+`})`,
			column{"node", "Node"}, column{"reason", "Reason"}, column{"user", "Set by"}))
}

// usable are the colours of 0, a node that takes no jobs, and 1.
func usable() *grafana.ThresholdsConfigBuilder {
	one := 1.0
	return grafana.NewThresholdsConfigBuilder().Mode(grafana.ThresholdsModeAbsolute).Steps([]grafana.Threshold{
		{Color: "red"}, {Color: "green", Value: &one}})
}

// users is who has the GPUs, and what they do with them.
func users() *grafana.DashboardBuilder {
	const sel = inCluster
	// A user without a running job has no series: what is added up is each minute's value.
	hoursOf := func(metric, by string) string {
		return `sum by (` + by + `) (sum_over_time(` + metric + `{` + sel + `}[$__range:1m])) / 60`
	}
	has := `max by (cluster, node, device, user, account) (slurm_gpu_job{` + sel + `})`
	share := func(by string) string {
		return `(count by (` + by + `) (` + idleGPUs("") + `) or 0 * count by (` + by + `) (` + has + `))` + "\n" + ` / (count by (` + by + `) (` + has + `) > 0)`
	}
	cost := func(by string) string {
		return `sum by (` + by + `) (` + has + "\n" + ` * on (cluster, node) group_left () (` + gpuPrice() + `))`
	}
	return board("parascope-users", "Users and accounts", "GPUs by user and account, their cost, and how many of them are idle.").
		WithPanel(parts("GPUs by user", "GPUs of the user's running "+
			"jobs.", short, query("A", `sum by (user) (slurm_user_gpus_running{`+sel+`})`, "{{user}}"))).
		WithPanel(parts("GPUs by account", "GPUs of the account's running jobs.", short,
			query("A", `sum by (account) (slurm_account_gpus_running{`+sel+`})`, "{{account}}"))).
		WithPanel(bars("GPU hours by user", "GPU hours of jobs in the time range.", nodeHours,
			`sort_desc(`+hoursOf("slurm_user_gpus_running", "user")+`)`, "{{user}}", 0)).
		WithPanel(bars("CPU hours by user", "CPU hours of jobs in the time range.", nodeHours,
			`sort_desc(`+hoursOf("slurm_user_cpus_running", "user")+`)`, "{{user}}", 0)).
		WithPanel(bars("Idle GPUs by user, share", "Share of the user's GPUs that are idle now: less than 5 % in use.", percent,
			`sort_desc(`+share("user")+`)`, "{{user}}", 0.5).Max(1)).
		WithPanel(bars("Cost per hour by user", "Cost of the user's GPUs now: the instance type's on-demand price divided by its "+
			"number of GPUs.", dollars,
			`sort_desc(`+cost("user")+`)`, "{{user}}", 0)).
		WithPanel(bars("Cost per hour by account", "Cost of the account's GPUs now: the instance type's on-demand price divided "+
			"by its number of GPUs.",
			dollars,
			`sort_desc(`+cost("account")+`)`, "{{account}}", 0)).
		WithPanel(rows("Jobs with idle GPUs", "Jobs with idle GPUs, and the number of idle GPUs.", short, "Idle GPUs",
			`count by (job_id, user, account) (`+idleGPUs("")+`)`,
			column{"job_id", "Job"}, column{"user", "User"}, column{"account", "Account"})).
		WithPanel(parts("Jobs waiting by user", "Pending jobs of the user.", short,
			query("A", `sum by (user) (slurm_user_jobs_pending{`+sel+`})`, "{{user}}"))).
		WithPanel(rows("Fair share", "Slurm's fair-share factor. Below 0.5, the user has used more than their share.", short, "Factor",
			`max by (account, user) (slurm_user_fairshare{`+sel+`})`, column{"account", "Account"}, column{"user", "User"}))
}
