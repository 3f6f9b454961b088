package awsside

import (
	"github.com/prometheus/common/model"
)

// gpuMetrics: nodes that have GPUs for Slurm, and send no GPU_UTIL. What the node says of its
// driver stands beside it.
var gpuMetrics = question{
	applies: `slurm_node_gres_total{$c,gres="gpu"} > 0`,
	absent:  "Slurm has no node with GPUs",
	wrong: `(slurm_node_gres_total{$c,gres="gpu"} > 0) and on (cluster, node) (up{$c,job="node"} == 1)
    unless on (cluster, node) DCGM_FI_DEV_GPU_UTIL{$c}
    unless on (cluster, node) (up{$c,job="dcgm"} == 0)
    unless on (cluster, node) parascope_gpu_driver_state_age_seconds{$c,state!="ok"}
  or parascope_gpu_driver_state_age_seconds{$c,state!~"ok|mismatch"} and on (cluster, node) (slurm_node_gres_total{$c,gres="gpu"} > 0)
    unless on (cluster, node) DCGM_FI_DEV_GPU_UTIL{$c}`,
	say: func(m model.Metric, _ float64) string {
		if m["state"] != "" {
			return nodeOf(m) + ": the GPU driver's state is " + label(m, "state")
		}
		return nodeOf(m) + ": port 9400 is not scraped, or its metrics page has no GPU metrics"
	},
	next: "on the node, run 'curl 127.0.0.1:9400/metrics', 'nvidia-smi', and 'systemctl status parascope-node'",
}
