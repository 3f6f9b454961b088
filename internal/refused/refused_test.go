package refused

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/wire"
)

// lab is a lane in virtual time, whose receiver stores what it accepts of a request and
// answers with the first thing that it does not, as Cortex without a window for late
// samples does.
type lab struct {
	t      *testing.T
	now    time.Duration
	queue  *queue.Queue
	lane   *queue.Lane
	dir    string
	area   *Area
	own    Lane
	extra  *Extra
	lifts  Lifts
	refuse func(series int) string // the receiver's words; "" accepts it
	whole  bool                    // nothing of a request is stored of which something is refused
	window time.Duration           // samples that are late by less are stored

	names   map[wire.SeriesID]int
	scraped map[int][]int64 // milliseconds
	stored  map[int][]int64
	slowest map[int]time.Duration
	made    []time.Duration // extra requests
	normal  int
	segment int64 // bytes
}

const cortexUserLimit = "maxFailure (quorum) on a given error family, rpc error: code = Code(400) desc = user=T: per-user series limit " +
	"of 100 exceeded"

func newLab(t *testing.T) *lab {
	l := &lab{t: t, dir: t.TempDir(), names: map[wire.SeriesID]int{}, scraped: map[int][]int64{}, stored: map[int][]int64{},
		slowest: map[int]time.Duration{}, refuse: func(int) string { return "" }, now: time.Hour}
	l.extra = NewExtra(func() time.Duration { return l.now })
	l.open()
	return l
}

func (l *lab) open() {
	o := queue.DefaultOptions()
	o.Lanes, o.Now, o.SegmentBytes = 1, l.wall, cmp.Or(l.segment, o.SegmentBytes)
	q, err := queue.Open(l.dir, o)
	if err != nil {
		l.t.Fatal(err)
	}
	l.queue, l.lane, l.area = q, q.Lane(0), &Area{}
	fail := func(err error) { l.t.Errorf("disk: %v", err) }
	l.own = Lane{
		Queue: l.lane, Elapsed: func() time.Duration { return l.now }, Wall: l.wall, Configured: func() bool { return true },
		Oldest: func() int64 { return l.wall().Add(-time.Hour).UnixMilli() }, Limit: func() (int, int) { return 1000, 1 << 20 },
		MaxBackoff: func() time.Duration { return time.Second }, Extra: l.extra.Take, Pace: OfferPace(8), Lifts: &l.lifts,
		Post: func(_ context.Context, body []byte, samples int) (receiver.Answer, int, bool) {
			l.made = append(l.made, l.now)
			return l.post(body), 0, true
		},
		Retry: func(context.Context, receiver.Answer, int, int) {}, Good: func() {}, Answered: func() {},
		Doubt: func(receiver.Answer, string) {}, Outcome: func(queue.Outcome) {}, DiskTrouble: fail, DiskFailed: fail,
	}
	if err := l.area.Begin(l.own); err != nil {
		l.t.Error(err)
	}
	l.t.Cleanup(func() { _ = q.Close() })
}

// TestBeginAgain: what waits apart cannot be read at the start, and can be a moment later. Nothing is dropped, and each
// sample is counted once.
func TestBeginAgain(t *testing.T) {
	l := newLab(t)
	l.refuse = func(int) string { return cortexUserLimit }
	const rounds, series = 3, 7
	for range rounds {
		l.scrape(series)
		l.now += time.Second
	}
	if err := l.queue.Close(); err != nil {
		t.Fatal(err)
	}
	l.open()
	apart := filepath.Join(l.dir, "lane-00", "apart")
	if err := errors.Join(os.Rename(apart, apart+"-elsewhere"), os.WriteFile(apart, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := l.area.Begin(l.own); err == nil {
			t.Error("what cannot be read is taken for nothing")
		}
	}
	if err := errors.Join(os.Remove(apart), os.Rename(apart+"-elsewhere", apart)); err != nil {
		t.Fatal(err)
	}
	if err := l.area.Begin(l.own); err != nil {
		t.Error(err)
	}
	if got := l.area.Status(); l.lane.ApartWaits() != rounds*series || got.Samples != rounds*series || got.Series != series {
		t.Errorf("%d wait, %+v", l.lane.ApartWaits(), got)
	}
}

func (l *lab) wall() time.Time { return time.Unix(1_800_000_000, 0).Add(l.now) }

func (l *lab) post(body []byte) receiver.Answer {
	raw, err := s2.Decode(nil, body)
	if err != nil {
		l.t.Fatal(err)
	}
	all, err := wire.Points(raw)
	if err != nil {
		l.t.Fatal(err)
	}
	text := ""
	for _, p := range all {
		i := l.names[p.Series]
		if words := l.refuse(i); words != "" && text == "" {
			text = words
		}
	}
	keeps := text == "" || !l.whole
	for _, p := range all {
		i := l.names[p.Series]
		if l.refuse(i) != "" || !keeps {
			continue
		}
		if n := len(l.stored[i]); n > 0 && p.Millis <= l.stored[i][n-1] {
			at, has := slices.BinarySearch(l.stored[i], p.Millis)
			switch {
			case has && at == n-1:
			case p.Millis > l.stored[i][n-1]-l.window.Milliseconds():
				if !has {
					l.stored[i] = slices.Insert(l.stored[i], at, p.Millis)
				}
			case text == "":
				text = fmt.Sprintf(`user=T: err: out of order sample. timestamp=%d, series={__name__="m", i="%d"}`, p.Millis, i)
			}
			continue
		}
		l.stored[i] = append(l.stored[i], p.Millis)
		l.slowest[i] = max(l.slowest[i], l.wall().Sub(time.UnixMilli(p.Millis)))
	}
	code := http.StatusOK
	if text != "" {
		code = http.StatusBadRequest
	}
	return receiver.Classify(code, nil, text, l.wall())
}

// scrape takes a sample of each of n series. A request of theirs that is refused in part
// waits apart as a whole: nothing was left to find out which of them it was.
func (l *lab) scrape(n int) {
	all := l.points(n)
	var sent, apart []wire.Point
	for i, p := range all {
		if l.names[p.Series] = i; l.area.Has(p.Series) {
			apart = append(apart, p)
		} else {
			sent = append(sent, p)
		}
	}
	b, buf := record(all)
	if err := l.lane.Append(b, buf); err != nil {
		l.t.Fatal(err)
	}
	e, ok, err := l.lane.Peek(uint32(len(all)), 1<<20)
	if err != nil || !ok {
		l.t.Fatal(ok, err)
	}
	var parts []Refusal
	var o queue.Outcome
	if len(apart) > 0 {
		parts = append(parts, Refusal{Raw: join(apart)})
	}
	if len(sent) > 0 {
		l.normal++
		l.extra.Normal()
		switch a := l.post(s2.EncodeSnappy(nil, join(sent))); a.Meaning {
		case receiver.Accepted:
			o.Delivered = uint64(len(sent))
		default:
			parts = append(parts, Refusal{Raw: join(sent), Why: a.Text, Mixed: true, Limit: a.Meaning == receiver.Limited})
		}
	}
	if len(parts) == 0 {
		l.lane.Done(e, o)
		return
	}
	l.area.Put(e, o, parts)
}

// points are a sample of each of n series, as of now.
func (l *lab) points(n int) []wire.Point {
	var w prompb.WriteRequest
	millis := l.wall().UnixMilli()
	for i := range n {
		w.Timeseries = append(w.Timeseries, prompb.TimeSeries{
			Labels:  []prompb.Label{{Name: "__name__", Value: "m"}, {Name: "i", Value: fmt.Sprint(i)}},
			Samples: []prompb.Sample{{Value: 1, Timestamp: millis}},
		})
		l.scraped[i] = append(l.scraped[i], millis)
	}
	raw, err := w.Marshal()
	if err != nil {
		l.t.Fatal(err)
	}
	all, err := wire.Points(raw)
	if err != nil {
		l.t.Fatal(err)
	}
	return all
}

func join(all []wire.Point) (raw []byte) {
	for _, p := range all {
		raw = append(raw, p.Framed...)
	}
	return raw
}

// pass lets time go by, in which the lane works as it does beside its deliveries.
func (l *lab) pass(d time.Duration) {
	for end := l.now + d; l.now < end; l.now += time.Second {
		for range 50 {
			l.area.Turn(l.t.Context())
			if l.area.UntilDue() > 0 {
				break
			}
		}
		if ledger := l.queue.Ledger(); !ledger.Balanced() {
			l.t.Fatalf("ledger %+v", ledger)
		}
	}
}

// most is how many extra requests there were in any minute.
func (l *lab) most() (most int) {
	for i, from := range l.made {
		n := 0
		for _, at := range l.made[i:] {
			if at-from < time.Minute {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// TestAcceptedDoNotWaitForRefused: of 400 series a receiver takes every third, and does
// not say which. What it takes arrives within the bound, from the first minute on,
// though finding out takes longer; and when the limit is lifted, nothing was lost of the
// others.
func TestAcceptedDoNotWaitForRefused(t *testing.T) {
	const series, interval = 120, 15 * time.Second
	l := newLab(t)
	l.refuse = func(i int) string {
		if i%3 == 0 {
			return ""
		}
		return cortexUserLimit
	}
	for range 12 * 4 {
		l.scrape(series)
		l.pass(interval)
	}
	if status := l.area.Status(); status.Series < series/3 {
		t.Errorf("%d series are refused", status.Series)
	}
	l.scrape(series)
	l.pass(OfferEvery + time.Second)
	for i := 0; i < series; i += 3 {
		if !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("accepted series %d: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
		if l.slowest[i] > time.Minute {
			t.Errorf("a sample of accepted series %d waited for %v", i, l.slowest[i])
		}
	}
	if most, bound := l.most(), ExtraPerMinute+l.normal/10; most > bound {
		t.Errorf("%d extra requests in a minute, %d are allowed", most, bound)
	}
	l.refuse = func(int) string { return "" }
	l.pass(30 * time.Minute)
	for i := range series {
		if !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("series %d, after the limit was lifted: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
	}
	if ledger := l.queue.Ledger(); ledger.Queued > 0 || ledger.Lost() > 0 {
		t.Errorf("ledger %+v", ledger)
	}
}

// TestAllRefused: a limit is reached, and all series that come are refused. When it is
// lifted they arrive whole and in order, with the exact count.
func TestAllRefused(t *testing.T) {
	l := newLab(t)
	l.refuse = func(int) string { return cortexUserLimit }
	for range 40 {
		l.scrape(100)
		l.pass(15 * time.Second)
	}
	l.refuse = func(int) string { return "" }
	l.pass(10 * time.Minute)
	for i := range 100 {
		if !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("series %d: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
	}
	if ledger := l.queue.Ledger(); ledger.Delivered != ledger.Taken {
		t.Errorf("ledger %+v", ledger)
	}
}

// TestNewerSamplesAreStored: when a limit is lifted, the receiver has a newer sample of each
// series than what waits. It says so of one series at a time; all of them are series like
// others soon, and not one a minute.
func TestNewerSamplesAreStored(t *testing.T) {
	const series = 30
	l := newLab(t)
	l.refuse = func(int) string { return cortexUserLimit }
	for range 40 {
		l.scrape(series)
		l.pass(15 * time.Second)
	}
	l.refuse = func(int) string { return "" }
	for i := range series {
		l.stored[i] = []int64{l.wall().UnixMilli()}
	}
	l.pass(5 * time.Minute)
	if status := l.area.Status(); status.Series > 0 {
		t.Errorf("%d series are refused", status.Series)
	}
	if ledger := l.queue.Ledger(); ledger.Queued > 0 || ledger.Uncertain[queue.OutOfOrder] != ledger.Taken {
		t.Errorf("ledger %+v", ledger)
	}
}

// TestNothingOfARequest: a receiver that stores nothing of a request of which it refuses
// something, in unknown words: accepted series wait, and arrive whole.
func TestNothingOfARequest(t *testing.T) {
	l := newLab(t)
	l.whole = true
	l.refuse = func(i int) string {
		if i%10 == 5 {
			return "no such thing"
		}
		return ""
	}
	for range 4 * 10 {
		l.scrape(100)
		l.pass(15 * time.Second)
	}
	l.pass(20 * time.Minute)
	for i := range 100 {
		if i%10 != 5 && !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("accepted series %d: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
		if i%10 == 5 && len(l.stored[i]) > 0 {
			t.Fatalf("series %d is stored", i)
		}
	}
	if status := l.area.Status(); status.Series != 10 {
		t.Errorf("%d series are refused, want 10", status.Series)
	}
}

// TestNamed: a receiver that names what it refuses is asked once for each.
func TestNamed(t *testing.T) {
	l := newLab(t)
	l.refuse = func(i int) string {
		if i%10 == 5 {
			return fmt.Sprintf("user=T: per-metric series limit of 50 exceeded for metric m, please contact administrator for series "+
				`{__name__="m", i="%d"}`, i)
		}
		return ""
	}
	l.scrape(100)
	l.pass(time.Minute)
	l.scrape(100)
	l.pass(time.Minute)
	if status := l.area.Status(); status.Series != 10 || status.Samples != 20 {
		t.Errorf("%+v", status)
	}
	if ledger := l.queue.Ledger(); ledger.Delivered+ledger.Doubtful() != 180 || ledger.Queued != 20 {
		t.Errorf("ledger %+v", ledger)
	}
}

// TestRestart: what waits apart is there after a restart, settled samples are not, and
// all of it arrives.
func TestRestart(t *testing.T) {
	l := newLab(t)
	l.refuse = func(i int) string {
		if i < 20 {
			return cortexUserLimit
		}
		return ""
	}
	for range 12 {
		l.scrape(50)
		l.pass(15 * time.Second)
	}
	before := l.queue.Ledger()
	if err := l.queue.Close(); err != nil {
		t.Fatal(err)
	}
	l.open()
	if after := l.queue.Ledger(); after != before {
		t.Errorf("ledger %+v, and %+v after a restart", before, after)
	}
	l.pass(5 * time.Minute)
	l.scrape(50)
	l.refuse = func(int) string { return "" }
	l.pass(20 * time.Minute)
	for i := range 50 {
		if !slices.Equal(l.stored[i], l.scraped[i]) {
			t.Fatalf("series %d: %d samples stored of %d", i, len(l.stored[i]), len(l.scraped[i]))
		}
	}
	if ledger := l.queue.Ledger(); ledger.Queued > 0 || ledger.Lost() > 0 {
		t.Errorf("ledger %+v", ledger)
	}
}

// TestExtra: whatever is asked for, there are 60 requests in a minute and a tenth of the
// normal ones; and searching leaves enough for offers and probes.
func TestExtra(t *testing.T) {
	now := time.Hour
	x := NewExtra(func() time.Duration { return now })
	take := func(k Kind, n int) (got int) {
		for range n {
			if x.Take(k, 1) {
				got++
			}
		}
		return got
	}
	if got := take(Search, 100); got != searchAtOnce {
		t.Errorf("a search has %d at once", got)
	}
	if offers, probes := take(Offer, 16), take(Probe, 100); offers != 16 || probes != ExtraPerMinute-searchAtOnce-16 {
		t.Errorf("beside a search %d offers and %d probes are made", offers, probes)
	}
	for range 55 {
		x.Normal()
	}
	if got := take(Search, 100); got != 5 {
		t.Errorf("%d requests for 55 normal ones", got)
	}
	now += time.Minute
	if offers, searches := take(Offer, 40), take(Search, 100); offers != 40 || searches != searchPerMinute {
		t.Errorf("after a minute %d offers and %d to search", offers, searches)
	}
	if x.Take(Offer, 2) || x.Take(Probe, 1) {
		t.Error("more than 60 are made")
	}
}

// TestBounds: at most so many series are remembered; others are uncertain.
func TestBounds(t *testing.T) {
	l := newLab(t)
	l.refuse = func(int) string { return cortexUserLimit }
	l.scrape(maxRefused - 100)
	l.pass(2 * time.Second)
	l.scrape(maxRefused + 500)
	l.pass(2 * time.Second)
	ledger := l.queue.Ledger()
	if status := l.area.Status(); status.Series != maxRefused-100 || len(status.Named) != ShownSeries ||
		!strings.Contains(status.Named[0].Text, "limit") {
		t.Errorf("%d series are remembered, %d named", status.Series, len(status.Named))
	}
	if !ledger.Balanced() || ledger.Uncertain[queue.SeriesLimit] == 0 {
		t.Errorf("ledger %+v", ledger)
	}
	l.now += 2 * time.Hour
	l.pass(2 * time.Second)
	if ledger = l.queue.Ledger(); ledger.Queued > 0 || !ledger.Balanced() {
		t.Errorf("ledger %+v after two hours", ledger)
	}
}
