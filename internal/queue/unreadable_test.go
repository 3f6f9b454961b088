package queue

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
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

// TestUnreadableApart: so is a segment of what waits apart, wherever in it reads fail; what is in the others is read,
// the samples that were in it are counted when the front passes, and new ones go to a new segment.
func TestUnreadableApart(t *testing.T) {
	for name, bad := range map[string]func(*os.File, string) (*os.File, error){
		"read": func(f *os.File, path string) (*os.File, error) {
			f.Close()
			return os.OpenFile(path, os.O_WRONLY, 0) // fails each read, as a disk does that answers EIO
		},
		"open": func(f *os.File, _ string) (*os.File, error) { return nil, errors.Join(syscall.EIO, f.Close()) },
	} {
		for _, number := range []uint64{1, 2, 3} {
			l, _ := syncedLane(t)
			for range 8 {
				if err := appendTen(t, l); err != nil {
					t.Fatal(err)
				}
			}
			apart := func() {
				e, ok, err := l.Peek(10, 1000)
				if err != nil || !ok {
					t.Fatal(ok, err)
				}
				if err := l.DoneApart(e, Outcome{}, Outcome{}, Batch{Samples: 10}, make([]byte, HeaderBytes+10)); err != nil {
					t.Fatal(err)
				}
			}
			for range 7 { // three a segment
				apart()
			}
			if n := len(l.apart.segments); n != 3 {
				t.Fatalf("%d segments", n)
			}
			path, tries := segmentPath(l.apart.dir, number), 0
			l.openRead = func(p string) (*os.File, error) {
				f, err := openToRead(p)
				if err != nil || p != path {
					return f, err
				}
				tries++
				return bad(f, p)
			}
			var from []uint64
			failed := 0
			for c := (Cursor{}); ; {
				e, next, ok, err := l.Apart(c)
				if err != nil {
					if failed++; failed > 2*readTries {
						t.Fatal(err)
					}
					c, from = Cursor{}, nil // as who reads it does
					continue
				}
				if !ok {
					break
				}
				from, c = append(from, e.From), next
			}
			apart()
			want := map[uint64][]uint64{1: {30, 40, 50, 60}, 2: {0, 10, 20, 60}, 3: {0, 10, 20, 30, 40, 50}}[number]
			if !slices.Equal(from, want) || tries != readTries || failed != readTries-1 {
				t.Errorf("%s of %d: %v, want %v, after %d tries and %d errors", name, number, from, want, tries, failed)
			}
			if _, err := os.Stat(path + asideSuffix); err != nil {
				t.Error(err)
			}
			waits := l.ApartWaits()
			for {
				e, _, ok, err := l.Apart(Cursor{})
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				l.PassApart(e, Outcome{Delivered: uint64(e.Samples)})
			}
			l.EndApart()
			lost := 80 - 10*uint64(len(want)+1)
			if ledger := l.ledger(); waits != 80 || ledger.Queued != 0 || ledger.Delivered != 80-lost || ledger.Dropped[Corrupted] != lost ||
				!ledger.Balanced() {
				t.Errorf("%s of %d: %d waited; %+v, want %d lost", name, number, waits, ledger, lost)
			}
		}
	}
}
