package scrape

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// errBudget says that the memory for pages is in use.
var errBudget = errors.New("the pages that are being read need more memory than --scrape.max-reading-bytes allows")

// budget bounds the memory of all pages that are being read. The size of a target's
// last good page is set aside before its body is read, and waited for: nothing is
// held meanwhile. What goes beyond that size is given at once or not at all, and
// from three quarters of the budget only, so that targets whose pages grow without end do not
// keep the others waiting.
type budget struct {
	mu      sync.Mutex
	max     int64 // bytes
	proven  int64 // of sizes that were good before
	grown   int64 // beyond these
	left    int64 // given back, and not collected
	changed chan struct{}
}

// freeBytes of each page are not counted: small pages never wait.
const freeBytes = 512 << 10

func newBudget(most int64) *budget { return &budget{max: most, changed: make(chan struct{})} }

// share is what one page has of the budget, in bytes.
type share struct{ proven, grown int64 }

// reserve waits for room of a size that was good before.
func (b *budget) reserve(ctx context.Context, s *share, n int64) error {
	if n -= freeBytes; n <= 0 {
		return nil
	}
	n = min(n, b.max) // alone, it is let through
	for {
		b.mu.Lock()
		if b.proven+b.grown+n <= b.max || b.proven+b.grown == 0 {
			b.proven += n
			s.proven += n
			b.mu.Unlock()
			return nil
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(errBudget, ctx.Err())
		}
	}
}

// grow sees to it that the share covers n bytes in all.
func (b *budget) grow(s *share, n int64) error {
	if n -= freeBytes + s.proven + s.grown; n <= 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown+n > b.max/4*3 || b.proven+b.grown+n > b.max {
		return errBudget
	}
	b.grown += n
	s.grown += n
	return nil
}

// release gives a share back. What large pages leave behind is collected before it is
// as much as an eighth of the budget: the collector alone would let it double the heap.
func (b *budget) release(s *share) {
	if *s == (share{}) {
		return
	}
	if b.giveBack(s) {
		runtime.GC()
	}
}

// giveBack reports whether much was given back since it last did.
func (b *budget) giveBack(s *share) (much bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.proven -= s.proven
	b.grown -= s.grown
	b.left += s.proven + s.grown
	*s = share{}
	close(b.changed)
	b.changed = make(chan struct{})
	if much = b.left > b.max/8; much {
		b.left = 0
	}
	return much
}
