package madeup

import (
	"github.com/parascope/parascope/internal/collect/page"
)

// State is what Slurm says of a node at an hour.
func (c *Cluster) State(m *Machine, hour float64) string {
	switch {
	case !m.There(hour):
		return "powered_down"
	case c.Faulty && m.Name == GPUNode(4) && hour >= XIDAt:
		return "drain"
	case !m.Answers(hour):
		return "down"
	}
	j := c.jobOn(m.Name, hour)
	switch {
	case j == nil:
		return "idle"
	case m.GPUs > 0 && len(j.GPUs) < m.GPUs:
		return "mix"
	}
	return "alloc"
}

// Spends is the class of a state in which the node's time is counted.
func Spends(state string) string {
	return map[string]string{"powered_down": "power_saving", "drain": "unavailable", "down": "unavailable", "idle": "idle", "mix": "busy",
		"alloc": "busy"}[state]
}

// count makes a level of what a function counts, which changes at quarters of hours only.
func count(f func(hour float64) float64) Level {
	l := Level{{0, f(0)}}
	for quarter := 1; quarter < 24*4; quarter++ {
		hour := float64(quarter) / 4
		if v := f(hour); v != l[len(l)-1].Value {
			l = append(l, Change{hour, v})
		}
	}
	return l
}

func (c *Cluster) ComputeNodes() (nodes []*Machine) {
	for _, m := range c.Machines {
		if m.Kind == "compute" {
			nodes = append(nodes, m)
		}
	}
	return nodes
}

// inState counts nodes, CPUs or GPUs of nodes for which a function says how many.
func (c *Cluster) Sum(of func(m *Machine, state string, j *Job) float64) Level {
	return count(func(hour float64) (n float64) {
		for _, m := range c.ComputeNodes() {
			n += of(m, c.State(m, hour), c.jobOn(m.Name, hour))
		}
		return n
	})
}

func HasCPUs(m *Machine, _ string, j *Job) float64 {
	if j == nil {
		return 0
	}
	return float64(m.CPUs)
}

func HasGPUs(_ *Machine, _ string, j *Job) float64 {
	if j == nil {
		return 0
	}
	return float64(len(j.GPUs))
}

// addSlurm writes the page of job slurm.
func (c *Cluster) addSlurm(all Families) {
	e := c.Machines[0].Page("slurm")
	add := func(name string, l Level, labels ...string) *Series { return e.Add(all.Of(name), l, labels...) }
	e.Add(all.Of("slurm_snapshot_timestamp_seconds"), Flat(0)).Clock = func(hour float64) float64 {
		return c.midnight + hour*3600 - 20
	}
	for _, command := range []string{"scontrol", "squeue", "sdiag", "sshare"} {
		works := Flat(1)
		if c.Faulty && command == "sshare" {
			works = since(13.25, 1, 0)
		}
		add("slurm_command_success", works, "command", command)
		add("slurm_command_duration_seconds", Flat(0.1*float64(len(command))), "command", command)
	}
	states := []string{"idle", "alloc", "mix", "comp", "planned", "resv", "maint", "drain", "down", "fail", "noresp", "powered_down",
		"powering_up", "powering_down", "other"}
	for _, state := range states {
		in := func(_ *Machine, s string, _ *Job) float64 {
			if s == state {
				return 1
			}
			return 0
		}
		add("slurm_nodes_"+state, c.Sum(in))
		for _, queue := range []string{"gpu", "cpu"} {
			add("slurm_partition_nodes", c.Sum(func(m *Machine, s string, j *Job) float64 {
				if m.Queue == queue {
					return in(m, s, j)
				}
				return 0
			}), "partition", queue, "state", state)
		}
	}
	c.addSlurmNodes(e, all, states)
	c.addTotals(add)
	c.addJobs(e, all)
	add("slurm_scheduler_last_cycle", Flat(45000))
	add("slurm_scheduler_backfill_last_cycle", Flat(320000))
	add("slurm_scheduler_dbd_queue_size", Flat(3))
	add("slurm_scheduler_queue_size", Flat(2))
	add("slurm_scheduler_threads", Flat(4))
}

func (c *Cluster) addSlurmNodes(e *Exporter, all Families, states []string) {
	for _, m := range c.ComputeNodes() {
		for _, state := range states {
			if state != "powered_down" {
				e.Add(all.Of("slurm_node_status"), Flat(1), "node", m.Name, "status", state).Of = func(hour float64) bool {
					return c.State(m, hour) == state
				}
			}
		}
		for _, class := range []string{"busy", "idle", "power_saving", "unavailable"} {
			e.Add(all.Of("slurm_node_state_seconds_total"), count(func(hour float64) float64 {
				if Spends(c.State(m, hour)) == class {
					return 1
				}
				return 0
			}), "node", m.Name, "state", class).Of = m.There
		}
		if !c.Faulty || m.Name != GPUNode(4) && m.Name != CPUNode(5) {
			continue
		}
		from, reason, user := XIDAt, "XID 79 on GPU 1", "root"
		if m.Name == CPUNode(5) {
			from, reason, user = SilentAt, "Not responding", "slurm"
		}
		stated := func(hour float64) bool { return hour >= from }
		e.Add(all.Of("slurm_node_drain_reason_info"), Flat(1), "node", m.Name, "reason", reason, "user", user).Of = stated
		e.Add(all.Of("slurm_node_drain_since_timestamp_seconds"), Flat(c.midnight+from*3600), "node", m.Name).Of = stated
	}
}

// addTotals writes what is there and what jobs have of it.
func (c *Cluster) addTotals(add func(string, Level, ...string) *Series) {
	gpus, cpus := 0, 0
	for _, m := range c.ComputeNodes() {
		gpus, cpus = gpus+m.GPUs, cpus+m.CPUs
	}
	add("slurm_gpus_total", Flat(float64(gpus)))
	add("slurm_gpus_alloc", c.Sum(HasGPUs))
	add("slurm_cpus_total", Flat(float64(cpus)))
	add("slurm_cpus_alloc", c.Sum(HasCPUs))
	for _, queue := range []string{"gpu", "cpu"} {
		in := func(of func(*Machine, string, *Job) float64) Level {
			return c.Sum(func(m *Machine, s string, j *Job) float64 {
				if m.Queue != queue {
					return 0
				}
				return of(m, s, j)
			})
		}
		add("slurm_partition_cpus", in(HasCPUs), "partition", queue, "state", "allocated")
		add("slurm_partition_cpus", in(func(m *Machine, s string, _ *Job) float64 {
			if s == "idle" {
				return float64(m.CPUs)
			}
			return 0
		}), "partition", queue, "state", "idle")
	}
}

// waiting are the jobs that wait, by partition and class of reason.
func (c *Cluster) waiting() map[[2]string]Level {
	w := map[[2]string]Level{{"gpu", "priority"}: during(9, 16, 5, 1), {"cpu", "resources"}: during(10, 12, 7, 2)}
	if c.Faulty {
		w[[2]string{"cpu", "capacity"}] = since(refusedAt, 0, 4)
	}
	return w
}

func (c *Cluster) addJobs(e *Exporter, all Families) {
	add := func(name string, l Level, labels ...string) *Series { return e.Add(all.Of(name), l, labels...) }
	pending := func(partition string) Level {
		return count(func(hour float64) (n float64) {
			for where, l := range c.waiting() {
				if partition == "" || where[0] == partition {
					n += l.At(hour)
				}
			}
			return n
		})
	}
	running := func(matches func(*Job) bool, of func(*Job) float64) Level {
		return count(func(hour float64) (n float64) {
			for i := range c.Jobs {
				if j := &c.Jobs[i]; matches(j) && j.Runs(hour) {
					n += of(j)
				}
			}
			return n
		})
	}
	one := func(*Job) float64 { return 1 }
	add("slurm_queue_pending", pending(""))
	add("slurm_queue_running", running(func(*Job) bool { return true }, one))
	for _, queue := range []string{"gpu", "cpu"} {
		add("slurm_partition_jobs", pending(queue), "partition", queue, "state", "pending")
		add("slurm_partition_jobs", running(func(j *Job) bool { return j.partition == queue }, one), "partition", queue, "state", "running")
		add("slurm_queue_pending_oldest_seconds", during(9, 16, 5400, 600), "partition", queue)
		for where, l := range c.waiting() {
			if where[0] == queue {
				add("slurm_queue_pending_reason", l, "partition", queue, "reason", where[1])
			}
		}
	}
	for i := range c.Jobs {
		j := &c.Jobs[i]
		is := func(other *Job) bool { return other.ID == j.ID }
		gpus := func(j *Job) float64 { return float64(len(j.GPUs) * len(j.Nodes)) }
		cpus := func(j *Job) float64 { return float64(192 * len(j.Nodes)) }
		add("slurm_user_gpus_running", running(is, gpus), "user", j.User).Of = j.Runs
		add("slurm_account_gpus_running", running(is, gpus), "account", j.Account).Of = j.Runs
		add("slurm_user_cpus_running", running(is, cpus), "user", j.User).Of = j.Runs
		add("slurm_user_jobs_pending", during(9, 16, float64(i+1), 1), "user", j.User)
		add("slurm_user_fairshare", Flat(0.2+0.3*float64(i)), "account", j.Account, "user", j.User)
		c.addHolder(e, all, j)
	}
	c.addEnded(e, all)
}

// addHolder writes which nodes and devices a job has.
func (c *Cluster) addHolder(e *Exporter, all Families, j *Job) {
	who := []string{"job_id", j.ID, "user", j.User, "account", j.Account, "partition", j.partition}
	e.Add(all.Of("slurm_job_info"), Flat(1), who...).Of = j.Runs
	e.Add(all.Of("slurm_job_nodes"), Flat(float64(len(j.Nodes))), "job_id", j.ID).Of = j.Runs
	e.Add(all.Of("slurm_job_start_timestamp_seconds"), Flat(c.midnight+j.From*3600), "job_id", j.ID).Of = j.Runs
	for _, node := range j.Nodes {
		e.Add(all.Of("slurm_node_job"), Flat(1), append([]string{"node", node}, who...)...).Of = j.Runs
		for _, gpu := range j.GPUs {
			e.Add(all.Of("slurm_gpu_job"), Flat(1), append([]string{"node", node, "device", device(gpu)}, who...)...).Of = j.Runs
		}
	}
}

// addEnded writes counters of jobs. That of a state begins with the first job that ends so.
func (c *Cluster) addEnded(e *Exporter, all Families) {
	done := e.Add(all.Of("slurm_jobs_finished_total"), Flat(20.0/3600), "partition", "cpu", "state", "completed")
	done.Base = 100
	if c.Faulty {
		first := e.Add(all.Of("slurm_jobs_finished_total"), Level{{0, 0}, {13.2, 3.0 / 120}, {13.2 + 2.0/60, 0}, {14.6, 1.0 / 120}, {14.6 +
			2.0/60, 0},
			{17, 2.0 / 120}, {17 + 2.0/60, 0}}, "partition", "gpu", "state", "node_fail")
		first.Base, first.Of = 2, func(hour float64) bool { return hour >= 12 }
		e.Add(all.Of("slurm_jobs_finished_total"), Flat(0), "partition", "old", "state", "node_fail").Base = 5
		timeout := e.Add(all.Of("slurm_jobs_finished_total"), Flat(0), "partition", "gpu", "state", "timeout")
		timeout.Base, timeout.Of = 4, func(hour float64) bool { return hour >= 14.4 }
	}
	bucket := func(le string, before, perHour float64) {
		f := Family{&page.Family{Name: "slurm_job_wait_seconds_bucket", Type: "histogram", Labels: []string{"partition", "le"}}}
		e.Add(f, since(13.5, before/3600, perHour/3600), "partition", "cpu", "le", le).Base = before * 10
	}
	// Of 20 jobs an hour ten wait up to a minute, eight up to ten minutes, two up to an hour;
	// until half past one all wait up to a minute.
	bucket("60", 20, 10)
	bucket("600", 20, 18)
	bucket("3600", 20, 20)
	bucket("+Inf", 20, 20)
	for _, suffix := range []string{"sum", "count"} {
		f := Family{&page.Family{Name: "slurm_job_wait_seconds_" + suffix, Type: "histogram", Labels: []string{"partition"}}}
		e.Add(f, Flat(20.0/3600), "partition", "cpu")
	}
}

// addParallelCluster writes the page of job pcluster. A counter begins with its first event.
func (c *Cluster) addParallelCluster(all Families) {
	e := c.Machines[0].Page("pcluster")
	beat := e.Add(all.Of("parallelcluster_clustermgtd_heartbeat_timestamp_seconds"), Flat(0))
	beat.Clock = func(hour float64) float64 {
		if c.Faulty && hour > HeartbeatAt {
			hour = HeartbeatAt
		}
		return c.midnight + hour*3600 - 12
	}
	protected := Flat(0)
	if c.Faulty {
		protected = since(14, 0, 1)
	}
	e.Add(all.Of("parallelcluster_compute_fleet_status"), protected, "status", "PROTECTED")
	e.Add(all.Of("parallelcluster_compute_fleet_status"), count(func(h float64) float64 { return 1 - protected.At(h) }), "status", "RUNNING")
	read := Flat(1)
	if c.Faulty {
		read = since(14, 1, 0)
	}
	e.Add(all.Of("parallelcluster_file_success"), read, "file", "slurm_resume.events")
	e.Add(all.Of("parallelcluster_file_success"), Flat(1), "file", "clustermgtd.events")
	// event is a counter that begins with n at an hour, grows once more an hour later, and
	// again at five in the afternoon.
	eventOf := func(queue, name string, n, hour, more float64, labels ...string) {
		if !c.Faulty {
			return
		}
		s := e.Add(all.Of("parallelcluster_"+name), Level{}, append([]string{"queue", queue, "compute_resource", "r"}, labels...)...)
		s.Level = Level{{0, 0}, {hour + 1, more / 120}, {hour + 1 + 2.0/60, 0}, {17, (more + 1) / 120}, {17 + 2.0/60, 0}}
		s.Base, s.Of = n, func(now float64) bool { return now >= hour }
	}
	// old is one that began before and has not grown since.
	old := func(name string, labels ...string) {
		if c.Faulty {
			e.Add(all.Of("parallelcluster_"+name), Flat(0), append([]string{"queue", "old", "compute_resource", "r"}, labels...)...).Base = 9
		}
	}
	old("node_launch_failures_total", "failure_type", "ice-failures", "error_code", "Unsupported")
	old("node_bootstrap_failures_total", "failure_type", "custom-action")
	old("node_health_check_failures_total", "check", "ec2_health_check")
	old("node_instances_lost_total")
	old("nodes_not_responding_total")
	old("custom_action_failures_total", "action", "OnNodeStart", "stage", "executing")
	old("compute_health_checks_total", "check", "Old", "result", "ok")
	event := func(name string, n, hour, more float64, labels ...string) {
		eventOf("cpu", name, n, hour, more, labels...)
	}
	event("node_launch_failures_total", 4, refusedAt, 2, "failure_type", "ice-failures", "error_code", "InsufficientInstanceCapacity")
	event("node_launch_failures_total", 1, 14.2, 0, "failure_type", "other-failures", "error_code", "VcpuLimitExceeded")
	event("node_bootstrap_failures_total", 3, 13, 1, "failure_type", "custom-action")
	event("node_health_check_failures_total", 1, 13, 0, "check", "ec2_health_check")
	event("node_instances_lost_total", 1, 13, 1)
	eventOf("gpu", "node_instances_lost_total", 2, 13, 1)
	event("nodes_not_responding_total", 1, SilentAt, 0)
	eventOf("viz", "nodes_not_responding_total", 1, 12, 2)
	event("custom_action_failures_total", 3, 13, 0, "action", "OnNodeConfigured", "stage", "executing")
	event("compute_health_checks_total", 2, 13, 1, "check", "Efa", "result", "failed")
	checks := e.Add(all.Of("parallelcluster_compute_health_checks_total"), Flat(2.0/3600), "queue", "gpu", "compute_resource", "p5",
		"check", "Gpu", "result", "ok")
	checks.Base = 0
}

// addHead writes the head's own page: its ledger, and prices.
func (c *Cluster) addHead(all Families) {
	e := c.Machines[0].Page("head")
	add := func(name string, l Level, labels ...string) *Series { return e.Add(all.Of(name), l, labels...) }
	add("parascope_build_info", Flat(1), "version", "1.0.0", "revision", "abc")
	add("parascope_instance_price_dollars_per_hour", Flat(GPUPrice), "instance_type", "p5.48xlarge")
	add("parascope_instance_price_dollars_per_hour", Flat(cpuPrice), "instance_type", "hpc7a.96xlarge")
	delivered, queued, accepted := Flat(4000), Flat(120), Flat(10)
	if c.Faulty {
		delivered, queued, accepted = since(waitingAt, 4000, 1500), since(waitingAt, 120, 2.5e6), since(waitingAt, 10, 3)
		lost := add("parascope_delivery_samples_dropped_total", Level{{0, 0}, {14.3, 5000.0 / 120}, {14.3 + 2.0/60, 0}, {17, 700.0 / 120},
			{17 + 2.0/60, 0}}, "reason", "too_old")
		lost.Base, lost.Of = 2000, func(hour float64) bool { return hour >= 14 }
		add("parascope_delivery_samples_dropped_total", Flat(0), "reason", "queue_full").Base = 77
		add("parascope_delivery_samples_uncertain_total", Flat(0), "reason", "labels").Base = 5
		add("parascope_delivery_requests_total", since(waitingAt, 0, 7), "code", "503")
		uncertain := add("parascope_delivery_samples_uncertain_total", Level{{0, 0}, {14.1, 80.0 / 120}, {14.1 + 2.0/60, 0}, {17, 9.0 / 120},
			{17 + 2.0/60, 0}}, "reason", "duplicate")
		uncertain.Base, uncertain.Of = 30, func(hour float64) bool { return hour >= 13 }
	}
	add("parascope_delivery_samples_taken_total", Flat(4100))
	add("parascope_delivery_samples_delivered_total", delivered)
	add("parascope_delivery_samples_queued", queued)
	add("parascope_delivery_requests_total", accepted, "code", "200")
	oldest := add("parascope_delivery_oldest_sample_timestamp_seconds", Flat(0))
	oldest.Clock = func(hour float64) float64 {
		if c.Faulty && hour > waitingAt {
			return c.midnight + (hour-0.5)*3600
		}
		return c.midnight + hour*3600 - 4
	}
	add("parascope_delivery_queue_bytes", during(13, 24, 3e8, 1e7))
	add("parascope_delivery_queue_max_bytes", Flat(1e9))
	refused := Flat(0)
	if c.Faulty {
		refused = Flat(6)
	}
	add("parascope_delivery_refused_series", refused)
}
