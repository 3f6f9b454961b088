package receiver

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bucket is a receiver that accepts rate samples a second, with a burst, and
// refuses a whole request that does not fit, as AMP does.
type bucket struct {
	rate, burst float64
	elapsed     func() time.Duration

	mu                sync.Mutex
	tokens            float64
	at                time.Duration
	accepted, refused int
}

func (b *bucket) take(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.elapsed()
	b.tokens = min(b.burst, b.tokens+(now-b.at).Seconds()*b.rate)
	b.at = now
	if float64(n) > b.tokens {
		b.refused++
		return false
	}
	b.tokens -= float64(n)
	b.accepted += n
	return true
}

// drive lets lanes send a backlog through p into b for d, in virtual time, with a
// round trip of 20 ms.
func drive(p *Pace, b *bucket, lanes int, d time.Duration) {
	var wg sync.WaitGroup
	end := b.elapsed() + d
	for range lanes {
		wg.Go(func() {
			for b.elapsed() < end {
				wait, epoch, ok := p.Reserve(1000, time.Second)
				<-time.After(min(wait, time.Second))
				if !ok {
					continue
				}
				<-time.After(20 * time.Millisecond)
				if b.take(1000) {
					p.Accept(1000)
					continue
				}
				p.Refuse(1000, epoch)
				<-time.After(30 * time.Millisecond)
			}
		})
	}
	wg.Wait()
}

// TestPaceFindsTheRate: after a minute of a backlog, nearly all that the receiver
// accepts is used, and few requests are refused, whatever its rate. (At one request a second it is one in four.)
func TestPaceFindsTheRate(t *testing.T) {
	for _, rate := range []float64{1_000, 3_000, 20_000, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			elapsed := func() time.Duration { return time.Since(began) }
			p, b := NewPace(elapsed), &bucket{rate: rate, burst: 2 * rate, elapsed: elapsed}
			drive(p, b, 8, time.Minute)
			b.accepted, b.refused = 0, 0
			drive(p, b, 8, time.Minute)
			used := float64(b.accepted) / 60 / rate
			requests := b.accepted/1000 + b.refused

			if used < 0.75 || b.refused*4 > requests {
				t.Errorf("rate %v: %.0f%% used, %d of %d requests refused; want 75%% and one in four", rate, 100*used, b.refused, requests)
			}
		})
	}
}

// TestPaceAfterABlackout: a receiver refuses everything for 15 s, and then takes
// the backlog of it soon.
func TestPaceAfterABlackout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		elapsed := func() time.Duration { return time.Since(began) }
		p, b := NewPace(elapsed), &bucket{rate: 20_000, burst: 20_000, elapsed: elapsed}
		drive(p, b, 8, 20*time.Second)
		b.burst, b.tokens = 0, 0
		drive(p, b, 8, 15*time.Second)
		refused := b.refused
		b.burst, b.accepted = 20_000, 0
		drive(p, b, 8, 15*time.Second)
		if want := 15 * 20_000 / 2; b.accepted < want {
			t.Errorf("%d samples in the 15 s after, want %d", b.accepted, want)
		}
		if refused > 100 {
			t.Errorf("%d requests were refused in 15 s: the receiver is hammered", refused)
		}
	})
}

// TestPaceLimitsNothingByItself: without a 429 a backlog goes as fast as lanes can.
func TestPaceLimitsNothingByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		elapsed := func() time.Duration { return time.Since(began) }
		p, b := NewPace(elapsed), &bucket{rate: 1e9, burst: 1e9, tokens: 1e9, elapsed: elapsed}
		drive(p, b, 8, 10*time.Second)
		if want := 8 * 500 * 1000; b.accepted < want*99/100 {
			t.Errorf("%d samples in 10 s, want %d: eight lanes of 20 ms", b.accepted, want)
		}
		if p.Limit() != 0 {
			t.Errorf("limit %v without a 429", p.Limit())
		}
	})
}

func TestPauseStopsAllLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := NewPace(func() time.Duration { return time.Since(began) })
		p.Pause(3 * time.Second)
		for range 8 {
			if wait, _, ok := p.Reserve(1000, time.Second); ok || wait != 3*time.Second {
				t.Errorf("wait %s, want 3s", wait)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	var b Backoff
	for i, most := range []time.Duration{30, 60, 120, 200, 200} {
		most *= time.Millisecond
		if d := b.Wait(30*time.Millisecond, 200*time.Millisecond); d < most/2 || d > most {
			t.Errorf("wait %d is %s, want %s to %s", i, d, most/2, most)
		}
	}
	b.Reset()
	if d := b.Wait(30*time.Millisecond, 200*time.Millisecond); d > 30*time.Millisecond {
		t.Errorf("wait after Reset is %s", d)
	}
}
