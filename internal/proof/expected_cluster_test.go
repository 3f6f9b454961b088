package proof

import "github.com/parascope/parascope/internal/madeup"

// expectations are what targets must answer, by the target's name. They are written from
// what a panel says that it shows, not from its query.
type expectations map[string]func(m moment) wanted

// upAndDown counts machines that answer, and those that do not.
func (m moment) upAndDown() (up, down float64) {
	for _, machine := range m.Machines {
		switch {
		case !machine.There(m.hour):
		case machine.Answers(m.hour):
			up++
		default:
			down++
		}
	}
	return up, down
}

// held are the GPUs that jobs have, with how much of each works.
func (m moment) held() (all some) {
	work := m.read("DCGM_FI_PROF_SM_ACTIVE")
	return m.read("slurm_gpu_job").with(work, []string{"node", "device"}, func(_, works float64) float64 { return works })
}

// idle are those of them that do nothing.
func (m moment) idle() some { return m.held().where(func(v float64) bool { return v < 0.05 }) }

const dollarsOfGPU = madeup.GPUPrice / 8

var expectOverview = expectations{
	"cluster-overview/Nodes up/A":   func(m moment) wanted { up, _ := m.upAndDown(); return single(up) },
	"cluster-overview/Nodes down/A": func(m moment) wanted { _, down := m.upAndDown(); return single(down) },
	"cluster-overview/Idle GPUs of jobs/A": func(m moment) wanted {
		return m.idle().count().orZero()
	},
	"cluster-overview/Idle cost per hour/A":  func(m moment) wanted { return m.idle().count().times(dollarsOfGPU).orZero() },
	"cluster-overview/Jobs waiting/A":        func(m moment) wanted { return m.read("slurm_queue_pending").sum() },
	"cluster-overview/Age of Slurm's data/A": func(moment) wanted { return single(20 + 120).about(121) },
	"cluster-overview/GPUs/A":                func(moment) wanted { return single(32) },
	"cluster-overview/GPUs/B":                func(m moment) wanted { return m.read("slurm_gpu_job").count().orZero() },
	"cluster-overview/GPUs/C": func(m moment) wanted {
		return m.read("DCGM_FI_PROF_SM_ACTIVE").where(func(v float64) bool { return v >= 0.05 }).count().orZero()
	},
	"cluster-overview/Nodes by state/A": func(m moment) wanted {
		w := m.nodeStates().count("status")
		delete(w.values, "powered_down")
		return w
	},
	"cluster-overview/Nodes by state/B": func(m moment) wanted {
		return single(m.nodeStates().count("status").values["powered_down"])
	},
	"cluster-overview/Last GPU faults/A": func(m moment) wanted {
		w := wanted{by: []string{"node", "gpu", "xid"}, values: map[string]float64{madeup.GPUNode(1) + "/0/13": 1000 * (midnight + 12*3600)}}
		if m.Faulty {
			w.values[madeup.GPUNode(4)+"/1/79"] = 1000 * (midnight + madeup.XIDAt*3600)
		}
		return w
	},
	"cluster-overview/Nodes drained, down or failed/A": func(m moment) wanted {
		w := wanted{by: []string{"node", "reason", "user"}, values: map[string]float64{}}
		if m.Faulty {
			w.values[madeup.GPUNode(4)+"/XID 79 on GPU 1/root"] = 1000 * (midnight + madeup.XIDAt*3600)
			w.values[madeup.CPUNode(5)+"/Not responding/slurm"] = 1000 * (midnight + madeup.SilentAt*3600)
		}
		return w
	},
	"cluster-overview/Pending jobs by reason/A": func(m moment) wanted {
		return m.read("slurm_queue_pending_reason").sum("partition", "reason")
	},
	"cluster-overview/Launch failures in an hour/A": func(m moment) wanted {
		return m.grew(1, "parallelcluster_node_launch_failures_total").sum("error_code").ofAnHour()
	},
}

// cpuWork is the share of CPU time that was neither idle nor waiting for disks.
func (m moment) cpuWork() some {
	return m.read("node_cpu_seconds_total", "mode=user").with(m.read("node_cpu_seconds_total", "mode=system"), []string{"instance"},
		func(a, b float64) float64 { return a + b })
}

func (m moment) memoryLeft() some {
	return m.read("node_memory_MemAvailable_bytes").with(m.read("node_memory_MemTotal_bytes"), []string{"instance"}, over)
}

func (m moment) filled() some {
	left := m.read("node_filesystem_avail_bytes").with(m.read("node_filesystem_size_bytes"), []string{"instance", "mountpoint"}, over)
	return left.each(func(v float64) float64 { return 1 - v })
}

func (m moment) loadOfCPU() some {
	return m.read("node_load1").with(m.read("node_cpus"), []string{"instance"}, over)
}

var expectNodes = expectations{
	"nodes/Lowest available memory/A": func(m moment) wanted { return m.memoryLeft().sum("instance").least(15) },
	"nodes/Fullest file systems/A":    func(m moment) wanted { return m.filled().sum("instance", "mountpoint").most(15).about(0.003) },
	"nodes/Load per CPU/A":            func(m moment) wanted { return m.loadOfCPU().sum("instance").most(15) },
	"nodes/Busiest CPUs/A":            func(m moment) wanted { return m.cpuWork().sum("instance").most(15) },
	"nodes/Memory pressure/A": func(m moment) wanted {
		return m.read("node_pressure_memory_stalled_seconds_total").sum("instance").most(15)
	},
	"nodes/Processes killed by OOM/A": func(m moment) wanted {
		return m.grew(shown, "node_vmstat_oom_kill").where(positive).sum("instance").extrapolated()
	},
	"nodes/Unresponsive file systems/A": func(m moment) wanted {
		return m.read("node_filesystem_device_error").where(is(1)).sum("instance", "mountpoint", "device_error")
	},
	"nodes/Targets not answering/A": func(m moment) wanted {
		w := wanted{by: []string{"instance", "job"}, values: map[string]float64{}}
		for _, machine := range m.Machines {
			for job := range machine.Pages {
				if machine.There(m.hour) && !machine.Answers(m.hour) {
					w.values[machine.Name+"/"+job] = 0
				}
			}
		}
		return w
	},
	"node/CPU busy/A": func(m moment) wanted { return m.cpuWork().sum("instance") },
	"node/CPU by mode/A": func(m moment) wanted {
		return m.read("node_cpu_seconds_total", "mode!=idle").sum("instance", "mode")
	},
	"node/Load per CPU/A":           func(m moment) wanted { return m.loadOfCPU().sum("instance") },
	"node/Memory/A":                 func(m moment) wanted { return m.read("node_memory_MemTotal_bytes").sum("instance") },
	"node/Memory/B":                 func(m moment) wanted { return m.read("node_memory_MemAvailable_bytes").sum("instance") },
	"node/Time that tasks waited/A": func(m moment) wanted { return m.read("node_pressure_cpu_waiting_seconds_total").sum("instance") },
	"node/Time that tasks waited/B": func(m moment) wanted { return m.read("node_pressure_memory_waiting_seconds_total").sum("instance") },
	"node/Time that tasks waited/C": func(m moment) wanted { return m.read("node_pressure_io_waiting_seconds_total").sum("instance") },
	"node/File system used/A":       func(m moment) wanted { return m.filled().sum("instance", "mountpoint").about(0.003) },
	"node/Network/A":                func(m moment) wanted { return m.read("node_network_receive_bytes_total").sum("instance") },
	"node/Network/B":                func(m moment) wanted { return m.read("node_network_transmit_bytes_total").sum("instance") },
	"node/Disks/A":                  func(m moment) wanted { return m.read("node_disk_read_bytes_total").sum("instance") },
	"node/Disks/B":                  func(m moment) wanted { return m.read("node_disk_written_bytes_total").sum("instance") },
	"node/Disk busy/A":              func(m moment) wanted { return m.read("node_disk_io_time_seconds_total").sum("instance", "device") },
	"node/Machine/A": func(m moment) wanted {
		return m.read("parascope_node_info").sum("instance", "instance_id", "instance_type", "availability_zone", "address",
			"parallelcluster_version")
	},
}
