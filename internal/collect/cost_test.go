package collect

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/node"
	"github.com/parascope/parascope/internal/collect/page"
)

// maxAllocations is how many a page may cost, whatever is on it.
const maxAllocations = 20

// TestPagesAllocateLittle reads this machine as a server does.
func TestPagesAllocateLittle(t *testing.T) {
	s := NewScraper(page.Env{Root: "/", Now: time.Now, Logger: slog.New(slog.DiscardHandler)}, DefaultMaxSeries, NodeCollectors())
	s.process = newProcess("v1", "r")
	defer s.Close()
	series := 0
	read := func() { s.Page(s.all(), func(text []byte) { series = len(text) }) }
	read()
	if n := testing.AllocsPerRun(20, read); n > maxAllocations || series == 0 {
		t.Errorf("a page of %d bytes costs %v allocations; want at most %d", series, n, maxAllocations)
	} else {
		t.Logf("%v allocations", n)
	}
}

// TestReadingsLeaveNothingOpen: opening and closing the collectors again and again ends
// where it began.
func TestReadingsLeaveNothingOpen(t *testing.T) {
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	round := func() {
		s := NewScraper(page.Env{Root: "/", Now: time.Now, Logger: slog.New(slog.DiscardHandler)}, 0, node.Collectors())
		s.Page(s.all(), func([]byte) {})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	round()
	before := open()
	for range 20 {
		round()
	}
	if after := open(); after > before {
		t.Errorf("%d files are open after 20 rounds; %d before", after, before)
	}
}
