package queue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/queue"
)

// TestNamesThatAreNoSegments: a file whose name is nearly a segment's is neither read nor
// counted on, and costs no sample: not after the next start, either.
func TestNamesThatAreNoSegments(t *testing.T) {
	dir := t.TempDir()
	lane := filepath.Join(dir, "lane-00")
	q := open(t, dir, queue.Options{})
	put(t, q.Lane(0), 10, "before")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	one := read(t, filepath.Join(lane, "00000000000000000001.segment"))
	for _, name := range []string{"18446744073709551615", "09223372036854775807", "00000000000000000000", "1", "000000000000000000001", "-1",
		"a\nb\x1b[2J", " 1"} {
		write(t, filepath.Join(lane, name+".segment"), one)
	}
	for i := range 2000 {
		write(t, filepath.Join(lane, fmt.Sprintf("%d.junk", i)), nil)
	}
	q = open(t, dir, queue.Options{})
	put(t, q.Lane(0), 10, "after")
	if diff := cmp.Diff([]string{"before", "after"}, drain(t, q.Lane(0))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if aside := q.Status().Aside; aside.Total != 3 || len(aside.Paths) != 3 {
		t.Errorf("set aside: %+v", aside)
	}
	put(t, q.Lane(0), 10, "at the end")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, dir, queue.Options{})
	put(t, q.Lane(0), 10, "next")
	if diff := cmp.Diff([]string{"at the end", "next"}, drain(t, q.Lane(0))); diff != "" {
		t.Errorf("after the next start (-want +got):\n%s", diff)
	}
	if l := checkLedger(t, q); l.Lost() != 0 || l.Delivered != 40 {
		t.Errorf("ledger %+v", l)
	}
}

// TestInspectOddNames: a directory with a lane's name and a huge number is ignored, and a file that cannot be
// read is named beside the report of the others.
func TestInspectOddNames(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, "remote-a", "0001-lanes-2", name) }
	q := open(t, at(""), queue.Options{Lanes: 3})
	put(t, q.Lane(1), 10, "waits")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.MkdirAll(at("lane-1000000"), 0o700), os.Remove(at("lane-00")), syscall.Mkfifo(at("lane-00"), 0o600),
		os.RemoveAll(at("lane-02/apart")), os.Symlink("apart", at("lane-02/apart")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := queue.Inspect(dir)
	if err != nil || len(r.Queues) != 1 || len(r.Queues[0].Lanes) != 3 || r.Queues[0].Lanes[1].Samples != 10 {
		t.Fatalf("%+v, %v; want one queue of three lanes", r, err)
	}
	if all := strings.Join(r.Queues[0].Unreadable, "\n"); !strings.Contains(all, "lane-00") || !strings.Contains(all, "lane-02") {
		t.Errorf("unreadable: %s", all)
	}
}
