package dataplane

import (
	"sync"
	"time"
)

// bucket is the token bucket of the ingestion rate: one token per sample.
type bucket struct {
	rate, burst float64

	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func newBucket(l Limits, now time.Time) *bucket {
	return &bucket{rate: float64(l.IngestionRate), burst: float64(l.IngestionBurst), tokens: float64(l.IngestionBurst), at: now}
}

// take takes n tokens, or none when there are fewer.
func (b *bucket) take(n int, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.tokens = min(b.burst, b.tokens+elapsed.Seconds()*b.rate)
		b.at = now
	}
	if float64(n) > b.tokens {
		return false
	}
	b.tokens -= float64(n)
	return true
}
