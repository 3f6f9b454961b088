package ship

import (
	"sync"
)

// order remembers the newest timestamp of each series, 16 bytes a series. It is
// needed for what a scrape manager leaves to its storage: a target that leaves
// and comes back is marked stale late, after newer samples, and an exporter that
// sets timestamps itself shows the same ones again at each scrape. A receiver
// would refuse the first, and a whole request would be in doubt for it.
type order struct{ shards [16]orderShard }

type orderShard struct {
	mu   sync.Mutex
	last map[uint64]int64 // by the hash of the labels, in milliseconds
}

func newOrder() *order {
	o := &order{}
	o.reset()
	return o
}

func (o *order) shard(series uint64) *orderShard { return &o.shards[series>>32%uint64(len(o.shards))] }

// follows reports whether a sample at t comes after the series' newest one.
func (o *order) follows(series uint64, t int64) bool {
	s := o.shard(series)
	s.mu.Lock()
	last, known := s.last[series]
	s.mu.Unlock()
	return !known || t > last
}

// note remembers samples that were taken.
func (o *order) note(taken []stamp) {
	for _, n := range taken {
		s := o.shard(n.series)
		s.mu.Lock()
		s.last[n.series] = n.t
		s.mu.Unlock()
	}
}

// forget drops the series whose newest sample is before t. It copies, since a
// map keeps the room of what was deleted.
func (o *order) forget(t int64) {
	for i := range o.shards {
		s := &o.shards[i]
		s.mu.Lock()
		kept := 0
		for _, last := range s.last {
			if last >= t {
				kept++
			}
		}
		if kept < len(s.last) {
			fresh := make(map[uint64]int64, kept)
			for series, last := range s.last {
				if last >= t {
					fresh[series] = last
				}
			}
			s.last = fresh
		}
		s.mu.Unlock()
	}
}

// reset forgets everything: the clock was set back, and samples begin anew at an
// earlier time. Whether they are good is the receiver's to say.
func (o *order) reset() {
	for i := range o.shards {
		s := &o.shards[i]
		s.mu.Lock()
		s.last = map[uint64]int64{}
		s.mu.Unlock()
	}
}

// stamp is a sample of a series, without its value.
type stamp struct {
	series uint64
	t      int64
}
