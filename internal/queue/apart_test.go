package queue_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/parascope/parascope/internal/queue"
)

// putApart delivers all but n samples of the lane's next entry, and puts those apart.
func putApart(t *testing.T, l *queue.Lane, n int, text string) {
	t.Helper()
	e, ok, err := l.Peek(1, 1<<20)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	buf := append(make([]byte, queue.HeaderBytes), text...)
	o := queue.Outcome{Delivered: uint64(e.Samples) - uint64(n)}
	if err := l.DoneApart(e, o, queue.Outcome{}, queue.Batch{Samples: uint32(n)}, buf); err != nil {
		t.Fatal(err)
	}
}

// apart returns what waits apart, notes in brackets.
func apart(t *testing.T, l *queue.Lane) (all []string, last queue.ApartEntry) {
	t.Helper()
	for c := (queue.Cursor{}); ; {
		e, next, ok, err := l.Apart(c)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all, last
		}
		text := fmt.Sprintf("%d %s", e.From, e.Body)
		if e.Note {
			text = "[" + text + "]"
		}
		all, c, last = append(all, text), next, e
	}
}

// TestWhatWaitsApart: the ledger is right after each step and after a kill at it, and
// what was put apart is found again in order.
func TestWhatWaitsApart(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{SegmentBytes: 300})
	// again opens the queue as after a kill: nothing was closed.
	again := func(want queue.Ledger, entries ...string) *queue.Lane {
		t.Helper()
		if got := checkLedger(t, q); got != want {
			t.Fatalf("ledger %+v, want %+v", got, want)
		}
		q = open(t, dir, queue.Options{SegmentBytes: 300})
		if got := checkLedger(t, q); got != want {
			t.Fatalf("ledger after a kill %+v, want %+v", got, want)
		}
		if got, _ := apart(t, q.Lane(0)); fmt.Sprint(got) != fmt.Sprint(entries) {
			t.Fatalf("apart are %q, want %q", got, entries)
		}
		return q.Lane(0)
	}
	ledger := func(taken, queued, delivered uint64) queue.Ledger {
		return queue.Ledger{Taken: taken, Queued: queued, Outcome: queue.Outcome{Delivered: delivered}}
	}
	l := q.Lane(0)
	for i := range 5 {
		put(t, l, 10, fmt.Sprintf("body %d", i))
	}
	putApart(t, l, 3, "three")
	l = again(ledger(50, 43, 7), "0 three")
	putApart(t, l, 10, "ten")
	l = again(ledger(50, 43, 7), "0 three", "3 ten")
	if err := l.Settle([]byte("two of ten"), queue.Outcome{Delivered: 2}); err != nil {
		t.Fatal(err)
	}
	l = again(ledger(50, 41, 9), "0 three", "3 ten", "[13 two of ten]")
	putApart(t, l, 1, "one")
	again(ledger(50, 32, 18), "0 three", "3 ten", "[13 two of ten]", "13 one")

	// A record that was written and not given a slot is not there after a kill.
	segments, err := filepath.Glob(filepath.Join(dir, "lane-00", "apart", "*.segment"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	last := segments[len(segments)-1]
	write(t, last, append(read(t, last), read(t, segments[0])...))
	write(t, filepath.Join(dir, "lane-00", "apart", "00000000000000000099.segment"), read(t, segments[0]))
	l = again(ledger(50, 32, 18), "0 three", "3 ten", "[13 two of ten]", "13 one")

	for range 2 { // three, and the eight of ten that are not settled
		e, _, _, err := l.Apart(queue.Cursor{})
		if err != nil {
			t.Fatal(err)
		}
		l.PassApart(e, queue.Outcome{Delivered: min(uint64(e.Samples), 8)})
	}
	l = again(ledger(50, 21, 29), "[13 two of ten]", "13 one")
	_, e := apart(t, l)
	l.PassApart(e, queue.Outcome{Delivered: 1})
	l = again(ledger(50, 20, 30))
	if l.ApartWaits() != 0 || l.ApartBytes() != 0 {
		t.Errorf("%d wait apart in %d bytes", l.ApartWaits(), l.ApartBytes())
	}
	drain(t, l)
	again(ledger(50, 0, 50))
}

// TestApartIsDamaged: what waited apart and is gone or damaged is counted.
func TestApartIsDamaged(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"gone":    func(_ *testing.T, path string) { os.Remove(path) },
		"empty":   func(t *testing.T, path string) { write(t, path, nil) },
		"a pipe":  func(_ *testing.T, path string) { os.Remove(path); os.Mkdir(path, 0o700) },
		"changed": func(t *testing.T, path string) { b := read(t, path); b[len(b)-1] ^= 1; write(t, path, b) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, dir, queue.Options{})
			put(t, q.Lane(0), 10, "body")
			putApart(t, q.Lane(0), 3, "three")
			damage(t, filepath.Join(dir, "lane-00", "apart", "00000000000000000001.segment"))
			q = open(t, dir, queue.Options{})
			l := q.Lane(0)
			if all, _ := apart(t, l); len(all) != 0 {
				t.Fatalf("apart are %q", all)
			}
			l.EndApart()
			want := queue.Ledger{Taken: 10, Outcome: queue.Outcome{Delivered: 7}}
			want.Dropped[queue.Corrupted] = 3
			if got := checkLedger(t, q); got != want {
				t.Errorf("ledger %+v, want %+v", got, want)
			}
			put(t, l, 10, "body")
			putApart(t, l, 3, "three")
			if all, _ := apart(t, l); len(all) != 1 {
				t.Errorf("apart are %q", all)
			}
		})
	}
}

// TestApartIsNoDirectory: what stands in the place of the directory is set aside, what waited in it is counted, and
// samples are put apart again. A link to a directory is one.
func TestApartIsNoDirectory(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		kept bool
	}{
		"dangling link":    {func(path string) error { return os.Symlink("/does/not/exist", path) }, false},
		"link to a file":   {func(path string) error { return os.Symlink("/etc/passwd", path) }, false},
		"link to a device": {func(path string) error { return os.Symlink("/dev/zero", path) }, false},
		"link to itself":   {func(path string) error { return os.Symlink("apart", path) }, false},
		"file":             {func(path string) error { return os.WriteFile(path, nil, 0o600) }, false},
		"pipe":             {func(path string) error { return syscall.Mkfifo(path, 0o600) }, false},
		"link to directory": {func(path string) error {
			return errors.Join(os.Mkdir(path+"-real", 0o700), os.Symlink("apart-real", path))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			q := open(t, dir, queue.Options{})
			put(t, q.Lane(0), 10, "body")
			putApart(t, q.Lane(0), 3, "three")
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "lane-00", "apart")
			if err := errors.Join(os.RemoveAll(path), c.make(path)); err != nil {
				t.Fatal(err)
			}
			q = open(t, dir, queue.Options{})
			l := q.Lane(0)
			if all, _ := apart(t, l); len(all) != 0 {
				t.Fatalf("apart are %q", all)
			}
			l.EndApart()
			put(t, l, 10, "body")
			putApart(t, l, 4, "four")
			want := queue.Ledger{Taken: 20, Queued: 4, Outcome: queue.Outcome{Delivered: 13}}
			want.Dropped[queue.Corrupted] = 3
			if got := checkLedger(t, q); got != want {
				t.Errorf("ledger %+v, want %+v", got, want)
			}
			var named []string
			if !c.kept {
				named = []string{path + ".unreadable"}
			}
			if got := q.Status().Aside; !slices.Equal(got.Paths, named) {
				t.Errorf("set aside are %+v, want %q", got, named)
			}
		})
	}
}

// TestApartCannotBeMoved: the queue opens where no name is free for what stands in the place of the directory, and says
// what became of samples that cannot be put apart.
func TestApartCannotBeMoved(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{})
	put(t, q.Lane(0), 10, "body")
	putApart(t, q.Lane(0), 3, "three")
	put(t, q.Lane(0), 10, "body")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "lane-00", "apart")
	errs := []error{os.RemoveAll(path), os.Symlink("/does/not/exist", path), os.Mkdir(path+".unreadable", 0o700)}
	for i := range 101 {
		errs = append(errs, os.Mkdir(fmt.Sprintf("%s.unreadable-%d", path, i+2), 0o700))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, queue.Options{})
	l := q.Lane(0)
	l.EndApart()
	e, ok, err := l.Peek(1, 1<<20)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	var lost queue.Outcome
	lost.Uncertain[queue.SeriesLimit], lost.Dropped[queue.Disk] = 3, 1
	err = l.DoneApart(e, queue.Outcome{Delivered: 6}, lost, queue.Batch{Samples: 4}, make([]byte, queue.HeaderBytes+4))
	want := queue.Ledger{Taken: 20, Outcome: queue.Outcome{Delivered: 13}}
	want.Add(queue.Ledger{Outcome: lost})
	want.Dropped[queue.Corrupted] = 3
	if got := checkLedger(t, q); got != want || err == nil {
		t.Errorf("%v; ledger %+v, want %+v", err, got, want)
	}
	if got := q.Status().Aside.Total; got != 103 {
		t.Errorf("%d files are in the status", got)
	}
}
