package device

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
)

// readError reads and returns the error.
func readError(r page.Reader) error {
	var p page.Page
	return r.Read(&p)
}

func TestNVMeDisksThatFail(t *testing.T) {
	tr := newTree(t)
	tr.ebs(0, "vol01")
	tr.ebs(1, "vol02")
	tr.instanceStore(2, 2)
	tr.nvme("nvme9", "SAMSUNG MZVL2512", "S1", tr.pages["/dev/nvme0"])
	tr.file("sys/class/nvme/nvme-subsystem0/model", "Amazon Elastic Block Store\n")
	failing := map[string]error{}
	asked := map[string]int{}
	r := tr.open(nvmeCollector(func(path string, buf []byte) error {
		name := strings.TrimPrefix(path, tr.root+"/dev/")
		asked[name]++
		if err := failing[name]; err != nil {
			return err
		}
		return tr.askPage(path, buf)
	}), nil)
	counted := func(what string, want ...string) {
		t.Helper()
		got := readPage(t, r)
		for _, w := range want {
			if !strings.Contains(got, w+"\n") {
				t.Errorf("%s: the page does not have %s:\n%s", what, w, got)
			}
		}
	}
	const iops, store = "node_ebs_volume_iops_exceeded_seconds_total", `node_instance_store_throughput_exceeded_seconds_total{device="all"}`
	counted("all well", iops+`{device="nvme0n1",volume_id="vol-01"} 1.5`, iops+`{device="nvme1n1",volume_id="vol-02"} 3`, store+" 5")
	if asked["nvme9"]+asked["nvme-subsystem0"] > 0 {
		t.Error("devices that are not AWS's are asked for AWS's log page")
	}

	failing["nvme0"] = &os.PathError{Op: "get", Path: "/dev/nvme0", Err: unix.EIO}
	failing["nvme3"] = unix.ENODEV // detached
	counted("one fails and one went", iops+`{device="nvme1n1",volume_id="vol-02"} 3`, store+" 5", "node_nvme_log_page_errors_total 1")
	if got := readPage(t, r); strings.Contains(got, "nvme0n1") {
		t.Errorf("a value that could not be read is on the page:\n%s", got)
	}
	clear(failing)
	tr.pages["/dev/nvme3"] = logPageOf(t, instanceStoreLogPage{Magic: 0xEC2C0D7E, DiskThroughput: 500_000}) // began anew
	counted("both again", iops+`{device="nvme0n1",volume_id="vol-01"} 1.5`, store+" 5.5")

	failing["nvme1"] = fmt.Errorf("status 0x4002: %w", errNoSuchPage)
	readPage(t, r)
	before := asked["nvme1"]
	if got := readPage(t, r); strings.Contains(got, "nvme1n1") || asked["nvme1"] != before {
		t.Errorf("a device without the page is asked again, or shown:\n%s", got)
	}
	for _, odd := range [][]byte{bytes.Repeat([]byte{0xff}, logPageSize), tr.pages["/dev/nvme2"]} {
		tr.pages["/dev/nvme0"] = odd
		if got := readPage(t, r); strings.Contains(got, "nvme0n1") {
			t.Errorf("what is no log page of EBS is shown as one:\n%s", got)
		}
	}
	tr.pages["/dev/nvme0"] = []byte{} // answered, and wrote nothing
	if got := readPage(t, r); strings.Contains(got, "nvme0n1") {
		t.Errorf("another device's page is shown:\n%s", got)
	}
	tr.pages["/dev/nvme0"] = make([]byte, logPageSize) // an older card
	counted("an empty page is no error", store+" 5.5", "node_nvme_log_page_errors_total 4")

	failing["nvme0"] = &os.PathError{Op: "open", Path: "/dev/nvme0", Err: unix.EACCES}
	if err := readError(r); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") {
		t.Errorf("error %v; want one that says what is needed", err)
	}
}

// TestAdminCommand: the kernel's layout of the command, and a real call of the kernel.
func TestAdminCommand(t *testing.T) {
	var c adminCommand
	for what, got := range map[string][2]uintptr{
		"size": {unsafe.Sizeof(c), 72}, "address": {unsafe.Offsetof(c.address), 24}, "length": {unsafe.Offsetof(c.length), 36},
		"cdw10": {unsafe.Offsetof(c.dword10), 40}, "timeout": {unsafe.Offsetof(c.timeout), 64}, "nsid": {unsafe.Offsetof(c.namespace), 4},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
	buf := make([]byte, logPageSize)
	if err := askLogPage("/dev/null", buf); !errors.Is(err, unix.ENOTTY) {
		t.Errorf("/dev/null: error %v, want that it takes no such command", err)
	}
	if err := askLogPage("/dev/nvme-none", buf); !errors.Is(err, fs.ErrNotExist) || !gone(err) {
		t.Errorf("a device that is not there: error %v", err)
	}
	if err := askLogPage("/dev/nvme0", buf); err != nil {
		t.Skipf("no NVMe device answers here: %v", err)
	}
	if _, err := decodeLogPage(buf); err != nil && !errors.Is(err, errNoLogPage) {
		t.Error(err)
	}
}

// TestKernelIsNotAskedAboutTrees: what is not in files would be this machine's.
func TestKernelIsNotAskedAboutTrees(t *testing.T) {
	env := newTree(t).env()
	for _, c := range []page.Collector{enaCollector(nil), nvmeCollector(nil)} {
		if _, err := c.Open(env); !errors.Is(err, page.ErrAbsent) {
			t.Errorf("collector %s: error %v, want ErrAbsent", c.Name, err)
		}
	}
}

// TestThisMachine: the collectors on the machine that the test runs on have nothing
// or succeed.
func TestThisMachine(t *testing.T) {
	tr := newTree(t)
	for _, c := range Collectors() {
		r := tr.open(c, func(e *page.Env) { e.Root = "/" })
		for range 2 {
			if err := readError(r); err != nil && !errors.Is(err, page.ErrAbsent) && !errors.Is(err, fs.ErrPermission) {
				t.Errorf("collector %s: %v", c.Name, err)
			}
		}
	}
}

func TestENACardsThatFail(t *testing.T) {
	tr := newTree(t)
	tr.ena("eth0", allowances(0))
	tr.ena("eth1", allowances(1))
	tr.link("sys/class/net/lo/x", "nowhere")
	tr.link("sys/class/net/mlx0/device/driver", "../../../bus/pci/drivers/mlx5_core")
	failing := map[string]error{}
	r := tr.open(enaCollector(func(card string) (map[string]uint64, error) {
		if err := failing[card]; err != nil {
			return nil, err
		}
		return tr.askCard(card)
	}), nil)
	in := func(what, want string) {
		t.Helper()
		got := readPage(t, r)
		if !strings.Contains(got, `node_ethtool_bw_in_allowance_exceeded{device="all"} `+want+"\n") {
			t.Errorf("%s: want %s:\n%s", what, want, got)
		}
	}
	in("both", "21")
	failing["eth1"] = unix.ENODEV
	if got := readPage(t, r); strings.Contains(got, "errors") {
		t.Errorf("a card that went is an error:\n%s", got)
	}
	failing["eth1"] = unix.EIO
	tr.cards["eth0"]["bw_in_allowance_exceeded"] = 12
	in("one fails", "23")
	failing["eth1"] = nil
	tr.cards["eth1"]["bw_in_allowance_exceeded"] = 4 // reset
	in("it was reset", "27")
	tr.remove("sys/class/net/eth0")
	in("the other went", "27")
	if got := readPage(t, r); !strings.HasSuffix(got, "node_ethtool_read_errors_total 1\n") {
		t.Errorf("the rest of the page:\n%s", got)
	}
	failing["eth1"] = unix.EIO
	if got := readPage(t, r); strings.Contains(got, "allowance") {
		t.Errorf("no card could be read, but there are values:\n%s", got)
	}
	tr.remove("sys/class/net/eth1")
	if got := readPage(t, r); got != "absent\n" {
		t.Errorf("no card is left: %s", got)
	}
}

func TestLustre(t *testing.T) {
	tr := newTree(t)
	tr.lustre("fsx")
	r := tr.open(lustre, nil)
	const stats = "sys/kernel/debug/lustre/llite/fsx-ffff8d0c1a2b3c4d/stats"
	first := readPage(t, r)
	tr.file("sys/kernel/debug/lustre/llite/fsx-ffff000000000001/stats", "read_bytes 1 samples [bytes] 1 1 131\n")
	second := readPage(t, r)
	if !strings.Contains(first, "node_lustre_read_bytes_total{fsname=\"fsx\"} 1.45121869e+08\n") ||
		!strings.Contains(second, "node_lustre_read_bytes_total{fsname=\"fsx\"} 1.45122e+08\n") ||
		!strings.Contains(second, "node_lustre_operations_total{fsname=\"fsx\",operation=\"read\"} 25674\n") {
		t.Errorf("a second mount of the file system is not added:\n%s%s", first, second)
	}
	tr.remove("sys/kernel/debug/lustre/llite/fsx-ffff8d0c1a2b3c4d")
	if got := readPage(t, r); !strings.Contains(got, "node_lustre_read_bytes_total{fsname=\"fsx\"} 1.45122e+08\n") {
		t.Errorf("a mount that went takes what it counted with it:\n%s", got)
	}
	tr.file(stats, "read_bytes x samples [bytes] 1 1 131\n")
	if err := readError(r); err == nil || !strings.Contains(err.Error(), `"read_bytes"`) {
		t.Errorf("error %v; want one that names the line", err)
	}
	tr.file(stats, "read_bytes 1 samples [bytes] 1 1 131 1\nwrite_bytes 7 sam") // half a line
	if got := readPage(t, r); !strings.Contains(got, "operation=\"write\"} 13641\n") {
		t.Errorf("half a line is taken for a number:\n%s", got)
	}
	tr.file(stats, strings.Repeat("x", 2<<20))
	if err := readError(r); err == nil {
		t.Error("a file of 2 MB makes no error")
	}
	tr.remove("sys/kernel/debug/lustre")
	if got := readPage(t, r); got != "absent\n" {
		t.Errorf("nothing is mounted: %s", got)
	}
	tr.file("proc/fs/lustre/llite/old-ffff8d0c1a2b3c4d/stats", "write_bytes 2 samples [bytes] 1 1 5\nmkdir 3 samples [reqs]\n")
	want := `node_lustre_read_bytes_total{fsname="old"} 0
node_lustre_write_bytes_total{fsname="old"} 5
node_lustre_operations_total{fsname="old",operation="read"} 0
node_lustre_operations_total{fsname="old",operation="write"} 2
node_lustre_operations_total{fsname="old",operation="metadata"} 3
node_lnet_dropped_messages_total 16957
`
	if got := readPage(t, r); got != want {
		t.Errorf("an older client:\n%swant\n%s", got, want)
	}
}

func TestFileSystemName(t *testing.T) {
	for folder, want := range map[string]string{
		"fsx-ffff8d0c1a2b3c4d": "fsx", "my-fs-ffff8d0c1a2b3c4d": "my-fs", "my-fs-OST001f-osc-ffff8d0c": "my-fs",
		"a-MDT0000-mdc-ffff8d0c": "a", "plain": "plain", "-OST0": "-OST0", "": "",
	} {
		if got := fileSystemName(folder); got != want {
			t.Errorf("%q: %q, want %q", folder, got, want)
		}
	}
}

func TestNFS(t *testing.T) {
	tr := newTree(t)
	r := tr.open(nfs, nil)
	if got := readPage(t, r); got != "absent\n" {
		t.Fatalf("no NFS client: %s", got)
	}
	tr.nfs()
	want := `node_nfs_rpcs_total 123456
node_nfs_rpc_retransmissions_total 7
node_nfs_server_retransmissions_total{server="10.0.0.10"} 1
node_nfs_server_retransmissions_total{server="fs-01.efs.us-east-1.amazonaws.com"} 2
`
	if got := readPage(t, r); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	mount := func(export string, sent int) string {
		return fmt.Sprintf("device %s mounted on /m with fstype nfs4 statvers=1.1\n\tper-op statistics\n\t READ: 100 %d 0 1\n", export, sent)
	}
	tr.file("proc/self/mountstats", mount("10.0.0.10:/home", 103)+mount("10.0.0.10:/home", 101)+mount("[fd00::1]:/a", 99)+
		"device x:/y mounted on /m with fstype nfs statvers=1.1\n\tage: 1\n"+mount("10.0.0.10:/cut", 500)[:90])
	want = `node_nfs_rpcs_total 123456
node_nfs_rpc_retransmissions_total 7
node_nfs_server_retransmissions_total{server="10.0.0.10"} 4
node_nfs_server_retransmissions_total{server="[fd00::1]"} 0
`
	if got := readPage(t, r); got != want {
		t.Errorf("one export twice, one gone, half a line at the end:\n%swant\n%s", got, want)
	}
	readPage(t, r) // once more: the second mount's lower count is no reset of the first's
	if got := readPage(t, r); got != want {
		t.Errorf("the same again:\n%swant\n%s", got, want)
	}
	tr.file("proc/self/mountstats", mount("10.0.0.10:/home", 103)+
		"device a:/b mounted on /m with fstype nfs4 statvers=1.1\n\tper-op statistics\n\t READ: 100 x 0\n")
	if err := readError(r); err == nil || !strings.Contains(err.Error(), `"READ:" of "a:/b"`) {
		t.Errorf("error %v; want one that names the operation and the export", err)
	}
	for _, text := range []string{"", "net 1 2\n", "rpc 1", "rpc x 2 3\n", "rpc 1\n"} {
		tr.file("proc/net/rpc/nfs", text)
		if err := readError(r); err == nil || !strings.Contains(err.Error(), rpcFile) {
			t.Errorf("%q: error %v; want one that names the file", text, err)
		}
	}
	tr.file("proc/net/rpc/nfs", "rpc 1 2 3\n")
	tr.remove("proc/self/mountstats")
	if got := readPage(t, r); got != "node_nfs_rpcs_total 1\nnode_nfs_rpc_retransmissions_total 2\n" {
		t.Errorf("without mountstats: %s", got)
	}
}

// TestMountstatsLeavesOutWhatCannotBeRead: a mount with a bad number costs itself only.
func TestMountstatsLeavesOutWhatCannotBeRead(t *testing.T) {
	const mount = "device %s:/x mounted on /m with fstype nfs4 statvers=1.1\n\tper-op statistics\n\t READ: %s 0\n\t WRITE: 5 5 0\n"
	text := fmt.Sprintf(mount, "a", "1 3") + fmt.Sprintf(mount, "b", "1 x") + fmt.Sprintf(mount, "c", "1 -1") + fmt.Sprintf(mount, "d", "9 10")
	got := map[string]uint64{}
	err := parseMountstats([]byte(text), func(export []byte, n uint64) { got[string(export)] = n })
	if err == nil || len(got) != 2 || got["a:/x"] != 2 || got["d:/x"] != 1 {
		t.Errorf("got %v, error %v; want 2 of a, 1 of d, and an error", got, err)
	}
}

// TestNFSManyServers: automounters that mount from ever new servers do not grow the
// page or the memory without bound.
func TestNFSManyServers(t *testing.T) {
	tr := newTree(t)
	tr.file("proc/net/rpc/nfs", "rpc 1 2 3\n")
	r := tr.open(nfs, nil)
	for n := range 20 {
		var b strings.Builder
		for i := range 10 {
			fmt.Fprintf(&b, "device s%d-%d:/x mounted on /m with fstype nfs4 statvers=1.1\n\tper-op statistics\n\t READ: 1 2 0\n", n, i)
		}
		tr.file("proc/self/mountstats", b.String())
		if got := readPage(t, r); strings.Count(got, "server=") != 10 {
			t.Fatalf("reading %d: %d servers, want 10", n, strings.Count(got, "server="))
		}
	}
	if n := len(r.(*nfsReader).servers); n > maxServers {
		t.Errorf("%d servers are kept, want at most %d", n, maxServers)
	}
}

func FuzzClientStats(f *testing.F) {
	f.Add([]byte("snapshot_time 1.2 secs.nsecs\nread_bytes 3 samples [bytes] 1 2 300 4\nopen 5 samples [usecs] 1 2 3 4\n"))
	f.Add([]byte("write_bytes 3 samples [bytes]\n"))
	f.Add([]byte("import:\n state: FULL\n rpcs:\n  timeouts: 4\n"))
	f.Add([]byte("0 1172 0 195805494 204125982 0 16957 216828482753 708781379083 0 3268048\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseClientStats(b)
		if err != nil && s != (clientStats{}) {
			t.Errorf("error %v with %+v", err, s)
		}
		if whole, _, found := bytes.Cut(b, []byte("\n")); err == nil && !found && s != (clientStats{}) {
			t.Errorf("half a line counts: %q: %+v", whole, s)
		}
		importTimeouts(b)
		if _, err := parseLNetDrops(b); err == nil && len(bytes.Fields(b)) < 11 {
			t.Errorf("%q has drops", b)
		}
	})
}

func FuzzMountstats(f *testing.F) {
	f.Add([]byte("device a:/b mounted on /m with fstype nfs4 statvers=1.1\n\tper-op statistics\n\t READ: 1 2 0\n"))
	f.Add([]byte("device a:/b mounted on /m\\040x with fstype nfs statvers=1.1\ndevice proc mounted on /proc with fstype proc\n"))
	f.Add([]byte("device a mounted on with fstype nfs\n per-op\n X: 5 18446744073709551615\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mounts := 0
		parseMountstats(b, func(export []byte, _ uint64) {
			mounts++
			if len(export) == 0 || bytes.ContainsAny(export, " \n") || len(serverOf(export)) == 0 {
				t.Errorf("export %q", export)
			}
		})
		if most := bytes.Count(b, []byte("device")); mounts > most {
			t.Errorf("%d mounts in %d lines", mounts, most)
		}
		parseRPC(b)
	})
}
