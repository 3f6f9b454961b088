package queue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/queue"
)

// TestSetAsideIsFoundAgain: what an earlier run set aside is in the status of the next one,
// counted once, whatever it is. Nothing of it is opened: a pipe would keep the start waiting.
func TestSetAsideIsFoundAgain(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{Lanes: 2})
	if a := q.Status().Aside; a.Total != 0 || len(a.Paths) != 0 {
		t.Fatalf("a new queue: %+v", a)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.Remove(at("positions")), os.Symlink("/dev/zero", at("positions")), // set aside by the next start
		os.MkdirAll(at("lane-00/apart"), 0o700),
		syscall.Mkfifo(at("positions.unreadable"), 0o600),
		os.Mkdir(at("lane-00/00000000000000000007.segment.unreadable"), 0),
		os.Symlink("/proc/self/mem", at("lane-00/apart/00000000000000000001.segment.unreadable-2")),
		os.Mkdir(at("lane-01.unreadable"), 0o700),
		os.WriteFile(at("lane-01.unreadable/positions.unreadable"), nil, 0o600), // within what is set aside
		os.WriteFile(at("lane-01/.unreadable"), nil, 0o600),                     // no name that is given
		os.WriteFile(at("lane-01/a.unreadable.txt"), nil, 0o600),
		os.WriteFile(at("lane-01/a.unreadable-x"), nil, 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := queue.Aside{Total: 5, Paths: []string{
		at("lane-01.unreadable"), at("positions.unreadable"), at("lane-00/00000000000000000007.segment.unreadable"),
		at("lane-00/apart/00000000000000000001.segment.unreadable-2"), at("positions.unreadable-2")}}
	for range 2 {
		q := open(t, dir, queue.Options{Lanes: 2})
		got := q.Status().Aside
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		want.Paths = []string{want.Paths[0], want.Paths[1], want.Paths[4], want.Paths[2], want.Paths[3]} // the next start lists it
	}
}

// TestManySetAside: all are counted, and some are named.
func TestManySetAside(t *testing.T) {
	dir := t.TempDir()
	for i := range 5000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.segment.unreadable", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	q := open(t, dir, queue.Options{Lanes: 1})
	if a := q.Status().Aside; a.Total != 5000 || len(a.Paths) != queue.AsidePaths ||
		a.Paths[0] != filepath.Join(dir, "0000.segment.unreadable") {
		t.Errorf("%d, %d named, %v", a.Total, len(a.Paths), a.Paths)
	}
}

// TestAsideOf: what stood in the place of a path, and nothing that stood beside it.
func TestAsideOf(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"remote-a", "remote-a.unreadable", "remote-a.unreadable-2", "remote-a.b.unreadable", "remote-b.unreadable"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	a, err := queue.AsideOf(filepath.Join(dir, "remote-a"))
	want := queue.Aside{Total: 2, Paths: []string{filepath.Join(dir, "remote-a.unreadable"), filepath.Join(dir, "remote-a.unreadable-2")}}
	if diff := cmp.Diff(want, a); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
