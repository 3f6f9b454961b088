package delivery

import (
	"math"
	"strconv"
	"sync"
	"time"
)

// Traffic counts requests and measures rates.
type Traffic struct {
	mu       sync.Mutex
	requests map[int]uint64 // by HTTP status, 0 for no answer
	retried  uint64         // samples whose request was answered "later"
	sent     uint64         // bytes of bodies, compressed, of requests that were answered

	at                time.Duration // of the last tick
	taken, delivered  float64       // as of the last tick
	takenRate, doRate float64       // samples a second, smoothed over half a minute
}

// smoothing is the time over which rates are averaged.
const smoothing = 30 * time.Second

// Answered notes a request of samples in bytes and the HTTP status of its answer, 0
// if there was none; again says that they will be sent again.
func (t *Traffic) Answered(code, samples, bytes int, again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.requests == nil {
		t.requests = map[int]uint64{}
	}
	t.requests[code]++
	if again {
		t.retried += uint64(samples)
	}
	if code != 0 {
		t.sent += uint64(bytes)
	}
}

// Tick measures the rates.
func (t *Traffic) Tick(now time.Duration, taken, delivered uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d := (now - t.at).Seconds()
	if d <= 0 {
		return
	}
	part := 1 - math.Exp(-d/smoothing.Seconds())
	if t.at == 0 {
		part = 1 // the first interval is all there is
	}
	t.takenRate += part * ((float64(taken)-t.taken)/d - t.takenRate)
	t.doRate += part * ((float64(delivered)-t.delivered)/d - t.doRate)
	t.at, t.taken, t.delivered = now, float64(taken), float64(delivered)
}

// Start sets what was counted before this process.
func (t *Traffic) Start(now time.Duration, taken, delivered uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.taken, t.delivered = now, float64(taken), float64(delivered)
}

// Fill writes what was counted into a status.
func (t *Traffic) Fill(r *RemoteStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.TakenRate, r.DeliveredRate = t.takenRate, t.doRate
	r.RetriedSamples, r.SentBytes = t.retried, t.sent
	r.Requests = map[string]uint64{}
	for code, n := range t.requests {
		text := "none"
		if code != 0 {
			text = strconv.Itoa(code)
		}
		r.Requests[text] = n
	}
}
