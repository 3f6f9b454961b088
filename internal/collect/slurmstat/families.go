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
	cpusIdle  = gauge("slurm_cpus_idle", fromNodes, "Free CPUs on nodes that accept jobs.")
	cpusOther = gauge("slurm_cpus_other", fromNodes, "Free CPUs on nodes that do not accept jobs (powered down, drained or down).")
	cpusTotal = gauge("slurm_cpus_total", fromNodes, "CPUs of all nodes.")
	gpusAlloc = gauge("slurm_gpus_alloc", fromNodes, "GPUs that are allocated to jobs.")
	gpusIdle  = gauge("slurm_gpus_idle", fromNodes, "Free GPUs on nodes that accept jobs.")
	gpusOther = gauge("slurm_gpus_other", fromNodes, "Free GPUs on nodes that do not accept jobs (powered down, drained or down).")
	gpusTotal = gauge("slurm_gpus_total", fromNodes, "GPUs of all nodes.")
	gpusUse   = gauge("slurm_gpus_utilization", fromNodes, "Share of the cluster's GPUs that are allocated, 0 to 1.")

	partitionCPUs = gauge("slurm_partition_cpus", fromNodes, "CPUs of the partition: allocated, idle, other or total.",
		"partition", "state")
	partitionMemory = gauge("slurm_partition_memory_bytes", fromNodes, "Memory of the partition: allocated, idle, other or total.",
		"partition", "state")
	partitionGRES = gauge("slurm_partition_gres", fromNodes,
		"Generic resources of the partition by name and type: allocated, idle, other or total.", "partition", "gres", "type", "state")

	nodeStatus = gauge("slurm_node_status", fromNodes, "1 for the current state of the node. Powered-down nodes have no series.",
		"node", "status")
	nodeCPUAlloc = gauge("slurm_node_cpu_alloc", fromNodes, "CPUs of the node that are allocated to jobs.", "node")
	nodeCPUTotal = gauge("slurm_node_cpu_total", fromNodes, "CPUs of the node.", "node")
	nodeMemAlloc = gauge("slurm_node_mem_alloc", fromNodes, "Memory of the node that is allocated to jobs, in MiB.", "node")
	nodeMemTotal = gauge("slurm_node_mem_total", fromNodes, "Memory of the node, in MiB.", "node")
	nodeGRESUsed = gauge("slurm_node_gres_used", fromNodes, "Generic resources of the node that are allocated to jobs.", "node", "gres",
		"type")
	nodeGRES     = gauge("slurm_node_gres_total", fromNodes, "Generic resources of the node.", "node", "gres", "type")
	nodeLastBusy = gauge("slurm_node_last_busy_timestamp_seconds", fromNodes, "Time at which the node last ran a job, in Unix "+
		"seconds.", "node")
	nodeDrain = gauge("slurm_node_drain_reason_info", fromNodes,
		"Always 1; the labels give the reason why the node is drained, down or failed, and the user who set the reason.",
		"node", "reason", "user")
	nodeDrainSince = gauge("slurm_node_drain_since_timestamp_seconds", fromNodes, "Time at which the reason of the node was set, in "+
		"Unix seconds.", "node")
)

// Families of jobs.
var (
	partitionJobs = gauge("slurm_partition_jobs", fromJobs,
		"Jobs of the partition by state; each task of an array counts. Finished jobs count until slurmctld removes them (MinJobAge).",
		"partition", "state")
	pendingReason = gauge("slurm_queue_pending_reason", fromJobs, "Pending jobs of the partition, by class of the pending "+
		"reason.", "partition", "reason")
	pendingOldest = gauge("slurm_queue_pending_oldest_seconds", fromJobs,
		"Time since the oldest eligible pending job of the partition became eligible.", "partition")
	pendingMedian = gauge("slurm_queue_pending_median_seconds", fromJobs,
		"Median time since the eligible pending jobs of the partition became eligible.", "partition")

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
	{"threads", 1, gauge("slurm_scheduler_threads", fromSdiag, "Number of slurmctld threads that process requests.")},
	{"agent_queue", 1, gauge("slurm_scheduler_queue_size", fromSdiag, "Number of queued messages that slurmctld has not sent to nodes yet.")},
	{"dbd_queue", 1, gauge("slurm_scheduler_dbd_queue_size", fromSdiag, "Number of queued messages that slurmctld has not sent to "+
		"slurmdbd yet.")},
	{"cycle_last", microseconds, gauge("slurm_scheduler_last_cycle", fromSdiag, "Duration of the last scheduling cycle, in microseconds.")},
	{"cycle_mean", microseconds, gauge("slurm_scheduler_mean_cycle", fromSdiag,
		"Mean duration of a scheduling cycle since slurmctld's statistics were reset, in microseconds.")},
	{"cycles_per_minute", 1, gauge("slurm_scheduler_cycle_per_minute", fromSdiag, "Scheduling cycles per minute since slurmctld's "+
		"statistics were reset.")},
	{"queue_length", 1, gauge("slurm_scheduler_queue_length", fromSdiag, "Number of jobs that the last scheduling cycle considered.")},
	{"backfill_cycle_last", microseconds, gauge("slurm_scheduler_backfill_last_cycle", fromSdiag,
		"Duration of the last backfill cycle, in microseconds.")},
	{"backfill_cycle_mean", microseconds, gauge("slurm_scheduler_backfill_mean_cycle", fromSdiag,
		"Mean duration of a backfill cycle since slurmctld's statistics were reset, in microseconds.")},
	{"backfill_depth_mean", 1, gauge("slurm_scheduler_backfill_depth_mean", fromSdiag,
		"Mean number of jobs that a backfill cycle considered since slurmctld's statistics were reset.")},
	{"backfilled_jobs", 1, gauge("slurm_scheduler_backfilled_jobs_since_start_total", fromSdiag,
		"Jobs that backfill started since slurmctld started.")},
	{"backfilled_jobs_cycle", 1, gauge("slurm_scheduler_backfilled_jobs_since_cycle_total", fromSdiag,
		"Jobs that backfill started since slurmctld's statistics were reset.")},
	{"backfilled_het", 1, gauge("slurm_scheduler_backfilled_heterogeneous_total", fromSdiag,
		"Components of heterogeneous jobs that backfill started since slurmctld started.")},
	{"jobs_submitted", 1, gauge("slurm_scheduler_jobs_submitted", fromSdiag, "Jobs that were submitted since slurmctld's statistics "+
		"were reset.")},
	{"jobs_started", 1, gauge("slurm_scheduler_jobs_started", fromSdiag, "Jobs that were started since slurmctld's statistics were reset.")},
	{"jobs_completed", 1, gauge("slurm_scheduler_jobs_completed", fromSdiag, "Jobs that completed since slurmctld's statistics were reset.")},
	{"jobs_canceled", 1, gauge("slurm_scheduler_jobs_canceled", fromSdiag, "Jobs that were cancelled since slurmctld's statistics "+
		"were reset.")},
	{"jobs_failed", 1, gauge("slurm_scheduler_jobs_failed", fromSdiag,
		"Jobs that slurmctld counted as failed since its statistics were reset. The count is incomplete; use slurm_jobs_finished_total.")},
}

var (
	rpcCount = gauge("slurm_rpc_stats", fromSdiag, "Requests that slurmctld answered since slurmctld's statistics were reset, by "+
		"type.", "operation")
	rpcTime = gauge("slurm_rpc_stats_total_time", fromSdiag,
		"Total time that slurmctld spent on requests since slurmctld's statistics were reset, by type, in microseconds.", "operation")
	rpcMean = gauge("slurm_rpc_stats_avg_time", fromSdiag,
		"Mean time that slurmctld spent on a request since slurmctld's statistics were reset, by type, in microseconds.", "operation")
	statisticsSince = gauge("slurm_scheduler_statistics_start_timestamp_seconds", fromSdiag,
		"Time at which slurmctld's statistics were last reset, by its start or by a command, in Unix seconds.")

	snapshotTime = gauge("slurm_snapshot_timestamp_seconds", "the head program",
		"Start time of the current snapshot of Slurm, in Unix seconds.")
	targetsAge = gauge("slurm_targets_age_seconds", "the head program",
		"Time since slurmctld last returned its list of nodes. While slurmctld does not respond, the last known nodes are scraped.")
	snapshotAge      = gauge("slurm_snapshot_age_seconds", "the head program", "Age of the current snapshot of Slurm.")
	snapshotInterval = gauge("slurm_snapshot_interval_seconds", "the head program",
		"Interval between snapshots of Slurm; it is increased while slurmctld responds slowly.")
	controllerInfo = gauge("slurm_controller_info", fromConfig,
		"Always 1; the labels give slurmctld's version and cluster name, and whether accounting and slurmctld's own metrics are enabled.",
		"version", "slurm_cluster", "accounting", "native_metrics")
	controllerUp   = gauge("slurm_controller_up", "the head program", "1 if slurmctld answered a command of the current snapshot, 0 if not.")
	controllerTime = gauge("slurm_controller_last_answer_timestamp_seconds", "the head program",
		"Time at which slurmctld last answered a command, in Unix seconds.")
	commandSuccess = gauge("slurm_command_success", "the head program",
		"1 if the whole output of the Slurm command was read. If 0, the metrics of the command are absent or incomplete.", "command")
	commandSeconds = gauge("slurm_command_duration_seconds", "the head program", "Duration of the Slurm command.", "command")
)

// Families of reservations and licences.
var (
	reservationInfo = gauge("slurm_reservation_info", fromReservations, "Always 1 for a reservation; the label state is active while "+
		"the reservation is in effect.",
		"reservation", "partition", "state", "maintenance")
	reservationNodes = gauge("slurm_reservation_nodes", fromReservations, "Nodes of the reservation.", "reservation")
	reservationCores = gauge("slurm_reservation_cores", fromReservations, "Cores of the reservation.", "reservation")
	reservationStart = gauge("slurm_reservation_start_timestamp_seconds", fromReservations, "Start time of the reservation, in Unix seconds.",
		"reservation")
	reservationEnd = gauge("slurm_reservation_end_timestamp_seconds", fromReservations, "End time of the reservation, in Unix seconds.",
		"reservation")
	licenseTotal    = gauge("slurm_license_total", fromLicenses, "Total number of licenses.", "license")
	licenseUsed     = gauge("slurm_license_used", fromLicenses, "Licenses that are used by jobs.", "license")
	licenseFree     = gauge("slurm_license_free", fromLicenses, "Licenses that are available to jobs.", "license")
	licenseReserved = gauge("slurm_license_reserved", fromLicenses, "Licenses that are reserved by reservations.", "license")
	namesLeftOut    = gauge("slurm_names_left_out", "the head program",
		"Number of reservations and licenses that are omitted because there are more than 200 of a kind.", "kind")
)

func counter(name, source, help string, labels ...string) *page.Family {
	f := gauge(name, source, help, labels...)
	f.Type = page.Counter
	return f
}

// Families that a Tracker counts.
var (
	jobsStarted = counter("slurm_jobs_started_total", fromEnded,
		"Number of jobs that started, by their first partition; each restart of a job counts.", "partition")
	jobsFinished = counter("slurm_jobs_finished_total", fromEnded, "Number of jobs that ended, by their first partition and final state; "+
		"each task of an array counts, even if it never started.", "partition", "state")
	jobsRequeued = counter("slurm_jobs_requeued_total", fromEnded, "Number of job restarts (requeues), by their first partition.", "partition")
	jobsMissed   = counter("slurm_jobs_missed_windows_total", fromJobs,
		"Gaps between snapshots that were longer than MinJobAge and could not be filled from sacct; finished jobs may be missing from "+
			"the counters.")
	waitSeconds = &page.Family{Name: "slurm_job_wait_seconds", Type: "histogram", Unit: "seconds", Labels: []string{"partition"},
		Help: "Time from eligibility to start of the jobs that started.", Source: fromEnded, Where: "head node"}
	runSeconds = &page.Family{Name: "slurm_job_run_seconds", Type: "histogram", Unit: "seconds", Labels: []string{"partition"},
		Help: "Time from start to end of the jobs that ended.", Source: fromEnded, Where: "head node"}
	nodeSeconds = counter("slurm_node_state_seconds_total", fromNodes,
		"Time that the node spent in each state: busy, idle, power_saving or unavailable. A powered-down node has no series, but its "+
			"time is still counted.",
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
			"Jobs in state "+state+"; each task of an array counts. Finished jobs count until slurmctld removes them (MinJobAge)."))
	}
	return all
}()
