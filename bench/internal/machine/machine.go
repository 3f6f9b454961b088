// Package machine writes the procfs and sysfs of an imitated node, for benches.
package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Size is what the machine has.
type Size struct {
	CPUs  int
	Cards int // network cards besides lo; all but two have EFA where there are more than two
	Disks int // one EBS volume, the others instance store
}

// Large is a p5.48xlarge with two cards that have no EFA.
var Large = Size{CPUs: 192, Cards: 34, Disks: 9}

// Write writes the machine below root as it is at a time, in seconds after it was first
// looked at: counters grow with it.
func Write(root string, s Size, at int) error {
	w := writer{root: root}
	w.cpus(s.CPUs, uint64(at))
	w.memory(at)
	w.disks(s.Disks, uint64(at))
	w.cards(s.Cards, uint64(at))
	w.mounts()
	return w.err
}

type writer struct {
	root string
	err  error
}

func (w *writer) file(name, text string) {
	if w.err != nil {
		return
	}
	path := filepath.Join(w.root, name)
	if w.err = os.MkdirAll(filepath.Dir(path), 0o755); w.err == nil {
		w.err = os.WriteFile(path, []byte(text), 0o644)
	}
}

func (w *writer) cpus(n int, at uint64) {
	var stat, sched, softnet strings.Builder
	line := func(name string, k uint64) {
		fmt.Fprintf(&stat, "%s %d %d %d %d %d 0 %d 0 0 0\n", name, 123456789*k+60*at*k, 1234*k, 23456789*k+7*at*k, 987654321*k+33*at*k,
			12345*k+at*k, 4567*k)
	}
	line("cpu ", uint64(n))
	sched.WriteString("version 15\ntimestamp 4295000000\n")
	for i := range n {
		line(fmt.Sprint("cpu", i), 1)
		fmt.Fprintf(&sched, "cpu%d 0 0 0 0 0 0 %d %d %d\n", i, 123456789012+uint64(i)+at, 23456789012+at, 3456789+at)
		fmt.Fprintf(&softnet, "%08x 00000000 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 %08x\n",
			1234567+uint64(i)+at, i)
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/", i)
		w.file(dir+"online", "1\n")
		w.file(dir+"topology/core_id", fmt.Sprintln(i/2))
		w.file(dir+"topology/physical_package_id", fmt.Sprintln(i*2/max(n, 2)))
	}
	fmt.Fprintf(&stat, "intr %d%s\nctxt %d\nbtime 1795000000\nprocesses %d\nprocs_running 3\nprocs_blocked 0\nsoftirq 9 0 1 2 3 4 5 6 7 8 9\n",
		99999999+at, strings.Repeat(" 12", 2048), 8888888888+at, 777777+at)
	w.file("proc/stat", stat.String())
	w.file("proc/schedstat", sched.String())
	w.file("proc/net/softnet_stat", softnet.String())
	w.file("sys/devices/system/cpu/online", fmt.Sprintf("0-%d\n", n-1))
	w.file("sys/devices/system/cpu/isolated", "\n")
	w.file("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc acpi_pm\n")
	w.file("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n")
	w.file("proc/loadavg", "191.98 190.11 180.02 193/2345 99999\n")
}

func (w *writer) memory(at int) {
	var mem, vm strings.Builder
	for i, key := range strings.Fields("MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) " +
		"Active(file) Inactive(file) Unevictable Mlocked SwapTotal SwapFree Zswap Zswapped Dirty Writeback AnonPages Mapped Shmem KReclaimable " +
		"Slab SReclaimable SUnreclaim KernelStack PageTables SecPageTables NFS_Unstable Bounce WritebackTmp CommitLimit Committed_AS " +
		"VmallocTotal VmallocUsed VmallocChunk Percpu HardwareCorrupted AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages " +
		"CmaTotal CmaFree Hugetlb DirectMap4k DirectMap2M DirectMap1G") {
		fmt.Fprintf(&mem, "%-16s %8d kB\n", key+":", 2147483648-1000000*i-at)
	}
	mem.WriteString("HugePages_Total:    5128\nHugePages_Free:     5000\nHugePages_Rsvd:        0\nHugePages_Surp:        " +
		"0\nHugepagesize:       2048 kB\n")
	w.file("proc/meminfo", mem.String())
	for i := range 120 {
		fmt.Fprintf(&vm, "nr_counter_%d %d\n", i, 123456*i+at)
	}
	for i, key := range strings.Fields("pgpgin pgpgout pswpin pswpout pgfault pgmajfault oom_kill") {
		fmt.Fprintf(&vm, "%s %d\n", key, 1000*i+at)
	}
	w.file("proc/vmstat", vm.String())
	for i, res := range []string{"cpu", "io", "memory"} {
		w.file("proc/pressure/"+res, fmt.Sprintf("some avg10=0.00 avg60=0.00 avg300=0.00 total=%d\nfull avg10=0.00 avg60=0.00 avg300=0.00 "+
			"total=%d\n",
			1234567*(i+1)+at, 123456*(i+1)+at))
	}
	w.file("proc/pressure/irq", fmt.Sprintf("full avg10=0.00 avg60=0.00 avg300=0.00 total=%d\n", 4321+at))
}

func (w *writer) disks(n int, at uint64) {
	var b strings.Builder
	for i := range n {
		name, model := fmt.Sprintf("nvme%dn1", i), "Amazon EC2 NVMe Instance Storage        "
		if i == 0 {
			model = "Amazon Elastic Block Store              "
		}
		k := uint64(i + 1)
		for part, disk := range []string{name, name + "p1"} {
			fmt.Fprintf(&b, " 259 %7d %s %d 12 %d %d %d 34 %d %d 0 %d %d 5 0 4000 30 60 40\n", 2*i+part, disk, 100000*k+at, 8000000*k+at, 50000*k+at,
				200000*k+at, 16000000*k+at, 90000*k+at, 120000*k+at, 140000*k+at)
			if part > 0 {
				break
			}
			w.file("sys/block/"+name+"/device/model", model+"\n")
			w.file("sys/block/"+name+"/queue/rotational", "0\n")
			w.file("sys/block/"+name+"/stat", "0\n")
		}
		dir := fmt.Sprintf("sys/class/nvme/nvme%d/", i)
		w.file(dir+"model", model+"\n")
		w.file(dir+"serial", fmt.Sprintf("vol%017x\n", i))
		w.file(dir+"firmware_rev", "1.0\n")
		w.file(dir+"state", "live\n")
		w.file(dir+"cntlid", "1\n")
	}
	w.file("proc/diskstats", b.String())
}

func (w *writer) cards(n int, at uint64) {
	var dev, route strings.Builder
	dev.WriteString("Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
		"    lo: 1000 10 0 0 0 0 0 0 1000 10 0 0 0 0 0 0\n")
	route.WriteString("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n")
	for i := range n {
		name, k := fmt.Sprintf("ens%d", 32+i), uint64(i+1)
		fmt.Fprintf(&dev, "%6s: %d %d 1 2 0 0 0 7 %d %d 3 4 0 0 0 0\n", name, 8000000000*k+1000*at, 6000000*k+at, 4000000000*k+500*at,
			3000000*k+at)
		fmt.Fprintf(&route, "%s\t00000000\t0100000A\t0003\t0\t0\t%d\t00000000\t0\t0\t0\n", name, 100+i)
		dir := "sys/class/net/" + name + "/"
		for file, text := range map[string]string{
			"device/vendor": "0x1d0f", "address": "0e:00:00:00:00:01", "addr_len": "6", "carrier": "1", "carrier_changes": "2", "duplex": "full",
			"flags": "0x1003", "ifindex": fmt.Sprint(i + 2), "iflink": fmt.Sprint(i + 2), "mtu": "9001", "operstate": "up", "speed": "100000",
			"tx_queue_len": "1000", "type": "1", "dormant": "0", "link_mode": "0", "name_assign_type": "4", "netdev_group": "0",
			"broadcast":        "ff:ff:ff:ff:ff:ff",
			"addr_assign_type": "0", "carrier_up_count": "1", "carrier_down_count": "1", "dev_id": "0x0", "ifalias": "",
		} {
			w.file(dir+file, text+"\n")
		}
		if i >= 2 {
			w.efa(i-2, at)
		}
	}
	w.file("proc/net/dev", dev.String())
	w.file("proc/net/route", route.String())
}

// efaCounters are the counters of a device with EFA, in its order.
const efaCounters = "alloc_pd_err alloc_ucontext_err cmds_err completed_cmds create_ah_err create_cq_err create_qp_err " +
	"keep_alive_rcvd lifespan mmap_err " +
	"no_completion_cmds reg_mr_err submitted_cmds"

// efaPortCounters are those of its port.
const efaPortCounters = "impaired_remote_conn_events lifespan rdma_read_bytes rdma_read_resp_bytes rdma_read_wr_err rdma_read_wrs " +
	"rdma_write_bytes " +
	"rdma_write_recv_bytes rdma_write_wr_err rdma_write_wrs recv_bytes recv_wrs retrans_bytes retrans_pkts retrans_timeout_events " +
	"rx_bytes rx_drops rx_pkts " +
	"send_bytes send_wrs tx_bytes tx_pkts unresponsive_remote_events"

func (w *writer) efa(i int, at uint64) {
	dir := fmt.Sprintf("sys/class/infiniband/rdmap%ds0/", 79+i)
	for _, f := range []struct{ dir, names string }{{dir + "hw_counters/", efaCounters}, {dir + "ports/1/hw_counters/", efaPortCounters}} {
		for j, name := range strings.Fields(f.names) {
			w.file(f.dir+name, fmt.Sprintln(uint64(1000*(j+1))*uint64(i+1)+at))
		}
	}
	w.file(dir+"device/driver/module/version", "3.1.0\n")
	w.file(dir+"device/vendor", "0x1d0f\n")
	w.file(dir+"fw_ver", "0.0.0.0\n")
	w.file(dir+"node_type", "4: unspecified\n")
	w.file(dir+"ports/1/state", "4: ACTIVE\n")
	w.file(dir+"ports/1/phys_state", "5: LinkUp\n")
	w.file(dir+"ports/1/rate", "100 Gb/sec (4X EDR)\n")
	w.file(dir+"ports/1/link_layer", "Unspecified\n")
}

// mounts are those of a compute node: its root, the head node's NFS, Lustre, and what
// is left out.
func (w *writer) mounts() {
	var b strings.Builder
	for i, m := range [][3]string{
		{"/", "xfs", "/dev/nvme0n1p1"}, {"/home", "nfs4", "10.0.0.1:/home"}, {"/fsx", "lustre", "10.0.0.9@tcp:/abcdef"},
		{"/dev/shm", "tmpfs", "tmpfs"}, {"/proc", "proc", "proc"}, {"/sys", "sysfs", "sysfs"}, {"/run/user/1000", "tmpfs", "tmpfs"},
	} {
		fmt.Fprintf(&b, "%d 1 259:%d / %s rw,relatime shared:1 - %s %s rw\n", 22+i, i, m[0], m[1], m[2])
		w.file(filepath.Join(m[0], ".keep"), "")
	}
	w.file("proc/1/mountinfo", b.String())
}
