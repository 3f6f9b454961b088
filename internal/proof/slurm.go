package proof

import (
	"github.com/parascope/parascope/internal/collect/page"
)

// state is what Slurm says of a node at an hour.
func (c *cluster) state(m *machine, hour float64) string {
	switch {
	case !m.there(hour):
		return "powered_down"
	case c.faulty && m.name == gpuNode(4) && hour >= xidAt:
		return "drain"
	case !m.answers(hour):
		return "down"
	}
	j := c.jobOn(m.name, hour)
	switch {
	case j == nil:
		return "idle"
	case m.gpus > 0 && len(j.gpus) < m.gpus:
		return "mix"
	}
	return "alloc"
}

// spends is the class of a state in which the node's time is counted.
func spends(state string) string {
	return map[string]string{"powered_down": "power_saving", "drain": "unavailable", "down": "unavailable", "idle": "idle", "mix": "busy",
		"alloc": "busy"}[state]
}

// count makes a level of what a function counts, which changes at quarters of hours only.
func count(f func(hour float64) float64) level {
	l := level{{0, f(0)}}
	for quarter := 1; quarter < 24*4; quarter++ {
		hour := float64(quarter) / 4
		if v := f(hour); v != l[len(l)-1].value {
			l = append(l, change{hour, v})
		}
	}
	return l
}

func (c *cluster) computeNodes() (nodes []*machine) {
	for _, m := range c.machines {
		if m.kind == "compute" {
			nodes = append(nodes, m)
		}
	}
	return nodes
}

// inState counts nodes, CPUs or GPUs of nodes for which a function says how many.
func (c *cluster) sum(of func(m *machine, state string, j *job) float64) level {
	return count(func(hour float64) (n float64) {
		for _, m := range c.computeNodes() {
			n += of(m, c.state(m, hour), c.jobOn(m.name, hour))
		}
		return n
	})
}

func hasCPUs(m *machine, _ string, j *job) float64 {
	if j == nil {
		return 0
	}
	return float64(m.cpus)
}

func hasGPUs(_ *machine, _ string, j *job) float64 {
	if j == nil {
		return 0
	}
	return float64(len(j.gpus))
}

// addSlurm writes the page of job slurm.
func (c *cluster) addSlurm(all families) {
	e := c.machines[0].page("slurm")
	add := func(name string, l level, labels ...string) *series { return e.add(all.of(name), l, labels...) }
	e.add(all.of("slurm_snapshot_timestamp_seconds"), flat(0)).clock = func(hour float64) float64 {
		return c.midnight + hour*3600 - 20
	}
	for _, command := range []string{"scontrol", "squeue", "sdiag", "sshare"} {
		works := flat(1)
		if c.faulty && command == "sshare" {
			works = since(13.25, 1, 0)
		}
		add("slurm_command_success", works, "command", command)
		add("slurm_command_duration_seconds", flat(0.1*float64(len(command))), "command", command)
	}
	states := []string{"idle", "alloc", "mix", "comp", "planned", "resv", "maint", "drain", "down", "fail", "noresp", "powered_down",
		"powering_up", "powering_down", "other"}
	for _, state := range states {
		in := func(_ *machine, s string, _ *job) float64 {
			if s == state {
				return 1
			}
			return 0
		}
		add("slurm_nodes_"+state, c.sum(in))
		for _, queue := range []string{"gpu", "cpu"} {
			add("slurm_partition_nodes", c.sum(func(m *machine, s string, j *job) float64 {
				if m.queue == queue {
					return in(m, s, j)
				}
				return 0
			}), "partition", queue, "state", state)
		}
	}
	c.addSlurmNodes(e, all, states)
	c.addTotals(add)
	c.addJobs(e, all)
	add("slurm_scheduler_last_cycle", flat(45000))
	add("slurm_scheduler_backfill_last_cycle", flat(320000))
	add("slurm_scheduler_dbd_queue_size", flat(3))
	add("slurm_scheduler_queue_size", flat(2))
	add("slurm_scheduler_threads", flat(4))
}

func (c *cluster) addSlurmNodes(e *exporter, all families, states []string) {
	for _, m := range c.computeNodes() {
		for _, state := range states {
			if state != "powered_down" {
				e.add(all.of("slurm_node_status"), flat(1), "node", m.name, "status", state).of = func(hour float64) bool {
					return c.state(m, hour) == state
				}
			}
		}
		for _, class := range []string{"busy", "idle", "power_saving", "unavailable"} {
			e.add(all.of("slurm_node_state_seconds_total"), count(func(hour float64) float64 {
				if spends(c.state(m, hour)) == class {
					return 1
				}
				return 0
			}), "node", m.name, "state", class).of = m.there
		}
		if !c.faulty || m.name != gpuNode(4) && m.name != cpuNode(5) {
			continue
		}
		from, reason, user := xidAt, "XID 79 on GPU 1", "root"
		if m.name == cpuNode(5) {
			from, reason, user = silentAt, "Not responding", "slurm"
		}
		stated := func(hour float64) bool { return hour >= from }
		e.add(all.of("slurm_node_drain_reason_info"), flat(1), "node", m.name, "reason", reason, "user", user).of = stated
		e.add(all.of("slurm_node_drain_since_timestamp_seconds"), flat(c.midnight+from*3600), "node", m.name).of = stated
	}
}

// addTotals writes what is there and what jobs have of it.
func (c *cluster) addTotals(add func(string, level, ...string) *series) {
	gpus, cpus := 0, 0
	for _, m := range c.computeNodes() {
		gpus, cpus = gpus+m.gpus, cpus+m.cpus
	}
	add("slurm_gpus_total", flat(float64(gpus)))
	add("slurm_gpus_alloc", c.sum(hasGPUs))
	add("slurm_cpus_total", flat(float64(cpus)))
	add("slurm_cpus_alloc", c.sum(hasCPUs))
	for _, queue := range []string{"gpu", "cpu"} {
		in := func(of func(*machine, string, *job) float64) level {
			return c.sum(func(m *machine, s string, j *job) float64 {
				if m.queue != queue {
					return 0
				}
				return of(m, s, j)
			})
		}
		add("slurm_partition_cpus", in(hasCPUs), "partition", queue, "state", "allocated")
		add("slurm_partition_cpus", in(func(m *machine, s string, _ *job) float64 {
			if s == "idle" {
				return float64(m.cpus)
			}
			return 0
		}), "partition", queue, "state", "idle")
	}
}

// waiting are the jobs that wait, by partition and class of reason.
func (c *cluster) waiting() map[[2]string]level {
	w := map[[2]string]level{{"gpu", "priority"}: during(9, 16, 5, 1), {"cpu", "resources"}: during(10, 12, 7, 2)}
	if c.faulty {
		w[[2]string{"cpu", "capacity"}] = since(refusedAt, 0, 4)
	}
	return w
}

func (c *cluster) addJobs(e *exporter, all families) {
	add := func(name string, l level, labels ...string) *series { return e.add(all.of(name), l, labels...) }
	pending := func(partition string) level {
		return count(func(hour float64) (n float64) {
			for where, l := range c.waiting() {
				if partition == "" || where[0] == partition {
					n += l.at(hour)
				}
			}
			return n
		})
	}
	running := func(matches func(*job) bool, of func(*job) float64) level {
		return count(func(hour float64) (n float64) {
			for i := range c.jobs {
				if j := &c.jobs[i]; matches(j) && j.runs(hour) {
					n += of(j)
				}
			}
			return n
		})
	}
	one := func(*job) float64 { return 1 }
	add("slurm_queue_pending", pending(""))
	add("slurm_queue_running", running(func(*job) bool { return true }, one))
	for _, queue := range []string{"gpu", "cpu"} {
		add("slurm_partition_jobs", pending(queue), "partition", queue, "state", "pending")
		add("slurm_partition_jobs", running(func(j *job) bool { return j.partition == queue }, one), "partition", queue, "state", "running")
		add("slurm_queue_pending_oldest_seconds", during(9, 16, 5400, 600), "partition", queue)
		for where, l := range c.waiting() {
			if where[0] == queue {
				add("slurm_queue_pending_reason", l, "partition", queue, "reason", where[1])
			}
		}
	}
	for i := range c.jobs {
		j := &c.jobs[i]
		is := func(other *job) bool { return other.id == j.id }
		gpus := func(j *job) float64 { return float64(len(j.gpus) * len(j.nodes)) }
		cpus := func(j *job) float64 { return float64(192 * len(j.nodes)) }
		add("slurm_user_gpus_running", running(is, gpus), "user", j.user).of = j.runs
		add("slurm_account_gpus_running", running(is, gpus), "account", j.account).of = j.runs
		add("slurm_user_cpus_running", running(is, cpus), "user", j.user).of = j.runs
		add("slurm_user_jobs_pending", during(9, 16, float64(i+1), 1), "user", j.user)
		add("slurm_user_fairshare", flat(0.2+0.3*float64(i)), "account", j.account, "user", j.user)
		c.addHolder(e, all, j)
	}
	c.addEnded(e, all)
}

// addHolder writes which nodes and devices a job has.
func (c *cluster) addHolder(e *exporter, all families, j *job) {
	who := []string{"job_id", j.id, "user", j.user, "account", j.account, "partition", j.partition}
	e.add(all.of("slurm_job_info"), flat(1), who...).of = j.runs
	e.add(all.of("slurm_job_nodes"), flat(float64(len(j.nodes))), "job_id", j.id).of = j.runs
	e.add(all.of("slurm_job_start_timestamp_seconds"), flat(c.midnight+j.from*3600), "job_id", j.id).of = j.runs
	for _, node := range j.nodes {
		e.add(all.of("slurm_node_job"), flat(1), append([]string{"node", node}, who...)...).of = j.runs
		for _, gpu := range j.gpus {
			e.add(all.of("slurm_gpu_job"), flat(1), append([]string{"node", node, "device", device(gpu)}, who...)...).of = j.runs
		}
	}
}

// addEnded writes counters of jobs. That of a state begins with the first job that ends so.
func (c *cluster) addEnded(e *exporter, all families) {
	done := e.add(all.of("slurm_jobs_finished_total"), flat(20.0/3600), "partition", "cpu", "state", "completed")
	done.base = 100
	if c.faulty {
		first := e.add(all.of("slurm_jobs_finished_total"), level{{0, 0}, {13.2, 3.0 / 120}, {13.2 + 2.0/60, 0}, {14.6, 1.0 / 120}, {14.6 +
			2.0/60, 0},
			{17, 2.0 / 120}, {17 + 2.0/60, 0}}, "partition", "gpu", "state", "node_fail")
		first.base, first.of = 2, func(hour float64) bool { return hour >= 12 }
		e.add(all.of("slurm_jobs_finished_total"), flat(0), "partition", "old", "state", "node_fail").base = 5
		timeout := e.add(all.of("slurm_jobs_finished_total"), flat(0), "partition", "gpu", "state", "timeout")
		timeout.base, timeout.of = 4, func(hour float64) bool { return hour >= 14.4 }
	}
	bucket := func(le string, before, perHour float64) {
		f := family{&page.Family{Name: "slurm_job_wait_seconds_bucket", Type: "histogram", Labels: []string{"partition", "le"}}}
		e.add(f, since(13.5, before/3600, perHour/3600), "partition", "cpu", "le", le).base = before * 10
	}
	// Of 20 jobs an hour ten wait up to a minute, eight up to ten minutes, two up to an hour;
	// until half past one all wait up to a minute.
	bucket("60", 20, 10)
	bucket("600", 20, 18)
	bucket("3600", 20, 20)
	bucket("+Inf", 20, 20)
	for _, suffix := range []string{"sum", "count"} {
		f := family{&page.Family{Name: "slurm_job_wait_seconds_" + suffix, Type: "histogram", Labels: []string{"partition"}}}
		e.add(f, flat(20.0/3600), "partition", "cpu")
	}
}

// addParallelCluster writes the page of job pcluster. A counter begins with its first event.
func (c *cluster) addParallelCluster(all families) {
	e := c.machines[0].page("pcluster")
	beat := e.add(all.of("parallelcluster_clustermgtd_heartbeat_timestamp_seconds"), flat(0))
	beat.clock = func(hour float64) float64 {
		if c.faulty && hour > heartbeatAt {
			hour = heartbeatAt
		}
		return c.midnight + hour*3600 - 12
	}
	protected := flat(0)
	if c.faulty {
		protected = since(14, 0, 1)
	}
	e.add(all.of("parallelcluster_compute_fleet_status"), protected, "status", "PROTECTED")
	e.add(all.of("parallelcluster_compute_fleet_status"), count(func(h float64) float64 { return 1 - protected.at(h) }), "status", "RUNNING")
	read := flat(1)
	if c.faulty {
		read = since(14, 1, 0)
	}
	e.add(all.of("parallelcluster_file_success"), read, "file", "slurm_resume.events")
	e.add(all.of("parallelcluster_file_success"), flat(1), "file", "clustermgtd.events")
	// event is a counter that begins with n at an hour, grows once more an hour later, and
	// again at five in the afternoon.
	eventOf := func(queue, name string, n, hour, more float64, labels ...string) {
		if !c.faulty {
			return
		}
		s := e.add(all.of("parallelcluster_"+name), level{}, append([]string{"queue", queue, "compute_resource", "r"}, labels...)...)
		s.level = level{{0, 0}, {hour + 1, more / 120}, {hour + 1 + 2.0/60, 0}, {17, (more + 1) / 120}, {17 + 2.0/60, 0}}
		s.base, s.of = n, func(now float64) bool { return now >= hour }
	}
	// old is one that began before and has not grown since.
	old := func(name string, labels ...string) {
		if c.faulty {
			e.add(all.of("parallelcluster_"+name), flat(0), append([]string{"queue", "old", "compute_resource", "r"}, labels...)...).base = 9
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
	event("nodes_not_responding_total", 1, silentAt, 0)
	eventOf("viz", "nodes_not_responding_total", 1, 12, 2)
	event("custom_action_failures_total", 3, 13, 0, "action", "OnNodeConfigured", "stage", "executing")
	event("compute_health_checks_total", 2, 13, 1, "check", "Efa", "result", "failed")
	checks := e.add(all.of("parallelcluster_compute_health_checks_total"), flat(2.0/3600), "queue", "gpu", "compute_resource", "p5",
		"check", "Gpu", "result", "ok")
	checks.base = 0
}

// addHead writes the head's own page: its ledger, and prices.
func (c *cluster) addHead(all families) {
	e := c.machines[0].page("head")
	add := func(name string, l level, labels ...string) *series { return e.add(all.of(name), l, labels...) }
	add("parascope_build_info", flat(1), "version", "1.0.0", "revision", "abc")
	add("parascope_instance_price_dollars_per_hour", flat(gpuPrice), "instance_type", "p5.48xlarge")
	add("parascope_instance_price_dollars_per_hour", flat(cpuPrice), "instance_type", "hpc7a.96xlarge")
	delivered, queued, accepted := flat(4000), flat(120), flat(10)
	if c.faulty {
		delivered, queued, accepted = since(waitingAt, 4000, 1500), since(waitingAt, 120, 2.5e6), since(waitingAt, 10, 3)
		lost := add("parascope_delivery_samples_dropped_total", level{{0, 0}, {14.3, 5000.0 / 120}, {14.3 + 2.0/60, 0}, {17, 700.0 / 120},
			{17 + 2.0/60, 0}}, "reason", "too_old")
		lost.base, lost.of = 2000, func(hour float64) bool { return hour >= 14 }
		add("parascope_delivery_samples_dropped_total", flat(0), "reason", "queue_full").base = 77
		add("parascope_delivery_samples_uncertain_total", flat(0), "reason", "labels").base = 5
		add("parascope_delivery_requests_total", since(waitingAt, 0, 7), "code", "503")
		uncertain := add("parascope_delivery_samples_uncertain_total", level{{0, 0}, {14.1, 80.0 / 120}, {14.1 + 2.0/60, 0}, {17, 9.0 / 120},
			{17 + 2.0/60, 0}}, "reason", "duplicate")
		uncertain.base, uncertain.of = 30, func(hour float64) bool { return hour >= 13 }
	}
	add("parascope_delivery_samples_taken_total", flat(4100))
	add("parascope_delivery_samples_delivered_total", delivered)
	add("parascope_delivery_samples_queued", queued)
	add("parascope_delivery_requests_total", accepted, "code", "200")
	oldest := add("parascope_delivery_oldest_sample_timestamp_seconds", flat(0))
	oldest.clock = func(hour float64) float64 {
		if c.faulty && hour > waitingAt {
			return c.midnight + (hour-0.5)*3600
		}
		return c.midnight + hour*3600 - 4
	}
	add("parascope_delivery_queue_bytes", during(13, 24, 3e8, 1e7))
	add("parascope_delivery_queue_max_bytes", flat(1e9))
	refused := flat(0)
	if c.faulty {
		refused = flat(6)
	}
	add("parascope_delivery_refused_series", refused)
}
