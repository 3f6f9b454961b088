package receive

import (
	"maps"
	"slices"
	"strings"

	"github.com/parascope/parascope/bench/internal/simulate"
)

// Moment is one scrape of one target as it shows at the receiver: an agent gives
// all samples of a page one timestamp.
type Moment struct {
	Instance  string
	Timestamp int64 // ms since the epoch
}

// Report is what a receiver with Records has seen.
type Report struct {
	// Moments counts the distinct samples of pages, by the scrape they are from.
	// Samples that agents make by themselves (up, scrape_*, staleness markers)
	// are not in it.
	Moments map[Moment]int
	// Sequences tells which of its target's pages a moment is, where the sample
	// that says so has come.
	Sequences map[Moment]int

	Duplicates        int // samples whose series and timestamp had come before
	DuplicateRequests int // requests with any of them
	OutOfOrder        int // samples older than one of their series that had come before
	Statuses          map[int]int
	MaxInFlight       int // requests at one time
}

// Arrived is the number of distinct samples of pages.
func (r Report) Arrived() int {
	n := 0
	for _, count := range r.Moments {
		n += count
	}
	return n
}

// Report sums up what has come so far.
func (r *Receiver) Report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{
		Moments: maps.Clone(r.record.moments), Sequences: maps.Clone(r.record.sequences),
		Duplicates: r.record.duplicates, DuplicateRequests: r.record.duplicateRequests, OutOfOrder: r.record.outOfOrder,
		Statuses: maps.Clone(r.statuses), MaxInFlight: r.maxInFlight,
	}
}

// record is every series and timestamp that came.
type record struct {
	series            map[string]*history
	moments           map[Moment]int
	sequences         map[Moment]int
	duplicates        int
	duplicateRequests int
	outOfOrder        int
	duplicated        bool // whether the current request had a duplicate
}

// history is one series.
type history struct {
	instance string
	ours     bool // of a page, not of the agent's own making
	sequence bool // it is simulate.SequenceMetric
	newest   int64
	seen     map[int64]bool
}

func newRecord() *record {
	return &record{series: map[string]*history{}, moments: map[Moment]int{}, sequences: map[Moment]int{}}
}

// begin starts a request.
func (r *record) begin() { r.duplicated = false }

// add notes the samples of one series.
func (r *record) add(labels []label, samples []sample) {
	h := r.find(labels)
	for _, s := range samples {
		if h.seen[s.timestamp] {
			r.duplicates++
			if !r.duplicated {
				r.duplicated = true
				r.duplicateRequests++
			}
			continue
		}
		h.seen[s.timestamp] = true
		if s.timestamp < h.newest {
			r.outOfOrder++
		}
		h.newest = max(h.newest, s.timestamp)
		if !h.ours || s.stale() {
			continue
		}
		m := Moment{h.instance, s.timestamp}
		r.moments[m]++
		if h.sequence {
			r.sequences[m] = simulate.Sequence(s.value)
		}
	}
}

func (r *record) find(labels []label) *history {
	slices.SortFunc(labels, func(a, b label) int { return strings.Compare(string(a.name), string(b.name)) })
	var key strings.Builder
	for _, l := range labels {
		key.Write(l.name)
		key.WriteByte(0)
		key.Write(l.value)
		key.WriteByte(0)
	}
	if h := r.series[key.String()]; h != nil {
		return h
	}
	h := &history{seen: map[int64]bool{}, ours: true}
	for _, l := range labels {
		switch value := string(l.value); string(l.name) {
		case "__name__":
			h.sequence = value == simulate.SequenceMetric
			h.ours = value != "up" && !strings.HasPrefix(value, "scrape_") && !strings.HasPrefix(value, simulate.ExtraPrefix)
		case "instance":
			h.instance = value
		}
	}
	r.series[key.String()] = h
	return h
}
