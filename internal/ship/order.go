package ship

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// order remembers the newest timestamp of each series. It is needed for what a
// scrape manager leaves to its storage: a target that leaves and comes back is
// marked stale late, after newer samples, and an exporter that sets timestamps
// itself shows the same ones again at each scrape. A receiver would refuse the
// first, and a whole request would be in doubt for it.
//
// Series have references, which the scrape manager keeps and gives back: they are
// numbered in the order in which a page shows them, so that a scrape walks through
// memory instead of looking up a hash a sample, which cost a quarter of the head's
// CPU. The hash is needed once a series and target. A reference is never used
// again for another series.
type order struct {
	blocks atomic.Pointer[[]*block] // by reference; nil where all series are gone

	mu   sync.Mutex
	refs map[uint64]storage.SeriesRef // by the hash of the labels
	next storage.SeriesRef
}

const blockSeries = 1024

type block [blockSeries]series

// series is what is remembered of one: 16 bytes.
type series struct {
	hash atomic.Uint64 // of the labels; 0: forgotten
	last atomic.Int64  // newest timestamp in milliseconds
}

// never is older than any sample.
const never = -1 << 63

func newOrder() *order {
	o := &order{refs: map[uint64]storage.SeriesRef{}, next: 1}
	o.blocks.Store(&[]*block{})
	return o
}

// lookup returns the series with a reference and the hash of its labels, or nil if
// it was forgotten.
func (o *order) lookup(ref storage.SeriesRef) (*series, uint64) {
	blocks := *o.blocks.Load()
	i := uint64(ref / blockSeries)
	if ref == 0 || i >= uint64(len(blocks)) || blocks[i] == nil {
		return nil, 0
	}
	s := &blocks[i][ref%blockSeries]
	if hash := s.hash.Load(); hash != 0 {
		return s, hash
	}
	return nil, 0
}

// find returns the series with the labels, the hash of them, and its reference.
func (o *order) find(ls labels.Labels) (storage.SeriesRef, *series, uint64) {
	hash := max(ls.Hash(), 1)
	o.mu.Lock()
	defer o.mu.Unlock()
	if ref, ok := o.refs[hash]; ok {
		return ref, &(*o.blocks.Load())[ref/blockSeries][ref%blockSeries], hash
	}
	ref := o.next
	o.next++
	blocks := *o.blocks.Load()
	if i := int(ref / blockSeries); i >= len(blocks) {
		// Readers keep the old list; it is short.
		grown := make([]*block, i+1)
		copy(grown, blocks)
		grown[i] = new(block)
		o.blocks.Store(&grown)
		blocks = grown
	}
	s := &blocks[ref/blockSeries][ref%blockSeries]
	s.last.Store(never)
	s.hash.Store(hash)
	o.refs[hash] = ref
	return ref, s, hash
}

// forget drops the series whose newest sample is before t. What still scrapes one
// of them finds it again by its labels.
func (o *order) forget(t int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := map[uint64]storage.SeriesRef{} // a new one: a map keeps the room of what was deleted
	blocks := append([]*block(nil), *o.blocks.Load()...)
	for i, b := range blocks {
		if b == nil {
			continue
		}
		alive := i == len(blocks)-1 // it may still be filled
		for j := range b {
			s := &b[j]
			hash := s.hash.Load()
			switch {
			case hash == 0:
			case s.last.Load() < t:
				s.hash.Store(0)
			default:
				kept[hash] = storage.SeriesRef(i*blockSeries + j)
				alive = true
			}
		}
		if !alive {
			blocks[i] = nil
		}
	}
	o.refs = kept
	o.blocks.Store(&blocks)
}

// reset forgets the timestamps: the clock was set back, and samples begin anew at
// an earlier time. Whether they are good is the receiver's to say.
func (o *order) reset() {
	for _, b := range *o.blocks.Load() {
		if b == nil {
			continue
		}
		for j := range b {
			b[j].last.Store(never)
		}
	}
}

// stamp is a sample of a series, without its value.
type stamp struct {
	series *series
	t      int64
}
