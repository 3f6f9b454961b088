package scrape

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/scrape/budget"
	"github.com/parascope/parascope/internal/scrape/connections"
	"github.com/parascope/parascope/internal/scrape/rules"
)

// loop scrapes one target, one scrape at a time, until it is stopped, and marks
// its series stale then. It is made anew when the configuration changes.
type loop struct {
	found
	manager  *Manager
	config   *config.ScrapeConfig
	external []labels.Label // of the configuration that the loop was made with
	rules    rules.Rules
	client   *http.Client
	conns    *connections.Set // of the client
	address  string           // of the target, as it is dialled
	broken   error            // why there is no client
	seed     uint64
	phase    uint64 // of the moment in the interval
	cache    *cache
	relearn  bool            // the limits are others than those that the cache's series were held to
	after    <-chan struct{} // nil, or closed when the loop before it has ended

	interval time.Duration
	timeout  time.Duration

	ctx       context.Context // ends the loop; a scrape that runs goes on
	cancel    context.CancelFunc
	done      chan struct{} // closed when it does not scrape any more
	succeeded atomic.Bool   // another loop has its cache, and knows what is stale
	refused   atomic.Pointer[refusal]

	fetcher     fetcher
	hasPanicked bool
	failing     bool // the last page could not be fetched
	ended       bool // it was taken away, and its series are marked stale
}

// refusal is why targets are not scraped.
type refusal struct{ err error }

func (l *loop) refuse(err error) { l.refused.Store(&refusal{err}) }

// configure reads what the configuration, or the target's labels, say.
func (l *loop) configure() {
	l.interval, l.timeout = time.Duration(l.config.ScrapeInterval), time.Duration(l.config.ScrapeTimeout)
	// PopulateLabels has seen to it that they can be read.
	if d, err := model.ParseDuration(l.labels.Get(model.ScrapeIntervalLabel)); err == nil {
		l.interval = time.Duration(d)
	}
	if d, err := model.ParseDuration(l.labels.Get(model.ScrapeTimeoutLabel)); err == nil {
		l.timeout = time.Duration(d)
	}
	l.rules = rules.New(l.config, l.target, l.labels)
	l.fetcher = newFetcher(l)
}

func (l *loop) run() {
	ticker := time.NewTicker(l.interval)
	defer ticker.Stop()
	last := l.scrapeUntilStopped(ticker)
	l.cancel()
	close(l.done)
	l.conns.Leave(l.address)
	if !last.IsZero() {
		l.markGone(ticker)
	}
	if !l.succeeded.Load() && l.manager.ctx.Err() == nil {
		l.cache.leave()
		l.cache.tidy(l.manager.order)
		l.manager.Kept.Settle(&l.cache.holding, 0)
	}
}

// scrapeUntilStopped returns when the last scrape began, zero if there was none.
func (l *loop) scrapeUntilStopped(ticker *time.Ticker) (last time.Time) {
	if l.after != nil {
		select {
		case <-l.after:
		case <-l.manager.ctx.Done():
			return last
		}
	}
	if l.relearn && l.ctx.Err() == nil {
		l.cache.relearn()
	}
	select {
	case <-time.After(l.untilSlot(l.manager.now())):
	case <-l.ctx.Done():
		return last
	}
	ticker.Reset(l.interval)
	aligned := l.manager.now()
	tolerance := min(l.interval/100, alignTolerance)
	for l.ctx.Err() == nil {
		now := l.manager.now()
		for now.Sub(aligned) >= l.interval {
			aligned = aligned.Add(l.interval)
		}
		if now.Sub(aligned) < -tolerance {
			aligned = now // the clock was set back
		}
		at := now
		if now.Sub(aligned) <= tolerance {
			at = aligned
		}
		last = l.scrape(last, at)
		select {
		case <-l.ctx.Done():
		case <-ticker.C:
		}
	}
	return last
}

// alignTolerance is by how much a timestamp may be wrong: intervals that are all
// the same are stored in less. It is Prometheus' value.
const alignTolerance = 2 * time.Millisecond

// untilSlot is how long it is until the target's moment in the interval, which is the same
// after a restart, and another one for each target.
func (l *loop) untilSlot(now time.Time) time.Duration {
	interval := uint64(l.interval)
	into := uint64(now.UnixNano()) % interval
	slot := (l.phase ^ l.seed) % interval
	return time.Duration((slot + interval - into) % interval)
}

// scrape does one scrape with the timestamp at, and returns when it began.
func (l *loop) scrape(last, at time.Time) time.Time {
	began := time.Now()
	m := l.manager
	if !last.IsZero() {
		m.metrics.interval.WithLabelValues(l.interval.String()).Observe(began.Sub(last).Seconds())
	}
	m.watchClock()
	var r report
	if panicked := guard(func() { l.take(&r, began, at) }); panicked != nil {
		l.panicked(panicked)
		l.target.Report(at, time.Since(began), panicked)
	}
	return began
}

// take fetches a page and takes it, and what tells of the scrape.
func (l *loop) take(r *report, began, at time.Time) {
	m := l.manager
	defer m.Budget.Release(&l.fetcher.share)
	var body []byte
	var contentType string
	if l.cache.leaves = l.cache.holding.Leaves(); l.cache.leaves {
		r.err = budget.ErrKept
	} else if refused := l.refused.Load(); refused != nil && refused.err != nil {
		r.err = refused.err
	} else if panicked := guard(func() { body, contentType, r.err = l.fetch() }); panicked != nil {
		body, r.err = nil, l.panicked(panicked)
	} else if l.ends(r, began, at) {
		return
	}
	if body != nil {
		defer m.bodies.Spare(body)
	}
	r.bytes = len(body)
	if errors.Is(r.err, errBodySizeLimit) {
		r.bytes = -1
	}
	p := m.open(l, at, len(body))
	if p == nil {
		return // stopped: nothing is known of the target
	}
	defer m.release(p)
	var err error
	if panicked := guard(func() { r.counts, err = p.read(body, contentType) }); panicked != nil {
		err = l.panicked(panicked)
	}
	if err != nil {
		l.logger().Debug("could not process scraped page", "err", brief(err))
		p.Clear()
		if r.err == nil {
			r.err = err
		}
		p.cache.leaves = errors.Is(err, budget.ErrKept)
		if _, err := p.read(nil, ""); err != nil { // marks stale what it knows
			p.Clear()
		}
	}
	r.duration = time.Since(began)
	p.report(*r)
	l.target.Report(at, r.duration, brief(r.err))
	p.commit()
	if l.rules.ExtraMetrics {
		m.metrics.scrapeSeconds.Observe(time.Since(began).Seconds())
	}
}

// markGone marks the series of a target that is gone stale, after two intervals
// and a bit, with the time at which the next scrape would have been: if the target
// came back meanwhile, there are newer samples and the markers are none. At the
// head's end nothing is marked: it will go on where it was.
func (l *loop) markGone(ticker *time.Ticker) {
	wait := func(c <-chan time.Time) bool {
		select {
		case <-c:
			return true
		case <-l.manager.ctx.Done():
			return false
		}
	}
	if l.ended || !wait(ticker.C) {
		return
	}
	at := l.manager.now()
	if !wait(ticker.C) || !wait(time.After(l.interval/10)) || l.succeeded.Load() {
		return
	}
	l.endSeries(at)
}
