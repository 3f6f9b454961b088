package node

import (
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

var timeSeconds = &page.Family{
	Name: "node_time_seconds", Help: "System time in seconds since epoch (1970).", Type: page.Gauge, Unit: "seconds", Source: "clock_gettime",
}

var clock = page.Collector{
	Name:     "time",
	Families: []*page.Family{timeSeconds},
	Sources:  []string{"clock_gettime"},
	Open:     func(e page.Env) (page.Reader, error) { return clockReader{e.Now}, nil },
}

type clockReader struct{ now func() time.Time }

func (clockReader) Close() error { return nil }

func (r clockReader) Read(p *page.Page) error {
	p.Sample(timeSeconds, float64(r.now().UnixNano())/1e9)
	return nil
}
