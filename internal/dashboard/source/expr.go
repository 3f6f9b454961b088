package source

import (
	"maps"
	"slices"
)

// Selectors. Each begins with the cluster, since one Grafana has several.
const (
	inCluster = `cluster=~"$cluster"`
	chosen    = inCluster + `,instance=~"$instance"`
	realDisks = `fstype!~"tmpfs|overlay|squashfs|ramfs"`
	// slurmAnswers has series while the head knows what Slurm's commands said.
	slurmAnswers = `slurm_command_success{` + inCluster + `} == 1`
)

// Labels that an expression is reduced to. A target's label node is the machine's name
// whoever exports its metrics, so that neither of dcgm-exporter's labels Hostname and
// hostname is needed, and a machine with several targets is one.
const (
	byNode = "(cluster, node)"
	byGPU  = "(cluster, node, gpu, device)"
)

// ofMachine adds up what the devices of a machine come to, on one of its targets: where two
// exporters measure a machine each has all of its devices, and one may have summed them up.
func ofMachine(by, expr string) string {
	return "max by (" + by + ") (sum by (" + by + ", job) (" + expr + "))"
}

// either is what one GPU metric says, by GPU, under its old name or, where there is none
// of these, under the one that DCGM 4.6 and dcgm-exporter 4.9 give it.
func either(older, newer string) string {
	return "max by " + byGPU + " (" + older + "\n or " + newer + ")"
}

// busy is how much of a GPU works, 0 to 1: its multiprocessors' share where profiling
// runs, else the share of time in which any kernel ran.
func busy(sel string) string {
	return "max by " + byGPU + " (DCGM_FI_PROF_SM_ACTIVE{" + sel + "}\n or DCGM_FI_PROF_SM_UTIL_RATIO{" + sel + "}) or " +
		either("DCGM_FI_DEV_GPU_UTIL{"+sel+"} / 100", "DCGM_FI_DEV_GPU_UTIL_RATIO{"+sel+"}")
}

// power is what a GPU draws, in watts.
func power(sel string) string {
	return either("DCGM_FI_DEV_POWER_USAGE{"+sel+"}", "DCGM_FI_DEV_BOARD_POWER_WATTS{"+sel+"}")
}

// powerLimit is what it may draw, above 0.
func powerLimit(sel string) string {
	return either("DCGM_FI_DEV_ENFORCED_POWER_LIMIT{"+sel+"} > 0", "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS{"+sel+"} > 0")
}

// temperature is a GPU's, in °C.
func temperature(sel string) string {
	return either("DCGM_FI_DEV_GPU_TEMP{"+sel+"}", "DCGM_FI_DEV_GPU_TEMP_CELSIUS{"+sel+"}")
}

// margin is how many °C a GPU is away from slowing down.
func margin(sel string) string {
	return either("DCGM_FI_DEV_GPU_TEMP_LIMIT{"+sel+"}", "DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS{"+sel+"}")
}

// memoryShare is the part of a GPU's memory that is in use. With MIG, that of the whole
// GPU's instances together.
func memoryShare(sel string) string {
	used, free := "DCGM_FI_DEV_FB_USED{"+sel+"}", "DCGM_FI_DEV_FB_FREE{"+sel+"}"
	return "sum by " + byGPU + " (" + used + ")\n / (sum by " + byGPU + " (" + used + ") + sum by " + byGPU + " (" + free + ") > 0)"
}

// bit is 1 where a bit of the mask of clock event reasons is set; value is the bit's.
// PromQL has no bit operators: what is left of twice the bit is at least the bit.
func bit(sel string, value, twice string) string {
	return "max by " + byGPU + " (DCGM_FI_DEV_CLOCKS_EVENT_REASONS{" + sel + "} or DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{" + sel + "})" +
		" % " + twice + " >= bool " + value
}

// gpuPrice is dollars an hour of one GPU of a node: the instance type's price by its GPUs.
func gpuPrice() string {
	return "max by " + byNode + " (parascope_node_info{" + inCluster + "}\n" +
		"  * on (cluster, instance_type) group_left () parascope_instance_price_dollars_per_hour{" + inCluster + "})\n" +
		" / on " + byNode + " (max by " + byNode + " (parascope_gpu_devices_expected{" + inCluster + "} > 0))"
}

// idleGPUs is 1 for each GPU that a job has and does not use, with the job's labels.
func idleGPUs(sel string) string {
	return "max by (cluster, node, device, job_id, user, account) (slurm_gpu_job{" + inCluster + sel + "})\n" +
		" and on (cluster, node, device) (" + busy(inCluster) + ") < 0.05"
}

// orZero is an expression that has no labels, or 0 where it is empty and the data that it is made of
// arrives. Without the latter it stays empty: a panel must not show 0 while nothing is known.
func orZero(expr, evidence string) string {
	return expr + " or 0 * count(" + evidence + ")"
}

// grown is by how much counters of events grew within a span: what they stand at beyond
// what they stood at, or all of it where they began since. Such a counter appears with its
// first event, which increase does not see, and increase reads every sample of the span.
func grown(metric, sel, span string) string {
	series := metric + "{" + sel + "}"
	return "(" + series + " - " + series + " offset " + span + ") >= 0 or " + series
}

// xidMeaning says what an XID is and what to do, in few words, for those that are seen.
var xidMeaning = map[string]string{
	"13":  "13 the program failed: look at the job",
	"31":  "31 the program read a wrong address: look at the job",
	"43":  "43 the program stopped after an error: look at the job",
	"45":  "45 the program was terminated: look at the job",
	"48":  "48 double-bit ECC error: drain the node, then reset the GPU",
	"62":  "62 the GPU's controller stopped: reset the GPU",
	"63":  "63 a memory row will be remapped: reset the GPU when the job has ended",
	"64":  "64 a memory row cannot be remapped: drain the node, then reset the GPU",
	"74":  "74 NVLink error: drain the node, then reset its GPUs",
	"79":  "79 the GPU is off the bus: drain the node, then replace the instance",
	"94":  "94 contained memory error: the job has failed; reset the GPU soon",
	"95":  "95 uncontained memory error: drain the node, then reset the GPU",
	"119": "119 the GPU's controller does not answer: drain the node, then reboot it",
	"120": "120 the GPU's controller failed: drain the node, then reboot it",
	"140": "140 unrecovered ECC error: drain the node, then reset the GPU",
	"154": "154 the recovery action changed: see the dashboard \"GPU node\"",
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
