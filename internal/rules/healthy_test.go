package rules_test

import (
	"fmt"
	"strings"
)

// healthy are clusters on which no alert may fire, for two hours.
var healthy = map[string]string{
	// All GPUs are allocated and busy, some jobs fail as usual, memory and disks are in use.
	"full": `
up{job="node",cluster="hpc",node="gpu-dy-p5-1",queue="gpu"} 1x120
up{job="dcgm",cluster="hpc",instance="gpu-dy-p5-1",node="gpu-dy-p5-1"} 1x120
up{job="head",cluster="hpc",node="head"} 1x120
up{job="slurm",cluster="hpc",instance="head",node="head"} 1x120
up{job="pcluster",cluster="hpc",instance="head",node="head"} 1x120
node_filesystem_avail_bytes{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/"} 40e9-1e7x120
node_filesystem_size_bytes{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/"} 100e9x120
node_filesystem_readonly{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/"} 0x120
node_filesystem_avail_bytes{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/opt/ro"} 0x120
node_filesystem_size_bytes{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/opt/ro"} 1e9x120
node_filesystem_readonly{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/opt/ro"} 1x120
node_filesystem_device_error{cluster="hpc",node="gpu-dy-p5-1",mountpoint="/"} 0x120
node_vmstat_oom_kill{cluster="hpc",node="gpu-dy-p5-1"} 7x120
node_cpu_package_throttles_total{cluster="hpc",node="gpu-dy-p5-1",package="0"} 3x120
node_time_seconds{cluster="hpc",node="gpu-dy-p5-1"} 1+60x120
node_ethtool_bw_in_allowance_exceeded{cluster="hpc",node="gpu-dy-p5-1",device="all"} 1000+60x120
node_ethtool_bw_out_allowance_exceeded{cluster="hpc",node="gpu-dy-p5-1",device="all"} 0x120
node_ethtool_pps_allowance_exceeded{cluster="hpc",node="gpu-dy-p5-1",device="all"} 0x120
node_ethtool_conntrack_allowance_exceeded{cluster="hpc",node="gpu-dy-p5-1",device="all"} 5x120
node_ebs_volume_iops_exceeded_seconds_total{cluster="hpc",node="gpu-dy-p5-1",device="nvme0n1",volume_id="vol-1"} 0+12x120
node_ebs_volume_throughput_exceeded_seconds_total{cluster="hpc",node="gpu-dy-p5-1",device="nvme0n1",volume_id="vol-1"} 9x120
node_ebs_instance_iops_exceeded_seconds_total{cluster="hpc",node="gpu-dy-p5-1",device="nvme0n1",volume_id="vol-1"} 0x120
node_ebs_instance_throughput_exceeded_seconds_total{cluster="hpc",node="gpu-dy-p5-1",device="nvme0n1",volume_id="vol-1"} 0x120
node_nfs_server_retransmissions_total{cluster="hpc",node="gpu-dy-p5-1",server="10.0.0.1"} 0+10x120
node_lustre_rpc_timeouts_total{cluster="hpc",node="gpu-dy-p5-1",fsname="scratch"} 4x120
node_amazonefa_devices{cluster="hpc",node="gpu-dy-p5-1"} 32x120
node_amazonefa_devices_expected{cluster="hpc",node="gpu-dy-p5-1"} 32x120
node_amazonefa_retrans_timeout_events{cluster="hpc",node="gpu-dy-p5-1",device="all"} 0+6x120
node_amazonefa_unresponsive_remote_events{cluster="hpc",node="gpu-dy-p5-1",device="all"} 2x120
parascope_gpu_xid_errors_total{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0",class="page"} 0x120
parascope_gpu_xid_errors_total{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0",class="warn"} 1x120
parascope_gpu_xid_errors_total{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0",class="application"} 0+100x120
DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 0x120
parascope_gpu_devices{cluster="hpc",node="gpu-dy-p5-1"} 8x120
parascope_gpu_devices_expected{cluster="hpc",node="gpu-dy-p5-1"} 8x120
parascope_gpu_unreadable_seconds{cluster="hpc",node="gpu-dy-p5-1",gpu="1",device="nvidia1",reason="hang"} 0+60x4 stale
parascope_gpu_driver_state_age_seconds{cluster="hpc",node="gpu-dy-p5-1",state="ok"} 0+60x120
parascope_gpu_driver_state_age_seconds{cluster="hpc",node="head",state="no_device"} 0+60x120
DCGM_FI_DEV_CLOCKS_EVENT_REASONS{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 4x120
DCGM_FI_DEV_CLOCKS_EVENT_REASONS{cluster="hpc",node="gpu-dy-p5-1",gpu="1",device="nvidia1"} 311x120
DCGM_FI_DEV_GPU_TEMP_LIMIT{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 12x120
DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 2x120
DCGM_FI_DEV_ROW_REMAP_FAILURE{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 0x120
DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL{cluster="hpc",node="gpu-dy-p5-1",gpu="0",device="nvidia0"} 3x120
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="gpu-dy-p5-1",device="nvidia0"} 0.9x120
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="gpu-dy-p5-1",device="nvidia1"} 0x120
slurm_gpu_job{cluster="hpc",node="gpu-dy-p5-1",device="nvidia0",job_id="7",user="alice",account="research",partition="gpu"} 1x120
slurm_job_start_timestamp_seconds{cluster="hpc",job_id="7"} 0x120
slurm_controller_up{cluster="hpc"} 1x120
slurm_snapshot_age_seconds{cluster="hpc"} 55x120
slurm_node_status{cluster="hpc",node="gpu-dy-p5-1",status="alloc"} 1x120
slurm_node_drain_reason_info{cluster="hpc",node="gpu-dy-p5-9",reason="(Code:InsufficientInstanceCapacity)",user="root"} 1x120
slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="completed"} 100+2x120
slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="failed"} 10x120
slurm_jobs_started_total{cluster="hpc",partition="gpu"} 110+2x120
slurm_queue_pending_reason{cluster="hpc",partition="gpu",reason="resources"} 12x120
slurm_nodes_idle{cluster="hpc"} 0x120
slurm_scheduler_last_cycle{cluster="hpc"} 40000x120
slurm_scheduler_dbd_queue_size{cluster="hpc"} 3x120
parallelcluster_node_launch_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="ice-failures",error_code="x"} 4x120
parallelcluster_node_bootstrap_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",failure_type="y"} 1x120
parallelcluster_node_health_check_failures_total{cluster="hpc",queue="gpu",compute_resource="p5",check="z"} 1x120
parallelcluster_node_instances_lost_total{cluster="hpc",queue="gpu",compute_resource="p5"} 1x120
parallelcluster_compute_fleet_status{cluster="hpc",status="RUNNING"} 1x120
parallelcluster_clustermgtd_heartbeat_timestamp_seconds{cluster="hpc"} -50+60x120
parascope_delivery_failing_since_timestamp_seconds{cluster="hpc",remote_name="amp"} 0x120
parascope_delivery_samples_taken_total{cluster="hpc",remote_name="amp"} 0+120000x120
parascope_cost_expected_samples_per_month{cluster="hpc",source="nodes"} 5.256e9x120
parascope_delivery_loss_begins_timestamp_seconds{cluster="hpc",remote_name="amp"} 0x120
parascope_delivery_samples_dropped_total{cluster="hpc",remote_name="amp",reason="too_old"} 9x120
parascope_delivery_samples_uncertain_total{cluster="hpc",remote_name="amp",reason="order"} 9x120
parascope_delivery_refused_series{cluster="hpc",remote_name="amp"} 0x120
parascope_delivery_disk_failing{cluster="hpc",remote_name="amp"} 0x120
prometheus_sd_refresh_failures_total{cluster="hpc",mechanism="http",config="node"} 1x120
`,
	// Nodes were powered down: their series ended with a staleness marker, and Slurm has no
	// series of them. Nothing runs, nothing waits.
	"scaled to zero": `
up{job="node",cluster="hpc",node="gpu-dy-p5-1",queue="gpu"} 1x10 stale
up{job="node",cluster="hpc",node="head"} 1x120
up{job="head",cluster="hpc",node="head"} 1x120
up{job="slurm",cluster="hpc",instance="head",node="head"} 1x120
up{job="pcluster",cluster="hpc",instance="head",node="head"} 1x120
DCGM_FI_PROF_SM_ACTIVE{cluster="hpc",node="gpu-dy-p5-1",device="nvidia0"} 0x10 stale
slurm_controller_up{cluster="hpc"} 1x120
slurm_snapshot_age_seconds{cluster="hpc"} 55x120
slurm_nodes_idle{cluster="hpc"} 0x120
slurm_nodes_powered_down{cluster="hpc"} 16x120
parascope_delivery_samples_taken_total{cluster="hpc",remote_name="amp"} 0+120000x10 1210000+5000x110
parascope_cost_expected_samples_per_month{cluster="hpc",source="nodes"} 5.256e9x10 219e6x110
slurm_jobs_started_total{cluster="hpc",partition="gpu"} 110x120
slurm_jobs_finished_total{cluster="hpc",partition="gpu",state="failed"} 10x120
parallelcluster_clustermgtd_heartbeat_timestamp_seconds{cluster="hpc"} -50+60x120
parallelcluster_compute_fleet_status{cluster="hpc",status="RUNNING"} 1x120
`,
	// A rolling update: nodes drain for some minutes one after the other, go, and come back
	// as new instances whose counters begin at 0.
	"rolling update": `
up{job="node",cluster="hpc",node="gpu-st-p5-1",queue="gpu"} 1x15 stale _x6 1x95
up{job="node",cluster="hpc",node="gpu-st-p5-2",queue="gpu"} 1x30 stale _x6 1x80
up{job="head",cluster="hpc",node="head"} 1x120
up{job="slurm",cluster="hpc",instance="head",node="head"} 1x120
up{job="pcluster",cluster="hpc",instance="head",node="head"} 1x120
node_vmstat_oom_kill{cluster="hpc",node="gpu-st-p5-1"} 7x15 stale _x6 0x95
parascope_gpu_xid_errors_total{cluster="hpc",node="gpu-st-p5-1",gpu="0",device="nvidia0",class="page"} 1x15 stale _x6 0x95
slurm_controller_up{cluster="hpc"} 1x120
slurm_snapshot_age_seconds{cluster="hpc"} 55x120
slurm_node_status{cluster="hpc",node="gpu-st-p5-1",status="drain"} _x5 1x9 stale
slurm_node_status{cluster="hpc",node="gpu-st-p5-2",status="drain"} _x20 1x9 stale
slurm_node_drain_reason_info{cluster="hpc",node="gpu-st-p5-1",reason="update",user="root"} _x5 1x9 stale
slurm_node_drain_reason_info{cluster="hpc",node="gpu-st-p5-2",reason="update",user="root"} _x20 1x9 stale
parallelcluster_clustermgtd_heartbeat_timestamp_seconds{cluster="hpc"} -50+60x120
parallelcluster_compute_fleet_status{cluster="hpc",status="RUNNING"} 1x120
`,
}

// manyDown are 51 nodes that stop answering at once.
func manyDown() string {
	var b strings.Builder
	for i := range 51 {
		fmt.Fprintf(&b, "up{job=\"node\",cluster=\"hpc\",node=\"n%d\"} 1x9 0x20\n", i)
	}
	return b.String()
}

// manyXids are nodes with two GPUs each, all of which report an XID after ten minutes.
func manyXids(nodes int) string {
	var b strings.Builder
	for i := range 2 * nodes {
		fmt.Fprintf(&b, "parascope_gpu_xid_errors_total{cluster=\"hpc\",node=\"n%d\",gpu=\"%d\",class=\"page\"} 0x9 1x60\n", i/2, i%2)
	}
	return b.String()
}
