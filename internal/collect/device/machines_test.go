package device

import (
	"fmt"
	"strings"
	"testing"
)

// machines are the imitated nodes whose pages are kept as golden files.
var machines = map[string]func(*testing.T) *tree{
	"c5.2xlarge-head":             c5Head,
	"p4d.24xlarge":                p4d,
	"p5.48xlarge":                 p5,
	"p6-b200.48xlarge":            p6,
	"hpc7a.96xlarge":              hpc7a,
	"hpc7g.16xlarge":              hpc7g,
	"c7g.large-login":             c7gLogin,
	"c7i.large-without-a-cluster": plain,
}

func c5Head(t *testing.T) *tree {
	tr := newTree(t)
	tr.instance("c5.2xlarge", "i-0aaaaaaaaaaaaaaa1", "ip-10-0-0-10.ec2.internal")
	tr.version("3.16.3")
	tr.file("etc/chef/dna.json", `{"cluster": {"stack_name": "hpc-prod", "node_type": "HeadNode", "region": "us-east-1",
		"base_os": "alinux2023", "raid_shared_dir": "", "compute_node_bootstrap_timeout": 1800, "ddb_table": "NONE"}}`)
	tr.file("etc/parallelcluster/cfnconfig", "stack_name=hpc-prod\ncfn_preinstall_args=()\ncfn_region=us-east-1\ncfn_node_type=HeadNode\n")
	tr.ena("ens5", allowances(0))
	tr.ebs(0, "vol0123456789abcdef0")
	tr.ebs(1, "vol0123456789abcdef1")
	tr.file("proc/sys/kernel/hostname", "ip-10-0-0-10.ec2.internal\n")
	return tr
}

func p4d(t *testing.T) *tree {
	tr := newTree(t)
	tr.compute("p4d.24xlarge", "a100", "a100-st-p4d-1", "static", "efa")
	for n, bus := range []int{16, 32, 144, 160} {
		tr.efa(n, fmt.Sprintf("rdmap%ds27", bus), portCounters)
		tr.ena(fmt.Sprintf("ens%d", 32+n), allowances(uint64(n)))
	}
	tr.ebs(0, "vol0123456789abcdef2")
	tr.instanceStore(1, 8)
	tr.nfs()
	return tr
}

func p5(t *testing.T) *tree {
	tr := p5Of(t, 32)
	tr.nfs()
	tr.lustre("fsx")
	return tr
}

// p5Of is a p5 with that many of its 32 EFA devices, without shared file systems.
func p5Of(t *testing.T, devices int) *tree {
	tr := newTree(t)
	tr.compute("p5.48xlarge", "gpu", "gpu-dy-p5-1", "dynamic", "efa")
	for n := range devices {
		tr.efa(n, fmt.Sprintf("rdmap%ds0", 79+n), append(portCounters[:17:17], nitro4Counters...))
		tr.ena(fmt.Sprintf("enp%ds0", 71+n), allowances(uint64(n)))
	}
	tr.ebs(0, "vol0123456789abcdef3")
	tr.instanceStore(1, 8)
	return tr
}

// p6 has ConnectX cards besides its EFA devices, for the control of NVLink.
func p6(t *testing.T) *tree {
	tr := newTree(t)
	tr.compute("p6-b200.48xlarge", "b200", "b200-st-b200-1", "static", "efa")
	for n := range 7 { // one of the eight is missing
		tr.efa(n, fmt.Sprintf("rdmap%ds0", 86+n), append(portCounters[:17:17], nitro4Counters...))
		tr.ena(fmt.Sprintf("enp%ds0", 71+n), allowances(uint64(n)))
	}
	for _, name := range []string{"mlx5_0", "rdmap200s0"} {
		tr.link("sys/class/infiniband/"+name+"/device/driver", "../../../../bus/pci/drivers/mlx5_core")
		tr.file("sys/class/infiniband/"+name+"/ports/1/hw_counters/rx_bytes", "5\n")
		tr.file("sys/class/infiniband/"+name+"/ports/1/hw_counters/out_of_sequence", "5\n")
	}
	tr.file("sys/class/infiniband/rdmap86s0/ports/1/hw_counters/new_in_r4_events", "3\n")
	tr.ebs(0, "vol0123456789abcdef4")
	tr.instanceStore(1, 8)
	tr.nfs()
	return tr
}

func hpc7a(t *testing.T) *tree {
	tr := newTree(t)
	tr.compute("hpc7a.96xlarge", "hpc", "hpc-dy-hpc7a-12", "dynamic", "efa")
	for n, name := range []string{"efa_0", "efa_1"} { // persistent naming is off
		tr.efa(n, name, append(portCounters[:17:17], nitro4Counters...))
	}
	tr.ena("eth0", allowances(0))
	tr.ena("eth1", allowances(1))
	tr.ebs(0, "vol-0123456789abcdef5")
	tr.lustre("abcdefgh")
	return tr
}

// hpc7g has the oldest driver: no driver statistics, no RDMA write.
func hpc7g(t *testing.T) *tree {
	tr := newTree(t)
	tr.compute("hpc7g.16xlarge", "arm", "arm-st-hpc7g-1", "static", "efa")
	tr.efa(0, "rdmap0s6", portCounters[:13])
	tr.remove("sys/class/infiniband/rdmap0s6/hw_counters")
	stats := allowances(0)
	delete(stats, "conntrack_allowance_available")
	tr.ena("eth0", stats)
	tr.ebs(0, "vol0123456789abcdef6")
	return tr
}

func c7gLogin(t *testing.T) *tree {
	tr := newTree(t)
	tr.instance("c7g.large", "i-0aaaaaaaaaaaaaaa7", "ip-10-0-0-70")
	tr.version("3.16.3")
	tr.file("etc/chef/dna.json", `{"cluster": {"cluster_name": "hpc-prod", "stack_name": "hpc-prod-login", "node_type": "LoginNode",
		"region": "us-east-1", "pool_name": "login", "base_os": "ubuntu2404", "dcv_port": 8444}}`)
	tr.ena("ens5", allowances(0))
	tr.ebs(0, "vol0123456789abcdef7")
	return tr
}

// plain is an instance that is of no cluster.
func plain(t *testing.T) *tree {
	tr := newTree(t)
	tr.instance("c7i.large", "i-0aaaaaaaaaaaaaaa8", "build")
	tr.ena("ens5", allowances(0))
	return tr
}

// instance adds what the firmware says of an EC2 instance, and its host name.
func (tr *tree) instance(kind, id, name string) {
	tr.file("sys/class/dmi/id/product_name", kind+"\n")
	tr.file("sys/class/dmi/id/board_asset_tag", id+"\n")
	tr.file("proc/sys/kernel/hostname", name+"\n")
}

func (tr *tree) version(v string) {
	tr.file("opt/parallelcluster/.bootstrapped", "aws-parallelcluster-cookbook-"+v+"\n")
}

// compute adds ParallelCluster's files of a compute node.
func (tr *tree) compute(kind, queue, node, provisioning, efa string) {
	id := "i-0123456789abcdef1"
	tr.instance(kind, id, "ip-10-0-2-21")
	tr.version("3.16.3")
	resource := strings.Split(node, "-")[2]
	tr.file("etc/parallelcluster/slurm_plugin/slurm_nodename", node)
	tr.file("etc/parallelcluster/slurm_plugin/slurm_node_spec.json", fmt.Sprintf(`{
  "region": "us-east-1", "cluster_name": "hpc-prod", "scheduler": "slurm", "node_role": "ComputeFleet", "instance_id": %q,
  "compute": {"queue-name": %q, "compute-resource": %q, "name": %q, "node-type": %q, "instance-id": %q, "instance-type": %q,
    "availability-zone": "us-east-1a", "address": "10.0.2.21", "hostname": "ip-10-0-2-21.ec2.internal"}
}`, id, queue, resource, node, provisioning, id, kind))
	tr.file("etc/chef/dna.json", fmt.Sprintf(`{"cluster": {"cluster_name": "hpc-prod", "stack_name": "hpc-prod", "node_type": "ComputeFleet",
		"region": "us-east-1", "base_os": "alinux2023", "scheduler_queue_name": %q, "scheduler_compute_resource_name": %q,
		"enable_efa": %q, "dns_domain": "{\"Ref\": \"x\"}"}}`, queue, resource, efa))
}

// nfs adds the statistics of an NFS client with the mounts of a compute node.
func (tr *tree) nfs() {
	tr.file("proc/net/rpc/nfs", "net 0 0 0 0\nrpc 123456 7 123460\nproc4 59 0 1 2\n")
	var b strings.Builder
	b.WriteString("device proc mounted on /proc with fstype proc\ndevice /dev/root mounted on / with fstype xfs\n")
	for i, export := range []string{"10.0.0.10:/home", "10.0.0.10:/opt/slurm", "fs-01.efs.us-east-1.amazonaws.com:/"} {
		fmt.Fprintf(&b, "device %s mounted on /mnt/%d\\040x with fstype nfs4 statvers=1.1\n\topts:\trw,vers=4.2\n\tage:\t99\n"+
			"\tcaps:\tcaps=0x1\n\tevents:\t1 2 3\n\tbytes:\t1 2 3\n\tRPC iostats version: 1.1  p/v: 100003/4 (nfs)\n"+
			"\txprt:\ttcp 0 0 1 0 0 5 5 0\n"+
			"\tper-op statistics\n\t        NULL: 1 1 0 44 24 0 0 0 0\n\t        READ: 100 %d %d 1 2 3 4 5 0\n"+
			"\t       WRITE: 10 10 0 1 2 3 4 5 0\n\n",
			export, i, 100+i, 2*i)
	}
	tr.file("proc/self/mountstats", b.String())
}

// lustre adds a mounted Lustre file system of two targets.
func (tr *tree) lustre(name string) {
	debug := "sys/kernel/debug/lustre/"
	tr.file(debug+"llite/"+name+"-ffff8d0c1a2b3c4d/stats", `snapshot_time             1795000000.123456789 secs.nsecs
start_time                1794000000.123456789 secs.nsecs
elapsed_time              1000000.000000000 secs.nsecs
read_bytes                25673 samples [bytes] 1 3366225 145121869 9007199254740993
write_bytes               13641 samples [bytes] 1 3366225 468230469 1
read                      25673 samples [usecs] 1 2 3 4
open                      100 samples [usecs] 1 2 3 4
close                     90 samples [usecs] 1 2 3 4
getattr                   10 samples [usecs] 1 2 3 4
inode_permission          5000 samples [usecs] 1 2 3 4
seek                      7 samples [usecs] 1 2 3 4
`)
	for i, target := range []string{"osc/" + name + "-OST0000-osc-ffff8d0c1a2b3c4d", "mdc/" + name + "-MDT0000-mdc-ffff8d0c1a2b3c4d"} {
		tr.file(debug+target+"/import", fmt.Sprintf(`import:
    name: %s
    target: %s_UUID
    state: FULL
    connection:
       failover_nids: [ "10.0.0.5@tcp" ]
       connection_attempts: 1
    rpcs:
       inflight: 0
       unregistering: 0
       timeouts: %d
       avg_waittime: 1234 usec
`, target, name, 3+i))
	}
	tr.file("sys/kernel/debug/lnet/stats", "0 1172 0 195805494 204125982 0 16957 216828482753 708781379083 0 3268048\n")
}
