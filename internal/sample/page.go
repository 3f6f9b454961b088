// Package sample is what scraping hands to sending: a page of samples, the labels
// of its series in the form that remote write 1.0 needs, and what targets say of
// their metrics.
//
// A page refers to labels by their place in a byte slice. There they are numbers of
// words (words.go), and each word is a label as a request has it (label.go). Package
// scrape encodes the labels of a series once, package ship writes them into requests,
// and neither imports the other.
package sample

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/prompb"
)

// Page is what one scrape yields. There are no pointers in its slices: the garbage
// collector does not look into the pages of a fleet.
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

// Of returns the part of b.
func (s Span) Of(b []byte) []byte { return b[s.From:s.To] }

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
		return fmt.Errorf("could not encode histogram: %w", err)
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

// Metadata is what targets say of a metric.
type Metadata struct {
	Family string
	Type   model.MetricType
	Help   string
	Unit   string
}
