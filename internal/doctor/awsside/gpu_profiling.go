package awsside

import (
	"github.com/prometheus/common/model"
)

// gpuProfiling: GPU_UTIL is the time in which any kernel ran; with that at 100 some
// multiprocessor was active, and a 0 is no measurement.
var gpuProfiling = question{
	applies: `DCGM_FI_PROF_SM_ACTIVE{$c}`,
	absent:  "no node has profiling metrics",
	wrong: `avg_over_time(DCGM_FI_DEV_GPU_UTIL{$c}[5m]) > 50
  and on (cluster, node, gpu) (max_over_time(DCGM_FI_PROF_SM_ACTIVE{$c}[5m]) == 0)`,
	say: func(m model.Metric, v float64) string {
		return nodeOf(m) + " GPU " + label(m, "gpu") + ": GPU_UTIL is " + integer(v) + " and SM_ACTIVE is 0"
	},
	next: "another profiler, such as nsys, uses the GPU counters: when the profiler has ended, run 'parascope-node gpu resume'; " +
		"see docs/gpu.md",
}
