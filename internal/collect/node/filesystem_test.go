package node

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/sys/unix"

	"github.com/parascope/parascope/internal/collect/page"
)

func mountLine(point, kind, device string) string {
	return fmt.Sprintf("22 1 259:1 / %s rw,relatime shared:1 - %s %s rw,seclabel\n", point, kind, device)
}

// filesystemOf is a reader whose statfs is the test's.
func filesystemOf(t *testing.T, m tree, statfs func(string, *unix.Statfs_t) error) *filesystemReader {
	t.Helper()
	r, err := filesystem.Open(m.env())
	if err != nil {
		t.Fatal(err)
	}
	fs := r.(*filesystemReader)
	fs.statfs = statfs
	return fs
}

func TestMountPointsOfAnyBytes(t *testing.T) {
	m := newTree(t)
	// A backslash, a line's end, a space, a byte that is not UTF-8, and the text of its clean form.
	m.write("proc/1/mountinfo", mountLine(`/mnt/a\134b`, "ext4", "/dev/a")+mountLine(`/mnt/a\012b`, "ext4", "/dev/b")+
		mountLine(`/mnt/a\040b`, "ext4", "/dev/c")+mountLine("/mnt/\xff", "ext4", "/dev/d")+mountLine(`/mnt/\134xff`, "ext4", "/dev/d")+
		mountLine("/", "ext4", "/dev/e")+"half a line\n"+mountLine("/proc/x", "ext4", "/dev/f")+mountLine("/tmp", "tmpfs", "tmpfs")+
		mountLine("/boot/efi", "ext4", "/dev/f")+mountLine("/developers", "ext4", "/dev/g")+mountLine("/", "ext4", "/dev/e"))
	var asked []string
	r := filesystemOf(t, m, func(path string, to *unix.Statfs_t) error {
		asked = append(asked, strings.TrimPrefix(path, m.root))
		to.Bsize, to.Blocks, to.Bavail, to.Files, to.Ffree = 4096, 10, 5, 7, 6
		return nil
	})
	defer r.Close()
	got := samples(t, r, false)
	want := []string{"/mnt/a\\b", "/mnt/a\nb", "/mnt/a b", "/mnt/\xff", `/mnt/\xff`, "", "/developers"}
	if fmt.Sprintf("%q", asked) != fmt.Sprintf("%q", want) {
		t.Errorf("statfs was asked for %q; want %q", asked, want)
	}
	for _, label := range []string{`/mnt/a\\b`, `/mnt/a\\x0ab`, `/mnt/a b`, `/mnt/\\xff`, `/mnt/\\x5cxff`, `/`, `/developers`} {
		if n := strings.Count(got, `mountpoint="`+label+`"`); n != 6 {
			t.Errorf("%d series of %s; want 6:\n%s", n, label, got)
		}
	}
	if !strings.Contains(got, `node_filesystem_size_bytes{device="/dev/e",mountpoint="/",fstype="ext4",device_error=""} 40960`+"\n") {
		t.Errorf("page:\n%s", got)
	}
}

// TestMountPointsWithBlanks: the kernel writes blanks other than a space, a tab and a
// line's end as they are (show_mountinfo of fs/proc_namespace.c), and they divide nothing.
func TestMountPointsWithBlanks(t *testing.T) {
	m := newTree(t)
	points := []string{"/mnt/a\u00a0b", "/mnt/a\u00a0c", "/mnt/a\u0085b", "/mnt/a\u3000b", "/mnt/a\vb", "/mnt/a\rb"}
	text := ""
	for _, point := range points {
		text += mountLine(point, "xfs", "/dev/a\u00a0b")
	}
	m.write("proc/1/mountinfo", text)
	var asked []string
	r := filesystemOf(t, m, func(path string, _ *unix.Statfs_t) error {
		asked = append(asked, strings.TrimPrefix(path, m.root))
		return nil
	})
	defer r.Close()
	got := samples(t, r, false)
	if fmt.Sprintf("%q", asked) != fmt.Sprintf("%q", points) {
		t.Errorf("statfs was asked for %q; want %q", asked, points)
	}
	if n := strings.Count(got, "node_filesystem_device_error{device=\"/dev/a\u00a0b\","); n != len(points) {
		t.Errorf("%d mounts; want %d:\n%s", n, len(points), got)
	}
}

// TestMoreMountsThanAreMeasured: what is left out is said, once.
func TestMoreMountsThanAreMeasured(t *testing.T) {
	m := newTree(t)
	text := mountLine("/", "ext4", "/dev/e")
	for i := range maxMounts + 6 {
		text += mountLine(fmt.Sprint("/mnt/", i), "nfs4", "server:/x")
	}
	var log bytes.Buffer
	m.write("proc/1/mountinfo", text)
	r := filesystemOf(t, m, func(string, *unix.Statfs_t) error { return nil })
	defer r.Close()
	r.logger = slog.New(slog.NewTextHandler(&log, nil))
	for i := range 3 {
		m.write("proc/1/mountinfo", text+mountLine(fmt.Sprint("/one/more/", i), "xfs", "/dev/x"))
		if n := strings.Count(samples(t, r, false), "node_filesystem_device_error{"); n != maxMounts {
			t.Errorf("%d mounts; want %d", n, maxMounts)
		}
	}
	if said := log.String(); strings.Count(said, "too many file systems") != 1 || !strings.Contains(said, "left_out=8") {
		t.Errorf("log %q; want once that 8 are left out", said)
	}
}

func TestNetworkMountsAndErrors(t *testing.T) {
	m := newTree(t)
	m.write("proc/self/mountinfo", mountLine("/home", "nfs4", "10.0.0.1:/home")+strings.Replace(mountLine("/fsx", "lustre",
		"10.0.0.2@tcp:/abc"), "rw,relatime", "ro", 1))
	r := filesystemOf(t, m, func(path string, to *unix.Statfs_t) error {
		if strings.HasSuffix(path, "fsx") {
			return unix.EIO
		}
		to.Bsize, to.Blocks = 4096, 10
		return nil
	})
	defer r.Close()
	const home, fsx = `{device="10.0.0.1:/home",mountpoint="/home",fstype="nfs4",device_error=""}`,
		`{device="10.0.0.2@tcp:/abc",mountpoint="/fsx",fstype="lustre",device_error="input/output error"}`
	expect(t, "page", samples(t, r, false), "node_filesystem_device_error"+home+" 0\nnode_filesystem_device_error"+fsx+" 1\n"+
		"node_filesystem_readonly"+fsx+" 1\nnode_filesystem_size_bytes"+home+" 40960\nnode_filesystem_avail_bytes"+home+" 0\n")
}

// TestHungMounts: mounts that do not answer cost time once, say so, and come back.
func TestHungMounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTree(t)
		text := mountLine("/", "ext4", "/dev/e")
		for i := range 5 {
			text += mountLine(fmt.Sprint("/nfs", i), "nfs", "server:/x")
		}
		text += mountLine("/data", "xfs", "/dev/x")
		m.write("proc/1/mountinfo", text)
		hang := make(chan struct{})
		var asked atomic.Int32
		r := filesystemOf(t, m, func(path string, to *unix.Statfs_t) error {
			asked.Add(1)
			if strings.Contains(path, "/nfs") {
				<-hang
			}
			to.Bsize, to.Blocks = 4096, 10
			return nil
		})
		start := time.Now()
		for i := range 3 {
			got := samples(t, r, false)
			if n := strings.Count(got, `device_error="mountpoint timeout"} 1`); n != 5 {
				t.Errorf("page %d: %d mounts do not answer; want 5:\n%s", i, n, got)
			}
			if !strings.Contains(got, `size_bytes{device="/dev/x"`) || strings.Contains(got, `size_bytes{device="server`) {
				t.Errorf("page %d:\n%s", i, got)
			}
		}
		if took := time.Since(start); took > readingLimit {
			t.Errorf("three pages took %v; want at most %v", took, readingLimit)
		}
		if n := asked.Load(); n != 2*3+5 {
			t.Errorf("asked %d times; want 3 for each that answers and once for each that hangs", n)
		}
		close(hang)
		synctest.Wait()
		if got := samples(t, r, false); strings.Contains(got, "timeout") || strings.Count(got, "size_bytes") != 7 {
			t.Errorf("after they came back:\n%s", got)
		}
		r.Close()
	})
}

// readingLimit is the deadline that a collector has.
const readingLimit = 3 * time.Second

// TestHungMountsThatComeAndGo: each mount that hangs holds a thread in the kernel,
// whether it is still mounted or not; there are never more than maxHung.
func TestHungMountsThatComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newTree(t)
		m.write("proc/1/mountinfo", mountLine("/", "ext4", "/dev/e"))
		hang := make(chan struct{})
		var inside atomic.Int32
		r := filesystemOf(t, m, func(path string, _ *unix.Statfs_t) error {
			if strings.Contains(path, "/nfs") {
				inside.Add(1)
				<-hang
			}
			return nil
		})
		last := ""
		for i := range 3 * maxHung {
			m.write("proc/1/mountinfo", mountLine("/", "ext4", "/dev/e")+mountLine(fmt.Sprint("/nfs", i), "nfs", "server:/x"))
			last = samples(t, r, false)
		}
		if n := inside.Load(); n != maxHung {
			t.Errorf("%d calls hang; want %d", n, maxHung)
		}
		if !strings.Contains(last, `device_error="not checked: too many mounts do not respond"} 1`) {
			t.Errorf("page:\n%s", last)
		}
		close(hang)
		synctest.Wait()
		if got := samples(t, r, false); strings.Contains(got, "} 1\n") {
			t.Errorf("after they came back:\n%s", got)
		}
		r.Close()
	})
}

func TestMountsThatVanish(t *testing.T) {
	m := newTree(t)
	m.write("proc/1/mountinfo", mountLine("/", "ext4", "/dev/e")+mountLine("/gone", "ext4", "/dev/g"))
	r := m.open(filesystem, m.env()) // the real statfs: /gone is not there
	got := samples(t, r, false)
	if !strings.Contains(got, `mountpoint="/gone",fstype="ext4",device_error="no such file or directory"} 1`) || !strings.Contains(got,
		`size_bytes{device="/dev/e"`) {
		t.Errorf("page:\n%s", got)
	}
	m.write("proc/1/mountinfo", mountLine("/", "ext4", "/dev/e"))
	if got := samples(t, r, false); strings.Contains(got, "gone") {
		t.Errorf("after it was unmounted:\n%s", got)
	}
}

// fuzzReader reads text as a file of the collector's: no panic, and a page
// that Prometheus' parser takes.
func fuzzReader(f *testing.F, c page.Collector, file string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := newTree(t)
		m.write(file, text)
		r, err := c.Open(m.env())
		if err != nil {
			if errors.Is(err, page.ErrAbsent) {
				return
			}
			t.Fatal(err)
		}
		defer r.Close()
		var p page.Page
		for range 2 {
			p.Reset()
			if r.Read(&p) != nil || p.Err() != nil {
				continue
			}
			parser := expfmt.NewTextParser(model.LegacyValidation)
			if _, err := parser.TextToMetricFamilies(bytes.NewReader(p.Bytes())); err != nil {
				t.Errorf("%v:\n%s", err, p.Bytes())
			}
		}
	})
}

func FuzzStat(f *testing.F) {
	fuzzReader(f, cpu, "proc/stat", "cpu 1 2\ncpu0 1 2 3 4 5 6 7 8 9 10\nctxt 5\n", "cpu0 1",
		"cpu0 1 2 3 4 5 6 7 8\nbtime 1\nbtime 2\nctxt 1\nbtime 3\n")
}

func FuzzDiskstats(f *testing.F) {
	fuzzReader(f, diskstats, "proc/diskstats", diskLine("nvme0n1", 3), " 1 2 sda 1 2 3 4 5 6 7 8 9 10 11\n 1 2 sda 1 2 3 4 5 6 7 8 9 10 11\n")
}

func FuzzNetDev(f *testing.F) { fuzzReader(f, netdev, "proc/net/dev", "a:b: 1\n", netLine("ens5", 1)) }

func FuzzMounts(f *testing.F) {
	f.Add(mountLine(`/a\134`, "ext4", "/dev/a"))
	f.Add("1 2 3:4 / /x rw - ext4\n\n - \n")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, _, _ := parseMounts([]byte(text))
		seen := map[mount]bool{}
		for _, m := range mounts {
			m.readonly = 0
			if seen[m] {
				t.Errorf("%+v twice", m)
			}
			seen[m] = true
		}
	})
}
