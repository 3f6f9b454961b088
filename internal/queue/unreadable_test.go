package queue

import (
	"os"
	"strings"
	"testing"
)

// TestUnreadableSegment: a segment whose reads fail is tried again, and then set
// aside; what is in the next one comes.
func TestUnreadableSegment(t *testing.T) {
	l, _ := syncedLane(t)
	for range 4 {
		if err := appendTen(t, l); err != nil {
			t.Fatal(err)
		}
	}
	for try := 1; ; try++ {
		// Such a file fails each read, as a disk does that answers EIO.
		f, err := os.OpenFile(segmentPath(l.dir, 1), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if l.reading != nil {
			l.reading.Close()
		}
		l.reading, l.readingNumber = f, 1
		e, ok, err := l.Peek(10, 1000)
		if err != nil && try < readTries {
			continue
		}
		if err != nil || !ok || e.Samples != 10 || e.segment != 2 || try != readTries {
			t.Fatalf("try %d: %v, %+v, %v", try, ok, e, err)
		}
		break
	}
	if l.outcome.Dropped[Corrupted] != 20 || l.enqueued-l.consumed != 20 {
		t.Errorf("outcome %+v, %d wait", l.outcome, l.enqueued-l.consumed)
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil || len(entries) != 2 || !strings.HasSuffix(entries[0].Name(), asideSuffix) {
		t.Errorf("%v, %v", entries, err)
	}
}
