package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
)

const txOf = "sys/class/infiniband/%s/ports/1/hw_counters/tx_bytes"

// twoEFA is a node with two EFA devices that count tx_bytes and nothing else.
func twoEFA(t *testing.T) *tree {
	tr := newTree(t)
	tr.file(fmt.Sprintf(txOf, "rdmap0s6"), "100\n")
	tr.file(fmt.Sprintf(txOf, "rdmap1s6"), "1000\n")
	return tr
}

// txAll is the sum of tx_bytes on the page, or what is there instead.
func txAll(t *testing.T, r page.Reader) string {
	t.Helper()
	for line := range strings.Lines(readPage(t, r)) {
		if value, found := strings.CutPrefix(line, `node_amazonefa_tx_bytes{device="all"} `); found {
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// TestEFASumNeverDecreases: a device that goes, comes back or begins to count anew
// makes the sum of a node neither smaller nor larger than what was counted.
func TestEFASumNeverDecreases(t *testing.T) {
	tr := twoEFA(t)
	r := tr.open(efa, nil)
	for _, step := range []struct {
		what, want string
		do         func()
	}{
		{"the first reading", "1100", func() {}},
		{"one counts", "1105", func() { tr.file(fmt.Sprintf(txOf, "rdmap0s6"), "105\n") }},
		{"one begins anew", "1107", func() { tr.file(fmt.Sprintf(txOf, "rdmap1s6"), "2\n") }},
		{"it goes", "1107", func() { tr.remove("sys/class/infiniband/rdmap1s6") }},
		{"the other counts", "1117", func() { tr.file(fmt.Sprintf(txOf, "rdmap0s6"), "115\n") }},
		{"it comes back as it was", "1118", func() { tr.file(fmt.Sprintf(txOf, "rdmap1s6"), "3\n") }},
		{"a third comes", "1168", func() { tr.file(fmt.Sprintf(txOf, "rdmap2s6"), "50\n") }},
		{"all go", "none", func() { tr.remove("sys/class/infiniband") }},
		{"one comes back after a reload of the driver", "1172", func() { tr.file(fmt.Sprintf(txOf, "rdmap0s6"), "4\n") }},
	} {
		step.do()
		if got := txAll(t, r); got != step.want {
			t.Errorf("%s: sum %s, want %s", step.what, got, step.want)
		}
	}
}

// TestEFABadFiles: a file that holds no number costs one device's value of one counter
// at that reading, and is counted; zero is never shown for it.
func TestEFABadFiles(t *testing.T) {
	for name, content := range map[string]string{
		"nothing": "", "a sign": "-1\n", "a word": "N/A\n", "more than 64 bits": "18446744073709551616\n", "two numbers": "1 2\n",
		"1 MB": strings.Repeat("9", 1<<20), "1 MB of space": "7" + strings.Repeat(" ", 1<<20), "bytes": "\x00\xff\n",
	} {
		t.Run(name, func(t *testing.T) {
			tr := twoEFA(t)
			tr.file(fmt.Sprintf(txOf, "rdmap1s6"), content)
			sums := tr.open(efa, nil)
			each := tr.open(efa, func(e *page.Env) { e.EachDevice = true })
			const want = "node_amazonefa_devices 2\nnode_amazonefa_tx_bytes{%s} 100\nnode_amazonefa_read_errors_total 1\n"
			if got := readPage(t, sums); got != fmt.Sprintf(want, `device="all"`) {
				t.Errorf("sums:\n%s", got)
			}
			if got := readPage(t, each); got != fmt.Sprintf(want, `device="rdmap0s6",port="1"`) {
				t.Errorf("each:\n%s", got)
			}
			tr.file(fmt.Sprintf(txOf, "rdmap1s6"), "1000\n")
			if got := txAll(t, sums); got != "1100" {
				t.Errorf("after the file is well again: %s, want 1100", got)
			}
		})
	}
	tr := newTree(t)
	tr.file(fmt.Sprintf(txOf, "rdmap0s6"), "x\n")
	if got, want := readPage(t, tr.open(efa, nil)), "node_amazonefa_devices 1\nnode_amazonefa_read_errors_total 1\n"; got != want {
		t.Errorf("no device can be read:\n%swant\n%s", got, want)
	}
}

// TestEFAExpected: how many devices a node should have is said where EFA was asked
// for, and where devices are there.
func TestEFAExpected(t *testing.T) {
	for name, tc := range map[string]struct {
		kind, efa string
		devices   int
		want      string
	}{
		"all there":            {"p5en.48xlarge", "efa", 16, "devices 16 expected 16"},
		"none there":           {"p5en.48xlarge", "efa", 0, "devices 0 expected 16"},
		"without EFA":          {"p5en.48xlarge", "NONE", 0, "absent"},
		"nobody says":          {"p5en.48xlarge", "", 0, "absent"},
		"nobody says, present": {"p5en.48xlarge", "", 15, "devices 15 expected 16"},
		"a new type":           {"p9.48xlarge", "efa", 3, "devices 3"},
		"a type without EFA":   {"c5.large", "efa", 0, "absent"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.instance(tc.kind, "i-01", "h")
			if tc.efa != "" {
				tr.file("etc/chef/dna.json", fmt.Sprintf(`{"cluster": {"enable_efa": %q}}`, tc.efa))
			}
			for n := range tc.devices {
				tr.file(fmt.Sprintf("sys/class/infiniband/rdmap%ds0/ports/1/state", n), "4: ACTIVE\n")
			}
			short := strings.NewReplacer("node_amazonefa_devices_", "", "node_amazonefa_", "", "\n", " ")
			if got := strings.TrimSpace(short.Replace(readPage(t, tr.open(efa, nil)))); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestEFAExpectedFollowsTheFiles: ParallelCluster writes its files after the program
// has started.
func TestEFAExpectedFollowsTheFiles(t *testing.T) {
	tr := newTree(t)
	r := tr.open(efa, func(e *page.Env) { e.Now = func() time.Time { return tr.now } })
	if got := readPage(t, r); got != "absent\n" {
		t.Fatalf("before the files: %s", got)
	}
	tr.compute("hpc7a.96xlarge", "q", "q-dy-c-1", "dynamic", "efa")
	tr.now = tr.now.Add(expectedAgain)
	if got := readPage(t, r); got != "node_amazonefa_devices 0\nnode_amazonefa_devices_expected 2\n" {
		t.Errorf("after the files: %s", got)
	}
}

// TestEFALeavesOutWhatItIsNot: other vendors' devices, constants, and names that are
// none of a metric.
func TestEFALeavesOutWhatItIsNot(t *testing.T) {
	tr := newTree(t)
	for path, content := range map[string]string{
		"rdmap0s6/device/vendor": "0x1d0f\n", "rdmap0s6/ports/1/hw_counters/lifespan": "12\n", "rdmap0s6/hw_counters/lifespan": "12\n",
		"rdmap0s6/ports/1/hw_counters/rx_drops": "3\n", "rdmap0s6/ports/1/hw_counters/Bad-Name": "4\n", "rdmap0s6/ports/1/hw_counters/.x": "4\n",
		"rdmap0s6/ports/1/hw_counters/" + strings.Repeat("a", 65): "4\n", "rdmap0s6/hw_counters/rx_drops": "5\n",
		"mlx5_0/ports/1/hw_counters/rx_drops": "6\n", "rdmap9s0/ports/1/hw_counters/rx_drops": "7\n", "rdmap9s0/device/vendor": "0x15b3\n",
	} {
		tr.file("sys/class/infiniband/"+path, content)
	}
	want := "node_amazonefa_devices 1\nnode_amazonefa_rx_drops{device=\"all\"} 5\n" // the driver's is read first
	if got := readPage(t, tr.open(efa, nil)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestGone(t *testing.T) {
	for _, err := range []error{unix.ENODEV, unix.ENXIO, unix.ENOENT, &os.PathError{Op: "read", Err: unix.ENODEV}, fs.ErrNotExist} {
		if !gone(err) {
			t.Errorf("%v does not say that the device went", err)
		}
	}
	for _, err := range []error{nil, unix.EIO, unix.EACCES, errNotANumber, errors.New("x")} {
		if gone(err) {
			t.Errorf("%v says that the device went", err)
		}
	}
}

// TestEFAReadingAllocatesNothing: what a reading costs does not depend on how many
// devices there are but by the calls to the kernel.
func TestEFAReadingAllocatesNothing(t *testing.T) {
	tr := p4d(t)
	r := tr.open(efa, nil)
	var p page.Page
	if n := testing.AllocsPerRun(20, func() {
		p.Reset()
		if err := r.Read(&p); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations at a reading", n)
	}
}

func BenchmarkEFA(b *testing.B) {
	tr := newTree(b)
	for n := range 32 {
		tr.efa(n, fmt.Sprintf("rdmap%ds0", n), append(portCounters[:17:17], nitro4Counters...))
	}
	r := tr.open(efa, nil)
	var p page.Page
	b.ReportAllocs()
	for b.Loop() {
		p.Reset()
		if err := r.Read(&p); err != nil {
			b.Fatal(err)
		}
	}
}

func TestListing(t *testing.T) {
	dir := t.TempDir()
	l := newListing(filepath.Join(dir, "class"))
	defer l.Close()
	if _, err := l.changed(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error %v of a folder that is not there", err)
	}
	tr := &tree{t: t, root: dir}
	many := 800 // more than one call of the kernel returns
	for n := range many {
		tr.file(fmt.Sprintf("class/%04d", n), "")
	}
	check := func(what string, want bool, names int) {
		t.Helper()
		got, err := l.changed()
		if err != nil || got != want || len(l.names()) != names {
			t.Errorf("%s: changed %v with %d names, error %v; want %v with %d", what, got, len(l.names()), err, want, names)
		}
	}
	check("the first call", true, many)
	check("the same", false, many)
	tr.remove("class/0007")
	check("one less", true, many-1)
	tr.file("class/0008x", "")
	check("one more", true, many)
	check("unchanged", false, many)
	l.forget()
	check("forgotten", true, many)
	tr.remove("class")
	if _, err := l.changed(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v of a folder that went", err)
	}
	tr.file("class/a", "")
	check("another folder of that name", true, 1)
	tr.remove("class/a")
	check("nothing is left", true, 0)
	tr.file("other/a", "")
	l.path = filepath.Join(dir, "other") // as if the open one had been removed, in sysfs
	check("another folder at the path of an empty one", true, 1)
	check("the same again", false, 1)
}

// TestComingAndGoingLeavesNothingOpen: devices, mounts and files that come and go for
// a long time leave the program with the descriptors that it had.
func TestComingAndGoingLeavesNothingOpen(t *testing.T) {
	tr := hpc7a(t)
	tr.nfs()
	var readers []page.Reader
	for _, c := range tr.collectors() {
		readers = append(readers, tr.open(c, nil))
	}
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc/self/fd here")
		}
		return len(entries)
	}
	before := 0
	for n := range 30 {
		for _, r := range readers {
			readPage(t, r)
		}
		switch {
		case n == 0:
			before = open()
		case n%2 == 1:
			tr.remove("sys/class/infiniband/efa_1")
			tr.remove("sys/class/nvme/nvme0")
			tr.remove("sys/class/net/eth1")
			tr.remove("sys/kernel/debug/lustre")
			tr.remove("etc/chef/dna.json")
		default:
			tr.efa(1, "efa_1", append(portCounters[:17:17], nitro4Counters...))
			tr.ena("eth1", allowances(1))
			tr.ebs(0, "vol-0123456789abcdef5")
			tr.lustre("abcdefgh")
			tr.file("etc/chef/dna.json", `{"cluster": {"enable_efa": "efa"}}`)
		}
	}
	for _, r := range readers {
		readPage(t, r)
	}
	if after := open(); after > before {
		t.Errorf("%d descriptors are open, %d at the start", after, before)
	}
}
