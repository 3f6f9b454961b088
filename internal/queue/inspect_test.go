package queue_test

import (
	"encoding/json"
	"os"
	"path/filepath"
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
