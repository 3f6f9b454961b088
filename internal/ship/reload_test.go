package ship

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/delivery"
)

// TestReloadWhileOthersLook: a section goes and comes back while the status is
// read and queues are synced. It is for the race detector, and for a panic.
func TestReloadWhileOthersLook(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{Lanes: 1}, remoteWrite(s, "name: a")+"  - {url: "+s.URL+", name: b}\n")
	none, both := parse(t, "scrape_configs: []"), parse(t, remoteWrite(s, "name: a")+"  - {url: "+s.URL+", name: b}\n")
	done := make(chan struct{})
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				r.Status()
				for _, one := range r.allRemotes() {
					one.tick(r.elapsed())
				}
			}
		})
	}
	for range 20 {
		if err := r.ApplyConfig(none); err != nil {
			t.Error(err)
		}
		if err := r.ApplyConfig(both); err != nil {
			t.Error(err)
		}
	}
	close(done)
	looking.Wait()
	r.stop()
}

// TestReloadThatFailsChangesNothing: one section's queue cannot be opened. The
// others keep what they had, also the one that the reload would have brought back.
func TestReloadThatFailsChangesNothing(t *testing.T) {
	s, other := newSink(t), newSink(t)
	s.answerWith(always(503, "down"))
	section := func(to *sink, name string) string { return "  - {url: " + to.URL + ", name: " + name + "}\n" }
	dir := t.TempDir()
	r := start(t, Options{Dir: dir}, "remote_write:\n"+section(s, "stays")+section(s, "returns"))
	r.scrape("node", 100, time.Now())
	r.settledOnDisk(200)
	if err := r.ApplyConfig(parse(t, "remote_write:\n"+section(s, "stays"))); err != nil {
		t.Fatal(err)
	}
	blocked := filepath.Join(dir, "remote-name-blocked")
	// A file stands in its place, and cannot be set aside: all names are taken.
	for i := range 102 {
		name := blocked
		if i == 1 {
			name += ".unreadable"
		} else if i > 1 {
			name += fmt.Sprint(".unreadable-", i)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad := parse(t, "remote_write:\n"+section(other, "stays")+section(other, "returns")+section(other, "new")+section(other, "blocked"))
	if err := r.ApplyConfig(bad); err == nil {
		t.Fatal("a section whose queue cannot be opened was put in force")
	}
	st := r.Status()
	if len(st.Remotes) != 2 || st.Remotes[0].URL != s.URL || st.Remotes[1].Name != "returns" || st.Remotes[1].Verdict != delivery.Removed ||
		st.Total.Queued != 200 {
		t.Errorf("after a reload that failed: %+v", st)
	}
	if _, err := os.Stat(filepath.Join(dir, "remote-name-new")); !os.IsNotExist(err) {
		t.Errorf("a queue is left of a section that was never in force: %v", err)
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	if err := r.ApplyConfig(bad); err != nil {
		t.Fatal(err)
	}
	l := r.settled(200)
	r.stop()
	if l.Delivered != 200 || other.distinct() != 100 {
		t.Errorf("ledger %+v, receiver has %d", l, other.distinct())
	}
}
