package rules

import (
	"strconv"
	"time"
)

const failedJobs = `state=~"failed|node_fail|boot_fail|out_of_memory"`

// failedShare is the share of a partition's jobs that failed in a time, where at least so
// many ended.
func failedShare(length, offset string, atLeast int) string {
	const counted = `sum by (cluster, partition) (increase(slurm_jobs_finished_total`
	return "(" + counted + "{" + failedJobs + "}[" + length + "]" + offset + ")) / (" + counted + "[" + length + "]" + offset + ")) >= " +
		strconv.Itoa(atLeast) + "))"
}

var slurm = Group{Name: "parascope-slurm", Every: every, Alerts: []Alert{
	{
		Name: "SlurmControllerDown", Severity: Page, For: 3 * time.Minute,
		Expr:    `slurm_controller_up == 0`,
		Summary: `slurmctld of cluster {{ $labels.cluster }} does not answer: no job starts.`,
	},
	{
		Name: "SlurmDataOld", Severity: Warn,
		Expr: `slurm_snapshot_age_seconds > 600`,
		Summary: `The Slurm metrics of cluster {{ $labels.cluster }} are {{ $value | humanizeDuration }} old: ` +
			`Slurm's commands hang or fail.`,
	},
	{
		Name: "SlurmMetricsMissing", Severity: Warn, For: 10 * time.Minute,
		Expr:    `group by (cluster) (up{job="slurm"}) unless on (cluster) slurm_controller_up`,
		Summary: `The head of cluster {{ $labels.cluster }} sends no Slurm metrics.`,
	},
	{
		Name: "SlurmNodeDrained", Severity: Warn, PerNode: true, For: 15 * time.Minute,
		Expr: `slurm_node_status{status="drain"} * on (cluster, node) group_left (reason, user)
  max by (cluster, node, reason, user) (slurm_node_drain_reason_info)`,
		Summary: `Node {{ $labels.node }} of cluster {{ $labels.cluster }} is drained by {{ $labels.user }}: {{ $labels.reason }}.`,
	},
	{
		Name: "SlurmNodeDown", Severity: Page, PerNode: true, For: 5 * time.Minute,
		Expr:    `slurm_node_status{status=~"down|fail|noresp"} == 1`,
		Summary: `Node {{ $labels.node }} of cluster {{ $labels.cluster }} is {{ $labels.status }} in Slurm, although it was not powered down.`,
	},
	{
		Name: "SlurmJobsLostTheirNode", Severity: Warn,
		Expr: `sum by (cluster, partition) (increase(slurm_jobs_finished_total{state=~"node_fail|boot_fail"}[30m])) > 0`,
		Summary: `{{ $value | printf "%.0f" }} jobs of partition {{ $labels.partition }} ({{ $labels.cluster }}) ended in 30 minutes ` +
			`because their node failed.`,
	},
	{
		Name: "SlurmJobsFailMoreThanUsual", Severity: Warn, For: 15 * time.Minute,
		Expr: failedShare("1h", "", 10) + ` > 0.25
  unless on (cluster, partition) ` + failedShare("1h", "", 10) + ` <= on (cluster, partition) 2 * ` + failedShare("1d", " offset 1h", 1),
		Summary: `{{ $value | humanizePercentage }} of the jobs of partition {{ $labels.partition }} ({{ $labels.cluster }}) failed in the ` +
			`last hour, more than usual.`,
	},
	{
		Name: "SlurmQueueStuck", Severity: Warn, For: 15 * time.Minute,
		Expr: `sum by (cluster) (slurm_queue_pending_reason{reason=~"resources|priority"}) > 0
  and on (cluster) sum by (cluster) (increase(slurm_jobs_started_total[30m])) == 0
  and on (cluster) slurm_nodes_idle > 0`,
		Summary: `{{ $value }} jobs of cluster {{ $labels.cluster }} wait for resources, nodes are idle, and no job started in 30 minutes.`,
	},
	{
		Name: "SlurmSchedulerSlow", Severity: Warn, For: 10 * time.Minute,
		Expr: `slurm_scheduler_last_cycle / 1e6 > 5`,
		Summary: `A scheduling cycle of cluster {{ $labels.cluster }} takes {{ $value | printf "%.1f" }} s: ` +
			`slurmctld answers slowly during the cycle.`,
	},
	{
		Name: "SlurmAccountingBehind", Severity: Warn, For: 10 * time.Minute,
		Expr: `slurm_scheduler_dbd_queue_size > 100`,
		Summary: `slurmctld of cluster {{ $labels.cluster }} has {{ $value }} messages queued for slurmdbd. ` +
			`When the queue is full, slurmctld drops messages.`,
	},
}}
