package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/scrape/rules"
)

// What keeps a sample from being taken. The limits fail the whole page.
var (
	errSampleLimit = errors.New("sample limit exceeded")
	errDuplicate   = errors.New("duplicate sample for timestamp")
	errOutOfOrder  = errors.New("out of order sample")
	errOutOfBounds = errors.New("out of bounds")
)

// tooFar is how far in the future a timestamp may be.
const tooFar = 10 * time.Minute

var staleNaN = math.Float64frombits(value.StaleNaN)

// page is one scrape on its way to be taken. Pages are used again, for their room.
type page struct {
	sample.Page
	places  []uint32 // of the samples' series in the cache
	builder *labels.Builder
	loop    *loop
	cache   *cache
	home    chan *page
	large   bool  // it may be too much to be taken at once
	at      int64 // milliseconds
	latest  int64
	counted int // samples that count for sample_limit
}

const (
	// largeBody is the size in bytes from which a body is read alone: what takes long
	// does not keep small pages waiting.
	largeBody = 4 << 20
	// maxSpareSamples is for how many samples a page keeps room that it did not need.
	maxSpareSamples = 1 << 16
)

// counts are of a page.
type counts struct {
	scraped int // samples
	kept    int // by relabelling
	added   int // series that were not on the page before
}

// open returns an empty page for a scrape with a timestamp and a body of size bytes,
// once one is free: no more are filled at the same time than there are processors, so
// that a moment at which many targets answer takes no memory. It returns nil when
// scraping ends.
func (m *Manager) open(l *loop, at time.Time, size int) *page {
	if m.ctx.Err() != nil {
		return nil
	}
	home := m.pages
	if size > largeBody {
		home = m.large
	}
	var p *page
	select {
	case p = <-home:
	case <-m.ctx.Done():
		return nil
	}
	if p == nil {
		p = &page{builder: labels.NewBuilder(labels.EmptyLabels())}
	}
	p.home, p.loop, p.cache, p.at = home, l, l.cache, at.UnixMilli()
	p.large = max(size, l.fetcher.size) > partBytes
	l.cache.fresh, p.Labels = p.Labels[:0], nil // lent for the scrape
	return p
}

func (m *Manager) release(p *page) {
	home, whole := p.home, false
	defer func() {
		if !whole {
			p = nil // it may hold anything
		}
		home <- p
	}()
	p.cache.settle()
	p.cache.tidy(p.loop.manager.order)
	fresh := p.cache.fresh
	p.cache.fresh = nil
	p.loop.manager.Kept.Settle(&p.cache.holding, p.cache.memory())
	if n := cap(p.Samples); n > maxSpareSamples && len(p.Samples) < n/4 {
		p.Samples, p.places, p.Histograms, fresh = nil, nil, nil, nil
	}
	p.Clear()
	p.loop, p.cache, p.Labels = nil, nil, fresh
	whole = true
}

// Clear takes back what was added.
func (p *page) Clear() {
	p.Page.Clear()
	p.places = p.places[:0]
}

// reading is a page that is being read.
type reading struct {
	*page
	parser textparse.Parser
	counts
	labels     labels.Labels
	lines      knownLines
	seenBefore int   // series that the parser read and that are known
	entries    int   // of the page
	before     int64 // bytes of memory that the cache took
	decoded    int64 // bytes of memory that the page's messages take, if it has some
	until      time.Time

	overSamples, overBuckets            bool
	outOfOrder, duplicates, outOfBounds int
}

// read adds the samples of a body, and markers for the series that are gone. An
// empty body is that of a scrape that failed. An error means that nothing of it is
// to be taken; the counts are good all the same.
func (p *page) read(body []byte, contentType string) (counts, error) {
	m := p.loop.manager.metrics
	if len(body) == 0 {
		// What a page that failed leaves behind is bounded, too.
		p.cache.leaves = p.cache.leaves || p.loop.manager.Kept.Grow(&p.cache.holding, p.cache.memory()) != nil
		err := p.markStale()
		p.cache.metadata.Undo()
		if p.cache.turn(false) {
			m.cacheFlushForced.Inc()
		}
		return counts{}, err
	}
	parser, err := textparse.New(body, contentType, nil, p.loop.rules.Parser)
	if parser == nil {
		p.loop.logger().Error("metrics page has an unknown format", "content_type", brief(errors.New(contentType)), "err", brief(err))
		return counts{}, err
	}
	r := reading{page: p, parser: parser, before: p.cache.memory()}
	p.counted, p.latest = 0, p.loop.manager.now().Add(tooFar).UnixMilli()
	r.until = time.Now().Add(p.loop.timeout)
	if err = r.checkSizes(body); err == nil {
		err = r.locked(body)
	}
	if r.overSamples {
		m.exceededSamples.Inc()
		if err == nil {
			err = errSampleLimit
		}
	}
	if r.overBuckets {
		m.exceededBuckets.Inc()
		if err == nil {
			err = rules.ErrBucketLimit
		}
	}
	r.warn()
	if err == nil {
		err = p.loop.manager.Kept.Grow(&p.cache.holding, p.cache.lasts())
	}
	if err == nil {
		err = p.markStale()
	}
	if err == nil {
		p.cache.turn(true)
		p.loop.fetcher.size, p.loop.fetcher.need = len(body), r.need()
	}
	return r.counts, err
}

func (r *reading) warn() {
	for _, w := range []struct {
		n    int
		what string
	}{
		{r.outOfOrder, "samples are out of order"},
		{r.duplicates, "the metrics page has duplicate samples"},
		{r.outOfBounds, "samples are too far in the future"},
	} {
		if w.n > 0 {
			r.loop.logger().Warn(w.what, "num_dropped", w.n)
		}
	}
}

// locked reads to the end of the page with the lock on what is said of its metrics.
func (r *reading) locked(body []byte) error {
	r.cache.metadata.Lock()
	defer r.cache.metadata.Unlock()
	return r.all(body)
}

// checkEvery is for how many entries of a page time and memory are looked at once.
const checkEvery = 1024

// check sees to it that a page is read within scrape_timeout, and that what is kept
// of it is within the budget.
func (r *reading) check() error {
	if r.entries++; r.entries%checkEvery != 0 {
		return nil
	}
	if time.Now().After(r.until) {
		return fmt.Errorf("the metrics page could not be read within %s: %w", r.loop.timeout, context.DeadlineExceeded)
	}
	return r.loop.manager.Budget.Grow(&r.loop.fetcher.share, r.need())
}

// need is the memory that the page takes, in bytes.
func (r *reading) need() int64 {
	return r.loop.fetcher.room + r.decoded + int64(len(r.Samples))*sampleBytes + int64(len(r.Histograms)) + r.cache.memory() - r.before
}

// sampleBytes is what a sample takes of the memory until the page is taken.
const sampleBytes = 48

// all reads to the end of the page.
func (r *reading) all(body []byte) error {
	if _, ok := r.parser.(*textparse.PromParser); ok {
		return r.text(body)
	}
	for {
		entry, err := r.parser.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.entry(entry); err != nil {
			return err
		}
	}
}

// entry reads what the parser is at.
func (r *reading) entry(entry textparse.Entry) error {
	if err := r.check(); err != nil {
		return err
	}
	md := r.cache.metadata
	switch entry {
	case textparse.EntryType:
		md.SetType(r.parser.Type())
	case textparse.EntryHelp:
		md.SetHelp(r.parser.Help())
	case textparse.EntryUnit:
		md.SetUnit(r.parser.Unit())
	case textparse.EntryComment:
	default:
		r.scraped++
		return r.sample(entry == textparse.EntryHistogram)
	}
	return nil
}

// sample adds the sample that the parser is at.
func (r *reading) sample(isHistogram bool) error {
	var s shown
	var own *int64
	if isHistogram {
		s.text, own, s.h, s.fh = r.parser.Histogram()
	} else {
		s.text, own, s.v = r.parser.Series()
	}
	s.t = r.at
	if !r.loop.rules.HonorTimestamps {
		own = nil
	}
	if own != nil {
		s.t = *own
	}
	place, k, known := r.cache.find(s.text)
	if !known {
		return r.first(place, k, s, isHistogram, r.tracks(own))
	}
	r.seenBefore++
	return r.known(place, s, isHistogram, own)
}

// tracks reports whether a series will be marked stale when it is gone.
func (r *reading) tracks(own *int64) bool { return own == nil || r.loop.rules.TrackTimestamps }

// known adds a sample of a series that is known; own is its own timestamp.
func (r *reading) known(place int, s shown, isHistogram bool, own *int64) error {
	e := &r.cache.entries[place]
	again := r.cache.see(e)
	if e.labels == dropped {
		return nil
	}
	err := errDuplicate
	if !again || own != nil {
		if err = s.check(isHistogram); err != nil {
			return err
		}
		err = r.add(uint32(place), &e.named, 0, s, true)
	}
	if err == nil && r.tracks(own) {
		r.cache.track(e)
	}
	if err != nil {
		if err = r.tolerate(err); err != nil {
			return err
		}
	}
	r.kept++
	return nil
}

// shown is a sample as the page shows it.
type shown struct {
	text []byte
	t    int64
	v    float64
	h    *histogram.Histogram
	fh   *histogram.FloatHistogram
}

func (s *shown) check(isHistogram bool) error {
	if isHistogram && s.h == nil && s.fh == nil {
		return fmt.Errorf("the parser found no histogram in %s", s.text)
	}
	return rules.CheckHistogram(s.text, s.h, s.fh)
}

// first adds a sample of a series that is not known: it gets its name and labels.
func (r *reading) first(place int, k key, s shown, isHistogram, tracks bool) error {
	l, c := r.loop, r.cache
	if len(s.text) > rules.LargeText {
		if err := l.rules.CheckText(s.text); err != nil {
			return r.exceeded(err)
		}
	}
	r.parser.Labels(&r.labels)
	ls := l.rules.Identity(r.builder, r.labels)
	if ls.IsEmpty() {
		c.put(place, entry{key: k, named: named{labels: dropped}})
		return nil
	}
	if err := l.rules.Check(ls); err != nil {
		return r.exceeded(err)
	}
	if err := s.check(isHistogram); err != nil {
		return err
	}
	e := entry{key: k}
	if r.overSamples { // it is counted, and nothing is kept of it
		if err := r.tolerate(r.add(0, &e.named, 0, s, false)); err != nil {
			return err
		}
		r.kept++
		return nil
	}
	hash := r.name(ls, &e.named)
	err := r.add(uint32(place), &e.named, hash, s, false)
	if err != nil {
		// It is not known then: nothing is to be marked stale when it is gone.
		c.forget(e.labels)
	} else {
		p := c.put(place, e)
		if !r.overSamples && !r.overBuckets {
			r.added++
		}
		if tracks {
			c.track(p)
		}
	}
	if err != nil {
		if err = r.tolerate(err); err != nil {
			return err
		}
	}
	r.kept++
	return nil
}

// exceeded counts an error if it is a limit on labels.
func (r *reading) exceeded(err error) error {
	if errors.As(err, new(rules.LabelLimitError)) {
		r.loop.manager.metrics.exceededLabels.Inc()
	}
	return err
}

// tolerate counts an error that does not end the page.
func (r *reading) tolerate(err error) error {
	m := r.loop.manager.metrics
	switch err {
	case errSampleLimit: // the rest is read, to know how many there are
		r.overSamples = true
	case rules.ErrBucketLimit:
		r.overBuckets = true
	case errOutOfOrder:
		r.outOfOrder++
		m.outOfOrder.Inc()
	case errDuplicate:
		r.duplicates++
		m.duplicates.Inc()
	case errOutOfBounds:
		r.outOfBounds++
		m.outOfBounds.Inc()
	default:
		return err
	}
	return nil
}

// name encodes a series' labels, notes where they are, and returns their hash.
func (p *page) name(ls labels.Labels, s *named) (series uint64) {
	s.labels = p.cache.encoded(func(b []byte) []byte {
		b, series = p.cache.words.Encode(b, ls, p.loop.external)
		return b
	})
	return series
}

// add adds a sample of the series at a place of the cache within the configuration's limits. hash is
// that of its labels, or 0 if it was not computed; known says that the series was on a page before.
func (r *reading) add(place uint32, e *named, hash uint64, s shown, known bool) error {
	limit := r.loop.rules.SampleLimit
	if s.h != nil || s.fh != nil {
		if err := r.loop.rules.Fit(s.h, s.fh); err != nil {
			return err
		}
	}
	if limit > 0 && !(known && value.IsStaleNaN(s.v)) {
		if r.counted++; r.counted > limit {
			return errSampleLimit
		}
	}
	if s.t > r.latest {
		return errOutOfBounds
	}
	return r.append(place, e, hash, s)
}

// append adds a sample if it is newer than its series' newest. A series that is not in
// the order gets there when the page is taken: one that is refused leaves nothing there.
func (p *page) append(place uint32, e *named, hash uint64, s shown) error {
	order := p.loop.manager.order
	series, known := order.Lookup(e.ref)
	if series == nil { // it is new, or nothing was taken of it for long
		if hash == 0 {
			hash = p.cache.words.Labels(p.cache.bytes(e.labels)).Hash()
		}
		e.ref, series = order.Find(hash)
	} else {
		hash = known
	}
	if series != nil && s.t <= series.Last() {
		return errOutOfOrder
	}
	one := sample.Sample{Series: hash, Time: s.t, Value: s.v, Labels: p.cache.span(e.labels)}
	if s.h != nil || s.fh != nil {
		if err := p.AddHistogram(one, s.h, s.fh); err != nil {
			return err
		}
	} else {
		p.Samples = append(p.Samples, one)
	}
	p.places = append(p.places, place)
	return nil
}
