//go:build linux

package queue_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/parascope/parascope/internal/queue"
)

// onSmallDisk runs the calling test again in a process that has a tmpfs of 6 MB of
// its own, and calls f there with its directory.
func onSmallDisk(t *testing.T, f func(dir string)) {
	t.Helper()
	const variable = "QUEUE_TEST_SMALL_DISK"
	if dir := os.Getenv(variable); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
			t.Fatalf("mount: %v", err)
		}
		f(dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil && (len(out) == 0 || strings.Contains(string(out), "mount: operation not permitted")) {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestFullDiskAndFreeAgain: a disk fills up while nothing is sent. When what waits
// is sent, its room is there for what comes next, in each lane and again and again.
func TestFullDiskAndFreeAgain(t *testing.T) {
	onSmallDisk(t, func(dir string) {
		o := queue.Options{Lanes: 8, MaxBytes: 1 << 30}
		q := open(t, dir, o)
		body := append(make([]byte, queue.HeaderBytes), strings.Repeat("x", 20<<10)...)
		fill := func(lane int) bool {
			return q.Lane(lane).Append(queue.Batch{Samples: 1, RawBytes: 20 << 10}, body) == nil
		}
		for round := range 4 {
			kept := 0
			for range 100 {
				for lane := range 8 {
					if fill(lane) {
						kept++
					}
				}
			}
			if kept < 250 {
				t.Fatalf("round %d: %d records of 20 KB fit into 6 MB", round, kept)
			}
			if round == 2 {
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				q = open(t, dir, o)
			}
			for lane := range 8 {
				drain(t, q.Lane(lane))
			}
			if l := checkLedger(t, q); l.Queued != 0 || l.Dropped[queue.Corrupted] != 0 {
				t.Fatalf("round %d: %+v", round, l)
			}
		}
		// One lane alone gets the whole disk, though the others, and itself, hold
		// segments of which most was sent.
		for i := range 200 {
			if !fill(i % 8) {
				t.Fatal("a disk of which nothing waits is full")
			}
			drain(t, q.Lane(i%8))
		}
		fill(0)
		kept := 0
		for fill(0) {
			kept++
		}
		if kept < 250 {
			t.Errorf("one lane alone keeps %d records of 20 KB", kept)
		}
	})
}

// TestWorksWithTheFirstFreeByte: one record is sent from a full disk, and the next
// one fits.
func TestWorksWithTheFirstFreeByte(t *testing.T) {
	onSmallDisk(t, func(dir string) {
		q := open(t, dir, queue.Options{MaxBytes: 1 << 30, SegmentBytes: 64 << 10})
		body := append(make([]byte, queue.HeaderBytes), strings.Repeat("x", 60<<10)...)
		l, n := q.Lane(0), 0
		for l.Append(queue.Batch{Samples: 1, RawBytes: 60 << 10}, body) == nil {
			n++
		}
		for range 3 * n {
			e, ok, err := l.Peek(1, 1<<20)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			l.Done(e, queue.Outcome{Delivered: 1})
			if err := l.Append(queue.Batch{Samples: 1, RawBytes: 60 << 10}, body); err != nil {
				t.Fatalf("after one of %d was sent: %v", n, err)
			}
		}
		checkLedger(t, q)
	})
}
