package ship

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/sample"
)

func TestSamplesArriveInOrder(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s))
	begin := time.Now().Add(-time.Minute)
	for i := range 20 {
		for target := range 5 {
			r.scrape(fmt.Sprint("node-", target), 300, begin.Add(time.Duration(i)*time.Second))
		}
	}
	l := r.settled(20 * 5 * 300)
	r.stop()
	if want := (queue.Ledger{Taken: 30_000, Outcome: queue.Outcome{Delivered: 30_000}}); l != want {
		t.Errorf("ledger %+v, want %+v", l, want)
	}
	if got := s.distinct(); got != 30_000 || s.outOfOrder != 0 || s.duplicates != 0 {
		t.Errorf("receiver has %d samples, %d out of order, %d twice; want 30000, 0, 0", got, s.outOfOrder, s.duplicates)
	}
	if most := slices.Max(s.batches); most > 1000 {
		t.Errorf("a request had %d samples, want at most 1000", most)
	}
	if _, ok := s.seen[`__name__="metric_0",cluster="test",instance="node-0",job="test",`]; !ok {
		t.Error("series lack the external label")
	}
}

// TestFidelity: what a page has beyond plain floats arrives as it was.
func TestFidelity(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s, "send_native_histograms: true"))
	now := time.Now().UnixMilli()
	series := func(name string) labels.Labels { return labels.FromStrings("__name__", name) }
	var p sample.Page
	r.add(&p, series("stale"), now, staleNaN)
	r.add(&p, series("infinite"), now, math.Inf(1))
	if err := p.AddHistogram(r.sample(&p, series("latency"), now, 0), tsdbutil.GenerateTestHistogram(1), nil); err != nil {
		t.Fatal(err)
	}
	r.Take(&p)
	p.Clear()
	r.Take(&p) // of which there is nothing to be seen
	if l := r.settled(3); l.Taken != 3 {
		t.Errorf("%d samples are taken, want 3", l.Taken)
	}
	r.stop()
	if got := s.seen[`__name__="stale",cluster="test",`][now]; math.Float64bits(got) != math.Float64bits(staleNaN) {
		t.Errorf("staleness marker arrived as %x", math.Float64bits(got))
	}
	if len(s.histograms) != 1 || s.histograms[0].ToIntHistogram().String() != tsdbutil.GenerateTestHistogram(1).String() {
		t.Errorf("histograms: %v", s.histograms)
	}
}

func TestRelabelling(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s, "write_relabel_configs:",
		"  - {source_labels: [__name__], regex: metric_1, action: drop}",
		"  - {source_labels: [cluster], target_label: site}"))
	for i := range 3 {
		r.scrape("node", 3, time.Now().Add(time.Duration(i)*time.Millisecond))
	}
	l := r.settled(6)
	r.stop()
	if l.Taken != 6 {
		t.Errorf("taken %d, want 6: what relabelling drops was never taken", l.Taken)
	}
	var got []string
	for series := range s.seen {
		got = append(got, series)
	}
	slices.Sort(got)
	want := []string{
		`__name__="metric_0",cluster="test",instance="node",job="test",site="test",`,
		`__name__="metric_2",cluster="test",instance="node",job="test",site="test",`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

// TestAnswers holds every kind of answer to its meaning, end to end: the first
// request of 10 samples is answered so, the next ones are accepted.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		code int
		body string
		want queue.Outcome // after the receiver accepts everything
	}{
		{"204", 204, "", queue.Outcome{Delivered: 10}},
		{"401", 401, "", queue.Outcome{Delivered: 10}},
		{"403 expired", 403, `{"message":"The security token included in the request is expired"}`, queue.Outcome{Delivered: 10}},
		{"404", 404, "", queue.Outcome{Delivered: 10}},
		{"408", 408, "", queue.Outcome{Delivered: 10}},
		{"409", 409, "", queue.Outcome{Delivered: 10}},
		{"429", 429, `{"message":"Rate exceeded"}`, queue.Outcome{Delivered: 10}},
		{"500", 500, "", queue.Outcome{Delivered: 10}},
		{"503", 503, "", queue.Outcome{Delivered: 10}},
		{"400 of a series limit", 400, "maxFailure (quorum) on a given error family, rpc error: code = Code(400) desc = addr=1 desc = " +
			"user=1_ws: per-user series limit of 10000000 exceeded, Capacity from 2,000,000 to 10,000,000 is automatically adjusted",
			queue.Outcome{Delivered: 10}},
		{"400 of something else", 400, "<html>bad request</html>", queue.Outcome{Delivered: 10}},
		{"400 out of order", 400, "user=1_ws: err: out-of-order sample. timestamp=2026, series={}", queue.Outcome{Delivered: 10}},
		{"400 duplicate", 400, "err: duplicate sample for timestamp", queue.Outcome{Delivered: 10}},
		{"400 too old", 400, "timestamp too old (greater_than_max_sample_age)", queue.Outcome{Delivered: 10}},
		{"400 labels", 400, "series has too many labels (151) series: 'x'", queue.Outcome{Delivered: 10}},
		{"400 of a large request", 400, "received message larger than max (29985 vs 12000)", queue.Outcome{Delivered: 10}},
		{"413", 413, "", queue.Outcome{Delivered: 10}},
		{"202", 202, "replicas did not match, rejecting sample: replica=r2, elected=r1", uncertain(queue.Deduplicated, 10)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t)
			first := atomic.Bool{}
			first.Store(true)
			s.answerWith(func(w http.ResponseWriter, _ *http.Request, samples int) bool {
				if !first.Swap(false) {
					return true
				}
				w.WriteHeader(c.code)
				fmt.Fprint(w, c.body)
				return c.code == 200 || c.code == 204
			})
			r := start(t, Options{Lanes: 1}, remoteWrite(s))
			r.scrape("node", 10, time.Now())
			l := r.settled(10)
			r.stop()
			if diff := cmp.Diff(queue.Ledger{Taken: 10, Outcome: c.want}, l); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
			if got := s.distinct(); got != int(c.want.Delivered) || s.outOfOrder > 0 {
				t.Errorf("receiver has %d samples, %d out of order", got, s.outOfOrder)
			}
		})
	}
}

func uncertain(why queue.Uncertain, n uint64) (o queue.Outcome) {
	o.Uncertain[why] = n
	return o
}

// TestNoAnswer: a receiver that hangs, resets, redirects or is not there.
func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request) bool
	}{
		{"hang", func(_ http.ResponseWriter, r *http.Request) bool {
			select {
			case <-r.Context().Done():
			case <-hang:
			}
			return false
		}},
		{"reset", func(w http.ResponseWriter, _ *http.Request) bool {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				conn.Close()
			}
			return false
		}},
		{"redirect", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
			return false
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t)
			first := atomic.Bool{}
			first.Store(true)
			s.answerWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
				return r.URL.Path == "/api/v1/remote_write" && (!first.Swap(false) || c.answer(w, r))
			})
			r := start(t, Options{Lanes: 1}, strings.Replace(remoteWrite(s), "remote_timeout: 30s", "remote_timeout: 100ms", 1))
			r.scrape("node", 10, time.Now())
			if l := r.settled(10); l.Delivered != 10 {
				t.Errorf("ledger %+v", l)
			}
			r.stop()
			if got := s.distinct(); got != 10 {
				t.Errorf("receiver has %d samples, want 10", got)
			}
		})
	}
}

// TestPartialRefusal: 3 bad of 1,000. The ledger claims neither 1,000 delivered
// nor 3 lost.
func TestPartialRefusal(t *testing.T) {
	s := newSink(t)
	s.answerWith(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		http.Error(w, "user=1_ws: err: out-of-order sample. timestamp=2026-11-02T09:00:00Z, series={__name__=\"metric_7\"}",
			http.StatusBadRequest)
		return true // 997 of them are kept
	})
	r := start(t, Options{Lanes: 1}, remoteWrite(s))
	r.scrape("node", 1000, time.Now())
	l := r.settled(1000)
	rs := r.remote()
	r.stop()
	if want := (queue.Ledger{Taken: 1000, Outcome: uncertain(queue.OutOfOrder, 1000)}); l != want {
		t.Errorf("ledger %+v, want %+v", l, want)
	}
	if rs.Verdict != delivery.InDoubt || !strings.Contains(rs.Reason, "metric_7") || !rs.LastSuccess.IsZero() {
		t.Errorf("verdict %q: %s; last success %s; want in doubt, and never a success", rs.Verdict, rs.Reason, rs.LastSuccess)
	}
}

// TestTooLarge: a request that is too large is halved until it fits, in order, and the
// next ones are made smaller at once. What is refused so at any size waits, is named,
// and is not lost.
func TestTooLarge(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter){
		"413": func(w http.ResponseWriter) { http.Error(w, "too large", http.StatusRequestEntityTooLarge) },
		"400": func(w http.ResponseWriter) { http.Error(w, "received message larger than max (29985 vs 12000)", 400) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			tooLarge := atomic.Int64{}
			s.answerWith(func(w http.ResponseWriter, r *http.Request, samples int) bool {
				if samples > 300 {
					tooLarge.Add(1)
					refuse(w)
					return false
				}
				return true
			})
			r := start(t, Options{Lanes: 1}, remoteWrite(s))
			for i := range 10 {
				r.scrape("node", 777, time.Now().Add(time.Duration(i)*time.Second))
				r.settled(777 * (i + 1))
			}
			if l := r.settled(7770); l.Delivered != 7770 || s.outOfOrder != 0 || s.duplicates != 0 || tooLarge.Load() > 3 {
				t.Errorf("ledger %+v, %d out of order, %d twice, %d too large", l, s.outOfOrder, s.duplicates, tooLarge.Load())
			}
			s.answerWith(func(w http.ResponseWriter, _ *http.Request, _ int) bool { refuse(w); return false })
			r.scrape("other", 3, time.Now())
			await(t, "the trouble is told", func() bool { return r.remote().Verdict == delivery.Delayed })
			if rs := r.remote(); rs.Ledger.Queued != 3 || rs.Ledger.Lost() != 0 || !strings.Contains(rs.Next(), "max-request-bytes") {
				t.Errorf("ledger %+v, next %q", rs.Ledger, rs.Next())
			}
			s.answerWith(nil)
			if l := r.settled(7773); l.Delivered != 7773 {
				t.Errorf("ledger %+v", l)
			}
			r.stop()
		})
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	s := newSink(t)
	var refused atomic.Int64
	s.answerWith(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		if refused.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return false
		}
		return true
	})
	r := start(t, Options{}, remoteWrite(s))
	begin := time.Now()
	r.scrape("node", 10, begin)
	r.settled(10)
	if d := time.Since(begin); d < time.Second {
		t.Errorf("delivered after %s, Retry-After was 1 s", d)
	}
	r.stop()
}

// TestOutageAndRestart: what waits survives a restart, with another number of
// lanes too, and keeps its order.
func TestOutageAndRestart(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	o := Options{Dir: t.TempDir(), Lanes: 4}
	begin := time.Now().Add(-time.Minute)
	n := 0
	for run, lanes := range []int{4, 4, 3, 8, 4} {
		o.Lanes = lanes
		r := start(t, o, remoteWrite(s))
		for i := range 5 {
			r.scrape("node", 500, begin.Add(time.Duration(5*run+i)*time.Second))
			n += 500
		}
		await(t, "the samples are taken", func() bool { return r.Status().Total.Taken == uint64(n) })
		if st := r.Status(); st.Total.Queued != uint64(n) {
			t.Errorf("run %d: ledger %+v, want %d queued", run, st.Total, n)
		}
		r.stop()
	}
	s.answerWith(nil)
	r := start(t, o, remoteWrite(s))
	l := r.settled(n)
	r.stop()
	if l.Delivered != uint64(n) || s.distinct() != n || s.outOfOrder != 0 {
		t.Errorf("ledger %+v; receiver has %d of %d, %d out of order", l, s.distinct(), n, s.outOfOrder)
	}
}

func TestReload(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	var log bytes.Buffer
	r := start(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, remoteWrite(s, "name: amp"))
	r.scrape("node", 100, time.Now())
	await(t, "the samples are queued", func() bool { return r.Status().Total.Queued == 100 })

	// Gone: kept, and reported.
	if err := r.ApplyConfig(parse(t, "scrape_configs: []")); err != nil {
		t.Fatal(err)
	}
	r.scrape("node", 100, time.Now().Add(time.Second))
	if rs := r.remote(); rs.Verdict != delivery.Removed || rs.Ledger.Queued != 100 || rs.Name != "amp" {
		t.Errorf("after removal: %+v", rs)
	}
	// Back, at another address and under the same name: delivered.
	other := newSink(t)
	if err := r.ApplyConfig(parse(t, remoteWrite(other, "name: amp"))); err != nil {
		t.Fatal(err)
	}
	r.scrape("node", 100, time.Now().Add(2*time.Second))
	if l := r.settled(200); l.Delivered != 200 || other.distinct() != 200 {
		t.Errorf("after its return: ledger %+v, receiver has %d", l, other.distinct())
	}
	// Nonsense changes nothing.
	two := remoteWrite(other) + strings.Repeat("  - url: "+other.URL+"/twice\n", 2)
	err := r.ApplyConfig(parse(t, two))
	if err == nil || hint.CodeOf(err) != hint.BadInput {
		t.Errorf("two sections that are the same: %v, want bad input", err)
	}
	r.scrape("node", 100, time.Now().Add(3*time.Second))
	r.settled(300)
	r.stop()
	if !strings.Contains(log.String(), "remote_write was removed") {
		t.Errorf("the log does not tell of the removal:\n%s", &log)
	}
}

func TestKeysWithoutEffectAreTold(t *testing.T) {
	s := newSink(t)
	var log bytes.Buffer
	r := start(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))},
		"remote_write:\n  - url: "+s.URL+"\n    send_exemplars: true\n    queue_config: {capacity: 2500, max_shards: 200, "+
			"max_samples_per_send: 500, retry_on_http_429: true}\n")
	r.scrape("node", 1200, time.Now())
	r.settled(1200)
	r.stop()
	for _, key := range []string{"capacity", "max_shards", "send_exemplars", "retry_on_http_429"} {
		if n := strings.Count(log.String(), key+" "); n != 1 {
			t.Errorf("the log tells %d times of %s, want once:\n%s", n, key, &log)
		}
	}
	if strings.Contains(log.String(), "max_samples_per_send") || slices.Max(s.batches) > 500 {
		t.Errorf("max_samples_per_send: %d samples in a request; log:\n%s", slices.Max(s.batches), &log)
	}
}

// TestWhatIsInForceIsTold: Prometheus' defaults cannot be told from values that are
// set, so that the log says what holds instead.
func TestWhatIsInForceIsTold(t *testing.T) {
	for queue, want := range map[string]struct {
		log   string
		notes int
	}{
		"{max_samples_per_send: 2000, batch_send_deadline: 5s}":   {"most_samples=1000 most_bytes=1048576 longest_wait=1s", 0},
		"{max_samples_per_send: 500, batch_send_deadline: 500ms}": {"most_samples=500 most_bytes=1048576 longest_wait=500ms", 0},
		"{batch_send_deadline: 10s}":                              {"most_samples=1000 most_bytes=1048576 longest_wait=1s", 1},
	} {
		yaml := "remote_write:\n  - {url: http://127.0.0.1:1, name: amp, queue_config: " + queue + "}\n"
		if notes, err := Check(t.Context(), parse(t, yaml)); err != nil || len(notes) != want.notes {
			t.Errorf("%s: notes %q (%v), want %d", queue, notes, err, want.notes)
		}
		var log bytes.Buffer
		start(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, yaml).stop()
		if !strings.Contains(log.String(), want.log) {
			t.Errorf("%s: the log does not say %q:\n%s", queue, want.log, &log)
		}
	}
}

func TestRequestSizeIsConfigurable(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{Lanes: 1, MaxRequestBytes: 64 << 10}, remoteWrite(s))
	r.scrape("node", 3000, time.Now()) // of about 100 bytes each
	r.settled(3000)
	r.stop()
	if most := slices.Max(s.batches); most < 500 || most > 900 {
		t.Errorf("a request had %d samples, want what 64 KiB hold", most)
	}
}

func TestTwoRemotes(t *testing.T) {
	a, b := newSink(t), newSink(t)
	b.answerWith(always(403, "no"))
	r := start(t, Options{}, remoteWrite(a)+"  - url: "+b.URL+"\n    name: other\n    write_relabel_configs: [{source_labels: [__name__], "+
		"regex: metric_0, action: keep}]\n")
	r.scrape("node", 100, time.Now())
	await(t, "one remote has all, and the other one's sample waits", func() bool {
		st := r.Status()
		return a.distinct() == 100 && len(st.Remotes) == 2 && st.Remotes[1].Ledger.Queued == 1 && !st.Remotes[1].FailingSince.IsZero()
	})
	st := r.Status()
	if st.Verdict != delivery.Delayed || st.Remotes[0].Verdict != delivery.Delivering {
		t.Errorf("verdicts %q and %q", st.Verdict, st.Remotes[0].Verdict)
	}
	r.stop()
}

func TestSecondProcessIsRefused(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s))
	defer r.stop()
	_, err := Open(t.Context(), r.options)
	if hint.CodeOf(err) != hint.Busy || !strings.Contains(err.Error(), "pid ") {
		t.Errorf("second Open: %v, want busy with the holder's pid", err)
	}
}
