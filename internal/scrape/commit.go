package scrape

import (
	"errors"

	"github.com/prometheus/prometheus/model/value"

	"github.com/parascope/parascope/internal/sample"
)

// markStale adds a marker for each series that was on the page before and is not
// any more.
func (p *page) markStale() error {
	for _, place := range p.cache.gone() {
		// Out of order: the target went and came back, and has newer samples.
		if err := p.append(place, p.cache.at(place), 0, shown{t: p.at, v: staleNaN}); err != nil && !errors.Is(err, errOutOfOrder) {
			return err
		}
	}
	return nil
}

// commit hands over what was added, much of it in parts: labels are spelled out for it,
// and others wait meanwhile.
func (p *page) commit() {
	p.cache.settle()
	p.Words, p.Labels = p.cache.words, p.cache.labels
	all := p.Samples
	for rest, places := all, p.places; len(rest) > 0; {
		n := p.part(rest)
		p.take(rest[:n], places[:n])
		rest, places = rest[n:], places[n:]
	}
	p.Samples, p.Labels = all, nil
}

// take hands over samples. Of two of a series that are not in order, on this page or on
// that of another target at the same moment, the one that comes later is left out.
func (p *page) take(samples []sample.Sample, places []uint32) {
	m := p.loop.manager
	m.taking.Lock() // what is found to be the newest of a series is also taken in that order
	defer m.taking.Unlock()
	n := 0
	for i, place := range places {
		e := p.cache.at(place)
		series, _ := m.order.Lookup(e.ref)
		if series == nil {
			e.ref, series = m.order.Add(samples[i].Series)
		}
		if !series.Advance(samples[i].Time, samples[i].Time != p.at) {
			if !value.IsStaleNaN(samples[i].Value) {
				m.metrics.outOfOrder.Inc()
			}
			continue
		}
		samples[n] = samples[i]
		n++
	}
	if p.Samples = samples[:n]; n > 0 {
		m.options.Take(&p.Page)
	}
}

// A page of more samples or bytes is handed over in parts.
const (
	partSamples = 1 << 13
	partBytes   = 1 << 20
)

// part is how many of the samples are handed over at once.
func (p *page) part(all []sample.Sample) int {
	if len(all) <= partSamples && !p.large {
		return len(all)
	}
	bytes := 0
	for i := range all {
		n, _ := sample.Size(all[i].Labels.Of(p.Labels))
		if bytes += n + int(all[i].Histogram.To-all[i].Histogram.From) + sampleBytes; bytes > partBytes {
			return i + 1
		}
	}
	return len(all)
}
