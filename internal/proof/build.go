package proof

import "fmt"

// Jobs of the day. trains has two whole nodes, tunes half of one, solves four nodes
// without GPUs.
var (
	trains = job{id: "101", user: "alice", account: "physics", partition: "gpu", nodes: []string{gpuNode(1), gpuNode(2)},
		gpus: []int{0, 1, 2, 3, 4, 5, 6, 7}, from: 6, to: 22}
	tunes = job{id: "102", user: "bob", account: "ml", partition: "gpu", nodes: []string{gpuNode(3)}, gpus: []int{0, 1, 2, 3}, from: 7, to: 20}
	solve = job{id: "103", user: "carol", account: "cfd", partition: "cpu", nodes: []string{cpuNode(1), cpuNode(2), cpuNode(3), cpuNode(4)},
		from: 8, to: 18}
)

const (
	headName  = "demo-head"
	loginName = "demo-login"
	gpuPrice  = 98.32 // dollars an hour of a made-up p5.48xlarge
	cpuPrice  = 7.2
)

func gpuNode(n int) string { return fmt.Sprintf("demo-gpu-st-p5-%d", n) }
func cpuNode(n int) string { return fmt.Sprintf("demo-cpu-dy-hpc7a-%d", n) }

// What goes wrong in the cluster with faults, and from when on, in hours.
const (
	xidAt       = 10.0 // GPU 1 of node 4 falls off the bus: the node is drained
	slowAt      = 9.0  // GPU 3 of node 2 is slowed by heat, and holds its job up
	idleAt      = 7.0  // tunes does nothing with its GPUs
	silentAt    = 11.0 // CPU node 5 does not answer any more
	refusedAt   = 12.5 // EC2 refuses capacity
	heartbeatAt = 14.5 // clustermgtd stops
	waitingAt   = 13.0 // AMP is not reached any more: samples wait, and some are lost
)

// newCluster makes a cluster: a head node, a login node, nodes with eight GPUs, of which the
// day needs four, and six without. One of the latter is powered down at noon.
func newCluster(name string, midnight float64, faulty bool, gpuNodes int, jobs ...job) *cluster {
	c := &cluster{name: name, midnight: midnight, faulty: faulty, jobs: jobs}
	c.machines = append(c.machines,
		&machine{name: headName, kind: "head", instanceType: "c6i.4xlarge", cpus: 16, memory: 32 << 30},
		&machine{name: loginName, kind: "login", instanceType: "c7g.large", cpus: 2, memory: 4 << 30})
	for n := 1; n <= gpuNodes; n++ {
		c.machines = append(c.machines, &machine{name: gpuNode(n), kind: "compute", queue: "gpu", resource: "p5",
			instanceType: "p5.48xlarge", cpus: 192, memory: 2048 << 30, gpus: 8})
	}
	for n := 1; n <= 6; n++ {
		m := &machine{name: cpuNode(n), kind: "compute", queue: "cpu", resource: "hpc7a", instanceType: "hpc7a.96xlarge", cpus: 192,
			memory: 768 << 30}
		if n == 6 {
			m.until = 12
		}
		if n == 5 && faulty {
			m.silent = silentAt
		}
		c.machines = append(c.machines, m)
	}
	all := ourFamilies()
	for i, m := range c.machines {
		c.addNode(m, all, i)
		if m.gpus > 0 {
			c.addGPUs(m, all, i)
		}
	}
	c.addSlurm(all)
	c.addParallelCluster(all)
	c.addHead(all)
	return c
}

// jobOn is the job that has the machine at an hour.
func (c *cluster) jobOn(node string, hour float64) *job {
	for i := range c.jobs {
		if c.jobs[i].on(node) && c.jobs[i].runs(hour) {
			return &c.jobs[i]
		}
	}
	return nil
}

// working is in while a job runs on the machine, and out otherwise.
func (c *cluster) working(node string, in, out float64) level {
	if j := c.jobOf(node); j != nil {
		return during(j.from, j.to, in, out)
	}
	return flat(out)
}

// jobOf is the job that the machine has some time of the day.
func (c *cluster) jobOf(node string) *job {
	for i := range c.jobs {
		if c.jobs[i].on(node) {
			return &c.jobs[i]
		}
	}
	return nil
}

// addNode writes what the node's own collectors measure; n makes machines differ.
func (c *cluster) addNode(m *machine, all families, n int) {
	e, k := m.page("node"), float64(n)
	add := func(name string, l level, labels ...string) *series { return e.add(all.of(name), l, labels...) }
	busy := c.working(m.name, 0.90-0.01*k, 0.02+0.001*k)
	idle := level{}
	for _, b := range busy {
		idle = append(idle, change{b.from, 0.97 - b.value})
	}
	add("node_cpu_seconds_total", busy, "cpu", "all", "mode", "user")
	add("node_cpu_seconds_total", flat(0.01), "cpu", "all", "mode", "system")
	add("node_cpu_seconds_total", idle, "cpu", "all", "mode", "idle")
	add("node_cpu_seconds_total", flat(0.02), "cpu", "all", "mode", "iowait")
	add("node_cpu_seconds_total", flat(0), "cpu", "all", "mode", "steal")
	add("node_cpus", flat(float64(m.cpus)))
	add("node_load1", c.working(m.name, float64(m.cpus)*(1.1-0.01*k), 0.5+0.1*k))
	add("node_memory_MemTotal_bytes", flat(m.memory))
	add("node_memory_MemAvailable_bytes", c.working(m.name, m.memory*(0.30+0.01*k), m.memory*(0.9+0.001*k)))
	add("node_uname_info", flat(1), "sysname", "Linux", "release", "6.1", "version", "1", "machine", "x86_64", "nodename", m.name,
		"domainname", "")
	for mode, share := range map[string]float64{"cpu": 0.2, "memory": 0.003, "io": 0.05} {
		add("node_pressure_"+mode+"_waiting_seconds_total", c.working(m.name, share+0.001*k, 0.001))
	}
	stalled, killed := flat(0), flat(0)
	if c.faulty && m.name == cpuNode(4) {
		stalled, killed = during(8, 18, 0.12, 0), once(13, 3)
	}
	add("node_pressure_memory_stalled_seconds_total", stalled)
	add("node_vmstat_oom_kill", killed)
	size, left := 1e12+1e10*k, 0.6+0.01*k
	filling := flat(size * left)
	if c.faulty && m.name == loginName {
		filling = flat(size * 0.02)
	}
	file := []string{"device", "/dev/nvme0n1p1", "mountpoint", "/", "fstype", "xfs", "device_error", ""}
	add("node_filesystem_size_bytes", flat(size), file...)
	avail := add("node_filesystem_avail_bytes", filling, file...)
	if c.faulty && m.name == loginName { // from eight on 5 GB an hour: 40 GB are left at three in the afternoon
		avail.clock = func(hour float64) float64 { return 40e9 + (15-max(hour, 8))*5e9 }
	}
	if c.faulty && m.name == cpuNode(1) { // 15 GB an hour: it will be full in more than a day
		avail.clock = func(hour float64) float64 { return 600e9 + (15-hour)*15e9 }
	}
	add("node_filesystem_device_error", flat(0), file...)
	if c.faulty && m.name == cpuNode(2) {
		add("node_filesystem_device_error", flat(1), "device", "fs-1.efs:/", "mountpoint", "/shared", "fstype", "nfs4", "device_error",
			"mountpoint timeout")
	}
	for name, rate := range map[string]float64{"node_network_receive_bytes_total": 2e8, "node_network_transmit_bytes_total": 1e8} {
		add(name, c.working(m.name, rate*(1+0.01*k), 1e5), "device", "eth0")
	}
	troubled := flat(0)
	if c.faulty && m.name == cpuNode(1) {
		troubled = flat(0.5)
	}
	for i, name := range []string{"receive_errs", "receive_drop", "transmit_errs", "transmit_drop"} {
		l := flat(0)
		if troubled.at(12) > 0 {
			l = flat(0.5 * float64(i+1))
		}
		add("node_network_"+name+"_total", l, "device", "eth0")
	}
	for name, rate := range map[string]float64{"read_bytes": 3e7, "written_bytes": 5e7, "io_time_seconds": 0.4} {
		add("node_disk_"+name+"_total", c.working(m.name, rate*(1+0.01*k), rate/100), "device", "nvme0n1")
	}
	collectors := []string{"cpu", "meminfo"}
	for _, name := range collectors {
		add("node_scrape_collector_success", flat(1), "collector", name)
	}
	if c.faulty && m.name == cpuNode(3) {
		add("node_scrape_collector_success", flat(0), "collector", "lustre")
		add("parascope_node_series_left_out", flat(17), "family", "node_lustre_operations_total")
	}
	add("parascope_build_info", flat(1), "version", "1.0.0", "revision", "abc")
	add("parascope_node_info", flat(1), "cluster", c.name, "node_type", m.kind, "node", m.name, "queue", m.queue, "compute_resource",
		m.resource,
		"provisioning", "", "login_pool", "", "instance_id", fmt.Sprintf("i-%017d", n), "instance_type", m.instanceType, "region", "us-east-1",
		"availability_zone", "us-east-1a", "address", fmt.Sprintf("10.0.0.%d", n), "os", "alinux2023", "parallelcluster_version", "3.16.3")
	c.addAWSLimits(m, all, k)
}

// addAWSLimits writes the counters of EFA, ENA, EBS, Lustre and NFS.
func (c *cluster) addAWSLimits(m *machine, all families, k float64) {
	e := m.page("node")
	add := func(name string, l level, labels ...string) { e.add(all.of(name), l, labels...) }
	bad := func(node string, v float64) level {
		if c.faulty && m.name == node {
			return flat(v)
		}
		return flat(0)
	}
	for i, name := range []string{"bw_in", "bw_out", "pps", "conntrack", "linklocal"} {
		add("node_ethtool_"+name+"_allowance_exceeded", bad(cpuNode(3), float64(i+1)), "device", "eth0")
	}
	for i, name := range []string{"ebs_volume_iops", "ebs_volume_throughput", "ebs_instance_iops", "ebs_instance_throughput"} {
		add("node_"+name+"_exceeded_seconds_total", bad(headName, 0.1*float64(i+1)), "device", "nvme0n1", "volume_id", "vol-0123")
	}
	add("node_nfs_rpcs_total", c.working(m.name, 40+k, 1))
	add("node_nfs_server_retransmissions_total", bad(cpuNode(2), 3), "server", "10.0.0.5")
	if m.kind != "compute" {
		return
	}
	devices := 32.0
	if m.gpus == 0 {
		devices = 2
	}
	add("node_amazonefa_devices_expected", flat(devices))
	if c.faulty && m.name == gpuNode(3) {
		devices--
	}
	add("node_amazonefa_devices", flat(devices))
	for name, rate := range map[string]float64{"tx_bytes": 9e9, "rx_bytes": 8e9, "rdma_read_bytes": 3e9, "rdma_write_bytes": 4e9} {
		add("node_amazonefa_"+name, c.working(m.name, rate*(1+0.01*k), 0), "device", "all")
	}
	add("node_amazonefa_retrans_pkts", bad(gpuNode(1), 25), "device", "all")
	add("node_amazonefa_rx_drops", bad(gpuNode(1), 7), "device", "all")
	for i, name := range []string{"retrans_timeout_events", "unresponsive_remote_events", "impaired_remote_conn_events"} {
		add("node_amazonefa_"+name, bad(gpuNode(1), 0.01*float64(i+1)), "device", "all")
	}
	for name, rate := range map[string]float64{"read_bytes": 6e8, "write_bytes": 4e8} {
		add("node_lustre_"+name+"_total", c.working(m.name, rate*(1+0.01*k), 0), "fsname", "scratch")
	}
	for name, rate := range map[string]float64{"open": 12, "close": 11} {
		add("node_lustre_operations_total", c.working(m.name, rate+k, 0), "fsname", "scratch", "operation", name)
	}
	add("node_lustre_rpc_timeouts_total", bad(cpuNode(1), 0.25), "fsname", "scratch")
}
