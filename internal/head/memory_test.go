package head

import "testing"

// TestMemoryLimit: pages that a collection finds among what lives are not given room
// beside the budget of pages that they are in.
func TestMemoryLimit(t *testing.T) {
	const mb = 1 << 20
	var l lasting
	for _, c := range []struct {
		what             string
		cycles           uint64
		live, held, want int64
	}{
		{"nothing was collected yet", 0, 0, 0, 64 + 16},
		{"what lives", 1, 16, 0, 16 + 4 + 64 + 16},
		{"and a whole budget of pages", 2, 16 + 64, 64, 16 + 4 + 64 + 16},
		{"which were released right after the collection", 3, 16 + 64, 0, 16 + 4 + 64 + 16},
		{"no new collection", 3, 16 + 64, 0, 16 + 4 + 64 + 16},
		{"what lives grows", 4, 200, 0, 200 + 50 + 64 + 16},
		{"pages came after the collection", 5, 20, 64, 64 + 16},
	} {
		if got := l.limit(c.cycles, c.live*mb, c.held*mb, 64*mb); got != c.want*mb {
			t.Errorf("%s: %d MB, want %d", c.what, got/mb, c.want)
		}
	}
}
