package queue_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/queue"
)

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	q := open(t, filepath.Join(dir, "remote-a", "lanes-2"), queue.Options{Lanes: 2})
	put(t, q.Lane(0), 10, "sent")
	drain(t, q.Lane(0))
	put(t, q.Lane(0), 10, "waits")
	put(t, q.Lane(1), 5, "damaged")
	put(t, q.Lane(1), 5, "waits, too")
	path := filepath.Join(dir, "remote-a", "lanes-2", "lane-01", "00000000000000000001.segment")
	b := read(t, path)
	b[queue.HeaderBytes] ^= 1
	write(t, path, append(b, "torn"...))
	got, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(got.Queues, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "inspect.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		write(t, golden, text)
	}
	if diff := cmp.Diff(string(read(t, golden)), string(text)); diff != "" {
		t.Errorf("%s differs (UPDATE_GOLDEN=1 rewrites it) (-want +got):\n%s", golden, diff)
	}
}

// TestInspectWithoutPositions: what waits is seen whatever became of the slots.
func TestInspectWithoutPositions(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"short":   func(path string) error { return os.Truncate(path, 700) },
		"damaged": func(path string) error { return os.WriteFile(path, make([]byte, 2048), 0o600) },
	} {
		dir := t.TempDir()
		q := open(t, filepath.Join(dir, "remote-a", "0001-lanes-2"), queue.Options{Lanes: 2, SegmentBytes: 1})
		for range 2 { // the file of the first is removed with the second's
			put(t, q.Lane(1), 10, "sent")
			drain(t, q.Lane(1))
		}
		put(t, q.Lane(1), 10, "waits")
		if err := spoil(filepath.Join(dir, "remote-a", "0001-lanes-2", "positions")); err != nil {
			t.Fatal(err)
		}
		r, err := queue.Inspect(dir)
		if err != nil || len(r.Queues) != 1 || len(r.Queues[0].Lanes) != 2 {
			t.Errorf("%s: %+v, %v; want one queue of two lanes", name, r, err)
			continue
		}
		if l := r.Queues[0].Lanes[1]; l.Records != 2 || l.Samples != 20 || l.Missing != 0 || l.Positions || r.Queues[0].Ledger.Queued != 20 {
			t.Errorf("%s: %+v", name, l)
		}
	}
}

// TestInspectNamesLanes: a lane is there by the queue's name, its positions or its directory, and one that is not
// there, or is none, is named. A link to a directory is read, as a head reads it.
func TestInspectNamesLanes(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "lane")
	for name, c := range map[string]struct {
		queue  string
		change func(dir string) error
		says   string
		lanes  int
		waits  uint64
	}{
		"missing": {"0001-lanes-3", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "lane-01")) },
			"lane-01: the directory is missing", 3, 20},
		"the last one": {"any-name", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "lane-02")) },
			"lane-02: the directory is missing", 3, 20},
		"without positions": {"0001-lanes-3", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "lane-02")), os.Remove(filepath.Join(dir, "positions")))
		}, "lane-02: the directory is missing", 3, 20},
		"all": {"0001-lanes-3", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "lane-00")), os.RemoveAll(filepath.Join(dir, "lane-01")),
				os.RemoveAll(filepath.Join(dir, "lane-02")))
		}, "lane-00: the directory is missing", 3, 0},
		"link": {"0001-lanes-3", func(dir string) error {
			return errors.Join(os.Rename(filepath.Join(dir, "lane-02"), elsewhere), os.Symlink(elsewhere, filepath.Join(dir, "lane-02")))
		}, "", 3, 30},
		"link to nothing": {"0001-lanes-3", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "lane-02")), os.Symlink("/does/not/exist", filepath.Join(dir, "lane-02")))
		}, "lane-02 is not a directory", 3, 20},
		"pipe": {"0001-lanes-3", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "lane-00")), syscall.Mkfifo(filepath.Join(dir, "lane-00"), 0o600))
		}, "lane-00 is not a directory", 3, 20},
		"a file for apart": {"0001-lanes-3", func(dir string) error { return os.WriteFile(filepath.Join(dir, "lane-00", "apart"), nil, 0o600) },
			"lane-00/apart is not a directory", 3, 30},
		"a link to nothing for apart": {"0001-lanes-3", func(dir string) error {
			return os.Symlink("/does/not/exist", filepath.Join(dir, "lane-00", "apart"))
		}, "lane-00/apart is not a directory", 3, 30},
		"a link for positions": {"0001-lanes-3", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "positions")), os.Symlink("/dev/zero", filepath.Join(dir, "positions")))
		}, "positions is not a queue file", 3, 30},
	} {
		dir := t.TempDir()
		at := filepath.Join(dir, "remote-a", c.queue)
		q := open(t, at, queue.Options{Lanes: 3})
		for i := range 3 {
			put(t, q.Lane(i), 10, "waits")
		}
		if err := errors.Join(q.Close(), c.change(at)); err != nil {
			t.Fatal(err)
		}
		r, err := queue.Inspect(dir)
		if err != nil || len(r.Queues) != 1 {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		got := r.Queues[0]
		var samples uint64
		for _, l := range got.Lanes {
			samples += l.Samples
		}
		text := strings.Join(got.Unreadable, "\n")
		if len(got.Lanes) != c.lanes || samples != c.waits || !strings.Contains(text, c.says) || c.says == "" && text != "" {
			t.Errorf("%s: %d lanes, %d samples, %q", name, len(got.Lanes), samples, text)
		}
	}
}

// TestInspectNamesWhatWasSetAside: it is named, and not read.
func TestInspectNamesWhatWasSetAside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"remote-a/0001-lanes-1", "remote-b/0001-lanes-1", "remote-b.unreadable/0001-lanes-1"} {
		q := open(t, filepath.Join(dir, name), queue.Options{})
		put(t, q.Lane(0), 10, "waits")
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "remote-a/0001-lanes-1/lane-00/00000000000000000001.segment.unreadable-2"), nil)
	if err := os.Mkdir(filepath.Join(dir, "remote-a/0002-lanes-1.unreadable"), 0); err != nil {
		t.Fatal(err)
	}
	r, err := queue.Inspect(dir)
	want := []string{filepath.Join(dir, "remote-a/0001-lanes-1/lane-00/00000000000000000001.segment.unreadable-2"),
		filepath.Join(dir, "remote-a/0002-lanes-1.unreadable"), filepath.Join(dir, "remote-b.unreadable")}
	if diff := cmp.Diff(want, r.Aside); err != nil || diff != "" || r.AsideFiles != 3 || len(r.Queues) != 2 || len(r.Unreadable) != 0 {
		t.Errorf("%d queues, %d set aside, %v, %v (-want +got):\n%s", len(r.Queues), r.AsideFiles, r.Unreadable, err, diff)
	}
}
