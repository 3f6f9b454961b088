package ship

import (
	"encoding/binary"
	"fmt"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
)

// Page is what one scrape yields. There are no pointers in its slices: a fleet's
// pages are nothing to the garbage collector.
type Page struct {
	Words      *Words // of the target
	Labels     []byte // of all series that samples refer to, each as Encode wrote it
	Samples    []Sample
	Histograms []byte // each a prometheus.Histogram of remote write 1.0
}

// Sample is one of a page.
type Sample struct {
	Series    uint64  // which Encode returned with the labels
	Time      int64   // milliseconds
	Value     float64 // of a float
	Labels    Span    // of Page.Labels
	Histogram Span    // of Page.Histograms; empty for a float
}

// Span is a part of a slice.
type Span struct{ From, To uint32 }

func (s Span) of(b []byte) []byte { return b[s.From:s.To] }

// AddHistogram appends a sample with a native histogram, of integers or, when h is
// nil, of floats.
func (p *Page) AddHistogram(s Sample, h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	var wire prompb.Histogram
	if h != nil {
		wire = prompb.FromIntHistogram(s.Time, h)
	} else {
		wire = prompb.FromFloatHistogram(s.Time, fh)
	}
	b, err := wire.Marshal()
	if err != nil {
		return fmt.Errorf("encode histogram: %w", err)
	}
	s.Histogram.From = uint32(len(p.Histograms))
	p.Histograms = append(p.Histograms, b...)
	s.Histogram.To = uint32(len(p.Histograms))
	p.Samples = append(p.Samples, s)
	return nil
}

// Clear empties the page and keeps its room.
func (p *Page) Clear() {
	p.Words, p.Labels, p.Samples, p.Histograms = nil, nil, p.Samples[:0], p.Histograms[:0]
}

// Encode appends a series' labels to dst, as a page with the words refers to them:
// with the external labels of the configuration in force, where the series has
// none of the same name. It returns, too, what names the series and its lane.
func (s *Ship) Encode(w *Words, dst []byte, ls labels.Labels) (_ []byte, series uint64) {
	if external := s.external.Load(); external != nil && len(*external) > 0 {
		ls = w.with(*external, ls)
	}
	return w.write(dst, ls), ls.Hash()
}

// sheet is a page's part for one remote write.
type sheet struct {
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

// Take puts a page's samples into the lanes' queues; they are taken then. It keeps
// nothing of the page, and reports no failure: what becomes of the samples is in
// the ledger.
func (s *Ship) Take(p *Page) {
	var sh *sheet
	select {
	case sh = <-s.sheets:
	default:
		sh = &sheet{lanes: make([]chunk, s.options.Lanes)}
	}
	for _, r := range s.liveRemotes() {
		sh.set = r.settings.Load()
		sh.oldest = r.clock.Oldest(sh.set.ageLimit).UnixMilli()
		for i := range p.Samples {
			sh.add(p, &p.Samples[i])
		}
		for lane := range sh.lanes {
			c := &sh.lanes[lane]
			r.take(lane, c, sh.set)
			c.raw, c.samples, c.tooOld = c.raw[:0], c.samples[:0], 0
		}
	}
	sh.set = nil
	select {
	case s.sheets <- sh:
	default: // enough are kept
	}
}

func (sh *sheet) add(p *Page, s *Sample) {
	isHistogram := s.Histogram.To > s.Histogram.From
	if isHistogram && !sh.set.histograms {
		return // send_native_histograms is off
	}
	series := s.Series
	n, numbers := size(s.Labels.of(p.Labels))
	var other []byte
	if sh.set.rules != nil {
		other, series = sh.set.relabel(series, p.Words, numbers)
		if n = len(other); n == 0 {
			return // write_relabel_configs dropped it
		}
	}
	c := &sh.lanes[series%uint64(len(sh.lanes))]
	if s.Time < sh.oldest {
		c.tooOld++
		return
	}
	var histogram []byte
	if isHistogram {
		histogram = s.Histogram.of(p.Histograms)
		n += histogramSize(histogram)
	} else {
		n += floatSize(s.Time, s.Value)
	}
	b := binary.AppendUvarint(append(c.raw, tagSeries), uint64(n))
	if other != nil {
		b = append(b, other...)
	} else {
		b = p.Words.spell(b, numbers)
	}
	if isHistogram {
		b = appendHistogram(b, histogram)
	} else {
		b = appendFloat(b, s.Time, s.Value)
	}
	c.raw = b
	c.samples = append(c.samples, encoded{len(c.raw), s.Time, isHistogram})
}
