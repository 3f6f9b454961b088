package ship

import (
	"encoding/binary"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/wire"
)

// take queues a page's chunk for the lane: at once, so that a kill after a scrape
// costs nothing of it. Small records are put together when they are sent.
func (r *remote) take(lane int, c *chunk, set *settings) {
	if len(c.samples) == 0 && c.tooOld == 0 && c.foreign == 0 {
		return
	}
	r.taking[lane].Lock()
	defer r.taking[lane].Unlock()
	if r.closed.Load() {
		return
	}
	q := r.queues[len(r.queues)-1].Lane(lane)
	if c.tooOld > 0 {
		r.report(q.Refuse(queue.TooOld, c.tooOld))
	}
	if c.foreign > 0 {
		r.report(q.Refuse(queue.Unsupported, c.foreign))
	}
	start := 0
	for i := 0; i < len(c.samples); {
		b := queue.Batch{MinTime: c.samples[i].t, MaxTime: c.samples[i].t}
		end := start
		// A sample that is larger than a request may be goes alone.
		for ; i < len(c.samples) && (b.Samples == 0 || int(b.Samples) < set.maxSamples && c.samples[i].end-start <= set.maxBytes); i++ {
			s := c.samples[i]
			b.MinTime, b.MaxTime = min(b.MinTime, s.t), max(b.MaxTime, s.t)
			b.Samples++
			if s.histogram {
				b.Histograms++
			}
			end = s.end
		}
		b.RawBytes = uint32(end - start)
		r.queueBatch(q, b, c.raw[start:end])
		start = end
	}
}

// queueBatch compresses a batch and appends it to its lane.
func (r *remote) queueBatch(lane *queue.Lane, b queue.Batch, raw []byte) {
	need := queue.HeaderBytes + s2.MaxEncodedLen(len(raw))
	var buf []byte
	select {
	case buf = <-r.spare:
	default:
	}
	if cap(buf) < need {
		buf = make([]byte, need+need/8)
	}
	buf = buf[:cap(buf)]
	body := s2.EncodeSnappy(buf[queue.HeaderBytes:], raw)
	r.pace.Come(int(b.Samples))
	r.report(lane.Append(b, buf[:queue.HeaderBytes+len(body)]))
	select {
	case r.spare <- buf:
	default: // one is enough, unless lanes are filled at the same time
	}
}

func (r *remote) report(err error) {
	if err != nil {
		r.diskFailed(err)
	}
}

// takeNothing refuses samples from now on. When it returns, nothing is being
// taken either, and lanes send what they have without waiting for more.
func (r *remote) takeNothing() {
	if r.closed.Swap(true) {
		return
	}
	for i := range r.taking {
		r.taking[i].Lock() // whoever takes now is waited for
		//lint:ignore SA2001 there is nothing to do meanwhile
		r.taking[i].Unlock()
	}
	close(r.hurry)
}

// joinBlocks appends to dst one snappy block made of several, which are raw bytes
// long together.
// A block is its length and a sequence of literals and of copies from what came
// shortly before, so that blocks may follow each other under one length.
func joinBlocks(dst []byte, blocks [][]byte, raw uint32) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(raw))
	for _, b := range blocks {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, wire.ErrBody
		}
		dst = append(dst, b[n:]...)
	}
	return dst, nil
}
