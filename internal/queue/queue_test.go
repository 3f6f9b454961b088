package queue_test

import (
	"bytes"
	first "cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/queue"
)

var began = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func open(t testing.TB, dir string, o queue.Options) *queue.Queue {
	t.Helper()
	d := queue.DefaultOptions()
	o.Now, o.Logger = func() time.Time { return began }, d.Logger
	o.Lanes = first.Or(o.Lanes, d.Lanes)
	o.MaxBytes, o.SegmentBytes = first.Or(o.MaxBytes, d.MaxBytes), first.Or(o.SegmentBytes, d.SegmentBytes)
	q, err := queue.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// put appends a record of n samples whose body is text.
func put(t testing.TB, l *queue.Lane, n int, text string) {
	t.Helper()
	buf := append(make([]byte, queue.HeaderBytes), text...)
	at := began.Add(time.Duration(len(text)) * time.Second).UnixMilli()
	if err := l.Append(queue.Batch{Samples: uint32(n), MinTime: at, MaxTime: at, RawBytes: uint32(len(text))}, buf); err != nil {
		t.Fatal(err)
	}
}

// drain delivers all that waits and returns the bodies.
func drain(t testing.TB, l *queue.Lane) []string {
	t.Helper()
	var bodies []string
	for {
		e, ok, err := l.Peek(1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return bodies
		}
		for _, b := range e.Bodies {
			bodies = append(bodies, string(b))
		}
		l.Done(e, queue.Outcome{Delivered: uint64(e.Samples)})
	}
}

func checkLedger(t testing.TB, q *queue.Queue) queue.Ledger {
	t.Helper()
	l := q.Ledger()
	if !l.Balanced() {
		b, _ := json.Marshal(l)
		t.Errorf("ledger is not balanced: %s", b)
	}
	return l
}

func TestRecordsComeBackInOrder(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{SegmentBytes: 400})
	l := q.Lane(0)
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("body %d", i))
		put(t, l, 10, want[i])
	}
	e, ok, err := l.Peek(1, 1<<20)
	if err != nil || !ok {
		t.Fatalf("Peek: %v, %v", ok, err)
	}
	l.Done(e, queue.Outcome{Delivered: 7, Uncertain: [9]uint64{queue.OutOfOrder: 1, queue.Unanswered: 2}})
	for range 2 { // the second call does nothing
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}

	q = open(t, dir, queue.Options{SegmentBytes: 400})
	defer q.Close()
	put(t, q.Lane(0), 10, "after the restart")
	got := drain(t, q.Lane(0))
	if diff := cmp.Diff(append(want[1:], "after the restart"), got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	l2 := checkLedger(t, q)
	want2 := queue.Ledger{Taken: 210, Outcome: queue.Outcome{Delivered: 207}}
	want2.Uncertain[queue.OutOfOrder], want2.Uncertain[queue.Unanswered] = 1, 2
	if l2 != want2 {
		t.Errorf("ledger %+v, want %+v", l2, want2)
	}
	files, err := filepath.Glob(filepath.Join(dir, "lane-00", "*"))
	if err != nil || len(files) != 1 {
		t.Errorf("segments left: %v (%v), want the one that is written", files, err)
	}
}

// TestKillLosesNothing: whatever the process does not live to say is in
// the files; only the record in flight comes twice.
func TestKillLosesNothing(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{})
	for i := range 5 {
		put(t, q.Lane(0), 10, fmt.Sprint("body ", i))
	}
	for range 2 {
		e, _, err := q.Lane(0).Peek(1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		q.Lane(0).Done(e, queue.Outcome{Delivered: 10})
	}
	if _, _, err := q.Lane(0).Peek(1, 1<<20); err != nil { // in flight
		t.Fatal(err)
	}
	// Not closed, not synced: what a kill -9 leaves.
	again := open(t, dir, queue.Options{})
	defer again.Close()
	if diff := cmp.Diff([]string{"body 2", "body 3", "body 4"}, drain(t, again.Lane(0))); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if l := checkLedger(t, again); l.Taken != 50 || l.Delivered != 50 {
		t.Errorf("ledger %+v", l)
	}
}

// TestDamageAtEveryByte cuts a segment at every length and flips every byte of
// it: all that is intact must come back, in order, and the rest be counted.
func TestDamageAtEveryByte(t *testing.T) {
	bodies := []string{"first", "the second one", "third"}
	ends := []int{0}
	whole := t.TempDir()
	q := open(t, whole, queue.Options{})
	for _, b := range bodies {
		put(t, q.Lane(0), 10, b)
		ends = append(ends, ends[len(ends)-1]+queue.HeaderBytes+len(b))
	}
	segment := read(t, filepath.Join(whole, "lane-00", "00000000000000000001.segment"))
	for _, known := range []bool{false, true} { // whether a slot tells of all that was queued
		if known {
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		positions := read(t, filepath.Join(whole, "positions"))
		for at := range len(segment) {
			intact := 0 // records before the damage
			for intact < len(bodies) && ends[intact+1] <= at {
				intact++
			}
			checkDamaged(t, fmt.Sprintf("cut at %d, known %v", at, known), segment[:at], positions, bodies[:intact], 10*len(bodies), known)
			flipped := bytes.Clone(segment)
			flipped[at] ^= 0x20
			rest := append(append([]string{}, bodies[:intact]...), bodies[intact+1:]...)
			checkDamaged(t, fmt.Sprintf("flipped at %d, known %v", at, known), flipped, positions, rest, 10*len(bodies), known)
		}
	}
}

func checkDamaged(t *testing.T, name string, segment, positions []byte, want []string, queued int, known bool) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "positions"), positions)
	write(t, filepath.Join(dir, "lane-00", "00000000000000000001.segment"), segment)
	q := open(t, dir, queue.Options{})
	defer q.Close()
	put(t, q.Lane(0), 1, "new")
	got := drain(t, q.Lane(0))
	if diff := cmp.Diff(append(want[:len(want):len(want)], "new"), got); diff != "" {
		t.Fatalf("%s: records (-want +got):\n%s", name, diff)
	}
	l := checkLedger(t, q)
	if known && l.Taken != uint64(queued+1) {
		t.Fatalf("%s: taken %d, want %d", name, l.Taken, queued+1)
	}
	if l.Delivered != uint64(10*len(want)+1) || l.Lost() != l.Dropped[queue.Corrupted] {
		t.Fatalf("%s: ledger %+v", name, l)
	}
}

func TestPositionsDamaged(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{})
	for i := range 4 {
		put(t, q.Lane(0), 10, fmt.Sprint(i))
	}
	for range 2 {
		e, _, _ := q.Lane(0).Peek(1, 1<<20)
		q.Lane(0).Done(e, queue.Outcome{Delivered: 10})
	}
	slots := read(t, filepath.Join(dir, "positions"))
	segment := read(t, filepath.Join(dir, "lane-00", "00000000000000000001.segment"))
	with := func(slots []byte) (string, queue.Ledger) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "positions"), slots)
		write(t, filepath.Join(dir, "lane-00", "00000000000000000001.segment"), segment)
		q := open(t, dir, queue.Options{})
		defer q.Close()
		got := strings.Join(drain(t, q.Lane(0)), "")
		return got, checkLedger(t, q)
	}
	for at := range len(slots) {
		damaged := bytes.Clone(slots)
		damaged[at] ^= 1
		// Of the two slots one is whole: at worst the record before comes again.
		if got, l := with(damaged); got != "23" && got != "123" || l.Taken != 40 || l.Lost() > 0 {
			t.Fatalf("flipped at %d: records %s, ledger %+v", at, got, l)
		}
	}
	// Both slots gone: what is there is sent again, the counts begin anew.
	if got, l := with(make([]byte, len(slots))); got != "0123" || l.Delivered != 40 {
		t.Errorf("without positions: records %s, ledger %+v", got, l)
	}
}

// TestPositionsOfAnotherSize: a disk was full when the file was made, or someone
// cut it. What is left of it counts, and the rest begins anew; no start is refused.
func TestPositionsOfAnotherSize(t *testing.T) {
	for _, size := range []int{0, 1, 1024, 1500, 2047, 2048, 5000} {
		dir := t.TempDir()
		q := open(t, dir, queue.Options{Lanes: 2})
		for lane := range 2 {
			put(t, q.Lane(lane), 10, "sent")
			drain(t, q.Lane(lane))
			put(t, q.Lane(lane), 10, "waits")
		}
		path := filepath.Join(dir, "positions")
		slots := append(read(t, path), make([]byte, 5000)...)
		write(t, path, slots[:size])
		q = open(t, dir, queue.Options{Lanes: 2})
		want := []string{"waits"}
		if size < 1024 {
			want = []string{"sent", "waits"} // its slot is lost: it comes again
		}
		if diff := cmp.Diff(want, drain(t, q.Lane(0))); diff != "" {
			t.Errorf("size %d: records of lane 0 (-want +got):\n%s", size, diff)
		}
		drain(t, q.Lane(1))
		if l := checkLedger(t, q); l.Lost() != 0 {
			t.Errorf("size %d: ledger %+v", size, l)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "positions.*")); err != nil || len(left) > 0 {
			t.Errorf("size %d: files left behind: %v, %v", size, left, err)
		}
	}
}

// TestRecordsAreJoined: up to the limits, in one segment, and never over damage.
func TestRecordsAreJoined(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{SegmentBytes: 8 * (queue.HeaderBytes + 6)})
	l := q.Lane(0)
	for i := range 16 {
		put(t, l, 10, fmt.Sprintf("body %x", i))
	}
	path := filepath.Join(dir, "lane-00", "00000000000000000002.segment")
	b := read(t, path)
	b[2*(queue.HeaderBytes+6)+queue.HeaderBytes] ^= 1 // of body a
	write(t, path, b)
	var got []string
	for {
		e, ok, err := l.Peek(30, 100)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got = append(got, string(bytes.Join(e.Bodies, []byte("+"))))
		if e.Samples != uint32(10*len(e.Bodies)) || e.RawBytes != uint32(6*len(e.Bodies)) {
			t.Errorf("entry %+v", e)
		}
		l.Done(e, queue.Outcome{Delivered: uint64(e.Samples)})
	}
	want := []string{"body 0+body 1+body 2", "body 3+body 4+body 5", "body 6+body 7", "body 8+body 9", "body b+body c+body d", "body e+body f"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if ledger := checkLedger(t, q); ledger.Dropped[queue.Corrupted] != 10 {
		t.Errorf("ledger %+v", ledger)
	}
}

func TestSegmentRemoved(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{SegmentBytes: 200})
	for i := range 9 {
		put(t, q.Lane(0), 10, fmt.Sprint("body ", i))
	}
	if err := os.Remove(filepath.Join(dir, "lane-00", "00000000000000000002.segment")); err != nil {
		t.Fatal(err)
	}
	got := drain(t, q.Lane(0))
	if diff := cmp.Diff([]string{"body 0", "body 1", "body 4", "body 5", "body 6", "body 7", "body 8"}, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if l := checkLedger(t, q); l.Dropped[queue.Corrupted] != 20 {
		t.Errorf("ledger %+v, want 20 corrupted", l)
	}
}

func TestLimit(t *testing.T) {
	q := open(t, t.TempDir(), queue.Options{MaxBytes: 4000, SegmentBytes: 500})
	defer q.Close()
	l := q.Lane(0)
	for i := range 100 {
		put(t, l, 10, fmt.Sprintf("body %d", i))
		for l.Over() {
			e, ok, err := l.Peek(1, 1<<20)
			if err != nil || !ok {
				t.Fatalf("Peek: %v, %v", ok, err)
			}
			l.Done(e, queue.Outcome{Dropped: [6]uint64{queue.QueueFull: 10}})
		}
		if s := q.Status(); s.Bytes > 4000 {
			t.Fatalf("%d bytes on disk, limit 4000", s.Bytes)
		}
	}
	got := drain(t, l)
	if got[len(got)-1] != "body 99" || len(got) < 40 {
		t.Errorf("%d records left, last %q", len(got), got[len(got)-1])
	}
	if ledger := checkLedger(t, q); ledger.Dropped[queue.QueueFull] != uint64(1000-10*len(got)) {
		t.Errorf("ledger %+v", ledger)
	}
}

func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	q := open(t, dir, queue.Options{SegmentBytes: 100})
	defer q.Close()
	l := q.Lane(0)
	put(t, l, 10, "before")
	lane, away := filepath.Join(dir, "lane-00"), filepath.Join(dir, "away")
	if err := os.Rename(lane, away); err != nil {
		t.Fatal(err)
	}
	big := append(make([]byte, queue.HeaderBytes), strings.Repeat("x", 100)...)
	if err := l.Append(queue.Batch{Samples: 10}, big); err == nil {
		t.Fatal("Append to a directory that is gone succeeded")
	}
	if q.Status().DiskErr == nil {
		t.Error("Status does not tell of the disk")
	}
	if err := os.Rename(away, lane); err != nil {
		t.Fatal(err)
	}
	put(t, l, 10, "after")
	if err := q.Status().DiskErr; err != nil {
		t.Errorf("the disk is back, and Status says %v", err)
	}
	if diff := cmp.Diff([]string{"before", "after"}, drain(t, l)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if ledger := checkLedger(t, q); ledger.Dropped[queue.Disk] != 10 || ledger.Taken != 30 {
		t.Errorf("ledger %+v", ledger)
	}
}

// FuzzSegment reads anything as a segment: no record comes twice or out of
// order, and the ledger is balanced.
func FuzzSegment(f *testing.F) {
	dir := f.TempDir()
	q := open(f, dir, queue.Options{})
	for i := range 3 {
		put(f, q.Lane(0), 10, fmt.Sprint("body ", i))
	}
	f.Add(read(f, filepath.Join(dir, "lane-00", "00000000000000000001.segment")), uint16(70), byte(1))
	f.Add([]byte("PSQ1PSQ1PSQ1"), uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, segment []byte, at uint16, flip byte) {
		if int(at) < len(segment) {
			segment[at] ^= flip
		}
		dir := ramDir(t)
		write(t, filepath.Join(dir, "lane-00", "00000000000000000001.segment"), segment)
		q := open(t, dir, queue.Options{})
		defer q.Close()
		put(t, q.Lane(0), 1, "new")
		got := drain(t, q.Lane(0))
		if len(got) == 0 || got[len(got)-1] != "new" {
			t.Errorf("records %q do not end with the new one", got)
		}
		checkLedger(t, q)
		if _, err := queue.Inspect(dir); err != nil {
			t.Error(err)
		}
	})
}

// ramDir is a directory in memory where there is one: a fuzz target that waits
// for a disk to sync tries little else.
func ramDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "queue")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func BenchmarkAppend(b *testing.B) {
	q := open(b, b.TempDir(), queue.Options{Lanes: 1, MaxBytes: 1 << 30})
	defer q.Close()
	buf := make([]byte, queue.HeaderBytes+25_000)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Lane(0).Append(queue.Batch{Samples: 1000}, buf); err != nil {
			b.Fatal(err)
		}
		e, _, err := q.Lane(0).Peek(1, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		q.Lane(0).Done(e, queue.Outcome{Delivered: 1000})
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
