package ship

import (
	"sync"
	"testing"
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
