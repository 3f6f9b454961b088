package proof

import (
	"math"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/madeup"
)

const works = "DCGM_FI_PROF_SM_ACTIVE"

// perGPU is a metric by node and GPU.
func perGPU(metric string) func(moment) wanted {
	return func(m moment) wanted { return m.read(metric).sum("node", "gpu") }
}

// memory is the share of each GPU's memory that is in use.
func (m moment) memory() some {
	return m.read("DCGM_FI_DEV_FB_USED").with(m.read("DCGM_FI_DEV_FB_FREE"), []string{"node", "gpu"},
		func(used, free float64) float64 { return used / (used + free) })
}

// slowed is 1 for a GPU whose mask has the bit.
func (m moment) slowed(bit int) some {
	return m.read("DCGM_FI_DEV_CLOCKS_EVENT_REASONS").each(func(mask float64) float64 {
		if int(mask)&bit != 0 {
			return 1
		}
		return 0
	})
}

var expectGPUs = expectations{
	"gpus/GPUs read/A": func(m moment) wanted { return m.read("DCGM_FI_DEV_GPU_TEMP").count() },
	"gpus/GPUs missing/A": func(m moment) wanted {
		if m.Faulty {
			return single(1)
		}
		return single(0)
	},
	"gpus/Power/A": func(m moment) wanted { return m.read("DCGM_FI_DEV_POWER_USAGE").sum() },
	"gpus/GPUs throttled/A": func(m moment) wanted {
		return m.read("DCGM_FI_DEV_CLOCKS_EVENT_REASONS").where(func(mask float64) bool { return int(mask)&(8|64|128) != 0 }).count().orZero()
	},
	"gpus/GPUs to reset/A": func(m moment) wanted {
		return m.read("DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION").where(positive).count().orZero()
	},
	"gpus/Severe XIDs/A": func(m moment) wanted {
		return m.grew(shown, "parascope_gpu_xid_errors_total", "class=page").sum().orZero().extrapolated()
	},
	"gpus/GPU utilization by node/A": func(m moment) wanted { return m.read(works).mean("node") },
	"gpus/GPU power, share of the limit/A": func(m moment) wanted {
		return m.read("DCGM_FI_DEV_POWER_USAGE").with(m.read("DCGM_FI_DEV_ENFORCED_POWER_LIMIT"), []string{"node", "gpu"}, over).mean("node")
	},
	"gpus/Least thermal margin/A": func(m moment) wanted { return m.read("DCGM_FI_DEV_GPU_TEMP_LIMIT").sum("node", "gpu").least(15) },
	"gpus/GPU memory used/A":      func(m moment) wanted { return m.memory().mean("node") },
	"gpus/XIDs by class/A": func(m moment) wanted {
		return m.grew(shown, "parascope_gpu_xid_errors_total").sum("class").extrapolated()
	},
	"gpus/Nodes without a working driver/A": func(m moment) wanted {
		return m.read("parascope_gpu_driver_state_age_seconds", "state!=ok").sum("node", "state").about(241)
	},
	"gpus/GPUs that cannot be read/A": func(m moment) wanted {
		return m.read("parascope_gpu_unreadable_seconds").sum("node", "gpu", "reason").about(241)
	},

	"gpu-node/GPU utilization/A":       perGPU(works),
	"gpu-node/Tensor cores/A":          perGPU("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
	"gpu-node/Memory bandwidth used/A": perGPU("DCGM_FI_PROF_DRAM_ACTIVE"),
	"gpu-node/Memory used/A":           func(m moment) wanted { return m.memory().sum("node", "gpu") },
	"gpu-node/Power/A":                 perGPU("DCGM_FI_DEV_POWER_USAGE"),
	"gpu-node/Temperature/A":           perGPU("DCGM_FI_DEV_GPU_TEMP"),
	"gpu-node/Thermal margin/A":        perGPU("DCGM_FI_DEV_GPU_TEMP_LIMIT"),
	"gpu-node/Thermal throttling/A": func(m moment) wanted {
		return m.read("DCGM_FI_DEV_THERMAL_VIOLATION").sum("node", "gpu").times(1e-9)
	},
	"gpu-node/Hardware slowdown/A": func(m moment) wanted { return m.slowed(8).sum("node", "gpu") },
	"gpu-node/Hardware slowdown/B": func(m moment) wanted { return m.slowed(64).sum("node", "gpu") },
	"gpu-node/Hardware slowdown/C": func(m moment) wanted { return m.slowed(128).sum("node", "gpu") },
	"gpu-node/NVLink/A":            perGPU("DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES"),
	"gpu-node/NVLink/B":            perGPU("DCGM_FI_DEV_NVLINK_COUNT_RX_BYTES"),
	"gpu-node/Recovery action/A":   perGPU("DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION"),
	"gpu-node/Memory errors/A": func(m moment) wanted {
		return m.total("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL").sum("node", "gpu")
	},
	"gpu-node/Memory row remapping failed/A": perGPU("DCGM_FI_DEV_ROW_REMAP_FAILURE"),
	"gpu-node/GPU allocation to jobs/A": func(m moment) wanted {
		return m.read("slurm_gpu_job").sum("node", "device", "job_id", "user", "account")
	},
}

// ours keeps what is on the nodes of the job that page Job shows.
func (s some) ours() (kept some) {
	for _, p := range s {
		if madeup.Trains.On(p.labels["node"]) {
			kept = append(kept, p)
		}
	}
	return kept
}

func ofNode(metric string) func(moment) wanted {
	return func(m moment) wanted { return m.read(metric).ours().sum("node") }
}

var expectJob = expectations{
	"job/Job/A": func(moment) wanted {
		return wanted{by: []string{"job_id", "user", "account", "partition"},
			values: map[string]float64{"101/alice/physics/gpu": 1000 * (midnight + 6*3600)}}
	},
	"job/Nodes/A":         func(moment) wanted { return single(2) },
	"job/GPUs/A":          func(moment) wanted { return single(16) },
	"job/Cost per hour/A": func(moment) wanted { return single(16 * dollarsOfGPU) },
	"job/GPU utilization of the job/A": func(m moment) wanted {
		return m.read(works).ours().min()
	},
	"job/GPU utilization of the job/B": func(m moment) wanted { return m.read(works).ours().group(nil, middle) },
	"job/GPU utilization of the job/C": func(m moment) wanted { return m.read(works).ours().group(nil, slices.Max[[]float64]) },
	"job/GPUs slower than their peers/A": func(m moment) wanted {
		all := m.read(works).ours()
		median := all.group(nil, middle).values[""]
		apart := all.each(func(v float64) float64 { return math.Abs(v - median) }).group(nil, middle).values[""]
		return all.where(func(v float64) bool { return v < median-5*apart && v < 0.9*median }).sum("node", "gpu")
	},
	"job/Utilization by GPU/A": func(m moment) wanted {
		w := wanted{by: []string{"gpu_of_node"}, values: map[string]float64{}}
		for gpu, share := range m.read(works).ours().sum("node", "gpu").values {
			w.values[strings.Replace(gpu, "/", " GPU ", 1)] = share
		}
		return w
	},
	"job/GPU power of the job/A":     ofNode("DCGM_FI_DEV_POWER_USAGE"),
	"job/CPU by node/A":              func(m moment) wanted { return m.cpuWork().ours().sum("node") },
	"job/Memory available by node/A": func(m moment) wanted { return m.memoryLeft().ours().sum("node") },
	"job/EFA by node/A":              ofNode("node_amazonefa_tx_bytes"),
	"job/EFA by node/B":              ofNode("node_amazonefa_rx_bytes"),
	"job/Lustre by node/A":           ofNode("node_lustre_read_bytes_total"),
	"job/Lustre by node/B":           ofNode("node_lustre_write_bytes_total"),
}
