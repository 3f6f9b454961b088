// Package budget bounds the memory of all pages that are being read at one time.
package budget

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ErrFull says that the memory for pages is in use.
var ErrFull = errors.New("the metrics pages being read exceed the memory limit --scrape.max-reading-bytes")

// Budget bounds the memory of all pages that are being read. The size of a target's
// last good page is set aside before its body is read, and waited for: nothing is
// held meanwhile. What goes beyond that size is given at once or not at all, and
// from three quarters of the budget only, so that targets whose pages grow without end do not
// keep the others waiting.
type Budget struct {
	mu      sync.Mutex
	max     int64 // bytes
	proven  int64 // of sizes that were good before
	grown   int64 // beyond these
	left    int64 // of large pages, given back and not collected
	most    int64 // given at one time, since TakeMost was called
	changed chan struct{}
}

const (
	// freeBytes of each page are not counted: small pages never wait.
	freeBytes = 512 << 10
	// largeBytes are beyond freeBytes. What smaller pages leave, such as those of a
	// node_exporter, the collector finds in time by itself.
	largeBytes = 1 << 20
)

// New returns a budget of most bytes.
func New(most int64) *Budget { return &Budget{max: most, changed: make(chan struct{})} }

// Share is what one page has of the budget, in bytes.
type Share struct{ proven, grown int64 }

// Reserve waits for room of a size that was good before.
func (b *Budget) Reserve(ctx context.Context, s *Share, n int64) error {
	if n -= freeBytes; n <= 0 {
		return nil
	}
	n = min(n, b.max) // alone, it is let through
	for {
		b.mu.Lock()
		if b.proven+b.grown+n <= b.max || b.proven+b.grown == 0 {
			b.proven += n
			s.proven += n
			b.most = max(b.most, b.proven+b.grown)
			b.mu.Unlock()
			return nil
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(ErrFull, ctx.Err())
		}
	}
}

// Grow sees to it that the share covers n bytes in all.
func (b *Budget) Grow(s *Share, n int64) error {
	if n -= freeBytes + s.proven + s.grown; n <= 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown+n > b.max/4*3 || b.proven+b.grown+n > b.max {
		return ErrFull
	}
	b.grown += n
	s.grown += n
	b.most = max(b.most, b.proven+b.grown)
	return nil
}

// TakeMost returns the most that was given at one time since the last call, in bytes.
func (b *Budget) TakeMost() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	most := b.most
	b.most = b.proven + b.grown
	return most
}

// Release gives a share back. What large pages leave behind is collected before it is
// as much as an eighth of the budget: the collector alone would let it double the heap.
func (b *Budget) Release(s *Share) {
	if *s == (Share{}) {
		return
	}
	if b.giveBack(s) {
		runtime.GC()
	}
}

// giveBack reports whether much was given back since it last did.
func (b *Budget) giveBack(s *Share) (much bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.proven -= s.proven
	b.grown -= s.grown
	if n := s.proven + s.grown; n > largeBytes {
		b.left += n
	}
	*s = Share{}
	close(b.changed)
	b.changed = make(chan struct{})
	if much = b.left > b.max/8; much {
		b.left = 0
	}
	return much
}
