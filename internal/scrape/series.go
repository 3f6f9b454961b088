package scrape

import (
	"encoding/binary"
	"hash/maphash"
	"maps"
	"slices"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/scrape/budget"
	"github.com/parascope/parascope/internal/scrape/metadata"
	"github.com/parascope/parascope/internal/scrape/order"
)

// cache is what a target's series are known by: about 50 bytes each, where their
// text and labels would be 300. Nothing in it is a pointer to a series, so that the
// garbage collector does not look into it. One goroutine uses it at a time.
type cache struct {
	seeds    [2]maphash.Seed
	metadata *metadata.Store
	entries  []entry  // in the order of their first appearance
	index    []uint32 // places of entries, plus one, by their key; a power of two
	words    *sample.Words
	labels   []byte // of entries and reports, each behind its length, written with words
	fresh    []byte // more of them, of this page: labels are allocated once a page
	reports  [len(reportNames)]named
	next     int // the entry that is expected next: pages keep their order

	page  uint32 // the number of this page
	kept  uint32 // the number of the last page that was good: what was not seen since is unknown
	known int    // entries that were seen in that page
	first int    // how many entries there were before this page
	seen  int    // entries that were seen in this page

	// How many series to be marked stale when they are gone there were on the
	// page before, of those how many are on this page, and how many there are.
	before, carried, tracked int

	untidy bool // there is much that is unknown
	tidied int  // words when it was tidied last

	holding budget.Holding // of the memory for all caches
	leaves  bool           // all of it is given up with this page
}

// entry is a series as the page writes it; two may be the same series.
type entry struct {
	key key
	named
	seen    uint32 // page on which it was last
	tracked uint32 // page on which it last was in a way that it will be marked stale when it is gone
}

// named is a series with labels.
type named struct {
	labels uint32 // place in the cache's labels; dropped: relabelling drops it, or there are none yet
	ref    uint32 // of the series in the order; 0: not there yet
}

// reportPlace and what follows are the places of reports, where those of entries are meant as well.
const reportPlace = 1 << 31

// at returns the series at a place.
func (c *cache) at(place uint32) *named {
	if place >= reportPlace {
		return &c.reports[place-reportPlace]
	}
	return &c.entries[place].named
}

// key stands for the text of a series. It is 128 bits of two hashes with secret
// seeds: of a million series, the odds that two have the same are one in 10²⁶.
type key [2]uint64

const dropped = 1<<32 - 1

// firstPage leaves room for a page before it that had nothing.
const firstPage = 2

func newCache(seeds [2]maphash.Seed) *cache {
	c := &cache{seeds: seeds, metadata: metadata.New(), words: sample.NewWords(), index: make([]uint32, 64), page: firstPage}
	for i := range c.reports {
		c.reports[i].labels = dropped
	}
	return c
}

// find returns the place of the entry with the text, or where to put it.
func (c *cache) find(text []byte) (place int, k key, found bool) {
	k = key{maphash.Bytes(c.seeds[0], text), maphash.Bytes(c.seeds[1], text)}
	if c.next < len(c.entries) && c.entries[c.next].key == k {
		place = c.next
	} else {
		n := c.index[c.slot(k)]
		if n == 0 {
			return len(c.entries), k, false
		}
		place = int(n - 1)
	}
	c.next = place + 1
	// Seen on no good page and on none since: as if it were not there.
	return place, k, c.entries[place].seen >= c.kept
}

// slot returns where in the index the key is, or is to be put.
func (c *cache) slot(k key) int {
	mask := len(c.index) - 1
	for i := int(k[0]) & mask; ; i = (i + 1) & mask {
		if n := c.index[i]; n == 0 || c.entries[n-1].key == k {
			return i
		}
	}
}

// put remembers an entry at the place that find returned.
func (c *cache) put(place int, e entry) *entry {
	e.seen = c.page
	c.seen++
	if place < len(c.entries) {
		c.entries[place] = e
		return &c.entries[place]
	}
	if len(c.entries) == cap(c.entries) {
		c.entries = slices.Grow(c.entries, max(len(c.entries), 8))
	}
	c.entries = append(c.entries, e)
	if len(c.entries) > len(c.index)/8*7 {
		c.reindex(2 * len(c.index))
	} else {
		c.index[c.slot(e.key)] = uint32(len(c.entries))
	}
	c.next = len(c.entries)
	return &c.entries[place]
}

func (c *cache) reindex(n int) {
	c.index = make([]uint32, n)
	for i := range c.entries {
		c.index[c.slot(c.entries[i].key)] = uint32(i + 1)
	}
}

// relearn has the next page name its series as if they were new, and knows which of
// them were there.
func (c *cache) relearn() {
	for i := range c.entries {
		c.entries[i].key[1] = ^uint64(i) // no text has it
	}
	c.reindex(len(c.index))
	c.next = 0
}

// see notes that the entry is on this page, and reports whether it was already.
func (c *cache) see(e *entry) (again bool) {
	if e.seen == c.page {
		return true
	}
	e.seen = c.page
	c.seen++
	return false
}

// track notes that the entry's series will be marked stale when it is gone.
func (c *cache) track(e *entry) {
	if e.tracked == c.page {
		return
	}
	if e.tracked == c.page-1 {
		c.carried++
	}
	e.tracked = c.page
	c.tracked++
}

// gone returns the places of the series that are to be marked stale: those that
// were on the page before and are not on this one, or all of these if the cache is given up.
func (c *cache) gone() []uint32 {
	if c.before == c.carried && !c.leaves {
		return nil
	}
	var all []uint32
	places := map[uint32]uint32{} // by the reference
	for i, e := range c.entries {
		switch was := e.tracked == c.page-1 || c.leaves && e.tracked == c.page && i < c.first; {
		case was && e.ref == 0:
			all = append(all, uint32(i)) // if it is there in another spelling, that is taken before
		case was:
			places[e.ref] = uint32(i)
		}
	}
	for _, e := range c.entries {
		if e.tracked == c.page && !c.leaves {
			delete(places, e.ref) // there in another spelling
		}
	}
	return slices.AppendSeq(all, maps.Values(places))
}

// turn ends the page. After a good one, what was not on it is unknown. It reports
// whether bad ones had to be forgotten, lest they fill the memory.
func (c *cache) turn(good bool) (forced bool) {
	c.settle()
	c.untidy = c.untidy || c.kept == 0
	forced = !good && len(c.entries) > 2*c.known+1000
	if good || forced {
		c.kept = c.page
		if good {
			c.known = c.seen
		}
		c.untidy = c.untidy || len(c.entries)-c.seen > len(c.entries)/4+64
	}
	if good {
		c.metadata.Turn()
	}
	// Series that were refused leave words behind, and nothing else.
	c.untidy = c.untidy || c.words.Len() > 2*c.tidied+4096
	c.before, c.tracked, c.carried = c.tracked, 0, 0
	c.seen, c.next, c.first = 0, 0, len(c.entries)
	c.page++
	if c.leaves {
		c.leave()
	}
	return forced
}

// leave makes all unknown.
func (c *cache) leave() {
	c.kept, c.known, c.before, c.untidy, c.leaves = c.page, 0, 0, true, false
	c.metadata.Clear()
}

// What an entry takes, and its series in the order, in bytes.
const (
	entryBytes = 32
	orderBytes = 24
)

// memory is what the cache takes, in bytes.
func (c *cache) memory() int64 { return int64(c.ofSeries() + c.metadata.Memory()) }

func (c *cache) ofSeries() int {
	return cap(c.entries)*entryBytes + len(c.entries)*orderBytes + 4*len(c.index) + cap(c.labels) + len(c.fresh) + c.words.Memory()
}

// lasts is what of it will be left, about, when what is not on this page is dropped.
func (c *cache) lasts() int64 {
	return int64(c.ofSeries()/max(len(c.entries), 1)*c.seen + c.metadata.Memory())
}

// settle moves the labels that are fresh to the others.
func (c *cache) settle() {
	if len(c.fresh) > 0 {
		c.labels = append(c.labels, c.fresh...)
		c.fresh = c.fresh[:0]
	}
}

// tidy drops what is unknown, once it is much. Places change; no page may refer to
// any.
func (c *cache) tidy(o *order.Order) {
	if !c.untidy {
		return
	}
	c.untidy = false
	live, size := 0, 0
	c.each(func(place uint32) { size += len(c.bytes(place)) + binary.MaxVarintLen16 })
	for _, e := range c.entries {
		if e.seen >= c.kept {
			live++
		}
	}
	entries, labels, words := make([]entry, 0, live), make([]byte, 0, size), sample.NewWords()
	var room []byte
	move := func(place uint32) uint32 {
		to := uint32(len(labels))
		room = c.words.Move(words, room[:0], c.bytes(place))
		labels = binary.AppendUvarint(labels, uint64(len(room)))
		labels = append(labels, room...)
		return to
	}
	for _, e := range c.entries {
		if e.seen < c.kept {
			o.End(e.ref)
			continue
		}
		if e.labels != dropped {
			e.labels = move(e.labels)
		}
		entries = append(entries, e)
	}
	for i := range c.reports {
		if r := &c.reports[i]; r.labels != dropped {
			r.labels = move(r.labels)
		}
	}
	c.entries, c.labels, c.words, c.tidied, c.first = entries, labels, words, words.Len(), len(entries)
	n := 64
	for live > n/8*7 {
		n *= 2
	}
	c.reindex(n)
}

// each calls f with the place of all labels that are in use.
func (c *cache) each(f func(place uint32)) {
	for i := range c.entries {
		if e := &c.entries[i]; e.seen >= c.kept && e.labels != dropped {
			f(e.labels)
		}
	}
	for i := range c.reports {
		if r := &c.reports[i]; r.labels != dropped {
			f(r.labels)
		}
	}
}

// encoded returns the place of labels that encode appends. forget undoes it.
func (c *cache) encoded(encode func([]byte) []byte) uint32 {
	place := len(c.fresh)
	const room = binary.MaxVarintLen32
	c.fresh = encode(append(c.fresh, make([]byte, room)...))
	n := len(c.fresh) - place - room
	var length [room]byte
	used := binary.PutUvarint(length[:], uint64(n))
	copy(c.fresh[place:], length[:used])
	copy(c.fresh[place+used:], c.fresh[place+room:])
	c.fresh = c.fresh[:place+used+n]
	return uint32(len(c.labels) + place)
}

// forget drops the labels from a place on, which are the last.
func (c *cache) forget(place uint32) { c.fresh = c.fresh[:int(place)-len(c.labels)] }

// from returns what is at a place of the labels and what follows.
func (c *cache) from(place uint32) []byte {
	if int(place) < len(c.labels) {
		return c.labels[place:]
	}
	return c.fresh[int(place)-len(c.labels):]
}

// span returns where the labels are, without their length, once they are settled.
func (c *cache) span(place uint32) sample.Span {
	n, used := binary.Uvarint(c.from(place))
	from := place + uint32(used)
	return sample.Span{From: from, To: from + uint32(n)}
}

// bytes returns the labels at a place.
func (c *cache) bytes(place uint32) []byte {
	b := c.from(place)
	n, used := binary.Uvarint(b)
	return b[used : used+int(n)]
}
