package receiver

import (
	"sync"
	"testing"
	"time"
)

// bucket is a receiver that accepts rate samples a second, with a burst, and
// refuses a whole request that does not fit, as AMP does.
type bucket struct {
	rate, burst       float64
	tokens            float64
	at                time.Duration
	accepted, refused int
	each              int // it refuses one request in so many besides, whatever the rate
	asked             int
}

func (b *bucket) take(now time.Duration, n int) bool {
	b.tokens = min(b.burst, b.tokens+(now-b.at).Seconds()*b.rate)
	b.at = now
	if b.asked++; b.each > 0 && b.asked%b.each == 0 {
		b.refused++
		return false
	}
	if float64(n) > b.tokens {
		b.refused++
		return false
	}
	b.tokens -= float64(n)
	b.accepted += n
	return true
}

// world is a pace, a receiver, and lanes that bring a backlog from one to the
// other, in a time that goes from one of their events to the next. (The race
// detector sometimes crashes on as many timers in a testing/synctest bubble:
// golang/go#78156.)
type world struct {
	now    time.Duration
	pace   *Pace
	bucket bucket
	lanes  [8]lane
	live   int // samples that come every five seconds; 0: there is an endless backlog
	came   int // of them
	left   int // that are not sent
}

// lane is at its next event when at comes: it asks for its turn, sends with the
// turn that it has, or hears the answer.
type lane struct {
	at    time.Duration
	does  string // "ask", "send", "hear"
	epoch int
	n     int // samples of the request
}

func newWorld(b bucket) *world {
	w := &world{bucket: b}
	w.pace = NewPace(func() time.Duration { return w.now })
	for i := range w.lanes {
		w.lanes[i].does = "ask"
	}
	return w
}

// run lets d pass, with a round trip of 20 ms.
func (w *world) run(d time.Duration) {
	end := w.now + d
	for {
		l := &w.lanes[0]
		for i := range w.lanes {
			if w.lanes[i].at < l.at {
				l = &w.lanes[i]
			}
		}
		if l.at >= end {
			w.now = end
			return
		}
		w.now = l.at
		switch l.does {
		case "ask":
			l.n = 1000
			if w.live > 0 {
				if now := int(w.now/(5*time.Second)) * w.live; now > w.came {
					w.pace.Come(now - w.came)
					w.left, w.came = w.left+now-w.came, now
				}
				l.n = min(l.n, w.left)
			}
			if l.n == 0 {
				l.at += time.Second
				continue
			}
			wait, epoch, ok := w.pace.Reserve(l.n, time.Second)
			l.at, l.epoch = w.now+min(wait, time.Second), epoch
			if ok {
				w.left -= l.n
				l.does = "send"
			}
		case "send":
			l.at, l.does = w.now+20*time.Millisecond, "hear"
		case "hear":
			l.does = "ask"
			if w.bucket.take(w.now, l.n) {
				w.pace.Accept(l.n)
				continue
			}
			w.left += l.n
			w.pace.Refuse(l.n, l.epoch)
			l.at = w.now + 30*time.Millisecond
		}
	}
}

// TestPaceFindsTheRate: after a minute of a backlog, nearly all that the receiver
// accepts is used, and few requests are refused, whatever its rate. (At one request a second it is one in four.)
func TestPaceFindsTheRate(t *testing.T) {
	for _, rate := range []float64{1_000, 3_000, 20_000, 100_000} {
		w := newWorld(bucket{rate: rate, burst: 2 * rate})
		w.run(time.Minute)
		w.bucket.accepted, w.bucket.refused = 0, 0
		w.run(time.Minute)
		used := float64(w.bucket.accepted) / 60 / rate
		requests := w.bucket.accepted/1000 + w.bucket.refused
		t.Logf("rate %v: %.0f%% used, %d of %d requests refused", rate, 100*used, w.bucket.refused, requests)
		if used < 0.75 || w.bucket.refused*4 > requests {
			t.Errorf("rate %v: %.0f%% used, %d of %d requests refused; want 75%% and one in four", rate, 100*used, w.bucket.refused, requests)
		}
	}
}

// TestPaceOfRefusalsOfOthers: a receiver refuses one request in so many whatever the rate
// is, as where others share its limit. What comes gets through all the same.
func TestPaceOfRefusalsOfOthers(t *testing.T) {
	for _, each := range []int{2, 3, 5, 10} {
		for _, live := range []int{500, 2_000, 80_000} {
			w := newWorld(bucket{rate: 1e9, burst: 1e9, tokens: 1e9, each: each})
			w.live = live
			w.run(10 * time.Minute)
			if most := 6 * live; w.left > most { // of half a minute
				t.Errorf("one in %d refused, %d samples every 5 s: %d of %d are not sent, want at most %d", each, live, w.left, w.came, most)
			}
			t.Logf("one in %d, %d samples: %d of %d left, %d of %d refused", each, live, w.left, w.came, w.bucket.refused, w.bucket.asked)
		}
	}
}

// TestPaceOfLessThanComes: a receiver accepts half of what comes. It is used fully, and not hammered.
func TestPaceOfLessThanComes(t *testing.T) {
	w := newWorld(bucket{rate: 8_000, burst: 16_000})
	w.live = 80_000
	w.run(10 * time.Minute)
	used := float64(w.bucket.accepted) / 600 / 8_000
	t.Logf("%.0f%% used, %d of %d refused", 100*used, w.bucket.refused, w.bucket.asked)
	if used < 0.9 {
		t.Errorf("%.0f%% of the rate are used, want 90%%", 100*used)
	}
	if most := 600 * 40; w.bucket.asked > most {
		t.Errorf("%d requests in 10 minutes, want at most %d", w.bucket.asked, most)
	}
}

// TestPaceAfterABlackout: a receiver refuses everything for 15 s, and then takes
// the backlog of it soon.
func TestPaceAfterABlackout(t *testing.T) {
	w := newWorld(bucket{rate: 20_000, burst: 20_000})
	w.run(20 * time.Second)
	w.bucket.burst, w.bucket.tokens = 0, 0
	w.run(15 * time.Second)
	refused := w.bucket.refused
	w.bucket.burst, w.bucket.accepted = 20_000, 0
	w.run(15 * time.Second)
	if want := 15 * 20_000 / 2; w.bucket.accepted < want {
		t.Errorf("%d samples in the 15 s after, want %d", w.bucket.accepted, want)
	}
	if refused > 100 {
		t.Errorf("%d requests were refused in 15 s: the receiver is hammered", refused)
	}
}

// TestPaceLimitsNothingByItself: without a 429 a backlog goes as fast as lanes can.
func TestPaceLimitsNothingByItself(t *testing.T) {
	w := newWorld(bucket{rate: 1e9, burst: 1e9, tokens: 1e9})
	w.run(10 * time.Second)
	if want := 8 * 500 * 1000; w.bucket.accepted < want*99/100 {
		t.Errorf("%d samples in 10 s, want %d: eight lanes of 20 ms", w.bucket.accepted, want)
	}
	if w.pace.Limit() != 0 {
		t.Errorf("limit %v without a 429", w.pace.Limit())
	}
}

func TestPauseStopsAllLanes(t *testing.T) {
	w := newWorld(bucket{})
	w.pace.Pause(3 * time.Second)
	for range w.lanes {
		if wait, _, ok := w.pace.Reserve(1000, time.Second); ok || wait != 3*time.Second {
			t.Errorf("wait %s, want 3s", wait)
		}
	}
}

// TestPaceIsSharedByLanes is for the race detector: lanes ask and answer at once.
func TestPaceIsSharedByLanes(t *testing.T) {
	began := time.Now()
	p := NewPace(func() time.Duration { return time.Since(began) })
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 1000 {
				_, epoch, _ := p.Reserve(1000, time.Hour)
				switch {
				case n%100 == 50+i:
					p.Refuse(1000, epoch)
				case n%100 == 99:
					p.Pause(time.Microsecond)
				default:
					p.Accept(1000)
				}
				p.Limit()
			}
		})
	}
	wg.Wait()
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
