package ship

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/refused"
)

// strict is a receiver that stores what it can of a request and answers with the first
// thing that it cannot store, as Cortex does.
type strict struct {
	*httptest.Server
	mu       sync.Mutex
	refuse   func(series string, millis int64) (code int, body string) // code 0: it stores the sample
	whole    bool                                                      // nothing of a request is stored of which something is refused
	stored   map[string][]int64
	requests int
	refusals int
	largest  int // samples
	disorder int
}

func newStrict(t *testing.T) *strict {
	s := &strict{stored: map[string][]int64{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	raw, err := snappy.Decode(nil, body)
	var req prompb.WriteRequest
	if err != nil || req.Unmarshal(raw) != nil {
		http.Error(w, "not a write request", http.StatusTeapot)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	code, text, samples := 0, "", 0
	type stored struct {
		name   string
		millis int64
	}
	var good []stored
	for _, ts := range req.Timeseries {
		b := labels.NewScratchBuilder(0)
		name := ts.ToLabels(&b, nil).String()
		for _, p := range ts.Samples {
			samples++
			if s.refuse != nil {
				if c, body := s.refuse(name, p.Timestamp); c != 0 {
					if code == 0 {
						code, text = c, body
					}
					continue
				}
			}
			good = append(good, stored{name, p.Timestamp})
		}
	}
	if code == 0 || !s.whole {
		for _, g := range good {
			s.store(g.name, g.millis, &code, &text)
		}
	}
	s.largest = max(s.largest, samples)
	if code != 0 {
		s.refusals++
		http.Error(w, text, code)
	}
}

// store keeps a sample as a database without a window for late samples does.
func (s *strict) store(name string, millis int64, code *int, text *string) {
	all := s.stored[name]
	switch n := len(all); {
	case n == 0 || millis > all[n-1]:
		s.stored[name] = append(all, millis)
	case millis < all[n-1]:
		s.disorder++
		if *code == 0 {
			*code, *text = 400, fmt.Sprintf("user=T: err: out of order sample. timestamp=%d, series=%s", millis, name)
		}
	}
}

func (s *strict) set(refuse func(series string, millis int64) (int, string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

func (s *strict) counts() (requests, refusals int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, s.refusals
}

// samplesOf returns the timestamps of a series of the rig.
func (s *strict) samplesOf(i int) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored[seriesOfRig(i)])
}

func seriesOfRig(i int) string {
	return labels.FromStrings("__name__", fmt.Sprintf("metric_%d", i), "cluster", "test", "instance", "node", "job", "test").String()
}

const cortexLimit = "maxFailure (quorum) on a given error family, addr=127.0.0.1:47095 state=ACTIVE zone=, rpc error: code = Code(400) " +
	"desc = user=T: "

// refuses returns a refusal of the series in the range, in the words of form, which may
// print the series.
func refuses(from, to int, code int, form string) func(string, int64) (int, string) {
	bad := map[string]bool{}
	for i := from; i < to; i++ {
		bad[seriesOfRig(i)] = true
	}
	return func(series string, _ int64) (int, string) {
		if !bad[series] {
			return 0, ""
		}
		if form == cortexLimit {
			return code, form + "per-metric series limit of 50 exceeded for metric v_g, please contact administrator for series " + series
		}
		return code, form
	}
}

func (s *strict) yaml() string { return remoteWrite(&sink{Server: s.Server}) }

// TestAcceptedSeriesDoNotWait: whatever the words of a refusal, the series that the
// receiver takes arrive at once and complete; those that it refuses for a limit wait in
// order, over a restart, and arrive when it is lifted.
func TestAcceptedSeriesDoNotWait(t *testing.T) {
	for name, c := range map[string]struct {
		from, to int
		code     int
		form     string
	}{
		"named, one":                 {40, 41, 400, cortexLimit},
		"named, many":                {30, 50, 400, cortexLimit},
		"not named":                  {40, 44, 400, cortexLimit[:20] + "per-user series limit of 100 exceeded"},
		"unknown words":              {40, 42, 400, "no such thing"},
		"unknown, the first":         {0, 1, 400, "no such thing"},
		"without a body":             {40, 41, 400, ""},
		"forged words":               {40, 42, 400, `unknown thing in series={a="rate limit exceeded"}`},
		"too large though it is not": {40, 41, 413, ""},
		"a conflict":                 {40, 41, 409, "store locally for endpoint 127.0.0.1:10901: conflict"},
		"not processable":            {40, 42, 422, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStrict(t)
			s.set(refuses(c.from, c.to, c.code, c.form))
			clock := newClocks()
			r := start(t, Options{Lanes: 1, Now: clock.wall, Elapsed: clock.elapsed}, s.yaml())
			const rounds = 10
			refusedSamples := uint64(0)
			begin := clock.wall()
			at := func(round int) time.Time { return begin.Add(time.Duration(round) * time.Second) }
			for round := range rounds {
				r.scrape("node", 100, at(round))
				refusedSamples += uint64(c.to - c.from)
				await(t, "only what is refused waits", func() bool {
					l := r.Status().Total
					return l.Taken == uint64(100*(round+1)) && l.Queued <= refusedSamples && l.Balanced()
				})
			}
			for i := range 100 {
				if want := rounds; (i < c.from || i >= c.to) && len(s.samplesOf(i)) != want {
					t.Fatalf("accepted series %d has %d samples of %d", i, len(s.samplesOf(i)), want)
				}
			}
			l, rs := r.Status().Total, r.remote()
			if l.Queued != refusedSamples || l.Lost() > 0 || l.Doubtful() > 0 || rs.Refused.Series != c.to-c.from {
				t.Errorf("ledger %+v, refused %+v; want %d samples of %d series waiting", l, rs.Refused, refusedSamples, c.to-c.from)
			}
			requests, _ := s.counts()
			if requests > rounds+refused.ExtraPerMinute {
				t.Errorf("%d requests for %d records", requests, rounds)
			}
			r.stop()
			r = start(t, r.options, s.yaml())
			if l := r.Status().Total; l.Queued != refusedSamples {
				t.Errorf("%d samples wait after a restart, want %d", l.Queued, refusedSamples)
			}
			s.set(nil)
			clock.skip(2 * refused.ProbeEvery)
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			// A request that was on its way may be refused after that, and is tried again at the next probe.
			for polls := 1; polls <= 1000 && r.Status().Total.Queued > 0; polls++ {
				<-tick.C
				if polls%100 == 0 {
					clock.skip(refused.ProbeEvery)
				}
			}
			l = r.settled(100 * rounds)
			r.stop()
			if l.Delivered != 100*rounds || s.disorder > 0 {
				t.Errorf("ledger %+v, %d out of order", l, s.disorder)
			}
			for i := range 100 {
				if len(s.samplesOf(i)) != rounds {
					t.Fatalf("series %d has %d samples of %d", i, len(s.samplesOf(i)), rounds)
				}
			}
		})
	}
}

// TestRefusedForWhatItIs: a sample that is never taken costs itself only, its series is
// named, and it costs others no request each time.
func TestRefusedForWhatItIs(t *testing.T) {
	for name, c := range map[string]struct {
		form   string
		reason queue.Uncertain
	}{
		"labels":       {"series has too large labels", queue.InvalidLabels},
		"out of order": {"out of order sample", queue.OutOfOrder},
		"histogram":    {"native histogram bucket count exceeded for metric (limit: 4) metric: \"v_h\"", queue.InvalidHistogram},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStrict(t)
			s.set(refuses(40, 42, 400, c.form))
			clock := newClocks()
			r := start(t, Options{Lanes: 1, Now: clock.wall, Elapsed: clock.elapsed}, s.yaml())
			begin := clock.wall()
			const rounds = 20
			for round := range rounds {
				r.scrape("node", 100, begin.Add(time.Duration(round)*time.Second))
				await(t, "it is sent", func() bool { return len(s.samplesOf(99)) == round+1 })
			}
			if requests, _ := s.counts(); requests > rounds+refused.ExtraPerMinute {
				t.Errorf("%d requests for %d records", requests, rounds)
			}
			if rs := r.remote(); rs.LastRefusal == "" || rs.Refused.Series != 2 {
				t.Errorf("refusal %q, %+v", rs.LastRefusal, rs.Refused)
			}
			clock.skip(2 * refused.ProbeEvery)
			l := r.settled(100 * rounds)
			if l.Uncertain[c.reason] != 2*rounds || l.Delivered != 98*rounds {
				t.Errorf("ledger %+v", l)
			}
			s.set(nil)
			r.scrape("node", 100, begin.Add(rounds*time.Second))
			await(t, "it is sent", func() bool { return len(s.samplesOf(99)) == rounds+1 })
			clock.skip(2 * refused.ProbeEvery)
			if l = r.settled(100 * (rounds + 1)); l.Delivered != 98*rounds+100 {
				t.Errorf("ledger %+v", l)
			}
			await(t, "no series is refused", func() bool { return r.remote().Refused.Series == 0 })
			r.stop()
		})
	}
}

// TestManyRefused: so many series are refused that not each can be asked about at once.
// Nothing is lost, and extra requests stay within their bound.
func TestManyRefused(t *testing.T) {
	const rounds, series = 20, 120
	s := newStrict(t)
	s.set(refuses(30, series, 400, "per-user series limit of 100 exceeded"))
	clock := newClocks()
	r := start(t, Options{Lanes: 2, Now: clock.wall, Elapsed: clock.elapsed}, s.yaml())
	begin := clock.wall()
	minutes := 0
	for round := range rounds {
		r.scrape("node", series, begin.Add(time.Duration(round)*time.Second))
		await(t, "it is looked at", func() bool {
			l := r.Status().Total
			return l.Taken == uint64(series*(round+1)) && r.remote().Refused.Samples+int(l.Sum()) == int(l.Taken)
		})
		clock.skip(30 * time.Second)
		minutes++
	}
	if requests, _ := s.counts(); requests > 2*rounds*11/10+60*(minutes/2+1) {
		t.Errorf("%d requests in %d minutes", requests, minutes/2)
	}
	// Time stands still, so that requests end; none is to be under way when it is lifted.
	for before := -1; ; sleep(t.Context(), 1500*time.Millisecond) {
		now, _ := s.counts()
		if now == before {
			break
		}
		before = now
	}
	s.set(nil)
	// A lane looks at what waits once a real second. In up to 35 minutes they are not too old.
	for i := range 750 {
		step := 10 * time.Second
		if i >= 100 { // one series after the other
			step = 2 * time.Second
		}
		clock.skip(step)
		if r.Status().Total.Queued == 0 {
			break
		}
		sleep(t.Context(), 100*time.Millisecond)
	}
	l := r.settled(series * rounds)
	r.stop()
	if l.Lost() > 0 || l.Delivered+l.Uncertain[queue.OutOfOrder] != series*rounds {
		t.Errorf("ledger %+v", l)
	}
	for i := range series {
		if n := len(s.samplesOf(i)); n != rounds {
			t.Fatalf("series %d has %d samples of %d", i, n, rounds)
		}
	}
}

// TestRateSmallerThanARequest: a rate limit refuses requests that are larger than its
// burst for ever; they become smaller.
func TestRateSmallerThanARequest(t *testing.T) {
	s := newSink(t)
	s.answerWith(func(w http.ResponseWriter, _ *http.Request, samples int) bool {
		if samples > 60 {
			http.Error(w, fmt.Sprintf("ingestion rate limit (60) exceeded while adding %d samples and 0 metadata", samples),
				http.StatusTooManyRequests)
			return false
		}
		return true
	})
	clock := newClocks()
	r := start(t, Options{Lanes: 1, Now: clock.wall, Elapsed: clock.elapsed}, remoteWrite(s))
	r.scrape("node", 400, time.Now())
	await(t, "all are sent", func() bool {
		clock.skip(20 * time.Millisecond)
		return r.Status().Total.Delivered == 400
	})
	if l := r.settled(400); l.Delivered != 400 {
		t.Errorf("ledger %+v", l)
	}
	r.stop()
}

// TestAReceiverThatTakesNothing: unknown words for everything are no reason to take
// batches apart without end; nothing moves, and all of it arrives later.
func TestAReceiverThatTakesNothing(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(400, "not today"))
	clock := newClocks()
	r := start(t, Options{Lanes: 2, Now: clock.wall, Elapsed: clock.elapsed}, remoteWrite(s))
	r.scrape("node", 400, time.Now())
	await(t, "requests fail", func() bool { return !r.remote().FailingSince.IsZero() })
	if rs := r.remote(); rs.Ledger.Queued != 400 || rs.Refused.Series > 0 {
		t.Errorf("ledger %+v, refused %+v", rs.Ledger, rs.Refused)
	}
	s.answerWith(nil)
	// One that was refused at the moment when others were taken waits for a minute.
	await(t, "all are sent", func() bool {
		clock.skip(time.Second)
		return r.Status().Total.Queued == 0
	})
	if l := r.settled(400); l.Delivered != 400 || s.outOfOrder > 0 {
		t.Errorf("ledger %+v, %d out of order", l, s.outOfOrder)
	}
	r.stop()
}

// TestRefusedAges: what waits apart too long is dropped, and counts as uncertain where
// the receiver may have it.
func TestRefusedAges(t *testing.T) {
	s := newStrict(t)
	s.set(refuses(3, 5, 400, "per-user series limit of 100 exceeded"))
	clock := newClocks()
	r := start(t, Options{Lanes: 1, Now: clock.wall, Elapsed: clock.elapsed}, s.yaml())
	r.scrape("node", 10, clock.wall())
	await(t, "two wait", func() bool { return r.Status().Total.Delivered == 8 && r.remote().Refused.Samples == 2 })
	clock.skip(receiverAgeLimit + time.Minute)
	l := r.settled(10)
	if l.Dropped[queue.TooOld]+l.Uncertain[queue.SeriesLimit] != 2 || l.Delivered != 8 {
		t.Errorf("ledger %+v", l)
	}
	r.scrape("node", 10, clock.wall())
	await(t, "two wait", func() bool { return r.Status().Total.Delivered == 16 && r.remote().Refused.Samples == 2 })
	r.stop()
}

// TestKillWhileSomeIsRefused: the sender is killed while some series are refused for a
// limit. Nothing is lost, and the ledger says what the receiver has.
func TestKillWhileSomeIsRefused(t *testing.T) {
	s := newStrict(t)
	dir := t.TempDir()
	refuse := func(series string, _ int64) (int, string) {
		if strings.Contains(series, `"metric_1"`) {
			return 400, "per-user series limit of 100 exceeded"
		}
		return 0, ""
	}
	s.set(refuse)
	stored := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, all := range s.stored {
			n += len(all)
		}
		return n
	}
	for i := range 8 {
		p := run(t, dir, s.yaml(), "")
		before := stored()
		await(t, "accepted samples arrive", func() bool { return stored() > before+(5+10*i)*childSeries })
		if s.set(nil); i%4 != 3 {
			s.set(refuse)
		}
		p.end(syscall.SIGKILL)
	}
	s.set(nil)
	p := run(t, dir, s.yaml(), "")
	var l queue.Ledger
	// What was sent when a kill came is refused for its order the next time, one by one,
	// and extra requests are few: part of it may wait for minutes.
	await(t, "new samples arrive", func() bool {
		l = p.ledger("")
		return l.Taken > 0 && l.Delivered > l.Queued
	})
	p.end(syscall.SIGTERM)
	report, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	l = report.Queues[0].Ledger
	got := uint64(stored())
	t.Logf("%+v, receiver has %d, %d came late", l, got, s.disorder)
	if !l.Balanced() || l.Lost() > 0 || got < l.Delivered || got > l.Delivered+l.Doubtful()+l.Queued || got < l.Taken-l.Queued-l.Doubtful() {
		t.Errorf("ledger %+v, receiver has %d", l, got)
	}
	if least, most := appended(t, dir); l.Taken < least || l.Taken > most || got+l.Queued < least {
		t.Errorf("ledger %+v, receiver has %d, and %d to %d samples were appended", l, got, least, most)
	}
}
