package queue_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestPositionsOfAnotherUser: positions that may be read and not written, as after a head that root started by hand, are
// replaced by a copy: nothing is lost, and the counts go on.
func TestPositionsOfAnotherUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := open(t, dir, queue.Options{Lanes: 2})
	put(t, q.Lane(0), 10, "sent")
	drain(t, q.Lane(0))
	put(t, q.Lane(1), 10, "waits")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{"..": 0o755, "../..": 0o755, "": 0o777, "lane-00": 0o777, "lane-01": 0o777,
		"positions": 0o644} {
		if err := os.Chmod(filepath.Join(dir, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	segments, err := filepath.Glob(filepath.Join(dir, "*", "*.segment"))
	for _, path := range segments {
		err = errors.Join(err, os.Chmod(path, 0o644))
	}
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	check.AsNobody(t, func() {
		o := queue.DefaultOptions()
		o.Lanes = 2
		q, err = queue.Open(dir, o)
		if err != nil {
			t.Error(err)
			return
		}
		put(t, q.Lane(0), 10, "sent by another")
		drain(t, q.Lane(0))
		err = q.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if l := checkLedger(t, q); l.Taken != 30 || l.Delivered != 20 || l.Queued != 10 || l.Lost() > 0 {
		t.Errorf("ledger %+v", l)
	}
	if a := q.Status(); a.Aside.Total != 0 || a.DiskErr != nil {
		t.Errorf("%+v", a)
	}
}

// TestDirectoryWithoutPermission: a directory of the head's own that may not be read is given the mode that the head makes
// directories with; what waits in it is kept.
func TestDirectoryWithoutPermission(t *testing.T) {
	for _, place := range []string{".", "lane-01", "lane-01/apart"} {
		dir := filepath.Join(t.TempDir(), "queue")
		q := open(t, dir, queue.Options{Lanes: 2})
		put(t, q.Lane(1), 10, "waits")
		putApart(t, q.Lane(1), 3, "three")
		put(t, q.Lane(1), 10, "waits")
		err := q.Close()
		for _, path := range []string{"..", "../.."} {
			err = errors.Join(err, os.Chmod(filepath.Join(dir, path), 0o755))
		}
		err = errors.Join(err, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Chown(path, 65534, 65534))
		}), os.Chmod(filepath.Join(dir, place), 0))
		if err != nil {
			t.Fatal(err)
		}
		check.AsNobody(t, func() {
			o := queue.DefaultOptions()
			o.Lanes = 2
			if q, err = queue.Open(dir, o); err == nil {
				if all, _ := apart(t, q.Lane(1)); len(all) != 1 {
					t.Errorf("%s: apart are %q", place, all)
				}
				err = q.Close()
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if l := checkLedger(t, q); l.Taken != 20 || l.Queued != 13 || q.Status().Aside.Total != 0 {
			t.Errorf("%s: ledger %+v, set aside %v", place, l, q.Status().Aside.Paths)
		}
	}
}

// TestInspectOfAnotherUser: a directory that may not be read is named, and the others are read.
func TestInspectOfAnotherUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, name := range []string{"remote-a/0001-lanes-1", "remote-b/0001-lanes-1"} {
		q := open(t, filepath.Join(dir, name), queue.Options{})
		put(t, q.Lane(0), 10, "waits")
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error { return errors.Join(err, os.Chmod(path, 0o755)) })
	for path, mode := range map[string]os.FileMode{"..": 0o755, "../..": 0o755, "remote-a": 0o700} {
		err = errors.Join(err, os.Chmod(filepath.Join(dir, path), mode))
	}
	if err != nil {
		t.Fatal(err)
	}
	check.AsNobody(t, func() {
		r, err := queue.Inspect(dir)
		if err != nil || len(r.Queues) != 1 || len(r.Unreadable) != 1 || !strings.Contains(r.Unreadable[0], "remote-a") {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
