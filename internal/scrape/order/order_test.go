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
		ref, s := o.Find(named(i))
		if ref == 0 || s.hash.Load() != named(i) {
			t.Fatalf("series %d: reference %d, hash %x", i, ref, s.hash.Load())
		}
		s.last.Store(int64(i))
	}
	again, s := o.Find(named(7))
	if found, hash := o.Lookup(again); found != s || hash != named(7) {
		t.Error("a series has two places")
	}
	if s, _ := o.Lookup(n + blockSeries); s != nil {
		t.Error("a reference that was never given finds a series")
	}
	// The older half goes; who still holds a reference of it finds nothing, and
	// never another series.
	o.Forget(n / 2)
	if s, _ := o.Lookup(again); s != nil {
		t.Error("a series that was forgotten is still found")
	}
	if o.known != n/2 {
		t.Errorf("%d series are kept, want %d", o.known, n/2)
	}
	if blocks := *o.blocks.Load(); blocks[0] != nil || blocks[len(blocks)-1] == nil {
		t.Error("the blocks of the older half are still there, or those of the newer gone")
	}
	if fresh, s := o.Find(named(7)); fresh <= n || s.last.Load() != never {
		t.Errorf("a series that comes back has reference %d and last %d", fresh, s.last.Load())
	}
	kept, s := o.Find(named(n - 1))
	if s.last.Load() != n-1 {
		t.Errorf("a series that is kept has last %d, want %d", s.last.Load(), n-1)
	}
	o.Reset()
	if found, _ := o.Lookup(kept); found == nil || found.last.Load() != never {
		t.Error("reset keeps timestamps, or loses series")
	}
}
