package rules

import "time"

// throttled is a result for GPUs whose mask of clock event reasons has a bit of hardware
// protection: 0x8 slowdown, 0x40 heat, 0x80 the power brake. Idle, application clocks, the
// software power cap and display are part of normal operation.
const throttled = `floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS / 8) % 2 == 1
  or floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS / 64) % 2 == 1
  or floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS / 128) % 2 == 1`

const ofGPU = `GPU {{ $labels.gpu }} ({{ $labels.device }}) of {{ $labels.node }} ({{ $labels.cluster }})`

var gpu = Group{Name: "parascope-gpu", Every: every, Alerts: []Alert{
	{
		Name: "GPUXidPage", Severity: Page, PerNode: true,
		Expr: `increase(parascope_gpu_xid_errors_total{class="page"}[15m]) > 0`,
		Summary: ofGPU + ` reported an XID that needs a reset, a restart or a repair. ` +
			`parascope_gpu_xid_last_timestamp_seconds has the code.`,
	},
	{
		Name: "GPUXidWarning", Severity: Warn, PerNode: true,
		Expr:    `increase(parascope_gpu_xid_errors_total{class="warn"}[15m]) > 0`,
		Summary: ofGPU + ` reported an XID that should be checked. parascope_gpu_xid_last_timestamp_seconds has the code.`,
	},
	{
		Name: "GPURecoveryActionNeeded", Severity: Page, PerNode: true, For: time.Minute,
		Expr: `DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION > 0`,
		Summary: ofGPU + ` needs action {{ $value }}: 1 reset the GPU, 2 reboot the node, 3 drain peer-to-peer traffic, ` +
			`4 drain and reset, 5 recover IMEX.`,
	},
	{
		Name: "GPUsMissing", Severity: Page, PerNode: true, For: 5 * time.Minute,
		Expr:    `parascope_gpu_devices < parascope_gpu_devices_expected`,
		Summary: `{{ $labels.node }} ({{ $labels.cluster }}) has {{ $value }} working GPUs, fewer than its instance type.`,
	},
	{
		Name: "GPUUnreadable", Severity: Page, PerNode: true,
		Expr:    `parascope_gpu_unreadable_seconds > 300`,
		Summary: ofGPU + ` has not been readable for {{ $value | humanizeDuration }}: {{ $labels.reason }}.`,
	},
	{
		Name: "GPUDriverFailing", Severity: Page, PerNode: true,
		Expr: `parascope_gpu_driver_state_age_seconds{state!~"ok|no_device"} > 300`,
		Summary: `The GPU driver of {{ $labels.node }} ({{ $labels.cluster }}) has not answered for {{ $value | humanizeDuration }}: ` +
			`{{ $labels.state }}.`,
	},
	{
		Name: "GPUThrottled", Severity: Warn, PerNode: true, For: 5 * time.Minute,
		Expr:    throttled,
		Summary: `The hardware reduces the clocks of ` + ofGPU + ` because of heat or the power supply.`,
	},
	{
		Name: "GPUNearThermalLimit", Severity: Warn, PerNode: true, For: 10 * time.Minute,
		Expr:    `DCGM_FI_DEV_GPU_TEMP_LIMIT < 3`,
		Summary: ofGPU + ` is {{ $value }} °C below the temperature at which its clocks are reduced.`,
	},
	{
		Name: "GPUUncorrectableMemoryErrors", Severity: Page, PerNode: true,
		Expr:    `increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL[15m]) > 0`,
		Summary: ofGPU + ` had {{ $value | printf "%.0f" }} uncorrectable memory errors in 15 minutes.`,
	},
	{
		Name: "GPURowRemapFailed", Severity: Page, PerNode: true,
		Expr:    `DCGM_FI_DEV_ROW_REMAP_FAILURE > 0`,
		Summary: ofGPU + ` failed to remap a memory row: no spare rows are left.`,
	},
	{
		Name: "GPUNVLinkRecoveries", Severity: Warn, PerNode: true,
		Expr:    `increase(DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL[15m]) > 0`,
		Summary: `NVLinks of ` + ofGPU + ` recovered from errors {{ $value | printf "%.0f" }} times in 15 minutes.`,
	},
}}

// gpuIdle is a group of its own: its expression reads half an hour of every GPU.
var gpuIdle = Group{Name: "parascope-gpu-idle", Every: 5 * time.Minute, Alerts: []Alert{
	{
		Name: "JobGPUsIdle", Severity: Warn, For: 5 * time.Minute,
		Expr: `count by (cluster, job_id, user, account, partition) (
  slurm_gpu_job
  and on (cluster, node, device) (
    avg_over_time(DCGM_FI_PROF_SM_ACTIVE[30m]) < 0.05 and count_over_time(DCGM_FI_PROF_SM_ACTIVE[30m]) > 40
  )
  and on (cluster, job_id) (time() - slurm_job_start_timestamp_seconds > 1800)
)`,
		Summary: `Job {{ $labels.job_id }} of {{ $labels.user }} in {{ $labels.partition }} ({{ $labels.cluster }}) has left {{ $value }} ` +
			`GPUs idle for 30 minutes.`,
	},
}}
