package ship

import (
	"context"
	"errors"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// page is what one scrape yields: an appender of Prometheus' scrape manager. It
// encodes each sample for each remote write as it comes, and gives all of them to
// the lanes at Commit. Pages are pooled; a scrape allocates next to nothing.
type page struct {
	ship    *Ship
	encoder *encoder
	sheets  []sheet // one a remote write
	stamps  []stamp // of the samples that are not out of order
}

// sheet is a page's part for one remote write.
type sheet struct {
	remote *remote
	set    *settings
	oldest int64 // samples before that, in milliseconds, are not worth a request
	lanes  []chunk
}

// chunk is a page's part for one lane: series after series, encoded.
type chunk struct {
	raw     []byte
	samples []encoded
	tooOld  uint64 // samples that were older than the receiver takes when scraped
}

// encoded says where a sample ends in a chunk's raw.
type encoded struct {
	end       int
	t         int64
	histogram bool
}

// AppenderV2 returns an appender for one scrape.
func (s *Ship) AppenderV2(context.Context) storage.AppenderV2 {
	s.watchClock()
	var p *page
	select {
	case p = <-s.pages:
	default:
		p = &page{ship: s, encoder: newEncoder()}
	}
	live := s.liveRemotes()
	if cap(p.sheets) < len(live) {
		p.sheets = make([]sheet, len(live))
	}
	p.sheets = p.sheets[:len(live)]
	for i, r := range live {
		sh := &p.sheets[i]
		sh.remote, sh.set = r, r.settings.Load()
		sh.oldest = r.clock.Now().Add(-sh.set.ageLimit).UnixMilli()
		if len(sh.lanes) != len(r.taking) {
			sh.lanes = make([]chunk, len(r.taking))
		}
	}
	return p
}

// Append takes one sample.
func (p *page) Append(ref storage.SeriesRef, ls labels.Labels, _, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, _ storage.AOptions) (storage.SeriesRef, error) {
	s, hash := p.ship.order.lookup(ref)
	if s == nil {
		if ls.IsEmpty() {
			return 0, errors.New("sample has no labels")
		}
		ref, s, hash = p.ship.order.find(ls)
	}
	if t <= s.last.Load() {
		return ref, storage.ErrOutOfOrderSample
	}
	for i := range p.sheets {
		if err := p.sheets[i].add(p.encoder, hash, ls, t, v, h, fh); err != nil {
			return 0, err
		}
	}
	p.stamps = append(p.stamps, stamp{s, t})
	return ref, nil
}

func (sh *sheet) add(e *encoder, series uint64, ls labels.Labels, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	isHistogram := h != nil || fh != nil
	if isHistogram && !sh.set.histograms {
		return nil // send_native_histograms is off
	}
	e.external = sh.set.external
	if sh.set.rules != nil {
		if ls, series = sh.set.relabel(series, ls); ls.IsEmpty() {
			return nil // write_relabel_configs dropped it
		}
		e.external = nil // relabelling has seen to them
	}
	c := &sh.lanes[series%uint64(len(sh.lanes))]
	if t < sh.oldest {
		c.tooOld++
		return nil
	}
	e.buf = c.raw
	var err error
	if isHistogram {
		err = e.histogram(ls, t, h, fh)
	} else {
		e.float(ls, t, v)
	}
	if err != nil {
		return err
	}
	c.raw = e.buf
	c.samples = append(c.samples, encoded{len(c.raw), t, isHistogram})
	return nil
}

// Commit puts the samples into the lanes' queues; they are taken then. Commit reports no failure: one would make the
// scrape manager count the whole scrape as failed, and the ledger has it.
func (p *page) Commit() error {
	for _, n := range p.stamps {
		n.series.last.Store(n.t)
	}
	for i := range p.sheets {
		sh := &p.sheets[i]
		for lane := range sh.lanes {
			sh.remote.take(lane, &sh.lanes[lane], sh.set)
		}
	}
	return p.release()
}

// Rollback forgets the samples.
func (p *page) Rollback() error { return p.release() }

func (p *page) release() error {
	clear(p.stamps)
	p.stamps = p.stamps[:0]
	for i := range p.sheets {
		sh := &p.sheets[i]
		sh.remote, sh.set = nil, nil
		for lane := range sh.lanes {
			c := &sh.lanes[lane]
			c.raw, c.samples, c.tooOld = c.raw[:0], c.samples[:0], 0
		}
	}
	p.encoder.buf, p.encoder.external = nil, nil
	select {
	case p.ship.pages <- p:
	default: // enough are kept
	}
	return nil
}
