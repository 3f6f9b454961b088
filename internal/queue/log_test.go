package queue_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/queue"
)

// TestLogOfWhatWasSetAside: the log says what happened to the samples and the counts, as the ledger has it.
func TestLogOfWhatWasSetAside(t *testing.T) {
	const dropped, restart = "samples are counted as dropped with reason corrupted", "the delivery counts restart at 0"
	for name, c := range map[string]struct {
		place         string
		says, not     string
		taken, waited uint64
		full          bool // no name to move it to is free
	}{
		"positions": {"positions", restart, dropped, 20, 20, false},
		"segment":   {"lane-00/00000000000000000001.segment", dropped, restart, 20, 0, false},
		"lane":      {"lane-00", dropped, restart, 20, 0, false},
		"queue":     {".", restart, dropped, 0, 0, false},
		"segment, cannot be moved": {"lane-00/00000000000000000001.segment",
			"could not move the unreadable queue file aside; it is kept and not " +
				"read",
			"moved_to", 20, 0, true},
	} {
		dir := filepath.Join(t.TempDir(), "queue")
		q := open(t, dir, queue.Options{SegmentBytes: 1})
		for range 2 { // the first one is sent, and its segment is still there
			put(t, q.Lane(0), 10, "sent or waits")
			if q.Ledger().Taken == 10 {
				drain(t, q.Lane(0))
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		place := filepath.Join(dir, c.place)
		if strings.HasSuffix(place, ".segment") {
			found, err := filepath.Glob(filepath.Join(dir, "lane-00/*.segment"))
			if err != nil || len(found) == 0 {
				t.Fatal(found, err)
			}
			place = found[len(found)-1]
		}
		if err := os.RemoveAll(place); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/does/not/exist", place); err != nil {
			t.Fatal(err)
		}
		if c.full {
			for i := range 102 {
				write(t, place+".unreadable"+strings.TrimSuffix("-"+strconv.Itoa(i), "-1"), nil)
			}
			write(t, place+".unreadable", nil)
		}
		var log strings.Builder
		o := queue.DefaultOptions()
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		q, err := queue.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := q.Lane(0).Peek(1, 1000); err != nil {
			t.Fatal(err)
		}
		l := q.Ledger()
		if l.Taken != c.taken || l.Queued != c.waited || !l.Balanced() {
			t.Errorf("%s: %+v", name, l)
		}
		if text := log.String(); !strings.Contains(text, c.says) || strings.Contains(text, c.not) {
			t.Errorf("%s: %s", name, text)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}
