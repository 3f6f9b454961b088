package device

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/collect/node"
	"github.com/parascope/parascope/internal/collect/page"
)

// TestSeriesOfAP5 counts the series of an imitated p5.48xlarge: 192 CPUs, 32 EFA
// devices with their cards, a volume of EBS, 8 instance-store disks, without shared
// file systems. Each collector adds two series about itself, and the server three.
func TestSeriesOfAP5(t *testing.T) {
	tr := p5Of(t, 32)
	tr.linux(192)
	var p page.Page
	about, ours := 3, 0
	env := tr.env()
	common := node.Collectors()
	for i, c := range append(common, tr.collectors()...) {
		r, err := c.Open(env)
		before := p.Series()
		if err == nil {
			err = r.Read(&p)
			defer r.Close()
		}
		if err != nil {
			if !errors.Is(err, page.ErrAbsent) {
				t.Errorf("collector %s: %v", c.Name, err)
			}
			continue
		}
		about += 2
		if i >= len(common) {
			ours += p.Series() - before
		}
		t.Logf("%3d series of %s", p.Series()-before, c.Name)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d series, and %d about the page", p.Series(), about)
	if ours > 48 {
		t.Errorf("%d series of this package; at most 48 of a node's 110", ours)
	}
	if n := p.Series(); n > 110 {
		t.Errorf("%d series; at most 110", n)
	}
}

// linux adds what every machine has.
func (tr *tree) linux(cpus int) {
	var stat strings.Builder
	fmt.Fprintf(&stat, "cpu  %d 0 5 900 1 0 1 0 0 0\n", cpus*100)
	for n := range cpus {
		fmt.Fprintf(&stat, "cpu%d 100 0 5 900 1 0 1 0 0 0\n", n)
		tr.file(fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/physical_package_id", n), fmt.Sprintln(n*2/cpus))
	}
	stat.WriteString("intr 5 1 2\nctxt 77\nbtime 1794000000\nprocesses 99\nprocs_running 3\nprocs_blocked 0\nsoftirq 4 1 2\n")
	tr.file("proc/stat", stat.String())
	tr.file("proc/loadavg", "1.00 2.00 3.00 3/999 4242\n")
	var mem strings.Builder
	for _, name := range []string{
		"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)",
		"Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked", "SwapTotal", "SwapFree", "Zswap", "Zswapped",
		"Dirty", "Writeback", "AnonPages", "Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack",
		"PageTables", "NFS_Unstable", "Bounce", "CommitLimit", "Committed_AS", "VmallocTotal", "VmallocUsed", "Percpu",
		"HardwareCorrupted", "AnonHugePages", "Hugepagesize", "DirectMap4k",
	} {
		fmt.Fprintf(&mem, "%-16s 1234 kB\n", name+":")
	}
	tr.file("proc/meminfo", mem.String())
	for _, what := range []string{"cpu", "io", "memory", "irq"} {
		line := " avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"
		tr.file("proc/pressure/"+what, "some"+line+"full"+line)
	}
	tr.file("proc/vmstat", "pgpgin 1\npgpgout 2\npswpin 3\npswpout 4\npgfault 5\npgmajfault 6\noom_kill 7\n")
	tr.file("proc/uptime", "100.0 5000.0\n")
	var disks, cards strings.Builder
	for name := range tr.pages {
		block := filepath.Base(name) + "n1"
		fmt.Fprintf(&disks, " 259 0 %s 1 2 3 4 5 6 7 8 0 10 11 12 13 14 15 16 17\n", block)
		tr.link("sys/class/block/"+block, "x")
		tr.link("sys/block/"+block+"/device/model", "../../../class/nvme/"+filepath.Base(name)+"/model")
	}
	tr.file("proc/diskstats", disks.String())
	cards.WriteString("Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes\n" +
		"    lo: 1 2 0 0 0 0 0 0 1 2 0 0 0 0 0 0\n")
	for name := range tr.cards {
		fmt.Fprintf(&cards, "%6s: 1 2 0 0 0 0 0 0 1 2 0 0 0 0 0 0\n", name)
	}
	tr.file("proc/net/dev", cards.String())
	tr.file("proc/net/route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"+
		"enp71s0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\n")
	tr.file("proc/1/mountinfo", "22 1 259:1 / / rw,noatime shared:1 - ext4 /dev/root rw\n23 22 0:5 / /proc rw shared:2 - proc proc rw\n")
}
