package head

import "testing"

// TestMemoryLimit: pages that a collection finds among what lives are not given room
// beside the budget of pages that they are in.
func TestMemoryLimit(t *testing.T) {
	const mb = 1 << 20
	var l lowest
	if got := l.limit(16*mb, 64*mb); got != (16+8+64+16)*mb {
		t.Errorf("16 MB that live: %d MB", got/mb)
	}
	if got := l.limit((16+64)*mb, 64*mb); got != (16+8+64+16)*mb {
		t.Errorf("the same and a whole budget of pages: %d MB", got/mb)
	}
	for range memoryWindow - 1 {
		if got := l.limit(200*mb, 64*mb); got != 225*mb {
			t.Fatalf("200 MB, of late: %d MB", got/mb)
		}
	}
	if got := l.limit(200*mb, 64*mb); got != (200+100+64+16)*mb {
		t.Errorf("200 MB, for a whole window: %d MB", got/mb)
	}
}
