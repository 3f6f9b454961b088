package ship

import (
	"encoding/binary"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/wire"
)

// sheet is a page's part for one remote write.
type sheet struct {
	set    *settings
	oldest int64 // samples before that, in milliseconds, are not worth a request
	lanes  []chunk

	example string // a series that is not sent, and why
}

// chunk is a page's part for one lane: series after series, encoded.
type chunk struct {
	raw     []byte
	samples []encoded
	tooOld  uint64 // samples that were older than the receiver takes when scraped
	foreign uint64 // samples that the receiver, or the protocol, has no form for
}

// maxSpareChunk bounds what is kept of a chunk for the next page, in bytes: that of an
// ordinary page of 6,000 series is a quarter of it.
const maxSpareChunk = 512 << 10

// encoded says where a sample ends in a chunk's raw.
type encoded struct {
	end       int
	t         int64
	histogram bool
}

// Take puts a page's samples into the lanes' queues; they are taken then. It keeps
// nothing of the page, and reports no failure: what becomes of the samples is in
// the ledger.
func (s *Ship) Take(p *sample.Page) {
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
			c.raw, c.samples, c.tooOld, c.foreign = c.raw[:0], c.samples[:0], 0, 0
			if cap(c.raw) > maxSpareChunk {
				c.raw, c.samples = nil, nil
			}
		}
		if sh.example != "" {
			r.unsupported(sh.example)
			sh.example = ""
		}
	}
	sh.set = nil
	select {
	case s.sheets <- sh:
	default: // enough are kept
	}
}

func (sh *sheet) add(p *sample.Page, s *sample.Sample) {
	isHistogram := s.Histogram.To > s.Histogram.From
	if isHistogram && !sh.set.histograms && !(sh.set.classic && hasCustomBuckets(s.Histogram.Of(p.Histograms))) {
		return // send_native_histograms is off
	}
	series := s.Series
	n, numbers := sample.Size(s.Labels.Of(p.Labels))
	var other []byte
	mayBeUTF8 := p.Words.UTF8
	if sh.set.rules != nil {
		one := sh.set.rules.relabel(series, p.Words, s.Labels.Of(p.Labels))
		if n = len(one.labels); n == 0 {
			return // write_relabel_configs dropped it
		}
		other, series, mayBeUTF8 = one.labels, one.series, !one.legacy
	}
	c := &sh.lanes[series%uint64(len(sh.lanes))]
	if s.Time < sh.oldest {
		c.tooOld++
		return
	}
	if sh.set.legacyOnly && mayBeUTF8 {
		if ls := sh.labels(p, s, other); !sample.Legacy(ls) {
			c.foreign++
			sh.example = ls.String() + ": " + whyUTF8
			return
		}
	}
	if sh.customBuckets(p, s, other, series, c) {
		return
	}
	var histogram []byte
	if isHistogram {
		histogram = s.Histogram.Of(p.Histograms)
		n += wire.HistogramSize(histogram)
	} else {
		n += wire.FloatSize(s.Time, s.Value)
	}
	b := binary.AppendUvarint(append(c.raw, wire.TagSeries), uint64(n))
	if other != nil {
		b = append(b, other...)
	} else {
		b = p.Words.Spell(b, numbers)
	}
	if isHistogram {
		b = wire.AppendHistogram(b, histogram)
	} else {
		b = wire.AppendFloat(b, s.Time, s.Value)
	}
	c.raw = b
	c.samples = append(c.samples, encoded{len(c.raw), s.Time, isHistogram})
}
