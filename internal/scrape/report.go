package scrape

import "time"

// report is what is told of a scrape.
type report struct {
	counts
	duration time.Duration
	bytes    int // -1: more than body_size_limit
	err      error
}

// reportNames are the series that tell of a scrape, in Prometheus' order. The last
// three are those of extra_scrape_metrics.
var reportNames = [...]string{
	"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added",
	"scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes",
}

const usualReports = 5

func (p *page) report(r report) {
	up := 1.0
	if r.err != nil {
		up = 0
	}
	p.tell(up, r.duration.Seconds(), float64(r.scraped), float64(r.kept), float64(r.added),
		p.loop.timeout.Seconds(), float64(p.loop.rules.SampleLimit), float64(r.bytes))
}

// reportGone marks the series that tell of scrapes stale.
func (p *page) reportGone() {
	p.tell(staleNaN, staleNaN, staleNaN, staleNaN, staleNaN, staleNaN, staleNaN, staleNaN)
}

func (p *page) tell(values ...float64) {
	if !p.loop.rules.ExtraMetrics {
		values = values[:usualReports]
	}
	for i, v := range values {
		s, hash := &p.cache.reports[i], uint64(0)
		if s.labels == dropped {
			hash = p.name(p.loop.rules.OfReport(reportNames[i]), s)
		}
		// It may be out of order when a target went and came back; there is
		// no other error without a histogram.
		_ = p.append(reportPlace+uint32(i), s, hash, shown{t: p.at, v: v})
	}
}
