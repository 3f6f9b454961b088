package rules_test

import "fmt"

// near are series that come close to a threshold, from both sides.
var near = []fault{
	{"NodesDown", "page", down(40), "20m", "", "", ""},
	{"NodeFilesystemFillsUp", "warn", `node_filesystem_avail_bytes{cluster="hpc",node="n",mountpoint="/home"} 28e9x200
		node_filesystem_size_bytes{cluster="hpc",node="n",mountpoint="/home"} 100e9x200
		node_filesystem_readonly{cluster="hpc",node="n",mountpoint="/home"} 0x200`, "100m", "", "", ""}, // little is left, and stays
	{"NodeFilesystemFillsUp", "warn", `node_filesystem_avail_bytes{cluster="hpc",node="n",mountpoint="/home"} 55e9-2e8x100
		node_filesystem_size_bytes{cluster="hpc",node="n",mountpoint="/home"} 100e9x100
		node_filesystem_readonly{cluster="hpc",node="n",mountpoint="/home"} 0x100`, "80m", "", "", ""}, // a scratch file is written
	{"NodeClockOff", "warn", `node_time_seconds{cluster="hpc",node="n"} 20+60x30`, "20m", "", "", ""},
	{"NetworkAllowanceExceeded", "warn", `node_ethtool_bw_in_allowance_exceeded{cluster="hpc",node="n",device="all"} 0+4200x60
		node_ethtool_bw_out_allowance_exceeded{cluster="hpc",node="n",device="all"} 0x60
		node_ethtool_pps_allowance_exceeded{cluster="hpc",node="n",device="all"} 0x60`, "40m", "", "", ""},
	{"EBSVolumeLimitExceeded", "warn", ebs("volume_iops", 36), "15m", "21m", "node=n,device=nvme0n1,volume_id=vol-1",
		"Volume vol-1 of n (hpc) is at its provisioned maximum 60% of the time."},
	{"EBSVolumeLimitExceeded", "warn", ebs("volume_iops", 20) + ebs("volume_throughput", 20), "40m", "", "", ""},
	{"EBSInstanceLimitExceeded", "warn", ebs("instance_throughput", 36), "15m", "21m", "node=n",
		"n (hpc) is at its instance type's maximum for EBS 60% of the time."},
	{"EBSInstanceLimitExceeded", "warn", ebs("instance_iops", 20) + ebs("instance_throughput", 20), "40m", "", "", ""},
	{"JobGPUsIdle", "warn", idleGPU("0.07", 1), "80m", "", "", ""},
	{"JobGPUsIdle", "warn", idleGPU("0 _", 90), "80m", "", "", ""}, // half of its values are missing
	{"SlurmJobsFailMoreThanUsual", "warn", finished("completed", "0+1x300") + finished("failed", "0x120 0.25+0.25x180"), "240m", "", "", ""},
	{"SlurmJobsFailMoreThanUsual", "warn", finished("completed", "0+0.05x300") + finished("failed", "0x120 0.08+0.08x180"), "240m", "", "",
		""},
	{"SlurmJobsFailMoreThanUsual", "warn", finished("completed", "0+0.1x300") + finished("failed", "0x120 0.15+0.15x180"), "120m", "200m",
		"partition=gpu", "60% of the jobs of partition gpu (hpc) failed in the last hour, more than usual."},
	{"SlurmJobsFailMoreThanUsual", "warn", finished("completed", "0+0.1x300") + finished("failed", "0+0.12x300"), "240m", "", "", ""},
	{"SlurmJobsFailMoreThanUsual", "warn", finished("completed", "0+1x300") + finished("failed", "0x120 1+1x180"), "150m", "160m",
		"partition=gpu", "40% of the jobs of partition gpu (hpc) failed in the last hour, more than usual."},
	{"SlurmQueueStuck", "warn", queue(4, 2), "15m", "18m", "",
		"4 jobs of cluster hpc wait for resources, nodes are idle, and no job started in 30 minutes."},
	{"SlurmQueueStuck", "warn", queue(0, 2), "60m", "", "", ""},
	{"SlurmQueueStuck", "warn", queue(4, 0), "60m", "", "", ""},

	// Counters that rise, that begin, that come back with a head, and that begin at 0.
	{"ParallelClusterCapacityRefused", "warn", refused(running, "1x20 4x40"), "20m", "35m",
		"queue=gpu,compute_resource=p5,failure_type=x,error_code=y",
		"EC2 did not launch 3 nodes of queue gpu (hpc): y x."},
	{"ParallelClusterCapacityRefused", "warn", refused(running, "_x20 0x40"), "35m", "", "", ""},
	{"ParallelClusterBootstrapFailures", "warn", bootstrap(running, "_x20 2x40"), "19m", "21m", "queue=gpu,compute_resource=p5,failure_type=x",
		"2 nodes of queue gpu (hpc) did not finish their start: x. After 10 the cluster is in protected mode."},
	{"ParallelClusterBootstrapFailures", "warn", bootstrap("_x20 1x60", "_x20 2x60"), "22m", "", "", ""},
	{"ParallelClusterBootstrapFailures", "warn", bootstrap(running, "_x20 0x40"), "35m", "", "", ""},
	{"ParallelClusterNodesReplaced", "warn", replaced("1x20 3x40"), "20m", "35m", "queue=gpu,check=ec2_health_check",
		"ParallelCluster replaces 2 nodes of queue gpu (hpc): ec2_health_check."},
	{"ParallelClusterNodesReplaced", "warn", replaced("_x20 0x40"), "35m", "", "", ""},
	{"ParallelClusterInstancesLost", "warn", lost("1x20 3x40"), "20m", "35m", "queue=gpu",
		"The instances of 2 nodes of queue gpu (hpc) no longer exist, and Slurm did not power them down."},
	{"ParallelClusterInstancesLost", "warn", lost("_x20 0x40"), "35m", "", "", ""},
	{"SamplesDropped", "page", samples("dropped", running, "1x20 5x40"), "20m", "35m", "remote_name=amp,reason=z",
		"4 samples of amp of the head of cluster hpc were permanently dropped in 15 minutes: z."},
	{"SamplesDropped", "page", samples("dropped", running, "_x20 0x40"), "35m", "", "", ""},
	{"SamplesUncertain", "warn", samples("uncertain", running, "_x20 5x40"), "19m", "21m", "remote_name=amp,reason=z",
		"The receiver refused some of 5 samples of amp of the head of cluster hpc in 15 minutes: z."},
	{"SamplesUncertain", "warn", samples("uncertain", "_x20 1x60", "_x20 5x60"), "22m", "", "", ""},
	{"SamplesUncertain", "warn", samples("uncertain", running, "_x20 0x40"), "35m", "", "", ""},
	{"DeliveryDelayed", "warn", `parascope_delivery_failing_since_timestamp_seconds{cluster="hpc",remote_name="amp"} 15+60x60`, "30m", "", "",
		""},
	{"DiscoveryFailing", "warn", `prometheus_sd_refresh_failures_total{cluster="hpc",mechanism="ec2",config="node"} 0+0.15x60`, "40m", "", "",
		""},
	{"HeadSilent", "page", `up{job="head",cluster="hpc",node="head"} 1x20`, "34m", "", "", ""},
	{"BillAboveExpectation", "warn", bill("0+72000x200", "2.628e9x200"), "100m", "", "", ""}, // 1,200 a second of 1,000
	{"BillAboveExpectation", "warn", bill("0+90060x200", "2.628e9x200"), "85m", "95m", "",
		"Cluster hpc sends 3.945G samples per month at the current rate, more than 1.5 times the expected number. The AMP cost rises " +
			"accordingly."},
	{"BillAboveExpectation", "warn", bill("0+120000x200", "2.628e9x20 5.256e9x200"), "150m", "", "", ""}, // nodes came
	{"BillAboveExpectation", "warn", bill("0+120000x200", "_x200"), "100m", "", "", ""},                  // an older head expects nothing
}

const running = "1x60" // a head that answers

// bill is a counter of samples that were taken, and how many are expected in a month.
func bill(taken, expected string) string {
	return `parascope_delivery_samples_taken_total{cluster="hpc",remote_name="amp"} ` + taken + `
		parascope_cost_expected_samples_per_month{cluster="hpc",source="nodes"} ` + expected
}

func refused(head, values string) string {
	return `up{job="pcluster",cluster="hpc",node="head"} ` + head + `
		parallelcluster_node_launch_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="x",error_code="y"} ` + values
}

func bootstrap(head, values string) string {
	return `up{job="pcluster",cluster="hpc",node="head"} ` + head + `
		parallelcluster_node_bootstrap_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="x"} ` + values
}

func replaced(values string) string {
	return `up{job="pcluster",cluster="hpc",node="head"} 1x60
		parallelcluster_node_health_check_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",check="ec2_health_check"} ` + values
}

func lost(values string) string {
	return `up{job="pcluster",cluster="hpc",node="head"} 1x60
		parallelcluster_node_instances_lost_total{cluster="hpc",queue="gpu",compute_resource="p5"} ` + values
}

func samples(what, head, values string) string {
	return `up{job="head",cluster="hpc",node="head"} ` + head + `
		parascope_delivery_samples_` + what + `_total{cluster="hpc",remote_name="amp",reason="z"} ` + values
}

// queue is one in which jobs wait, and none starts.
func queue(waiting, idle int) string {
	return fmt.Sprintf(`slurm_queue_pending_reason{cluster="hpc",partition="gpu",reason="resources"} %dx90
		slurm_jobs_started_total{cluster="hpc",partition="gpu"} 100x90
		slurm_nodes_idle{cluster="hpc"} %dx90`, waiting, idle)
}

// down are the series of so many nodes that do not answer.
func down(n int) (lines string) {
	for i := range n {
		lines += fmt.Sprintf("up{job=\"node\",cluster=\"hpc\",node=\"n%d\"} 0x30\n", i)
	}
	return lines
}

// someNodesDown holds that each of 40 nodes has its alert.
func someNodesDown() unit {
	u := unit{Interval: "1m", Name: "some nodes are down", Input: series(down(40))}
	all := alertTest{At: "20m", Name: "NodeDown"}
	for i := range 40 {
		node := fmt.Sprint("n", i)
		all.Expect = append(all.Expect, expected{map[string]string{"severity": "page", "cluster": "hpc", "job": "node", "node": node},
			map[string]string{
				"summary":     "Node " + node + " of cluster hpc does not answer, and Slurm has not powered it down. Queue: .",
				"runbook_url": "https://github.com/parascope/parascope/blob/main/docs/alerts/NodeDown.md",
			}})
	}
	u.Alerts = []alertTest{all}
	return u
}

// ebs is a counter of seconds above a limit, which grows by so many a minute.
func ebs(limit string, growth int) string {
	return fmt.Sprintf("node_ebs_%s_exceeded_seconds_total{cluster=\"hpc\",node=\"n\",device=\"nvme0n1\",volume_id=\"vol-1\"} 0+%dx60\n",
		limit, growth)
}

// idleGPU are a GPU's values, so often, and the job that has it.
func idleGPU(values string, times int) string {
	text := ""
	for range times {
		text += " " + values
	}
	if times == 1 {
		text += "x180"
	}
	return `DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="n",device="nvidia0"}` + text + `
		slurm_gpu_job{cluster="hpc",node="n",device="nvidia0",job_id="7",user="alice",account="research",partition="gpu"} 1x180
		slurm_job_start_timestamp_seconds{cluster="hpc",job_id="7"} 0x180`
}

// finished is a counter of jobs.
func finished(state, values string) string {
	return `slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="` + state + `"} ` + values + "\n"
}
