package source

import (
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Masks of clock event reasons that are faults: those that a healthy GPU under load
// has as well (1 idle, 2 clocks that were set, 4 the power limit) are left out.
const (
	hardwareSlowdown = "8"
	hardwareThermal  = "64"
	powerBrake       = "128"
)

func doubled(bit string) string {
	return map[string]string{hardwareSlowdown: "16", hardwareThermal: "128", powerBrake: "256"}[bit]
}

// gpus is all GPUs of a cluster.
func gpus() *grafana.DashboardBuilder {
	const sel = inCluster
	slowed := `(` + bit(sel, hardwareSlowdown, doubled(hardwareSlowdown)) + `) + (` + bit(sel, hardwareThermal, doubled(hardwareThermal)) +
		`) + (` + bit(sel, powerBrake, doubled(powerBrake)) + `)`
	return board("parascope-gpus", "GPUs", "All GPUs of a cluster. The dashboard \"GPU node\" shows the GPUs of one machine.").
		WithPanel(number("GPUs read", "GPUs whose metrics were collected.", short,
			orZero(`count(count by `+byGPU+` (DCGM_FI_DEV_GPU_TEMP{`+sel+`} or DCGM_FI_DEV_GPU_TEMP_CELSIUS{`+sel+`}))`, `up{`+sel+`}`), 0)).
		WithPanel(number("GPUs missing", "GPUs that the instance types have but that are missing or cannot be read.", short,
			`sum(clamp_min(max by `+byNode+` (parascope_gpu_devices_expected{`+sel+`}) - max by `+byNode+` (parascope_gpu_devices{`+sel+`}), 0))`,
			1)).
		WithPanel(number("Power", "Total power of all GPUs.", watts, `sum(`+power(sel)+`)`, 0)).
		WithPanel(number("GPUs throttled", "GPUs whose clocks are reduced because of heat or a power brake.", short,
			`sum((`+slowed+`) > bool 0)`, 1)).
		WithPanel(number("GPUs to reset", "GPUs for which the driver requests a recovery action.", short,
			`sum(max by `+byGPU+` (DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION{`+sel+`}) > bool 0)`, 1)).
		WithPanel(number("Severe XIDs",
			"XIDs in the time range that require a GPU reset, a reboot or a replacement.", short,
			`sum(`+grown("parascope_gpu_xid_errors_total", sel+`,class="page"`, "$__range")+`)`, 1)).
		WithPanel(history("GPU utilization by node", "Mean share of multiprocessors in use on a node's GPUs. Darker means higher.",
			percent, heat(), query("A", `avg by (node) (`+busy(sel)+`)`, "{{node}}")).MaxDataPoints(fewerPoints)).
		WithPanel(bars("GPU power, share of the limit", "The 15 nodes whose GPUs are nearest to their power limits.", percent,
			top(15, `avg by (cluster, node) (`+power(sel)+` / (`+powerLimit(sel)+`))`), "{{node}}", 0).Max(1)).
		WithPanel(bars("Least thermal margin",
			"Degrees Celsius below the threshold at which clocks are reduced: the 15 GPUs that are nearest to it.", celsius,
			bottom(15, margin(sel)), "{{node}} GPU {{gpu}}", 0).Thresholds(redBelow(1))).
		WithPanel(bars("GPU memory used", "Share of the memory of a node's GPUs that is in use: the 15 nodes with the highest.", percent,
			top(15, `avg by (cluster, node) (`+memoryShare(sel)+`)`), "{{node}}", 0).Max(1)).
		WithPanel(bars("XIDs by class",
			"XIDs in the time range. application: caused by the job. page: require a reset, a reboot or a replacement. warn: all "+
				"others.", short,
			`sum by (class) (`+grown("parascope_gpu_xid_errors_total", sel, "$__range")+`)`, "{{class}}", 0).Decimals(0)).
		WithPanel(rows("Nodes without a working driver", "Nodes on which the GPU driver does not work, with the duration.",
			seconds, "For",
			`max by (node, state) (parascope_gpu_driver_state_age_seconds{`+sel+`,state!~"ok|no_device"})`,
			column{"node", "Node"}, column{"state", "State"})).
		WithPanel(rows("GPUs that cannot be read", "GPUs whose metrics could not be read, with reason and duration.", seconds, "For",
			`max by (node, gpu, reason) (parascope_gpu_unreadable_seconds{`+sel+`})`,
			column{"node", "Node"}, column{"gpu", "GPU"}, column{"reason", "Reason"}))
}

// recoveryActions are what the driver asks for, by number.
var recoveryActions = map[string]string{"0": "nothing", "1": "reset the GPU", "2": "reboot the node", "3": "drain peers",
	"4": "drain and reset",
	"5": "recover IMEX"}

// gpuNode is the GPUs of one machine.
func gpuNode() *grafana.DashboardBuilder {
	const sel = inCluster + `,node=~"$node"`
	gpu := func(expr string) string { return `max by (node, gpu) (` + expr + `)` }
	rate := func(metric string) string { return gpu(`rate(` + metric + `{` + sel + `}[$__rate_interval])`) }
	return board("parascope-gpu-node", "GPU node", "The GPUs of one machine.").
		WithVariable(someOf("node", "Node", `{__name__=~"DCGM_FI_DEV_GPU_TEMP(_CELSIUS)?",`+inCluster+`}`)).
		WithPanel(lines("GPU utilization",
			"Share of multiprocessors in use; without profiling, the share of time in which a kernel ran.", percent,
			query("A", gpu(busy(sel)), "{{node}} GPU {{gpu}}")).Min(0).Max(1)).
		WithPanel(lines("Tensor cores", "Share of cycles in which the tensor cores worked.", percent,
			query("A", gpu(`DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{`+sel+`} or DCGM_FI_PROF_TENSOR_UTIL_RATIO{`+sel+`}`),
				"{{node}} GPU {{gpu}}")).Min(0).Max(1)).
		WithPanel(lines("Memory bandwidth used", "Share of cycles in which the memory's interface was in use.", percent,
			query("A", gpu(`DCGM_FI_PROF_DRAM_ACTIVE{`+sel+`} or DCGM_FI_PROF_DRAM_UTIL_RATIO{`+sel+`}`), "{{node}} GPU {{gpu}}")).Min(0).Max(1)).
		WithPanel(lines("Memory used", "Share of the memory that is in use.", percent,
			query("A", gpu(memoryShare(sel)), "{{node}} GPU {{gpu}}")).Min(0).Max(1)).
		WithPanel(lines("Power", "Power that each GPU draws.", watts, query("A", gpu(power(sel)), "{{node}} GPU {{gpu}}")).Min(0)).
		WithPanel(lines("Temperature", "Temperature of the GPU.", celsius, query("A", gpu(temperature(sel)), "{{node}} GPU {{gpu}}"))).
		WithPanel(lines("Thermal margin", "Degrees Celsius below the nearest threshold at which clocks are reduced; comparable between "+
			"GPU models.", celsius,
			query("A", gpu(margin(sel)), "{{node}} GPU {{gpu}}"))).
		WithPanel(lines("Thermal throttling", "Share of time in which clocks were reduced because of heat.", percent,
			query("A", rate("DCGM_FI_DEV_THERMAL_VIOLATION")+` / 1e9`, "{{node}} GPU {{gpu}}")).Min(0)).
		WithPanel(history("Hardware slowdown", "When a GPU's clocks were reduced, by reason: slowdown, heat or power brake.", short, redFrom(1),
			query("A", gpu(bit(sel, hardwareSlowdown, doubled(hardwareSlowdown))), "{{node}} GPU {{gpu}} slowdown"),
			query("B", gpu(bit(sel, hardwareThermal, doubled(hardwareThermal))), "{{node}} GPU {{gpu}} heat"),
			query("C", gpu(bit(sel, powerBrake, doubled(powerBrake))), "{{node}} GPU {{gpu}} power brake")).
			Height(13).Mappings(texts(map[string]string{"0": "no", "1": "reduced"}))).
		WithPanel(lines("NVLink", "Data sent and received over NVLink, summed over the links of a GPU.", bytesPerSecond,
			query("A", rate("DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES"), "{{node}} GPU {{gpu}} sent"),
			query("B", rate("DCGM_FI_DEV_NVLINK_COUNT_RX_BYTES"), "{{node}} GPU {{gpu}} received")).Min(0)).
		WithPanel(rows("Recovery action", "Recovery action that the GPU driver requests.", short, "Action",
			gpu(`DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION{`+sel+`}`), column{"node", "Node"}, column{"gpu", "GPU"}).
			OverrideByName("Action", []grafana.DynamicConfigValue{{Id: "mappings", Value: texts(recoveryActions)}})).
		WithPanel(rows("Memory errors", "Uncorrectable errors since the driver was loaded.", short, "Errors",
			gpu(`DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{`+sel+`}`), column{"node", "Node"}, column{"gpu", "GPU"})).
		WithPanel(rows("Memory row remapping failed", "yes if a row of memory could not be remapped: the GPU must be replaced.", short,
			"Failed",
			gpu(`DCGM_FI_DEV_ROW_REMAP_FAILURE{`+sel+`} or DCGM_FI_DEV_ROW_REMAP_FAILED{`+sel+`}`), column{"node", "Node"}, column{"gpu", "GPU"}).
			OverrideByName("Failed", []grafana.DynamicConfigValue{{Id: "mappings", Value: texts(map[string]string{"0": "no", "1": "yes"})}})).
		WithPanel(rows("GPU allocation to jobs", "The job that each GPU is allocated to.", short, "",
			`max by (node, device, job_id, user, account) (slurm_gpu_job{`+sel+`})`,
			column{"node", "Node"}, column{"device", "Device"}, column{"job_id", "Job"}, column{"user", "User"}, column{"account", "Account"}))
}
