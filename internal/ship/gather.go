package ship

import (
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
)

// gather collects samples of a lane until they fill a request, or for at most as
// long as settings.hold, and puts them into the queue. Only then they are taken:
// a kill before costs what the next scrape, or the last one, says as well.
type gather struct {
	lane   *queue.Lane
	failed func(error) // told of each batch that could not be queued
	spare  chan []byte // room for a record, shared by all lanes

	mu      sync.Mutex
	raw     []byte // series after series, encoded
	batch   queue.Batch
	timer   *time.Timer
	waiting bool // the timer runs
	closed  bool // nothing is taken any more
}

// add takes a page's chunk.
func (g *gather) add(c *chunk, set *settings) {
	if len(c.samples) == 0 && c.tooOld == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if c.tooOld > 0 {
		g.report(g.lane.Refuse(queue.TooOld, c.tooOld))
	}
	start := 0
	for i := 0; i < len(c.samples); {
		n := g.fitting(c, i, start, set)
		if n == 0 {
			g.flush()
			continue
		}
		end := c.samples[i+n-1].end
		g.raw = append(g.raw, c.raw[start:end]...)
		for _, s := range c.samples[i : i+n] {
			g.count(s)
		}
		i, start = i+n, end
		if int(g.batch.Samples) >= set.maxSamples {
			g.flush()
		}
	}
	if g.batch.Samples > 0 && !g.waiting {
		g.waiting = true
		if g.timer == nil {
			g.timer = time.AfterFunc(set.hold, g.expire)
		} else {
			g.timer.Reset(set.hold)
		}
	}
}

// fitting is how many of the chunk's samples from i on still fit into the batch.
// A sample that is larger than a request may be goes alone.
func (g *gather) fitting(c *chunk, i, start int, set *settings) int {
	n := 0
	for i+n < len(c.samples) && int(g.batch.Samples)+n < set.maxSamples &&
		len(g.raw)+c.samples[i+n].end-start <= set.maxBytes {
		n++
	}
	if n == 0 && g.batch.Samples == 0 {
		return 1
	}
	return n
}

func (g *gather) count(s encoded) {
	if g.batch.Samples == 0 {
		g.batch.MinTime, g.batch.MaxTime = s.t, s.t
	}
	g.batch.MinTime, g.batch.MaxTime = min(g.batch.MinTime, s.t), max(g.batch.MaxTime, s.t)
	g.batch.Samples++
	if s.histogram {
		g.batch.Histograms++
	}
}

func (g *gather) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = false
	if !g.closed {
		g.flush()
	}
}

// flush queues what is gathered; the caller holds mu.
func (g *gather) flush() {
	if g.batch.Samples == 0 {
		return
	}
	need := queue.HeaderBytes + s2.MaxEncodedLen(len(g.raw))
	var buf []byte
	select {
	case buf = <-g.spare:
	default:
	}
	if cap(buf) < need {
		buf = make([]byte, need+need/8)
	}
	buf = buf[:cap(buf)]
	body := s2.EncodeSnappy(buf[queue.HeaderBytes:], g.raw)
	g.batch.RawBytes = uint32(len(g.raw))
	g.report(g.lane.Append(g.batch, buf[:queue.HeaderBytes+len(body)]))
	select {
	case g.spare <- buf:
	default: // one is enough, unless lanes are filled at the same time
	}
	g.raw, g.batch = g.raw[:0], queue.Batch{}
}

func (g *gather) report(err error) {
	if err != nil {
		g.failed(err)
	}
}

// close queues what is gathered and takes nothing more.
func (g *gather) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.timer != nil {
		g.timer.Stop()
	}
	g.flush()
	g.closed = true
}
