package node

import (
	"fmt"
	"strings"
	"testing"
)

// diskLine is a disk's line; n tells the disks and times apart.
func diskLine(name string, n int) string {
	return fmt.Sprintf(" 259 0 %s %d 0 %d %d 0 0 0 0 0 %d 0 0 0 0 0 0 0\n", name, n, 2*n, 1000*n, 500*n)
}

func TestDisks(t *testing.T) {
	m := newTree(t)
	m.write("sys/block/nvme0n1/device/model", "Amazon Elastic Block Store              \n")
	for _, n := range []string{"nvme1n1", "nvme2n1"} {
		m.write("sys/block/"+n+"/device/model", "Amazon EC2 NVMe Instance Storage        \n")
	}
	m.write("sys/block/dm-0/dm/name", "x")
	m.write("sys/block/vd/x", "no device")
	m.write("sys/block/xvda/device/x", "")
	write := func(lines ...string) { m.write("proc/diskstats", strings.Join(lines, "")) }
	write(diskLine("nvme0n1", 1), diskLine("nvme0n1p1", 1), diskLine("nvme1n1", 10), diskLine("nvme2n1", 20), diskLine("dm-0", 9),
		diskLine("loop0", 9), diskLine("vd", 9), diskLine("xvda", 3), diskLine("zram0", 9), diskLine("sda1", 9))
	r := m.open(diskstats, m.env())
	got := samples(t, r, false)
	for _, want := range []string{
		"node_disk_reads_completed_total{device=\"nvme0n1\"} 1\nnode_disk_reads_completed_total{device=\"xvda\"} 3\n" +
			"node_disk_reads_completed_total{device=\"all\"} 30\nnode_disk_read_bytes_total{device=\"nvme0n1\"} 1024\n",
		"node_disk_read_time_seconds_total{device=\"all\"} 30\n", "node_disk_io_time_seconds_total{device=\"xvda\"} 1.5\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks\n%s:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "node_disk_reads_completed_total"); n != 3 {
		t.Errorf("%d devices; want 3:\n%s", n, got)
	}
	write(diskLine("nvme0n1", 1), diskLine("nvme1n1", 11)) // one disk went
	if got := samples(t, r, false); !strings.Contains(got, "node_disk_reads_completed_total{device=\"all\"} 31\n") {
		t.Errorf("after a disk went:\n%s", got)
	}
	write(diskLine("nvme0n1", 1), diskLine("nvme1n1", 11), diskLine("nvme2n1", 4)) // and came back anew
	if got := samples(t, r, false); !strings.Contains(got, "node_disk_reads_completed_total{device=\"all\"} 35\n") {
		t.Errorf("after it came back:\n%s", got)
	}
	e := m.env()
	e.EachDevice = true
	if got := samples(t, m.open(diskstats, e), true); strings.Contains(got, "all") || !strings.Contains(got, `io_now{device="nvme2n1"} 0`) {
		t.Errorf("with each device:\n%s", got)
	}
}

func TestDisksOfOldKernels(t *testing.T) {
	m := newTree(t)
	m.write("proc/diskstats", " 259 0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11\n")
	got := samples(t, m.open(diskstats, m.env()), true)
	if !strings.Contains(got, "node_disk_io_time_weighted_seconds_total{device=\"nvme0n1\"} 0.011\n") || strings.Contains(got, "discard") {
		t.Errorf("page:\n%s", got)
	}
}

func TestIgnoredDisks(t *testing.T) {
	for name, want := range map[string]bool{
		"loop0": true, "zram1": true, "ram0": true, "fd0": true, "sda1": true, "xvdb2": true, "vdc10": true, "hda1": true, "nvme0n1p1": true,
		"nvme10n2p128": true, "nvme0n1": false, "sda": false, "xvda": false, "md127": false, "dm-0": false, "sdaa1": false, "": false, "7": false,
	} {
		if got := ignoredByStock(name); got != want {
			t.Errorf("%q: ignored %v; want %v", name, got, want)
		}
	}
}

func netLine(name string, n int) string {
	return fmt.Sprintf("%6s: %d 0 0 %d 0 0 0 0 %d 0 0 0 0 0 0 0\n", name, n, n+1, 2*n)
}

func TestCards(t *testing.T) {
	m := newTree(t)
	for _, card := range []string{"ens32", "ens64", "ens65"} {
		m.write("sys/class/net/"+card+"/device/vendor", "0x1d0f\n")
	}
	m.write("sys/class/net/veth1/mtu", "1500")
	m.write("sys/class/net/lo/mtu", "1500")
	const heading = "Inter-|   Receive  |  Transmit\n face |bytes |bytes \n"
	m.write("proc/net/dev", heading+netLine("lo", 9)+netLine("ens32", 10)+netLine("ens64", 20)+netLine("ens65", 30)+netLine("veth1",
		9)+netLine("ens64:1", 1))
	m.write("proc/net/route", "Iface Destination Gateway Flags RefCnt Use Metric Mask\nens64 00000000 01 3 0 0 200 0\nens32 00000000 01 "+
		"3 0 0 100 0\nens65 0000FEA9 01 3 0 0 0 0\n")

	got := samples(t, m.open(netdev, m.env()), false)
	for _, want := range []string{`receive_bytes_total{device="ens32"} 10`, `receive_bytes_total{device="ens64"} 20`,
		`transmit_bytes_total{device="ens65"} 60`, `receive_drop_total{device="ens32"} 11`} {
		if !strings.Contains(got, "node_network_"+want+"\n") {
			t.Errorf("without EFA: the page lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, "lo") || strings.Contains(got, "veth1") || strings.Contains(got, `"all"`) {
		t.Errorf("without EFA:\n%s", got)
	}

	m.write("sys/class/infiniband/rdmap0/x", "")
	r := m.open(netdev, m.env())
	got = samples(t, r, false)
	if !strings.Contains(got, "node_network_receive_bytes_total{device=\"ens32\"} 10\nnode_network_receive_bytes_total{device=\"all\"} 51\n") {
		t.Errorf("with EFA:\n%s", got)
	}
	m.write("proc/net/dev", heading+netLine("ens32", 10)+netLine("ens64", 5)) // one card went, one's driver was loaded anew
	if got = samples(t, r, false); !strings.Contains(got, "node_network_receive_bytes_total{device=\"all\"} 56\n") {
		t.Errorf("after a card went:\n%s", got)
	}
	// The default route goes to another card, away and back: no card's past is added, and nothing is lost.
	const route = "Iface Destination Gateway Flags RefCnt Use Metric Mask\n%s 00000000 01 3 0 0 100 0\n"
	for _, step := range []struct {
		routes       string
		ens32, ens64 int
		main         string
		all          int
	}{
		{fmt.Sprintf(route, "ens64"), 1000, 1000, `{device="ens64"} 1000`, 56 + 990},
		{"Iface Destination\n", 1000, 1001, `{device="ens64"} 1001`, 56 + 990},
		{fmt.Sprintf(route, "ens32"), 1007, 1002, `{device="ens32"} 1007`, 56 + 990 + 1},
	} {
		m.write("proc/net/dev", heading+netLine("ens32", step.ens32)+netLine("ens64", step.ens64))
		m.write("proc/net/route", step.routes)
		want := fmt.Sprintf("node_network_receive_bytes_total%s\nnode_network_receive_bytes_total{device=\"all\"} %d\n", step.main, step.all)
		if got = samples(t, r, false); !strings.Contains(got, want) {
			t.Errorf("the page lacks\n%s:\n%s", want, got)
		}
	}
	m.remove("proc/net/route")
	e := m.env()
	e.EachDevice = true
	m.write("proc/net/dev", heading+netLine("lo", 9)+netLine("ens32", 10))
	if got = samples(t, m.open(netdev, e), false); !strings.Contains(got, `receive_bytes_total{device="lo"} 9`) || strings.Contains(got,
		"all") {
		t.Errorf("with each device:\n%s", got)
	}
}
