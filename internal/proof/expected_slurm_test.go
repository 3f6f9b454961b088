package proof

import (
	"math"

	"github.com/parascope/parascope/internal/madeup"
)

// read is a metric, by labels.
func sumOf(metric string, conditions []string, by ...string) func(moment) wanted {
	return func(m moment) wanted { return m.read(metric, conditions...).sum(by...) }
}

var expectSlurm = expectations{
	"slurm/Jobs running/A": func(m moment) wanted {
		n := 0.0
		for i := range m.Jobs {
			if m.Jobs[i].Runs(m.hour) {
				n++
			}
		}
		return single(n)
	},
	"slurm/Jobs waiting/A":           sumOf("slurm_queue_pending", nil),
	"slurm/Oldest eligible job/A":    func(m moment) wanted { return m.read("slurm_queue_pending_oldest_seconds").max() },
	"slurm/CPUs allocated/A":         func(m moment) wanted { return share(m.Sum(madeup.HasCPUs), m.hour, 1920) },
	"slurm/GPUs allocated/A":         func(m moment) wanted { return share(m.Sum(madeup.HasGPUs), m.hour, 32) },
	"slurm/Failed Slurm commands/A":  func(m moment) wanted { return m.read("slurm_command_success").where(is(0)).count().orZero() },
	"slurm/Jobs by partition/A":      sumOf("slurm_partition_jobs", []string{"state=running"}, "partition"),
	"slurm/Jobs by partition/B":      sumOf("slurm_partition_jobs", []string{"state=pending"}, "partition"),
	"slurm/Pending jobs by reason/A": sumOf("slurm_queue_pending_reason", nil, "reason"),
	"slurm/CPUs by partition/A":      sumOf("slurm_partition_cpus", []string{"state=allocated"}, "partition"),
	"slurm/CPUs by partition/B":      sumOf("slurm_partition_cpus", []string{"state=idle"}, "partition"),
	"slurm/Nodes by partition and state/A": func(m moment) wanted {
		w := wanted{by: []string{"partition", "state"}, values: map[string]float64{}}
		for _, n := range m.ComputeNodes() {
			w.values[n.Queue+"/"+m.State(n, m.hour)]++
		}
		return w
	},
	// Of 20 jobs an hour ten wait up to a minute, eight more up to ten minutes, two up to an
	// hour: the tenth is at a minute, the nineteenth half way from ten minutes to an hour.
	"slurm/Wait of started jobs/A": func(moment) wanted { return single(60) },
	"slurm/Wait of started jobs/B": func(moment) wanted { return single(600 + 3000*0.5) },
	"slurm/Jobs ended in an hour/A": func(m moment) wanted {
		return m.grew(1, "slurm_jobs_finished_total").sum("state").ofAnHour()
	},
	"slurm/Scheduling cycles/A": func(moment) wanted { return single(45000) },
	"slurm/Scheduling cycles/B": func(moment) wanted { return single(320000) },
	"slurm/Load of slurmctld/A": func(moment) wanted { return single(3) },
	"slurm/Load of slurmctld/B": func(moment) wanted { return single(2) },
	"slurm/Load of slurmctld/C": func(moment) wanted { return single(4) },
	"slurm/Time that slurmctld spent, by request/A": func(m moment) wanted {
		return m.read("slurm_rpc_stats_total_time").sum("operation").most(10)
	},
	"slurm/Duration of Slurm's commands/A": sumOf("slurm_command_duration_seconds", nil, "command"),
}

// share is a level's part of all.
func share(l madeup.Level, hour, all float64) wanted { return single(l.At(hour) / all) }

// spent are the hours that nodes spent in a class of states within what is shown, while
// they were not powered down.
func (m moment) spent(classes ...string) (all some) {
	for _, n := range m.ComputeNodes() {
		hours := 0.0
		const step = 1.0 / 64
		for at := m.hour - shown; at < m.hour; at += step {
			for _, class := range classes {
				if madeup.Spends(m.State(n, at)) == class {
					hours += step
				}
			}
		}
		all = append(all, point{map[string]string{"node": n.Name}, hours})
	}
	return all
}

func (m moment) spentAll(classes ...string) float64 { return m.spent(classes...).sum().values[""] }

// failures are nodes that were lost or stopped responding within what is shown.
func (m moment) failures() float64 {
	return m.grew(shown, "parallelcluster_node_instances_lost_total").sum().values[""] +
		m.grew(shown, "parallelcluster_nodes_not_responding_total").sum().values[""]
}

var on = []string{"busy", "idle", "unavailable"}

var expectAvailability = expectations{
	"availability/Time unavailable/A": func(m moment) wanted {
		return single(m.spentAll("unavailable") / m.spentAll(on...)).extrapolated()
	},
	"availability/Time busy/A":  func(m moment) wanted { return single(m.spentAll("busy") / m.spentAll(on...)).extrapolated() },
	"availability/Hours lost/A": func(m moment) wanted { return single(m.spentAll("unavailable")).extrapolated() },
	"availability/Failures/A": func(m moment) wanted {
		jobs := m.grew(shown, "slurm_jobs_finished_total", "state=node_fail").sum().values[""]
		return single(jobs + m.failures()).extrapolated()
	},
	"availability/MTBF/A": func(m moment) wanted {
		if m.failures() == 0 {
			return wanted{}
		}
		return single(m.spentAll(on...) / m.failures()).extrapolated()
	},
	"availability/Nodes unavailable/A": func(m moment) wanted {
		w := m.nodeStates().count("status").values
		return single(w["drain"] + w["down"])
	},
	"availability/Nodes over time/A": func(m moment) wanted {
		w := wanted{by: []string{"node"}, values: map[string]float64{}}
		for _, n := range m.ComputeNodes() {
			switch m.State(n, m.hour) {
			case "powered_down":
			case "drain", "down":
				w.values[n.Name] = 0
			default:
				w.values[n.Name] = 1
			}
		}
		return w
	},
	"availability/Nodes with the most time lost/A": func(m moment) wanted {
		return m.spent("unavailable").where(positive).sum("node").extrapolated()
	},
	"availability/Nodes drained, down or failed/A": func(m moment) wanted {
		w := wanted{by: []string{"node", "reason", "user"}, values: map[string]float64{}}
		if m.Faulty {
			w.values[madeup.GPUNode(4)+"/XID 79 on GPU 1/root"] = 3600 * (m.hour - madeup.XIDAt)
			w.values[madeup.CPUNode(5)+"/Not responding/slurm"] = 3600 * (m.hour - madeup.SilentAt)
		}
		return w.about(1)
	},
}

// ran are the hours in which each job ran within what is shown, times what a function says
// it has.
func (m moment) ran(has func(*madeup.Job) float64) (all some) {
	for i := range m.Jobs {
		j := &m.Jobs[i]
		if h := math.Min(j.To, m.hour) - math.Max(j.From, m.hour-shown); h > 0 && has(j) > 0 {
			all = append(all, point{map[string]string{"user": j.User, "account": j.Account}, h * has(j)})
		}
	}
	return all
}

func jobGPUs(j *madeup.Job) float64 { return float64(len(j.GPUs) * len(j.Nodes)) }
func jobCPUs(j *madeup.Job) float64 { return float64(192 * len(j.Nodes)) }

// running are the jobs that run, with what they have.
func (m moment) running(has func(*madeup.Job) float64) (all some) {
	for i := range m.Jobs {
		if j := &m.Jobs[i]; j.Runs(m.hour) {
			all = append(all, point{map[string]string{"user": j.User, "account": j.Account, "job_id": j.ID}, has(j)})
		}
	}
	return all
}

var expectUsers = expectations{
	"users/GPUs by user/A":    func(m moment) wanted { return m.running(jobGPUs).sum("user") },
	"users/GPUs by account/A": func(m moment) wanted { return m.running(jobGPUs).sum("account") },
	"users/GPU hours by user/A": func(m moment) wanted {
		w := m.ran(jobGPUs).sum("user").extrapolated()
		if m.hour < madeup.Solve.To || m.hour-shown < madeup.Solve.To {
			w.values[madeup.Solve.User] = 0
		}
		return w
	},
	"users/CPU hours by user/A": func(m moment) wanted { return m.ran(jobCPUs).sum("user").extrapolated() },
	"users/Idle GPUs by user, share/A": func(m moment) wanted {
		idle, w := m.idle().count("user"), m.held().count("user")
		for user, all := range w.values {
			w.values[user] = idle.values[user] / all
		}
		return w
	},
	"users/Cost per hour by user/A": func(m moment) wanted { return m.running(jobGPUs).where(positive).sum("user").times(dollarsOfGPU) },
	"users/Cost per hour by account/A": func(m moment) wanted {
		return m.running(jobGPUs).where(positive).sum("account").times(dollarsOfGPU)
	},
	"users/Jobs with idle GPUs/A":  func(m moment) wanted { return m.idle().count("job_id", "user", "account") },
	"users/Jobs waiting by user/A": sumOf("slurm_user_jobs_pending", nil, "user"),
	"users/Fair share/A":           sumOf("slurm_user_fairshare", nil, "account", "user"),
}
