package budget

import (
	"testing"
	"testing/synctest"
)

// TestBudget: what is being read has a bound in all, and a page whose size was good
// before has its turn however many others grow.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(8 << 20)
		var small, first, second, known Share
		if err := b.Grow(&small, freeBytes); err != nil || small != (Share{}) {
			t.Errorf("a small page: %v, %+v", err, small)
		}
		if err := b.Grow(&first, 4<<20); err != nil {
			t.Error(err)
		}
		if err := b.Grow(&second, 4<<20); err != ErrFull {
			t.Errorf("pages that grow have all of the budget: %v", err)
		}
		if err := b.Reserve(t.Context(), &known, 4<<20); err != nil {
			t.Errorf("a size that is known has no room: %v", err)
		}
		var waiting Share
		done := make(chan error)
		go func() { done <- b.Reserve(t.Context(), &waiting, 4<<20) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("more than the budget is given: %v", err)
		default:
		}
		b.Release(&first)
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.Release(&known)
		b.Release(&waiting)
		if b.proven != 0 || b.grown != 0 {
			t.Errorf("%d and %d bytes are not given back", b.proven, b.grown)
		}
		if err := b.Reserve(t.Context(), &known, 1<<40); err != nil {
			t.Errorf("a page as large as the budget never has its turn: %v", err)
		}
	})
}
