package budget

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// ErrKept says that a page has too many series, or texts, to keep them.
var ErrKept = errors.New("the series of all targets exceed the memory limit --scrape.max-series-bytes, and this target has the most: " +
	"drop series with metric_relabel_configs, or raise the limit")

// Kept bounds the memory of what is kept of all targets from page to page. A target that
// takes more gets it from those that take more than itself: they are to leave, and do so
// when they are scraped next. If there are none, its page is refused. So the targets
// with the smallest pages are kept, whichever came first.
type Kept struct {
	mu      sync.Mutex
	max     int64 // bytes
	held    int64 // of all
	limited int64 // of them, what is beyond freeKept of each
	leaving int64 // of these, what is of those that are to leave
	large   map[*Holding]bool
	acted   prometheus.Counter
}

// freeKept of each target are not counted: a usual page, of up to 10,000 series, is never
// refused for those of others.
const freeKept = 1 << 20

func limited(bytes int64) int64 { return max(bytes-freeKept, 0) }

// NewKept returns one of most bytes.
func NewKept(most int64) *Kept {
	return &Kept{max: most, large: map[*Holding]bool{}, acted: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "parascope_scrape_series_limit_exceeded_total",
		Help: "Total number of scrapes that failed because the series of all targets exceeded --scrape.max-series-bytes."})}
}

// Metrics returns metrics of what is kept.
func (k *Kept) Metrics() []prometheus.Collector {
	gauge := func(name, help string, value func() int64) prometheus.Collector {
		o := prometheus.GaugeOpts{Name: "parascope_scrape_series_" + name, Help: help}
		return prometheus.NewGaugeFunc(o, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		k.acted,
		gauge("bytes", "Estimated memory for the series of all targets, in bytes.", func() int64 { all, _ := k.Held(); return all }),
		gauge("limited_bytes", "Estimated memory for the series beyond 1 MiB of each target, which --scrape.max-series-bytes limits, in bytes.",
			func() int64 { _, limited := k.Held(); return limited }),
	}
}

// Holding is what is kept of one target. Its bytes are changed by one goroutine at a time.
type Holding struct {
	bytes int64
	leave atomic.Bool
}

// Leaves reports whether the holding is to be given up for smaller ones.
func (h *Holding) Leaves() bool { return h.leave.Load() }

// Grow sees to it that the holding may be of so many bytes. It takes no lock if it is.
func (k *Kept) Grow(h *Holding, bytes int64) error {
	if bytes <= h.bytes {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if more := limited(bytes) - limited(h.bytes); more > 0 {
		if h.leave.Load() || !k.room(h, bytes, k.limited-k.leaving+more-k.max) || k.limited+more > k.max/2*3 {
			k.acted.Inc()
			return ErrKept
		}
	}
	k.set(h, bytes)
	return nil
}

// room has holdings leave that are larger than this one will be, the largest first, until
// they are as much as is missing, and reports whether there are enough of them.
func (k *Kept) room(h *Holding, bytes, missing int64) bool {
	if missing <= 0 {
		return true
	}
	var larger []*Holding
	for o := range k.large {
		if o != h && o.bytes > bytes && !o.leave.Load() {
			larger = append(larger, o)
			missing -= limited(o.bytes)
		}
	}
	if missing > 0 {
		return false
	}
	slices.SortFunc(larger, func(a, b *Holding) int { return cmp.Compare(a.bytes, b.bytes) })
	for _, o := range larger {
		if missing += limited(o.bytes); missing > 0 {
			o.leave.Store(true) // its next scrape fails
			k.acted.Inc()
			k.leaving += limited(o.bytes)
		}
	}
	return true
}

// Settle notes how large the holding is. One that had to leave has left if it is small.
func (k *Kept) Settle(h *Holding, bytes int64) {
	if bytes == h.bytes {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set(h, bytes)
}

func (k *Kept) set(h *Holding, bytes int64) {
	if h.leave.Load() {
		k.leaving += limited(bytes) - limited(h.bytes)
		h.leave.Store(limited(bytes) > 0)
	}
	k.held += bytes - h.bytes
	k.limited += limited(bytes) - limited(h.bytes)
	h.bytes = bytes
	if limited(bytes) > 0 {
		k.large[h] = true
	} else {
		delete(k.large, h)
	}
}

// Held returns how many bytes are kept, and how many of them the limit is for.
func (k *Kept) Held() (all, limited int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held, k.limited
}
