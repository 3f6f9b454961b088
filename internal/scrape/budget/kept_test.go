package budget

import (
	"errors"
	"testing"
)

// TestKept: of what is too much, the smallest are kept, whichever came first.
func TestKept(t *testing.T) {
	const mb = 1 << 20
	k := NewKept(10 * mb)
	var small, five, four, three, two Holding
	grow := func(name string, h *Holding, bytes int64, ok bool) {
		t.Helper()
		err := k.Grow(h, bytes)
		if ok != (err == nil) || err != nil && !errors.Is(err, ErrKept) {
			t.Fatalf("%s: %v", name, err)
		}
	}
	leave := func(want ...*Holding) {
		t.Helper()
		for _, h := range want {
			if !h.Leaves() {
				t.Errorf("the one of %d bytes stays", h.bytes)
			}
		}
		n := 0
		for h := range k.large {
			if h.Leaves() {
				n++
			}
		}
		if n != len(want) {
			t.Errorf("%d leave, want %d", n, len(want))
		}
	}
	grow("one that is alone", &five, freeKept+5*mb, true)
	grow("another", &four, freeKept+4*mb, true)
	grow("what fills it", &three, freeKept+mb, true)
	grow("one as large as the largest", &two, freeKept+5*mb, false)
	leave()
	grow("the largest grows", &five, freeKept+6*mb, false)
	leave()
	grow("one that is smaller than the largest", &three, freeKept+3*mb, true)
	leave(&five)
	grow("what leaves does not grow", &five, freeKept+6*mb, false)
	grow("there is room already", &two, freeKept+2*mb, true)
	leave(&five)
	grow("so much that what leaves must have left first", &two, freeKept+3*mb+1, false)
	leave(&five, &four)
	k.Settle(&five, 1000)
	leave(&four)
	grow("it has left", &two, freeKept+3*mb+1, true)
	leave(&four)
	for range 100 {
		grow("small ones", new(Holding), freeKept, true)
	}
	grow("small ones", &small, freeKept, true)
	k.Settle(&four, 1000)
	leave()
	grow("it has left, and comes back", &five, freeKept+5*mb, false)
	for h := range k.large {
		k.Settle(h, 0)
	}
	k.Settle(&five, 0)
	k.Settle(&four, 0)
	if all, limited := k.Held(); all != 101*freeKept || limited != 0 || k.leaving != 0 || len(k.large) != 0 {
		t.Errorf("%d bytes are held, %d of them limited, %d leave, by %d", all, limited, k.leaving, len(k.large))
	}
	if err := k.Grow(&five, freeKept+10*mb); err != nil {
		t.Errorf("nothing is held: %v", err)
	}
	if err := k.Grow(&four, freeKept+1); err != nil || !five.Leaves() {
		t.Errorf("one that is smaller, by far: %v", err)
	}
	if err := k.Grow(&three, freeKept+10*mb); err != ErrKept {
		t.Errorf("one that is larger: %v", err)
	}
}
