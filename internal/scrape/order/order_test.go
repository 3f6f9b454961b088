package order

import (
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
)

func TestOrder(t *testing.T) {
	o := New()
	named := func(i int) uint64 { return labels.FromStrings("__name__", fmt.Sprint("metric_", i)).Hash() }
	const n = 5 * blockSeries
	for i := range n {
		ref, s := o.Add(named(i))
		if ref == 0 || s.hash.Load() != named(i) {
			t.Fatalf("series %d: reference %d, hash %x", i, ref, s.hash.Load())
		}
		s.Advance(int64(i), i%2 == 0)
	}
	again, s := o.Add(named(7))
	if found, hash := o.Lookup(again); found != s || hash != named(7) {
		t.Error("a series has two places")
	}
	if s, _ := o.Lookup(n + blockSeries); s != nil {
		t.Error("a reference that was never given finds a series")
	}
	// The older half goes; who still holds a reference of it finds nothing, and
	// never another series.
	o.Forget(n/2, n/2)
	if s, _ := o.Lookup(again); s != nil {
		t.Error("a series that was forgotten is still found")
	}
	if o.known != n/2 {
		t.Errorf("%d series are kept, want %d", o.known, n/2)
	}
	if blocks := *o.blocks.Load(); blocks[0] != nil || blocks[len(blocks)-1] == nil {
		t.Error("the blocks of the older half are still there, or those of the newer gone")
	}
	if fresh, s := o.Add(named(7)); fresh <= n || s.last.Load() != never {
		t.Errorf("a series that comes back has reference %d and last %d", fresh, s.last.Load())
	}
	kept, s := o.Add(named(n - 1))
	if s.Last() != n-1 {
		t.Errorf("a series that is kept has last %d, want %d", s.last.Load(), n-1)
	}
	o.Reset()
	if found, _ := o.Lookup(kept); found == nil || found.last.Load() != never {
		t.Error("reset keeps timestamps, or loses series")
	}
}

// TestForgetsSoonWhatExportersDoNotDate: series come and go without end; those whose
// exporter sets timestamps are remembered longer, and what was alive stays.
func TestForgetsSoonWhatExportersDoNotDate(t *testing.T) {
	o := New()
	for i := range crowd + 1000 {
		_, s := o.Add(uint64(i) + 1)
		s.Advance(int64(i), i < 100)
	}
	if !o.Crowded() {
		t.Error("many series are no crowd")
	}
	o.Forget(crowd, 50)
	if o.known != 1000+50 || o.Crowded() {
		t.Errorf("%d series are kept", o.known)
	}
	if _, s := o.Add(crowd + 1001); s.Last() >= 0 || s.Advance(0, false) != true || s.Advance(0, true) != false || s.Last() != 0 {
		t.Errorf("the newest timestamp is %d", s.Last())
	}
	if _, s := o.Add(crowd + 1002); !s.Advance(-5, true) || s.Last() != -5 || s.Advance(-5, false) {
		t.Errorf("before 1970 it is %d", s.Last())
	}
}

// TestForgetsEndedOnesOfACrowd: series that are on no page any more are remembered, also
// those that exporters date, unless they come without end.
func TestForgetsEndedOnesOfACrowd(t *testing.T) {
	o := New()
	take := func(from, to int, ended bool) {
		for i := from; i < to; i++ {
			ref, s := o.Add(uint64(i) + 1)
			s.Advance(1, i%2 == 0)
			if ended {
				o.End(ref)
			}
		}
	}
	const alive = 1000
	take(0, alive, false)
	take(alive, crowd, true)
	o.Forget(1, 1)
	if o.known != crowd || o.alive != alive {
		t.Errorf("%d series are kept, %d of them alive", o.known, o.alive)
	}
	take(crowd, crowd+3*alive, true)
	again, s := o.Add(2*alive + 1)
	s.Advance(2, false)
	if !o.Crowded() {
		t.Error("many series are no crowd")
	}
	o.Forget(1, 1)
	if o.known != alive+1 || o.Crowded() {
		t.Errorf("%d series are kept, want %d", o.known, alive+1)
	}
	if s, _ := o.Lookup(again); s == nil || s.Last() != 2 {
		t.Error("a series that came back is forgotten")
	}
}
