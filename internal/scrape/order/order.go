// Package order remembers the newest timestamp of each series, whichever target
// shows it. A target that leaves and comes back is marked stale late, after newer
// samples; two targets may show the same series; an exporter that sets timestamps
// itself shows the same ones again at each scrape. A receiver would refuse all of
// these, and a whole request would be in doubt for each.
//
// Series have references: they are numbered in the order in which a page shows
// them, so that a scrape walks through memory instead of looking up a hash a
// sample. The hash is needed once a series and target. A reference is never used
// again for another series; four billion outlast the machine.
package order

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Order is the memory of all series.
type Order struct {
	blocks atomic.Pointer[[]*block] // by reference; nil where all series are gone

	mu    sync.Mutex
	index []uint32 // references, by the hash of the labels, 0 where there is none
	known int      // references in index
	alive int      // of them when the last ones were forgotten
	next  uint32
}

const blockSeries = 1024

type block [blockSeries]Series

// Series is what is remembered of one: 16 bytes.
type Series struct {
	hash atomic.Uint64 // of the labels; 0: forgotten
	// last is the newest timestamp in milliseconds, and two bits: whether the exporter set
	// it, since it may show the same timestamp again for a long time, and whether the series is not on the
	// page any more.
	last atomic.Int64
}

const (
	shownBit = 1 << iota
	endedBit
	timeShift = iota
)

// never is older than any sample.
const never = -1 << 63

// New returns one that knows no series.
func New() *Order {
	o := &Order{index: make([]uint32, blockSeries), next: 1}
	o.blocks.Store(&[]*block{})
	return o
}

// Lookup returns the series with a reference and the hash of its labels, or nil if
// it was forgotten.
func (o *Order) Lookup(ref uint32) (*Series, uint64) {
	blocks := *o.blocks.Load()
	i := int(ref / blockSeries)
	if i >= len(blocks) || blocks[i] == nil {
		return nil, 0
	}
	s := &blocks[i][ref%blockSeries]
	if hash := s.hash.Load(); hash != 0 {
		return s, hash
	}
	return nil, 0
}

// place returns where in the index the hash is, or is to be put: the first place
// from that which its low bits name. A map would take three times the memory.
func (o *Order) place(index []uint32, hash uint64) int {
	mask := len(index) - 1
	for i := int(hash) & mask; ; i = (i + 1) & mask {
		ref := index[i]
		if ref == 0 || o.at(ref).hash.Load() == hash {
			return i
		}
	}
}

// at returns the series with a reference that is in the index.
func (o *Order) at(ref uint32) *Series {
	return &(*o.blocks.Load())[ref/blockSeries][ref%blockSeries]
}

// Find returns the series whose labels have the hash, and its reference: nil and 0 if
// it is not there.
func (o *Order) Find(hash uint64) (uint32, *Series) {
	hash = max(hash, 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if ref := o.index[o.place(o.index, hash)]; ref != 0 {
		return ref, o.at(ref)
	}
	return 0, nil
}

// Add returns the series whose labels have the hash, and its reference. It is there from now on.
func (o *Order) Add(hash uint64) (uint32, *Series) {
	hash = max(hash, 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	i := o.place(o.index, hash)
	if ref := o.index[i]; ref != 0 {
		return ref, o.at(ref)
	}
	ref := o.next
	o.next++
	blocks := *o.blocks.Load()
	if n := int(ref / blockSeries); n >= len(blocks) {
		// Readers keep the old list; it is short.
		grown := make([]*block, n+1)
		copy(grown, blocks)
		grown[n] = new(block)
		o.blocks.Store(&grown)
	}
	s := o.at(ref)
	s.last.Store(never)
	s.hash.Store(hash)
	o.index[i] = ref
	if o.known++; o.known > len(o.index)*3/4 {
		o.reindex(2 * len(o.index))
	}
	return ref, s
}

// reindex makes the index anew, with room for at least n references, from the
// series that are not forgotten. The caller holds mu.
func (o *Order) reindex(n int) {
	index := make([]uint32, n)
	o.known = 0
	for i, b := range *o.blocks.Load() {
		for j := 0; b != nil && j < blockSeries; j++ {
			if hash := b[j].hash.Load(); hash != 0 {
				index[o.place(index, hash)] = uint32(i*blockSeries + j)
				o.known++
			}
		}
	}
	o.index = index
}

// crowd is how many series there may be beside twice those that are on pages.
const crowd = 1 << 18

// Crowded reports whether so many series have come that it is time to forget some.
func (o *Order) Crowded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.known > 2*o.alive+crowd
}

// Forget drops the series whose newest sample is before scraped, or before shown if
// the exporter set its timestamp, and of a crowd all that are on no page any more. What
// still scrapes one of them finds it again by its labels.
func (o *Order) Forget(scraped, shown int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	blocks := slices.Clone(*o.blocks.Load())
	before := o.known
	kept, ended := drop(blocks, func(last int64) bool {
		t := last >> timeShift
		return t < scraped && (last&shownBit == 0 || t < shown)
	})
	o.alive = kept - ended
	if kept > 2*o.alive+crowd {
		kept, _ = drop(blocks, func(last int64) bool { return last&endedBit != 0 })
	}
	o.blocks.Store(&blocks)
	if kept == before {
		return
	}
	n := blockSeries
	for kept > n*3/4 {
		n *= 2
	}
	o.reindex(n)
}

// drop forgets series by their last, and returns how many are kept, and of them on no page.
func drop(blocks []*block, gone func(last int64) bool) (kept, ended int) {
	for i, b := range blocks {
		if b == nil {
			continue
		}
		before := kept
		for j := range b {
			s := &b[j]
			if s.hash.Load() == 0 {
				continue
			}
			last := s.last.Load()
			if gone(last) {
				s.hash.Store(0)
				continue
			}
			kept++
			if last&endedBit != 0 {
				ended++
			}
		}
		if kept == before && i < len(blocks)-1 { // the last one may still be filled
			blocks[i] = nil
		}
	}
	return kept, ended
}

// End notes that a series is not on a page any more, until it is again.
func (o *Order) End(ref uint32) {
	if s, _ := o.Lookup(ref); s != nil {
		s.last.Or(endedBit)
	}
}

// Reset forgets the timestamps: the clock was set back, and samples begin anew at
// an earlier time. Whether they are good is the receiver's to say.
func (o *Order) Reset() {
	for _, b := range *o.blocks.Load() {
		if b == nil {
			continue
		}
		for j := range b {
			b[j].last.Store(never)
		}
	}
}

// Advance makes t the series' newest timestamp, and reports false when it is not
// newer. shown says that the exporter set it.
func (s *Series) Advance(t int64, shown bool) bool {
	next := t << timeShift
	if shown {
		next |= shownBit
	}
	for {
		last := s.last.Load()
		if t <= last>>timeShift {
			return false
		}
		if s.last.CompareAndSwap(last, next) {
			return true
		}
	}
}

// Last returns the newest timestamp, in milliseconds; before the first it is older
// than any.
func (s *Series) Last() int64 { return s.last.Load() >> timeShift }
