// Package page is what collectors and the server of their pages agree on: a family
// of metrics, a page in Prometheus' text format, a collector and its surroundings.
package page

import (
	"fmt"
	"math"
	"strconv"
)

// Type is a family's type, as the text format writes it.
type Type string

// The types that collectors use.
const (
	Counter Type = "counter"
	Gauge   Type = "gauge"
	Untyped Type = "untyped"
)

// Family describes one family of metrics. Name, Help, Type and Labels are on the
// page; all of it is in --explain and docs/metrics.md.
type Family struct {
	Name   string
	Help   string
	Type   Type
	Unit   string   // "seconds", "bytes", "1" for a count or a ratio
	Labels []string // names, in the order of Sample's values
	Source string   // the file, call or command that it is read from
	Where  string   // the machines that have it, in words; empty for all
	Needs  Need     // the same where it is more than what the collector needs, for programs
	Full   bool     // on the page only where all is asked for
	Failed bool     // has no series before something fails
}

// Need is what a family needs besides what its collector needs.
type Need uint8

// What families need.
const (
	NeedsNothing     Need = iota
	NeedsFlag             // a flag that is not set by default
	NeedsLocalFiles       // a file system that is not NFS
	NeedsNitro4           // an instance type of the fourth Nitro generation or later
	NeedsKernelVerbs      // an EFA driver that is built with kernel verbs
	NeedsGPM              // GPUs with GPM: Hopper and later
)

// Span is the part of a page that one family takes.
type Span struct {
	Family     string
	Start, End int // of the page's bytes, HELP and TYPE among them
	Series     int
}

// Page takes samples in Prometheus' text format. Its buffer is used again after
// Reset. The zero Page is ready; one goroutine uses it at a time.
type Page struct {
	Full bool // take families that are marked Full as well

	buf   []byte
	spans []Span
	seen  []*Family // the family of each span; nil for spans of Raw
	err   error
}

// Reset empties the page and keeps its memory.
func (p *Page) Reset() { p.buf, p.spans, p.seen, p.err = p.buf[:0], p.spans[:0], p.seen[:0], nil }

// Bytes is the page so far. It is valid until the next call of a method.
func (p *Page) Bytes() []byte { return p.buf }

// Spans are the families so far, in the page's order.
func (p *Page) Spans() []Span { return p.spans }

// Err is the first misuse since Reset: samples of a family that do not follow each
// other, or values that do not match the family's labels.
func (p *Page) Err() error { return p.err }

// Series is the number of samples so far.
func (p *Page) Series() (n int) {
	for _, s := range p.spans {
		n += s.Series
	}
	return n
}

// Sample appends one sample of f, before its first one HELP and TYPE. Samples of a
// family follow each other. A NaN is not a value that was read and is not written.
// Label values may hold any bytes; see AppendLabelValue.
func (p *Page) Sample(f *Family, value float64, labelValues ...string) {
	if math.IsNaN(value) || f.Full && !p.Full {
		return
	}
	if len(labelValues) != len(f.Labels) {
		p.misuse(f, "has label values that do not match its label names")
		return
	}
	if !p.begin(f) {
		return
	}
	p.buf = append(p.buf, f.Name...)
	for i, name := range f.Labels {
		if i == 0 {
			p.buf = append(p.buf, '{')
		} else {
			p.buf = append(p.buf, ',')
		}
		p.buf = append(p.buf, name...)
		p.buf = append(p.buf, `="`...)
		p.buf = AppendLabelValue(p.buf, labelValues[i])
		p.buf = append(p.buf, '"')
	}
	if len(f.Labels) > 0 {
		p.buf = append(p.buf, '}')
	}
	p.buf = append(p.buf, ' ')
	p.buf = AppendValue(p.buf, value)
	p.buf = append(p.buf, '\n')
	s := &p.spans[len(p.spans)-1]
	s.End = len(p.buf)
	s.Series++
}

// begin makes f the family of the samples that follow.
func (p *Page) begin(f *Family) bool {
	if n := len(p.seen); n > 0 && p.seen[n-1] == f {
		return true
	}
	for _, other := range p.seen {
		if other == f {
			p.misuse(f, "has samples that are not consecutive")
			return false
		}
	}
	start := len(p.buf)
	p.buf = append(p.buf, "# HELP "...)
	p.buf = append(p.buf, f.Name...)
	p.buf = append(p.buf, ' ')
	p.buf = AppendHelp(p.buf, f.Help)
	p.buf = append(p.buf, "\n# TYPE "...)
	p.buf = append(p.buf, f.Name...)
	p.buf = append(p.buf, ' ')
	p.buf = append(p.buf, f.Type...)
	p.buf = append(p.buf, '\n')
	p.spans = append(p.spans, Span{Family: f.Name, Start: start, End: len(p.buf)})
	p.seen = append(p.seen, f)
	return true
}

// Raw appends a whole family that is in the text format already, of the given number
// of series. The caller answers for its form and for its name's being new.
func (p *Page) Raw(family string, text []byte, series int) {
	start := len(p.buf)
	p.buf = append(p.buf, text...)
	p.spans = append(p.spans, Span{Family: family, Start: start, End: len(p.buf), Series: series})
	p.seen = append(p.seen, nil)
}

func (p *Page) misuse(f *Family, what string) {
	if p.err == nil {
		p.err = fmt.Errorf("metric family %s %s", f.Name, what)
	}
}

// AppendValue appends a sample's value as Prometheus' own libraries write it.
func AppendValue(buf []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(buf, "+Inf"...)
	case math.IsInf(v, -1):
		return append(buf, "-Inf"...)
	}
	return strconv.AppendFloat(buf, v, 'g', -1, 64)
}

// AppendHelp appends and escapes a HELP text.
func AppendHelp(buf []byte, help string) []byte {
	for i := range len(help) {
		switch c := help[i]; c {
		case '\\':
			buf = append(buf, `\\`...)
		case '\n':
			buf = append(buf, `\n`...)
		default:
			buf = append(buf, c)
		}
	}
	return buf
}
