package ship

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/parascope/parascope/internal/sample"
)

// relabeler applies write_relabel_configs. They are costly and need labels that are
// not encoded, so it remembers what they make of a series: a label set a series that
// is kept, and next to nothing for one that is dropped.
//
// It remembers the series that were asked for last, in two halves: when the newer one
// is full it becomes the older one, which is forgotten. The halves grow while most
// series that are new in them were asked for before, and shrink while series come and
// go.
type relabeler struct {
	rules []*relabel.Config

	mu       sync.Mutex
	newer    map[uint64]relabeled // by the series before
	older    map[uint64]relabeled
	half     int      // most series of a half
	again    int      // series of the newer half that were asked for before it
	asked    []uint64 // a bit for each series that was, by its hash; several may share one
	marked   int      // bits that are set
	panicked bool
	logger   *slog.Logger // nil: of no use yet
}

// relabeled is what the rules make of a series; its labels are empty if they
// drop it.
type relabeled struct {
	labels []byte // encoded
	series uint64 // hash of the labels
	legacy bool   // all names are as Prometheus 2 has them
}

// Sizes of a half, in series of 240 bytes or so.
const (
	leastHalf = 1 << 14
	mostHalf  = 1 << 20
	askedBits = 22 // the logarithm of how many bits there are
)

func newRelabeler(rules []*relabel.Config) *relabeler {
	return &relabeler{rules: rules, newer: map[uint64]relabeled{}, half: leastHalf, asked: make([]uint64, 1<<askedBits/64)}
}

// relabel returns what the rules make of a series.
func (r *relabeler) relabel(series uint64, w *sample.Words, written []byte) relabeled {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one, ok := r.newer[series]; ok {
		return one
	}
	one, ok := r.older[series]
	if r.wasAsked(series) {
		r.again++
	}
	if !ok {
		one = r.apply(w.Labels(written))
	}
	r.newer[series] = one
	if len(r.newer) >= r.half {
		r.turn()
	}
	return one
}

// wasAsked reports whether the series was asked for before, and notes that it is.
func (r *relabeler) wasAsked(series uint64) bool {
	bit := series >> (64 - askedBits)
	word, mask := &r.asked[bit/64], uint64(1)<<(bit%64)
	if *word&mask != 0 {
		return true
	}
	if r.marked++; r.marked > 1<<askedBits/4 {
		clear(r.asked)
		r.marked = 0
	}
	*word |= mask
	return false
}

// apply drops a series on whose labels the library panics: rules can make a value
// longer than it takes.
func (r *relabeler) apply(ls labels.Labels) (one relabeled) {
	defer func() {
		if cause := recover(); cause != nil {
			one = relabeled{}
			if !r.panicked && r.logger != nil {
				r.logger.Error("write_relabel_configs produce labels that are too large; these series are "+
					"dropped", "cause", fmt.Sprintf("%.200v", cause))
			}
			r.panicked = true
		}
	}()
	b := labels.NewBuilder(ls)
	if relabel.ProcessBuilder(b, r.rules...) {
		kept := b.Labels()
		one = relabeled{sample.AppendLabels(nil, kept), kept.Hash(), sample.Legacy(kept)}
	}
	return one
}

// turn forgets the older half. The caller holds mu.
func (r *relabeler) turn() {
	if r.again > len(r.newer)/2 {
		r.half = min(2*r.half, mostHalf)
	} else {
		r.half = max(r.half/2, leastHalf)
	}
	r.older, r.newer, r.again = r.newer, map[uint64]relabeled{}, 0
}

// forget drops what was not asked for since the last call but one, so that series
// that are gone do not stay.
func (r *relabeler) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.older, r.newer, r.again = r.newer, map[uint64]relabeled{}, 0
}
