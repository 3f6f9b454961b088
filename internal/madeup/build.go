package madeup

import "fmt"

// Jobs of the day. trains has two whole nodes, tunes half of one, solves four nodes
// without GPUs.
var (
	Trains = Job{ID: "101", User: "alice", Account: "physics", partition: "gpu", Nodes: []string{GPUNode(1), GPUNode(2)},
		GPUs: []int{0, 1, 2, 3, 4, 5, 6, 7}, From: 6, To: 22}
	Tunes = Job{ID: "102", User: "bob", Account: "ml", partition: "gpu", Nodes: []string{GPUNode(3)}, GPUs: []int{0, 1, 2, 3}, From: 7, To: 20}
	Solve = Job{ID: "103", User: "carol", Account: "cfd", partition: "cpu", Nodes: []string{CPUNode(1), CPUNode(2), CPUNode(3), CPUNode(4)},
		From: 8, To: 18}
)

const (
	headName  = "demo-head"
	LoginName = "demo-login"
	GPUPrice  = 98.32 // dollars an hour of a made-up p5.48xlarge
	cpuPrice  = 7.2
)

func GPUNode(n int) string { return fmt.Sprintf("demo-gpu-st-p5-%d", n) }
func CPUNode(n int) string { return fmt.Sprintf("demo-cpu-dy-hpc7a-%d", n) }

// What goes wrong in the cluster with faults, and from when on, in hours.
const (
	XIDAt       = 10.0 // GPU 1 of node 4 falls off the bus: the node is drained
	slowAt      = 9.0  // GPU 3 of node 2 is slowed by heat, and holds its job up
	idleAt      = 7.0  // tunes does nothing with its GPUs
	SilentAt    = 11.0 // CPU node 5 does not answer any more
	refusedAt   = 12.5 // EC2 refuses capacity
	HeartbeatAt = 14.5 // clustermgtd stops
	waitingAt   = 13.0 // AMP is not reached any more: samples wait, and some are lost
)

// NewCluster makes a cluster: a head node, a login node, nodes with eight GPUs, of which the
// day needs four, and six without. One of the latter is powered down at noon.
func NewCluster(name string, midnight float64, faulty bool, gpuNodes int, jobs ...Job) *Cluster {
	c := &Cluster{Name: name, midnight: midnight, Faulty: faulty, Jobs: jobs}
	c.Machines = append(c.Machines,
		&Machine{Name: headName, Kind: "head", instanceType: "c6i.4xlarge", CPUs: 16, Memory: 32 << 30},
		&Machine{Name: LoginName, Kind: "login", instanceType: "c7g.large", CPUs: 2, Memory: 4 << 30})
	for n := 1; n <= gpuNodes; n++ {
		c.Machines = append(c.Machines, &Machine{Name: GPUNode(n), Kind: "compute", Queue: "gpu", Resource: "p5",
			instanceType: "p5.48xlarge", CPUs: 192, Memory: 2048 << 30, GPUs: 8})
	}
	for n := 1; n <= 6; n++ {
		m := &Machine{Name: CPUNode(n), Kind: "compute", Queue: "cpu", Resource: "hpc7a", instanceType: "hpc7a.96xlarge", CPUs: 192,
			Memory: 768 << 30}
		if n == 6 {
			m.until = 12
		}
		if n == 5 && faulty {
			m.silent = SilentAt
		}
		c.Machines = append(c.Machines, m)
	}
	all := OurFamilies()
	for i, m := range c.Machines {
		c.addNode(m, all, i)
		if m.GPUs > 0 {
			c.addGPUs(m, all, i)
		}
	}
	c.addSlurm(all)
	c.addParallelCluster(all)
	c.addHead(all)
	return c
}

// jobOn is the job that has the machine at an hour.
func (c *Cluster) jobOn(node string, hour float64) *Job {
	for i := range c.Jobs {
		if c.Jobs[i].On(node) && c.Jobs[i].Runs(hour) {
			return &c.Jobs[i]
		}
	}
	return nil
}

// Working is in while a job runs on the machine, and out otherwise.
func (c *Cluster) Working(node string, in, out float64) Level {
	if j := c.jobOf(node); j != nil {
		return during(j.From, j.To, in, out)
	}
	return Flat(out)
}

// jobOf is the job that the machine has some time of the day.
func (c *Cluster) jobOf(node string) *Job {
	for i := range c.Jobs {
		if c.Jobs[i].On(node) {
			return &c.Jobs[i]
		}
	}
	return nil
}

// addNode writes what the node's own collectors measure; n makes machines differ.
func (c *Cluster) addNode(m *Machine, all Families, n int) {
	e, k := m.Page("node"), float64(n)
	add := func(name string, l Level, labels ...string) *Series { return e.Add(all.Of(name), l, labels...) }
	busy := c.Working(m.Name, 0.90-0.01*k, 0.02+0.001*k)
	idle := Level{}
	for _, b := range busy {
		idle = append(idle, Change{b.From, 0.97 - b.Value})
	}
	add("node_cpu_seconds_total", busy, "cpu", "all", "mode", "user")
	add("node_cpu_seconds_total", Flat(0.01), "cpu", "all", "mode", "system")
	add("node_cpu_seconds_total", idle, "cpu", "all", "mode", "idle")
	add("node_cpu_seconds_total", Flat(0.02), "cpu", "all", "mode", "iowait")
	add("node_cpu_seconds_total", Flat(0), "cpu", "all", "mode", "steal")
	add("node_cpus", Flat(float64(m.CPUs)))
	add("node_load1", c.Working(m.Name, float64(m.CPUs)*(1.1-0.01*k), 0.5+0.1*k))
	add("node_memory_MemTotal_bytes", Flat(m.Memory))
	add("node_memory_MemAvailable_bytes", c.Working(m.Name, m.Memory*(0.30+0.01*k), m.Memory*(0.9+0.001*k)))
	add("node_uname_info", Flat(1), "sysname", "Linux", "release", "6.1", "version", "1", "machine", "x86_64", "nodename", m.Name,
		"domainname", "")
	for mode, share := range map[string]float64{"cpu": 0.2, "memory": 0.003, "io": 0.05} {
		add("node_pressure_"+mode+"_waiting_seconds_total", c.Working(m.Name, share+0.001*k, 0.001))
	}
	stalled, killed := Flat(0), Flat(0)
	if c.Faulty && m.Name == CPUNode(4) {
		stalled, killed = during(8, 18, 0.12, 0), once(13, 3)
	}
	add("node_pressure_memory_stalled_seconds_total", stalled)
	add("node_vmstat_oom_kill", killed)
	size, left := 1e12+1e10*k, 0.6+0.01*k
	filling := Flat(size * left)
	if c.Faulty && m.Name == LoginName {
		filling = Flat(size * 0.02)
	}
	file := []string{"device", "/dev/nvme0n1p1", "mountpoint", "/", "fstype", "xfs", "device_error", ""}
	add("node_filesystem_size_bytes", Flat(size), file...)
	avail := add("node_filesystem_avail_bytes", filling, file...)
	if c.Faulty && m.Name == LoginName { // from eight on 5 GB an hour: 40 GB are left at three in the afternoon
		avail.Clock = func(hour float64) float64 { return 40e9 + (15-max(hour, 8))*5e9 }
	}
	if c.Faulty && m.Name == CPUNode(1) { // 15 GB an hour: it will be full in more than a day
		avail.Clock = func(hour float64) float64 { return 600e9 + (15-hour)*15e9 }
	}
	add("node_filesystem_device_error", Flat(0), file...)
	if c.Faulty && m.Name == CPUNode(2) {
		add("node_filesystem_device_error", Flat(1), "device", "fs-1.efs:/", "mountpoint", "/shared", "fstype", "nfs4", "device_error",
			"mountpoint timeout")
	}
	for name, rate := range map[string]float64{"node_network_receive_bytes_total": 2e8, "node_network_transmit_bytes_total": 1e8} {
		add(name, c.Working(m.Name, rate*(1+0.01*k), 1e5), "device", "eth0")
	}
	troubled := Flat(0)
	if c.Faulty && m.Name == CPUNode(1) {
		troubled = Flat(0.5)
	}
	for i, name := range []string{"receive_errs", "receive_drop", "transmit_errs", "transmit_drop"} {
		l := Flat(0)
		if troubled.At(12) > 0 {
			l = Flat(0.5 * float64(i+1))
		}
		add("node_network_"+name+"_total", l, "device", "eth0")
	}
	for name, rate := range map[string]float64{"read_bytes": 3e7, "written_bytes": 5e7, "io_time_seconds": 0.4} {
		add("node_disk_"+name+"_total", c.Working(m.Name, rate*(1+0.01*k), rate/100), "device", "nvme0n1")
	}
	collectors := []string{"cpu", "meminfo"}
	for _, name := range collectors {
		add("node_scrape_collector_success", Flat(1), "collector", name)
	}
	if c.Faulty && m.Name == CPUNode(3) {
		add("node_scrape_collector_success", Flat(0), "collector", "lustre")
		add("parascope_node_series_left_out", Flat(17), "family", "node_lustre_operations_total")
	}
	add("parascope_build_info", Flat(1), "version", "1.0.0", "revision", "abc")
	add("parascope_node_info", Flat(1), "cluster", c.Name, "node_type", m.Kind, "node", m.Name, "queue", m.Queue, "compute_resource",
		m.Resource,
		"provisioning", "", "login_pool", "", "instance_id", fmt.Sprintf("i-%017d", n), "instance_type", m.instanceType, "region", "us-east-1",
		"availability_zone", "us-east-1a", "address", fmt.Sprintf("10.0.0.%d", n), "os", "alinux2023", "parallelcluster_version", "3.16.3")
	c.addAWSLimits(m, all, k)
}

// addAWSLimits writes the counters of EFA, ENA, EBS, Lustre and NFS.
func (c *Cluster) addAWSLimits(m *Machine, all Families, k float64) {
	e := m.Page("node")
	add := func(name string, l Level, labels ...string) { e.Add(all.Of(name), l, labels...) }
	bad := func(node string, v float64) Level {
		if c.Faulty && m.Name == node {
			return Flat(v)
		}
		return Flat(0)
	}
	for i, name := range []string{"bw_in", "bw_out", "pps", "conntrack", "linklocal"} {
		add("node_ethtool_"+name+"_allowance_exceeded", bad(CPUNode(3), float64(i+1)), "device", "eth0")
	}
	for i, name := range []string{"ebs_volume_iops", "ebs_volume_throughput", "ebs_instance_iops", "ebs_instance_throughput"} {
		add("node_"+name+"_exceeded_seconds_total", bad(headName, 0.1*float64(i+1)), "device", "nvme0n1", "volume_id", "vol-0123")
	}
	add("node_nfs_rpcs_total", c.Working(m.Name, 40+k, 1))
	add("node_nfs_server_retransmissions_total", bad(CPUNode(2), 3), "server", "10.0.0.5")
	if m.Kind != "compute" {
		return
	}
	devices := 32.0
	if m.GPUs == 0 {
		devices = 2
	}
	add("node_amazonefa_devices_expected", Flat(devices))
	if c.Faulty && m.Name == GPUNode(3) {
		devices--
	}
	add("node_amazonefa_devices", Flat(devices))
	for name, rate := range map[string]float64{"tx_bytes": 9e9, "rx_bytes": 8e9, "rdma_read_bytes": 3e9, "rdma_write_bytes": 4e9} {
		add("node_amazonefa_"+name, c.Working(m.Name, rate*(1+0.01*k), 0), "device", "all")
	}
	add("node_amazonefa_retrans_pkts", bad(GPUNode(1), 25), "device", "all")
	add("node_amazonefa_rx_drops", bad(GPUNode(1), 7), "device", "all")
	for i, name := range []string{"retrans_timeout_events", "unresponsive_remote_events", "impaired_remote_conn_events"} {
		add("node_amazonefa_"+name, bad(GPUNode(1), 0.01*float64(i+1)), "device", "all")
	}
	for name, rate := range map[string]float64{"read_bytes": 6e8, "write_bytes": 4e8} {
		add("node_lustre_"+name+"_total", c.Working(m.Name, rate*(1+0.01*k), 0), "fsname", "scratch")
	}
	for name, rate := range map[string]float64{"open": 12, "close": 11} {
		add("node_lustre_operations_total", c.Working(m.Name, rate+k, 0), "fsname", "scratch", "operation", name)
	}
	add("node_lustre_rpc_timeouts_total", bad(CPUNode(1), 0.25), "fsname", "scratch")
}
