package collect

import (
	"errors"
	"slices"

	"github.com/parascope/parascope/internal/collect/page"
)

// What a page says about its own making.
var (
	scrapeDuration = &page.Family{
		Name: "node_scrape_collector_duration_seconds", Help: "node_exporter: Duration of a collector scrape.",
		Type: page.Gauge, Unit: "seconds", Labels: []string{"collector"}, Source: "the program's clock",
	}
	scrapeSuccess = &page.Family{
		Name: "node_scrape_collector_success", Help: "node_exporter: Whether a collector succeeded.",
		Type: page.Gauge, Unit: "1", Labels: []string{"collector"}, Source: "the program",
	}
	seriesLeftOut = &page.Family{
		Name: "parascope_node_series_left_out",
		Help: "Number of series of a metric family that were omitted from the metrics page because of --max-series.",
		Type: page.Gauge, Unit: "1", Labels: []string{"family"}, Source: "the program",
		Where: "nodes whose metrics page exceeds --max-series",
	}
)

// leftOut is a family that --max-series left off a page.
type leftOut struct {
	family string
	series int
}

// maxLeftOut is how many families are named as left out; the rest is one more, "others".
const maxLeftOut = 20

// assemble puts the units' samples together in f.body, in the collectors' order, within
// the series that are allowed. A family that does not fit is left out whole, since a
// part of it would make wrong sums; smaller ones after it may fit.
func (s *Scraper) assemble(f *flight) {
	s.own.Reset()
	if s.process != nil {
		s.process.write(&s.own)
	}
	s.aboutCollectors(f.set)
	left := s.fit(f.set)
	out := s.leftOut[:0] // what is compared below lies beyond what is appended
	changed := false
	n := 0
	for i, u := range s.units {
		if f.set&(1<<i) == 0 || u.err != nil {
			continue
		}
		text := u.page.Bytes()
		for _, span := range u.page.Spans() {
			if s.maxSeries > 0 && span.Series > left {
				changed = changed || n >= len(s.leftOut) || s.leftOut[n].family != span.Family
				out = append(out, leftOut{span.Family, span.Series})
				n++
				continue
			}
			left -= span.Series
			f.body = append(f.body, text[span.Start:span.End]...)
		}
	}
	changed = changed || n != len(s.leftOut)
	s.leftOut = out
	s.sayLeftOut(changed)
	f.body = append(f.body, s.own.Bytes()...)
}

// fit is how many series of the set's collectors the page has room for, beside what it
// says itself: what it must leave out is a part of that.
func (s *Scraper) fit(set uint64) (left int) {
	room := s.maxSeries - s.own.Series()
	for said := 0; ; {
		out := s.countLeftOut(set, room-said)
		if out = min(out, maxLeftOut+1); out <= said {
			return room - said
		}
		said = out
	}
}

// countLeftOut is how many families of the set do not fit where left series are allowed.
func (s *Scraper) countLeftOut(set uint64, left int) (n int) {
	for i, u := range s.units {
		if set&(1<<i) == 0 || u.err != nil || s.maxSeries == 0 {
			continue
		}
		for _, span := range u.page.Spans() {
			if span.Series > left {
				n++
			} else {
				left -= span.Series
			}
		}
	}
	return n
}

// aboutCollectors writes how long each collector of the set took and whether it
// succeeded, but for those whose subject the machine does not have.
func (s *Scraper) aboutCollectors(set uint64) {
	for _, f := range []*page.Family{scrapeDuration, scrapeSuccess} {
		for i, u := range s.units {
			if set&(1<<i) == 0 || errors.Is(u.err, page.ErrAbsent) {
				continue
			}
			value := u.took.Seconds()
			if f == scrapeSuccess {
				value = 1
				if u.err != nil {
					value = 0
				}
			}
			s.own.Sample(f, value, u.Name)
		}
	}
}

// sayLeftOut writes what --max-series left out, and logs it when that changes.
func (s *Scraper) sayLeftOut(changed bool) {
	others := 0
	for i, o := range s.leftOut {
		if i < maxLeftOut {
			s.own.Sample(seriesLeftOut, float64(o.series), o.family)
		} else {
			others += o.series
		}
	}
	if others > 0 {
		s.own.Sample(seriesLeftOut, float64(others), "others")
	}
	if !changed {
		return
	}
	if len(s.leftOut) == 0 {
		s.env.Logger.Info("the metrics page no longer exceeds --max-series")
		return
	}
	names := make([]string, len(s.leftOut))
	for i, o := range s.leftOut {
		names[i] = o.family
	}
	slices.Sort(names)
	s.env.Logger.Warn("the metrics page exceeds --max-series; some metric families are omitted",
		"max", s.maxSeries, "families", names[:min(len(names), maxLeftOut)])
}
