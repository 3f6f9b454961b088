package queue

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// syncedLane is a lane of small segments that notes which of them were synced.
func syncedLane(t *testing.T) (l *Lane, synced *[]string) {
	t.Helper()
	o := DefaultOptions()
	o.SegmentBytes = 2 * (HeaderBytes + 10)
	q, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	l, synced = q.Lane(0), &[]string{}
	l.fsync = func(f *os.File) error {
		*synced = append(*synced, filepath.Base(f.Name()))
		return f.Sync()
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, synced
}

func appendTen(t *testing.T, l *Lane) error {
	t.Helper()
	return l.Append(Batch{Samples: 10}, make([]byte, HeaderBytes+10))
}

// TestSegmentEndsWhileItIsSynced: the sync of a segment is not done when the next
// one begins. The segment is synced once more before it is closed: whether the
// first sync came to its end is not known.
func TestSegmentEndsWhileItIsSynced(t *testing.T) {
	l, synced := syncedLane(t)
	for range 2 {
		if err := appendTen(t, l); err != nil {
			t.Fatal(err)
		}
	}
	inner := l.fsync
	l.fsync = func(f *os.File) error {
		l.fsync = inner
		if err := appendTen(t, l); err != nil { // it does not fit
			t.Error(err)
		}
		return f.Sync()
	}
	if err := l.sync(); err != nil {
		t.Fatal(err)
	}
	if first := segmentPath("", 1); !slices.Contains(*synced, first) {
		t.Errorf("synced %v, want %s before it was closed", *synced, first)
	}
	if err := l.sync(); err != nil {
		t.Fatal(err)
	}
	if second := segmentPath("", 2); !slices.Contains(*synced, second) {
		t.Errorf("synced %v, want %s, too", *synced, second)
	}
}

// TestAppendedWhileItIsSynced: a record that came during a sync needs another one.
func TestAppendedWhileItIsSynced(t *testing.T) {
	l, synced := syncedLane(t)
	if err := appendTen(t, l); err != nil {
		t.Fatal(err)
	}
	inner := l.fsync
	l.fsync = func(f *os.File) error {
		l.fsync = inner
		err := f.Sync()
		if err := appendTen(t, l); err != nil {
			t.Error(err)
		}
		return err
	}
	for range 3 {
		if err := l.sync(); err != nil {
			t.Fatal(err)
		}
	}
	if len(*synced) != 1 {
		t.Errorf("synced %v after the first, want once more", *synced)
	}
}

// TestFailedWriteSyncsTheSegment: what was written before the disk failed is
// brought to it before the segment is left.
func TestFailedWriteSyncsTheSegment(t *testing.T) {
	l, synced := syncedLane(t)
	if err := appendTen(t, l); err != nil {
		t.Fatal(err)
	}
	writable := l.file
	defer writable.Close()
	readOnly, err := os.Open(segmentPath(l.dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	l.file = readOnly
	if err := appendTen(t, l); err == nil {
		t.Fatal("a write to a read-only file succeeded")
	}
	if first := segmentPath("", 1); !slices.Contains(*synced, first) {
		t.Errorf("synced %v, want %s before it was closed", *synced, first)
	}
}
