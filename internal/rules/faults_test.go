package rules_test

// fault is a series of events that makes an alert fire at a time, and not before.
type fault struct {
	alert, severity string
	series          string // promtool's notation, a value a minute
	before, at      string // minutes: no alert, the alert
	labels          string // of the alert, but severity and cluster
	summary         string
}

const onP5 = "node=gpu-dy-p5-1"

const ofGPU0 = "node=gpu-dy-p5-1,gpu=0,device=nvidia0"

var faults = []fault{
	{"NodeDown", "page", `up{job="node",cluster="hpc",node="gpu-dy-p5-1",queue="gpu"} 1x9 0x20`, "12m", "13m", "job=node,queue=gpu," + onP5,
		"Node gpu-dy-p5-1 of cluster hpc does not answer, and Slurm has not powered it down. Queue: gpu."},
	{"NodesDown", "page", manyDown(), "12m", "13m", "", "51 nodes of cluster hpc do not answer."},
	{"NodeDown", "page", manyDown(), "20m", "", "", ""}, // NodesDown stands for them
	{"NodeFilesystemFull", "page", `node_filesystem_avail_bytes{cluster="hpc",node="n",mountpoint="/home"} 3e9x9 2e9x20
		node_filesystem_size_bytes{cluster="hpc",node="n",mountpoint="/home"} 100e9x30
		node_filesystem_readonly{cluster="hpc",node="n",mountpoint="/home"} 0x30`, "14m", "15m", "node=n,mountpoint=/home",
		"File system /home of n (hpc) has 2% left."},
	{"NodeFilesystemFillsUp", "warn", `node_filesystem_avail_bytes{cluster="hpc",node="n",mountpoint="/home"} 28e9-1e8x200
		node_filesystem_size_bytes{cluster="hpc",node="n",mountpoint="/home"} 100e9x200
		node_filesystem_readonly{cluster="hpc",node="n",mountpoint="/home"} 0x200`, "30m", "40m", "node=n,mountpoint=/home",
		"File system /home of n (hpc) will be full within 6 hours at the current rate."},
	{"NodeFilesystemUnreadable", "page",
		`node_filesystem_device_error{cluster="hpc",node="n",mountpoint="/fsx",device_error="the mount does not answer"} 0x9 1x20`, "14m", "15m",
		"node=n,mountpoint=/fsx,device_error=the mount does not answer",
		"File system /fsx of n (hpc) does not answer: the mount does not answer."},
	{"NodeOOMKills", "warn", `node_vmstat_oom_kill{cluster="hpc",node="n"} 5x10 8x20`, "10m", "12m", "node=n",
		"The kernel of n (hpc) killed 3 processes in 10 minutes because memory was exhausted."},
	{"NodeCPUThrottled", "warn", `node_cpu_package_throttles_total{cluster="hpc",node="n",package="1"} 5x10 6+1x30`, "20m", "22m", "node=n",
		"Heat reduces the CPU clocks of n (hpc)."},
	{"NodeClockOff", "warn", `node_time_seconds{cluster="hpc",node="n"} 31+60x20`, "4m", "5m", "node=n",
		"The clock of n (hpc) is 31 s off. AWS refuses requests if the clock is off by 5 minutes or more."},

	{"NetworkAllowanceExceeded", "warn", `node_ethtool_bw_in_allowance_exceeded{cluster="hpc",node="n",device="all"} 0+6000x60
		node_ethtool_bw_out_allowance_exceeded{cluster="hpc",node="n",device="all"} 0+60x60
		node_ethtool_pps_allowance_exceeded{cluster="hpc",node="n",device="all"} 0x60`, "15m", "21m", "node=n",
		"AWS queues or drops 101 packets a second of n (hpc): the instance's network maximum is exceeded."},
	{"ConnectionTrackingExceeded", "page", `node_ethtool_conntrack_allowance_exceeded{cluster="hpc",node="n",device="all"} 5x9 6+1x30`, "14m",
		"15m", "node=n", "n (hpc) has more connections than AWS tracks for its instance type: new connections fail."},
	{"EBSVolumeLimitExceeded", "warn",
		`node_ebs_volume_throughput_exceeded_seconds_total{cluster="hpc",node="n",device="nvme0n1",volume_id="vol-1"} 0+33x60`, "15m", "21m",
		"node=n,device=nvme0n1,volume_id=vol-1", "Volume vol-1 of n (hpc) is at its provisioned maximum 55% of the time."},
	{"EBSInstanceLimitExceeded", "warn",
		`node_ebs_instance_iops_exceeded_seconds_total{cluster="hpc",node="n",device="nvme0n1",volume_id="vol-1"} 0+33x60
		node_ebs_instance_iops_exceeded_seconds_total{cluster="hpc",node="n",device="nvme1n1",volume_id="vol-2"} 0+36x60`, "15m", "21m", "node=n",
		"n (hpc) is at its instance type's maximum for EBS 60% of the time."},
	{"NFSRetransmissions", "warn", `node_nfs_server_retransmissions_total{cluster="hpc",node="n",server="10.0.0.1"} 0+90x60`, "10m", "16m",
		"node=n,server=10.0.0.1", "n (hpc) retransmits 1.5 requests a second to NFS server 10.0.0.1."},
	{"LustreTimeouts", "warn", `node_lustre_rpc_timeouts_total{cluster="hpc",node="n",fsname="scratch"} 0+1x60`, "10m", "11m",
		"node=n,fsname=scratch", "Requests of n (hpc) to Lustre file system scratch time out."},
	{"EFADevicesMissing", "page", `node_amazonefa_devices{cluster="hpc",node="n"} 32x9 31x20
		node_amazonefa_devices_expected{cluster="hpc",node="n"} 32x30`, "14m", "15m", "node=n",
		"n (hpc) has 31 EFA devices, fewer than its instance type: jobs across nodes are slow or fail."},
	{"EFARetransmissionTimeouts", "warn", `node_amazonefa_retrans_timeout_events{cluster="hpc",node="n",device="all"} 0+90x60`, "10m", "16m",
		"node=n", "EFA traffic of n (hpc) changes its path 1.5 times a second because of timeouts."},
	{"EFAPeersUnresponsive", "warn", `node_amazonefa_unresponsive_remote_events{cluster="hpc",node="n",device="all"} 0+1x60`, "5m", "6m",
		"node=n",
		"Nodes that n (hpc) sends to over EFA do not respond."},

	{"GPUXidPage", "page", `parascope_gpu_xid_errors_total{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0",class="page"} 0x9 1x60`,
		"9m",
		"11m", "class=page," + ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) reported an XID that needs a reset, a restart or a repair. " +
			"parascope_gpu_xid_last_timestamp_seconds has the code."},
	{"GPUXidPage", "page", `parascope_gpu_xid_errors_total{cluster="hpc",node="n",gpu="0",device="nvidia0",class="application"} 0+50x60`,
		"30m",
		"", "", ""}, // 13, 31, 43 and 45 are the application's
	{"GPUXidWarning", "warn", `parascope_gpu_xid_errors_total{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0",class="warn"} 0x9 1x60`,
		"9m", "11m", "class=warn," + ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) reported an XID that should be checked. " +
			"parascope_gpu_xid_last_timestamp_seconds has the code."},
	{"GPURecoveryActionNeeded", "page", `DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 0x9 2x20`,
		"10m", "11m", ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) needs action 2: 1 reset the GPU, 2 reboot the node, " +
			"3 drain peer-to-peer traffic, 4 drain and reset, 5 recover IMEX."},
	{"GPUsMissing", "page", `parascope_gpu_devices{cluster="hpc",node="n"} 8x9 7x20
		parascope_gpu_devices_expected{cluster="hpc",node="n"} 8x30`, "14m", "15m", "node=n",
		"n (hpc) has 7 working GPUs, fewer than its instance type."},
	{"GPUUnreadable", "page", `parascope_gpu_unreadable_seconds{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0",reason="xid"} 0+60x20`,
		"5m", "6m", "reason=xid," + ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) has not been readable for 6m 0s: xid."},
	{"GPUDriverFailing", "page", `parascope_gpu_driver_state_age_seconds{cluster="hpc",node="n",state="mismatch"} 0+60x20`, "5m", "6m",
		"node=n,state=mismatch", "The GPU driver of n (hpc) has not answered for 6m 0s: mismatch."},
	{"GPUThrottled", "warn", `DCGM_FI_DEV_CLOCKS_EVENT_REASONS{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 4x9 8x2 64x2 132x20`,
		"14m", "15m", ofGPU0, "The hardware reduces the clocks of GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) because of heat or the power supply."},
	{"GPUNearThermalLimit", "warn", `DCGM_FI_DEV_GPU_TEMP_LIMIT{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 3x9 2x20`, "19m",
		"20m",
		ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) is 2 °C below the temperature at which its clocks are reduced."},
	{"GPUUncorrectableMemoryErrors", "page",
		`DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 0x20 2x20`,
		"20m", "35m", ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) had 2 uncorrectable memory errors in 15 minutes."},
	{"GPURowRemapFailed", "page", `DCGM_FI_DEV_ROW_REMAP_FAILURE{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 0x9 1x20`, "9m",
		"10m",
		ofGPU0, "GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) failed to remap a memory row: no spare rows are left."},
	{"GPUNVLinkRecoveries", "warn",
		`DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 0x20 4x20`, "20m", "35m",
		ofGPU0,
		"NVLinks of GPU 0 (nvidia0) of gpu-dy-p5-1 (hpc) recovered from errors 4 times in 15 minutes."},
	// Job 7 has two idle GPUs, job 8 on the same node a busy one, and job 9 began a moment ago.
	// Its values come each 30 s, as those of GPUs do.
	{"JobGPUsIdle", "warn", idleJob, "30m", "40m", "job_id=7,user=alice,account=research,partition=gpu",
		"Job 7 of alice in gpu (hpc) has left 2 GPUs idle for 30 minutes."},

	{"SlurmControllerDown", "page", `slurm_controller_up{cluster="hpc"} 1x9 0x20`, "12m", "13m", "",
		"slurmctld of cluster hpc does not answer: no job starts."},
	{"SlurmDataOld", "warn", `slurm_snapshot_age_seconds{cluster="hpc"} 0+60x20`, "10m", "11m", "",
		"The Slurm metrics of cluster hpc are 11m 0s old: Slurm's commands hang or fail."},
	{"SlurmMetricsMissing", "warn", `up{job="slurm",cluster="hpc",node="head"} 0x30`, "9m", "10m", "",
		"The head of cluster hpc sends no Slurm metrics."},
	{"SlurmNodeDrained", "warn", `slurm_node_status{cluster="hpc",node="n",status="drain"} _x9 1x40
		slurm_node_drain_reason_info{cluster="hpc",node="n",reason="bad GPU",user="root",instance="head"} _x9 1x40`, "23m", "24m",
		"node=n,status=drain,reason=bad GPU,user=root", "Node n of cluster hpc is drained by root: bad GPU."},
	{"SlurmNodeDown", "page", `slurm_node_status{cluster="hpc",node="n",status="noresp"} _x9 1x20`, "13m", "14m", "node=n,status=noresp",
		"Node n of cluster hpc is noresp in Slurm, although it was not powered down."},
	{"SlurmJobsLostTheirNode", "warn", `slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="node_fail"} 3x30 5x30`, "30m", "60m",
		"partition=gpu", "2 jobs of partition gpu (hpc) ended in 30 minutes because their node failed."},
	{"SlurmJobsFailMoreThanUsual", "warn", `slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="completed"} 0+1x300
		slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="failed"} 0x120 1+1x120`, "120m", "200m", "partition=gpu",
		"50% of the jobs of partition gpu (hpc) failed in the last hour, more than usual."},
	{"SlurmJobsFailMoreThanUsual", "warn", `slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="completed"} 0+1x300
		slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="failed"} 0+1x300`, "240m", "", "", ""}, // half of them always fail
	{"SlurmQueueStuck", "warn", `slurm_queue_pending_reason{cluster="hpc",partition="gpu",reason="resources"} 4x90
		slurm_jobs_started_total{cluster="hpc",partition="gpu"} 100x90
		slurm_nodes_idle{cluster="hpc"} 2x90`, "15m", "50m", "",
		"4 jobs of cluster hpc wait for resources, nodes are idle, and no job started in 30 minutes."},
	{"SlurmSchedulerSlow", "warn", `slurm_scheduler_last_cycle{cluster="hpc"} 5000000x9 7500000x20`, "19m", "20m", "",
		"A scheduling cycle of cluster hpc takes 7.5 s: slurmctld answers slowly during the cycle."},
	{"SlurmAccountingBehind", "warn", `slurm_scheduler_dbd_queue_size{cluster="hpc"} 100x9 101x20`, "19m", "20m", "",
		"slurmctld of cluster hpc has 101 messages queued for slurmdbd. When the queue is full, slurmctld drops messages."},

	{"ParallelClusterCapacityRefused", "warn", `up{job="pcluster",cluster="hpc",node="head"} 1x60
		parallelcluster_node_launch_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="ice-failures",` +
		`error_code="InsufficientInstanceCapacity"} _x20 3x40`, "19m", "21m",
		"queue=gpu,compute_resource=p5,failure_type=ice-failures,error_code=InsufficientInstanceCapacity",
		"EC2 did not launch 3 nodes of queue gpu (hpc): InsufficientInstanceCapacity ice-failures."},
	{"ParallelClusterCapacityRefused", "warn", `up{job="pcluster",cluster="hpc",node="head"} _x20 1x60
		parallelcluster_node_launch_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="x",error_code="y"} _x20 3x60`,
		"22m", "", "", ""}, // the head was started again, and its counter came back with it
	{"ParallelClusterBootstrapFailures", "warn", `up{job="pcluster",cluster="hpc",node="head"} 1x60
		parallelcluster_node_bootstrap_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="timeout"} 1x20 3x40`, "20m",
		"35m", "queue=gpu,compute_resource=p5,failure_type=timeout",
		"2 nodes of queue gpu (hpc) did not finish their start: timeout. After 10 the cluster is in protected mode."},
	{"ParallelClusterProtectedMode", "page", `parallelcluster_compute_fleet_status{cluster="hpc",status="PROTECTED"} _x9 1x20`, "8m", "10m",
		"status=PROTECTED",
		"Cluster hpc is in protected mode: ParallelCluster starts no nodes in the queues whose nodes failed to start."},
	{"ParallelClusterHeartbeatStale", "page", `parallelcluster_clustermgtd_heartbeat_timestamp_seconds{cluster="hpc"} 0+60x5 300x20`, "9m",
		"10m",
		"", "clustermgtd of cluster hpc has sent no heartbeat for 5m 0s. " +
			"After 10 minutes all compute nodes terminate themselves, which ends their jobs."},
	{"ParallelClusterNodesReplaced", "warn", `up{job="pcluster",cluster="hpc",node="head"} 1x60
		parallelcluster_node_health_check_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",check="ec2_health_check"} _x20 1x40`,
		"19m", "21m", "queue=gpu,check=ec2_health_check", "ParallelCluster replaces 1 nodes of queue gpu (hpc): ec2_health_check."},
	{"ParallelClusterInstancesLost", "warn", `up{job="pcluster",cluster="hpc",node="head"} 1x60
		parallelcluster_node_instances_lost_total{cluster="hpc",queue="gpu",compute_resource="p5"} _x20 2x40`, "19m", "21m", "queue=gpu",
		"The instances of 2 nodes of queue gpu (hpc) no longer exist, and Slurm did not power them down."},
	{"ParallelClusterMetricsMissing", "warn", `up{job="pcluster",cluster="hpc",node="head"} 1x60`, "9m", "10m", "",
		"The head of cluster hpc does not find ParallelCluster's heartbeat: no alert would fire if clustermgtd stopped."},

	{"DeliveryDelayed", "warn", `parascope_delivery_failing_since_timestamp_seconds{cluster="hpc",remote_name="amp"} 0x9 600x30`, "20m", "22m",
		"remote_name=amp", "Requests of amp of the head of cluster hpc have failed for 12m 0s. Samples wait on disk."},
	{"SamplesAboutToBeLost", "page", `parascope_delivery_loss_begins_timestamp_seconds{cluster="hpc",remote_name="amp"} 0x9 3600x60`, "30m",
		"31m", "remote_name=amp", "Samples of amp of the head of cluster hpc begin to be lost in 29m 0s unless requests succeed."},
	{"SamplesDropped", "page", `up{job="head",cluster="hpc",node="head"} 1x60
		parascope_delivery_samples_dropped_total{cluster="hpc",remote_name="amp",reason="too_old"} _x20 70x40`, "19m", "21m",
		"remote_name=amp,reason=too_old", "70 samples of amp of the head of cluster hpc were permanently dropped in 15 minutes: too_old."},
	{"SamplesUncertain", "warn", `up{job="head",cluster="hpc",node="head"} 1x60
		parascope_delivery_samples_uncertain_total{cluster="hpc",remote_name="amp",reason="order"} 1x20 5x40`, "20m", "35m",
		"remote_name=amp,reason=order", "The receiver refused some of 4 samples of amp of the head of cluster hpc in 15 minutes: order."},
	{"SeriesRefused", "warn", `parascope_delivery_refused_series{cluster="hpc",remote_name="amp"} 0x9 3x20`, "19m", "20m", "remote_name=amp",
		"The receiver refuses 3 series of amp of the head of cluster hpc. Other series are delivered."},
	{"HeadDiskFailing", "page", `parascope_delivery_disk_failing{cluster="hpc",remote_name="amp"} 0x9 1x20`, "9m", "10m", "remote_name=amp",
		"Writing to disk fails for the queue of amp of the head of cluster hpc: samples that cannot be queued are dropped."},
	{"DiscoveryFailing", "warn", `prometheus_sd_refresh_failures_total{cluster="hpc",mechanism="ec2",config="node"} 0+1x60`, "10m", "14m",
		"mechanism=ec2,config=node", "Discovery by ec2 of job node fails on the head of cluster hpc: new nodes are not scraped."},
	{"TargetsDown", "warn", `up{job="dcgm",cluster="hpc",instance="n",node="n"} 1x9 0x30
		up{job="node",cluster="hpc",instance="n",node="n"} 1x40`, "19m", "20m", "job=dcgm,instance=n,node=n",
		"Job dcgm of n (hpc) does not answer."},
	// 2,000 samples a second, where 1,000 are expected.
	{"BillAboveExpectation", "warn", bill("0+120000x200", "2.628e9x200"), "70m", "80m", "",
		"Cluster hpc sends 5.256G samples per month at the current rate, more than 1.5 times the expected number. The AMP cost rises " +
			"accordingly."},
	{"HeadSilent", "page", `up{job="head",cluster="hpc",node="head"} 1x20`, "29m", "40m", "",
		"Nothing arrives from cluster hpc: its head node, its Prometheus or the connection to AMP is down. No other alert of this " +
			"cluster can fire."},
	{"HeadSilent", "page", `up{job="head",cluster="hpc",node="head"} 1x20`, "20m", "150m", "",
		"Nothing arrives from cluster hpc: its head node, its Prometheus or the connection to AMP is down. No other alert of this " +
			"cluster can fire."},
	{"TargetsDown", "warn", `up{job="dcgm",cluster="hpc",instance="n",node="n"} 1x9 0x30
		up{job="node",cluster="hpc",instance="n",node="n"} 1x9 0x30`, "30m", "", "", ""}, // the node is down, and NodeDown fires
	{"GPUXidPage", "page", manyXids(51), "9m", "11m", "", "51 nodes of cluster hpc have this alert."},
	{"HeadSilent", "page", `up{job="head",cluster="hpc",node="head"} 1x20
		parascope:head_forgotten{cluster="hpc"} _x40 1 _x60`, "70m", "", "", ""}, // forgotten after 41 minutes
	{"HeadSilent", "page", `up{job="head",cluster="hpc",node="head"} 1x20
		parascope:head_forgotten{cluster="other"} _x40 1 _x60`, "29m", "70m", "",
		"Nothing arrives from cluster hpc: its head node, its Prometheus or the connection to AMP is down. No other alert of this " +
			"cluster can fire."},
	{"HeadSilent", "page", `up{job="head",cluster="hpc",node="head"} 1x20 _x60 1x60`, "90m", "", "", ""}, // it returned
}

const idleJob = `
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="n",device="nvidia0"} 0.04x180
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="n",device="nvidia1"} 0x180
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="n",device="nvidia2"} 0.8x180
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="n",device="nvidia3"} 0x180
slurm_gpu_job{cluster="hpc",node="n",device="nvidia0",job_id="7",user="alice",account="research",partition="gpu"} 1x180
slurm_gpu_job{cluster="hpc",node="n",device="nvidia1",job_id="7",user="alice",account="research",partition="gpu"} 1x180
slurm_gpu_job{cluster="hpc",node="n",device="nvidia2",job_id="8",user="bob",account="research",partition="gpu"} 1x180
slurm_gpu_job{cluster="hpc",node="n",device="nvidia3",job_id="9",user="bob",account="research",partition="gpu"} _x50 1x130
slurm_job_start_timestamp_seconds{cluster="hpc",job_id="7"} 0x180
slurm_job_start_timestamp_seconds{cluster="hpc",job_id="8"} 0x180
slurm_job_start_timestamp_seconds{cluster="hpc",job_id="9"} _x50 1500x130
`
