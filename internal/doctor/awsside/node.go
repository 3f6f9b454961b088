package awsside

import (
	"strings"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/doctor"
)

// NodeChecks are passive checks of one node's GPUs and EFA, by what its page says: nothing is
// run on the node. active offers the test that is.
func NodeChecks(node string, active bool) []ClusterCheck {
	measured := func(id, title string, q question, needs ...string) ClusterCheck {
		ofNode := strings.NewReplacer("$n", "$c,node="+quoted(node))
		q.wrong, q.applies = ofNode.Replace(q.wrong), ofNode.Replace(q.applies)
		return doctor.NewCheck(id, title, append(needs, "query", "samples"), q.run)
	}
	return []ClusterCheck{
		measured("node-answers", "every target of the node answers scrapes", nodeAnswers),
		measured("node-gpus", "metrics of every GPU of the node are collected", nodeGPUs, "node-answers"),
		measured("node-xid", "no GPU error (XID) was reported in the last hour", nodeXID, "node-answers"),
		measured("node-gpu-memory", "the GPU memory has no uncorrectable errors", nodeGPUMemory, "node-answers"),
		measured("node-gpu-throttled", "no GPU is slowed down by heat or power", nodeGPUThrottled, "node-answers"),
		measured("node-efa-devices", "every EFA device is present", nodeEFADevices, "node-answers"),
		measured("node-efa-errors", "EFA has no timeouts of remote peers", nodeEFAErrors, "node-answers"),
		doctor.NewCheck("node-diag", "the GPUs pass the active diagnostics of NVIDIA DCGM (dcgmi diag)", []string{"query", "samples"},
			nodeDiag(node, active)),
	}
}

// quoted is a label's value in PromQL.
func quoted(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value) + `"`
}

const (
	noGPUs  = "the node has no GPU metrics"
	noEFA   = "the node has no EFA metrics"
	onNode  = "on the node, "
	diagnos = "; on a drained node 'dcgmi diag -r 1' tests the GPUs"
)

var nodeAnswers = question{
	applies: `up{$n}`, missing: "no target has this node's name",
	wrong: `up{$n} == 0`,
	say:   func(m model.Metric, _ float64) string { return "job " + label(m, "job") + " does not answer" },
	next:  onNode + "run 'systemctl status parascope-node'",
}

var nodeGPUs = question{
	applies: `parascope_gpu_devices_expected{$n}`, absent: noGPUs,
	wrong: `parascope_gpu_devices_expected{$n} - on (cluster, node) parascope_gpu_devices{$n} > 0
  or parascope_gpu_unreadable_seconds{$n} > 60 or parascope_gpu_driver_state_age_seconds{$n,state!~"ok|no_device"}`,
	say: func(m model.Metric, v float64) string {
		switch {
		case m["state"] != "":
			return "the GPU driver's state is " + label(m, "state")
		case m["reason"] != "":
			return "GPU " + label(m, "gpu") + " cannot be read: " + label(m, "reason")
		}
		return integer(v) + " GPUs are missing"
	},
	next: onNode + "run 'nvidia-smi -L' and 'dmesg | grep -i xid'" + diagnos,
}

var nodeXID = question{
	applies: `parascope_gpu_devices_expected{$n} or parascope_gpu_devices{$n}`, absent: noGPUs,
	wrong: `time() - parascope_gpu_xid_last_timestamp_seconds{$n} < 3600 or DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION{$n} > 0`,
	say: func(m model.Metric, v float64) string {
		if m["xid"] != "" {
			return "GPU " + label(m, "gpu") + " had XID " + label(m, "xid") + " " + seconds(v) + " ago"
		}
		return "the driver recommends recovery action " + integer(v) + " for GPU " + label(m, "gpu")
	},
	next: onNode + "run 'nvidia-smi -q', and see NVIDIA's list of XIDs; drain the node if the XID is a hardware error" + diagnos,
}

var nodeGPUMemory = question{
	applies: `DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{$n} or DCGM_FI_DEV_ROW_REMAP_FAILURE{$n}`, absent: noGPUs,
	wrong: `DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{$n} > 0 or DCGM_FI_DEV_ROW_REMAP_FAILURE{$n} > 0`,
	say: func(m model.Metric, v float64) string {
		if m[model.MetricNameLabel] == "DCGM_FI_DEV_ROW_REMAP_FAILURE" {
			return "GPU " + label(m, "gpu") + " could not remap a memory row"
		}
		return "GPU " + label(m, "gpu") + " had " + integer(v) + " uncorrectable errors since the driver was loaded"
	},
	next: "drain the node and reset the GPU; if a row cannot be remapped, replace the instance" + diagnos,
}

// nodeGPUThrottled: bits of NVML's reasons: hardware slowdown 0x8, software thermal 0x20,
// hardware thermal 0x40, hardware power brake 0x80.
var nodeGPUThrottled = question{
	applies: `DCGM_FI_DEV_CLOCKS_EVENT_REASONS{$n}`, absent: noGPUs,
	wrong: `floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS{$n} / 8) % 2 == 1 or floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS{$n} / 32) % 2 == 1
  or floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS{$n} / 64) % 2 == 1 or floor(DCGM_FI_DEV_CLOCKS_EVENT_REASONS{$n} / 128) % 2 == 1`,
	say:  func(m model.Metric, _ float64) string { return "GPU " + label(m, "gpu") + " is slowed down" },
	next: onNode + "run 'nvidia-smi -q -d PERFORMANCE,TEMPERATURE', which shows the reason",
}

var nodeEFADevices = question{
	applies: `node_amazonefa_devices_expected{$n}`, absent: noEFA,
	wrong: `node_amazonefa_devices_expected{$n} - on (cluster, node) node_amazonefa_devices{$n} > 0`,
	say:   func(_ model.Metric, v float64) string { return integer(v) + " EFA devices are missing" },
	next:  onNode + "run 'fi_info -p efa' and 'ls /sys/class/infiniband'",
}

var nodeEFAErrors = question{
	applies: `node_amazonefa_devices{$n}`, absent: noEFA,
	wrong: `increase(node_amazonefa_unresponsive_remote_events{$n}[15m]) > 0
  or increase(node_amazonefa_retrans_timeout_events{$n}[15m]) > 0`,
	say: func(_ model.Metric, v float64) string {
		return "about " + integer(v) + " EFA timeouts of remote peers within 15 minutes"
	},
	next: "compare the same metrics of the job's other nodes: a failed node is unresponsive for all of its peers",
}
