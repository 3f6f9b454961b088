package scrape

import (
	"errors"

	"github.com/prometheus/prometheus/model/value"
)

// markStale adds a marker for each series that was on the page before and is not
// any more.
func (p *page) markStale() error {
	for _, e := range p.cache.gone() {
		// Out of order: the target went and came back, and has newer samples.
		if err := p.append(e.labels, &e.ref, shown{t: p.at, v: staleNaN}); err != nil && !errors.Is(err, errOutOfOrder) {
			return err
		}
	}
	return nil
}

// commit hands over what was added. Of two samples of a series that are not in
// order, on this page or on that of another target at the same moment, the one that
// comes later is left out.
func (p *page) commit() {
	m := p.loop.manager
	p.cache.settle()
	p.Words, p.Labels = p.cache.words, p.cache.labels
	m.taking.Lock() // what is found to be the newest of a series is also taken in that order
	defer m.taking.Unlock()
	n := 0
	for i, ref := range p.refs {
		if series, _ := m.order.Lookup(ref); series != nil && !series.Advance(p.Samples[i].Time, p.Samples[i].Time != p.at) {
			if !value.IsStaleNaN(p.Samples[i].Value) {
				m.metrics.outOfOrder.Inc()
			}
			continue
		}
		p.Samples[n] = p.Samples[i]
		n++
	}
	p.Samples = p.Samples[:n]
	if n > 0 {
		m.options.Take(&p.Page)
	}
	p.Labels = nil
}
