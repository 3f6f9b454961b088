package slurmstat

import "github.com/parascope/parascope/internal/collect/page"

// gauge describes a gauge of a snapshot.
func gauge(name, source, help string, labels ...string) *page.Family {
	return &page.Family{Name: name, Help: help, Type: page.Gauge, Labels: labels, Source: source, Where: "head node"}
}

const (
	fromNodes        = "scontrol -d show nodes -o"
	fromJobs         = "squeue --states=all"
	fromEnded        = "squeue --states=all, sacct"
	fromSdiag        = "sdiag"
	fromSshare       = "sshare"
	fromConfig       = "scontrol show config"
	fromReservations = "scontrol show reservation -o"
	fromLicenses     = "scontrol show licenses -o"
)

// Families of nodes. Names with a history are those of the exporters of vpenso and SckyzO.
var (
	partitionNodes = gauge("slurm_partition_nodes", fromNodes,
		"Nodes of the partition by state; a node is in one state, and in each of its partitions.", "partition", "state")
	cpusAlloc = gauge("slurm_cpus_alloc", fromNodes, "CPUs that are allocated to jobs.")
	cpusIdle  = gauge("slurm_cpus_idle", fromNodes, "CPUs that are free on nodes that take jobs now.")
	cpusOther = gauge("slurm_cpus_other", fromNodes, "CPUs that are free on nodes that do not take jobs now (powered down, drained, down).")
	cpusTotal = gauge("slurm_cpus_total", fromNodes, "CPUs of all nodes.")
	gpusAlloc = gauge("slurm_gpus_alloc", fromNodes, "GPUs that are allocated to jobs.")
	gpusIdle  = gauge("slurm_gpus_idle", fromNodes, "GPUs that are free on nodes that take jobs now.")
	gpusOther = gauge("slurm_gpus_other", fromNodes, "GPUs that are free on nodes that do not take jobs now (powered down, drained, down).")
	gpusTotal = gauge("slurm_gpus_total", fromNodes, "GPUs of all nodes.")
	gpusUse   = gauge("slurm_gpus_utilization", fromNodes, "Share of the cluster's GPUs that are allocated, 0 to 1.")

	partitionCPUs = gauge("slurm_partition_cpus", fromNodes, "CPUs of the partition: allocated, idle, other or total.",
		"partition", "state")
	partitionMemory = gauge("slurm_partition_memory_bytes", fromNodes, "Memory of the partition: allocated, idle, other or total.",
		"partition", "state")
	partitionGRES = gauge("slurm_partition_gres", fromNodes,
		"Generic resources of the partition by name and type: allocated, idle, other or total.", "partition", "gres", "type", "state")

	nodeStatus = gauge("slurm_node_status", fromNodes, "1 for the state that the node is in. Powered-down nodes have no series.",
		"node", "status")
	nodeCPUAlloc = gauge("slurm_node_cpu_alloc", fromNodes, "CPUs of the node that are allocated to jobs.", "node")
	nodeCPUTotal = gauge("slurm_node_cpu_total", fromNodes, "CPUs of the node.", "node")
	nodeMemAlloc = gauge("slurm_node_mem_alloc", fromNodes, "Memory of the node that is allocated to jobs, in MiB.", "node")
	nodeMemTotal = gauge("slurm_node_mem_total", fromNodes, "Memory of the node, in MiB.", "node")
	nodeGRESUsed = gauge("slurm_node_gres_used", fromNodes, "Generic resources of the node that are allocated to jobs.", "node", "gres",
		"type")
	nodeGRES     = gauge("slurm_node_gres_total", fromNodes, "Generic resources of the node.", "node", "gres", "type")
	nodeLastBusy = gauge("slurm_node_last_busy_timestamp_seconds", fromNodes, "When the node last ran a job, in Unix seconds.", "node")
	nodeDrain    = gauge("slurm_node_drain_reason_info", fromNodes,
		"1 for the reason of a node that is drained, down or failed, and who set it.",
		"node", "reason", "user")
	nodeDrainSince = gauge("slurm_node_drain_since_timestamp_seconds", fromNodes, "When the reason was set, in Unix seconds.", "node")
)

// Families of jobs.
var (
	partitionJobs = gauge("slurm_partition_jobs", fromJobs,
		"Jobs of the partition by state; each task of an array counts. Finished jobs count until slurmctld forgets them (MinJobAge).",
		"partition", "state")
	pendingReason = gauge("slurm_queue_pending_reason", fromJobs, "Pending jobs of the partition by class of reason.", "partition", "reason")
	pendingOldest = gauge("slurm_queue_pending_oldest_seconds", fromJobs,
		"Age of the partition's oldest pending job that could run, since it became eligible.", "partition")
	pendingMedian = gauge("slurm_queue_pending_median_seconds", fromJobs,
		"Median age of the partition's pending jobs that could run, since they became eligible.", "partition")

	accountPending = gauge("slurm_account_jobs_pending", fromJobs, "Pending jobs of the account.", "account")
	accountRunning = gauge("slurm_account_jobs_running", fromJobs, "Running jobs of the account.", "account")
	accountCPUs    = gauge("slurm_account_cpus_running", fromJobs, "CPUs of the account's running jobs.", "account")
	accountGPUs    = gauge("slurm_account_gpus_running", fromNodes+", "+fromJobs, "GPUs of the account's running jobs.", "account")
	userPending    = gauge("slurm_user_jobs_pending", fromJobs, "Pending jobs of the user.", "user")
	userRunning    = gauge("slurm_user_jobs_running", fromJobs, "Running jobs of the user.", "user")
	userCPUs       = gauge("slurm_user_cpus_running", fromJobs, "CPUs of the user's running jobs.", "user")
	userGPUs       = gauge("slurm_user_gpus_running", fromNodes+", "+fromJobs, "GPUs of the user's running jobs.", "user")
	userFairShare  = gauge("slurm_user_fairshare", fromSshare, "Fair-share factor of the user in the account, 0 to 1.", "account", "user")
)

// schedulerFamilies are sdiag's numbers under the names that dashboards know, in the order of
// the page. A number that the version of Slurm does not print is absent.
var schedulerFamilies = []struct {
	value  string
	scale  float64 // of the value to the family's unit
	family *page.Family
}{
	{"threads", 1, gauge("slurm_scheduler_threads", fromSdiag, "Threads of slurmctld that answer requests.")},
	{"agent_queue", 1, gauge("slurm_scheduler_queue_size", fromSdiag, "Messages that slurmctld has not sent to nodes yet.")},
	{"dbd_queue", 1, gauge("slurm_scheduler_dbd_queue_size", fromSdiag, "Messages that slurmctld has not sent to slurmdbd yet.")},
	{"cycle_last", microseconds, gauge("slurm_scheduler_last_cycle", fromSdiag, "Time of the last scheduling cycle, in microseconds.")},
	{"cycle_mean", microseconds, gauge("slurm_scheduler_mean_cycle", fromSdiag,
		"Mean time of a scheduling cycle since the statistics began, in microseconds.")},
	{"cycles_per_minute", 1, gauge("slurm_scheduler_cycle_per_minute", fromSdiag, "Scheduling cycles a minute since the statistics began.")},
	{"queue_length", 1, gauge("slurm_scheduler_queue_length", fromSdiag, "Jobs that the last scheduling cycle looked at.")},
	{"backfill_cycle_last", microseconds, gauge("slurm_scheduler_backfill_last_cycle", fromSdiag,
		"Time of the last backfill cycle, in microseconds.")},
	{"backfill_cycle_mean", microseconds, gauge("slurm_scheduler_backfill_mean_cycle", fromSdiag,
		"Mean time of a backfill cycle since the statistics began, in microseconds.")},
	{"backfill_depth_mean", 1, gauge("slurm_scheduler_backfill_depth_mean", fromSdiag,
		"Mean number of jobs that a backfill cycle looked at since the statistics began.")},
	{"backfilled_jobs", 1, gauge("slurm_scheduler_backfilled_jobs_since_start_total", fromSdiag,
		"Jobs that backfill started since slurmctld started.")},
	{"backfilled_jobs_cycle", 1, gauge("slurm_scheduler_backfilled_jobs_since_cycle_total", fromSdiag,
		"Jobs that backfill started since the statistics began.")},
	{"backfilled_het", 1, gauge("slurm_scheduler_backfilled_heterogeneous_total", fromSdiag,
		"Components of heterogeneous jobs that backfill started since slurmctld started.")},
	{"jobs_submitted", 1, gauge("slurm_scheduler_jobs_submitted", fromSdiag, "Jobs that were submitted since the statistics began.")},
	{"jobs_started", 1, gauge("slurm_scheduler_jobs_started", fromSdiag, "Jobs that were started since the statistics began.")},
	{"jobs_completed", 1, gauge("slurm_scheduler_jobs_completed", fromSdiag, "Jobs that completed since the statistics began.")},
	{"jobs_canceled", 1, gauge("slurm_scheduler_jobs_canceled", fromSdiag, "Jobs that were cancelled since the statistics began.")},
	{"jobs_failed", 1, gauge("slurm_scheduler_jobs_failed", fromSdiag,
		"Jobs that slurmctld counts as failed since the statistics began; it counts few: use slurm_jobs_finished_total.")},
}

var (
	rpcCount = gauge("slurm_rpc_stats", fromSdiag, "Requests that slurmctld answered since the statistics began, by type.", "operation")
	rpcTime  = gauge("slurm_rpc_stats_total_time", fromSdiag,
		"Time that slurmctld took for requests since the statistics began, by type, in microseconds.", "operation")
	rpcMean = gauge("slurm_rpc_stats_avg_time", fromSdiag,
		"Mean time that slurmctld took for a request since the statistics began, by type, in microseconds.", "operation")
	statisticsSince = gauge("slurm_scheduler_statistics_start_timestamp_seconds", fromSdiag,
		"When slurmctld's statistics began, in Unix seconds: at its start, or when they were reset.")

	snapshotTime = gauge("slurm_snapshot_timestamp_seconds", "the head program",
		"When the snapshot that this page shows began, in Unix seconds.")
	targetsAge = gauge("slurm_targets_age_seconds", "the head program",
		"Time since slurmctld last returned its nodes. Until it does again, the last known nodes are scraped.")
	snapshotAge      = gauge("slurm_snapshot_age_seconds", "the head program", "Age of the snapshot that this page shows.")
	snapshotInterval = gauge("slurm_snapshot_interval_seconds", "the head program",
		"Time between two snapshots: longer while slurmctld answers slowly.")
	controllerInfo = gauge("slurm_controller_info", fromConfig,
		"Always 1; the labels give slurmctld's version and cluster name, and whether accounting and slurmctld's own metrics are enabled.",
		"version", "slurm_cluster", "accounting", "native_metrics")
	controllerUp   = gauge("slurm_controller_up", "the head program", "1 if slurmctld answered a command of the snapshot.")
	controllerTime = gauge("slurm_controller_last_answer_timestamp_seconds", "the head program",
		"When slurmctld last answered a command, in Unix seconds.")
	commandSuccess = gauge("slurm_command_success", "the head program",
		"1 if the whole output of the command was read. With 0 its metrics are absent, or leave out the lines that could not be read.", "command")
	commandSeconds = gauge("slurm_command_duration_seconds", "the head program", "Time that the command took.", "command")
)

// Families of reservations and licences.
var (
	reservationInfo = gauge("slurm_reservation_info", fromReservations, "1 for each reservation; state is active while it holds its nodes.",
		"reservation", "partition", "state", "maintenance")
	reservationNodes = gauge("slurm_reservation_nodes", fromReservations, "Nodes of the reservation.", "reservation")
	reservationCores = gauge("slurm_reservation_cores", fromReservations, "Cores of the reservation.", "reservation")
	reservationStart = gauge("slurm_reservation_start_timestamp_seconds", fromReservations, "When the reservation starts, in Unix seconds.",
		"reservation")
	reservationEnd = gauge("slurm_reservation_end_timestamp_seconds", fromReservations, "When the reservation ends, in Unix seconds.",
		"reservation")
	licenseTotal    = gauge("slurm_license_total", fromLicenses, "Licences in total.", "license")
	licenseUsed     = gauge("slurm_license_used", fromLicenses, "Licences that jobs use.", "license")
	licenseFree     = gauge("slurm_license_free", fromLicenses, "Licences that are available to jobs.", "license")
	licenseReserved = gauge("slurm_license_reserved", fromLicenses, "Licences that reservations hold.", "license")
	namesLeftOut    = gauge("slurm_names_left_out", "the head program",
		"Reservations and licences left out because there are more than 200 of a kind.", "kind")
)

func counter(name, source, help string, labels ...string) *page.Family {
	f := gauge(name, source, help, labels...)
	f.Type = page.Counter
	return f
}

// Families that a Tracker counts.
var (
	jobsStarted = counter("slurm_jobs_started_total", fromEnded,
		"Jobs that began, by their first partition; a job that is restarted begins again.", "partition")
	jobsFinished = counter("slurm_jobs_finished_total", fromEnded,
		"Jobs that ended, by their first partition and state; each task of an array counts, also one that never began.", "partition", "state")
	jobsRequeued = counter("slurm_jobs_requeued_total", fromEnded, "Restarts of jobs, by their first partition.", "partition")
	jobsMissed   = counter("slurm_jobs_missed_windows_total", fromJobs,
		"Gaps between snapshots that are longer than slurmctld keeps finished jobs and could not be filled from sacct: jobs may be missing.")
	waitSeconds = &page.Family{Name: "slurm_job_wait_seconds", Type: "histogram", Unit: "seconds", Labels: []string{"partition"},
		Help: "Time from eligible to start of jobs that began.", Source: fromEnded, Where: "head node"}
	runSeconds = &page.Family{Name: "slurm_job_run_seconds", Type: "histogram", Unit: "seconds", Labels: []string{"partition"},
		Help: "Time from start to end of jobs that ended.", Source: fromEnded, Where: "head node"}
	nodeSeconds = counter("slurm_node_state_seconds_total", fromNodes,
		"Time that the node was busy, idle, power_saving or unavailable. A powered-down node has no series; its time continues.",
		"node", "state")
)

// nodeFamilies count nodes by state, under the names that dashboards know: slurm_nodes_idle, ...
var nodeFamilies = func() (all []*page.Family) {
	for _, state := range NodeStates {
		all = append(all, gauge("slurm_nodes_"+state, fromNodes, "Nodes in state "+state+"; each node is in one state."))
	}
	return all
}()

// JobStates are the states of a job that have families of their own, in the order of the page.
var JobStates = []string{
	"pending", "configuring", "running", "suspended", "completing", "completed", "cancelled", "failed", "timeout", "node_fail",
	"out_of_memory", "preempted", "boot_fail", "deadline", "requeued", "other",
}

var jobFamilies = func() (all []*page.Family) {
	for _, state := range JobStates {
		all = append(all, gauge("slurm_queue_"+state, fromJobs,
			"Jobs in state "+state+"; each task of an array counts. Finished jobs count until slurmctld forgets them (MinJobAge)."))
	}
	return all
}()
