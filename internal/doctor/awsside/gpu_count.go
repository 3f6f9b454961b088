package awsside

import (
	"github.com/prometheus/common/model"
)

// gpuCount: against the instance type's.
var gpuCount = question{
	applies: `parascope_gpu_devices_expected{$c}`,
	absent:  "no node's instance type has GPUs",
	wrong:   `parascope_gpu_devices_expected{$c} - on (cluster, node) (parascope_gpu_devices{$c} > 0) > 0`,
	say: func(m model.Metric, v float64) string {
		return nodeOf(m) + ": " + integer(v) + " GPUs are missing"
	},
	next: "on the node, run 'nvidia-smi -L', and 'dmesg | grep -i xid'; drain the node",
}
