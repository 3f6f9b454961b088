package node

import (
	"fmt"
	"strconv"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/read"
)

var loads = [3]*page.Family{
	{Name: "node_load1", Help: "1m load average.", Type: page.Gauge, Unit: "1", Source: "/proc/loadavg"},
	{Name: "node_load5", Help: "5m load average.", Type: page.Gauge, Unit: "1", Source: "/proc/loadavg", Full: true},
	{Name: "node_load15", Help: "15m load average.", Type: page.Gauge, Unit: "1", Source: "/proc/loadavg", Full: true},
}

var loadavg = page.Collector{
	Name:     "loadavg",
	Families: loads[:],
	Sources:  []string{"/proc/loadavg"},
	Open: func(e page.Env) (page.Reader, error) {
		f, err := read.Open(e.Proc("loadavg"))
		if err != nil {
			return nil, err
		}
		return &loadavgReader{file: f}, nil
	},
}

type loadavgReader struct {
	file *read.File
	buf  []byte
}

func (r *loadavgReader) Read(p *page.Page) error {
	text, err := r.file.Read(&r.buf)
	if err != nil {
		return err
	}
	for _, f := range loads {
		word, _ := read.Field(&text)
		v, err := strconv.ParseFloat(string(word), 64)
		if err != nil {
			return fmt.Errorf("/proc/loadavg: %q is not a load average", word)
		}
		p.Sample(f, v)
	}
	return nil
}

func (r *loadavgReader) Close() error { return r.file.Close() }
