package awsside

import (
	"github.com/prometheus/common/model"
)

// gpuDriver: after an upgrade without a reboot library and kernel module differ.
var gpuDriver = question{
	applies: `parascope_gpu_driver_state_age_seconds{$c}`,
	absent:  "no node with GPUs is scraped",
	wrong:   `parascope_gpu_driver_state_age_seconds{$c,state="mismatch"}`,
	say: func(m model.Metric, _ float64) string {
		return nodeOf(m) + ": the driver's library and kernel module have different versions"
	},
	next: "drain the node and reboot it: 'scontrol reboot ASAP NODE'",
}
