package ship

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/queue"
)

// clocks are a machine's two; wall may be set, and elapsed only runs.
type clocks struct {
	mu      sync.Mutex
	began   time.Time
	set     time.Duration
	skipped time.Duration
}

func newClocks() *clocks { return &clocks{began: time.Now()} }

func (c *clocks) wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.set + c.skipped)
}

func (c *clocks) elapsed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.began) + c.skipped
}

// step sets the wall clock, as a person or NTP does.
func (c *clocks) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set += d
}

// skip lets time pass.
func (c *clocks) skip(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipped += d
}

// TestClockIsSet: an hour forth and back, with the receiver there and away. What
// was scraped under either clock is sent; nothing is dropped for an age that only
// the clock gave it.
func TestClockIsSet(t *testing.T) {
	s := newSink(t)
	c := newClocks()
	r := start(t, Options{Now: c.wall, Elapsed: c.elapsed}, remoteWrite(s))
	r.scrape("node", 10, c.wall())
	r.settled(10) // the receiver's clock is known now
	s.answerWith(always(503, "down"))
	n := 10
	for _, step := range []time.Duration{time.Hour + time.Minute, -time.Hour - time.Minute, -2 * time.Minute, 2*time.Minute + 5*time.Second} {
		r.scrape("node", 10, c.wall())
		c.step(step)
		r.scrape("node", 10, c.wall())
		n += 20
		await(t, "a millisecond has passed", after(2*time.Millisecond))
		await(t, "the samples are queued", func() bool { return r.Status().Total.Taken == uint64(n) })
	}
	s.answerWith(nil)
	l := r.settled(n)
	r.stop()
	if l.Delivered != uint64(n) || s.distinct() != n {
		t.Errorf("ledger %+v, receiver has %d of %d", l, s.distinct(), n)
	}
}

// TestWrongDate: whatever stands between the machine and the receiver has a time
// two hours off. Nothing is dropped for it, and nothing stops being sent.
func TestWrongDate(t *testing.T) {
	for _, code := range []int{http.StatusServiceUnavailable, http.StatusOK} { // a gateway; a captive portal
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := newSink(t)
			r := start(t, Options{}, remoteWrite(s))
			var once atomic.Bool
			s.answerWith(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
				w.Header().Set("Date", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
				w.WriteHeader(code)
				once.Store(true)
				return code/100 == 2
			})
			r.scrape("node", 100, time.Now())
			await(t, "a request is answered", once.Load)
			await(t, "the answer is heard", func() bool { return r.remote().Requests[fmt.Sprint(code)] > 0 })
			s.answerWith(nil)
			for range 3 {
				r.scrape("other", 100, time.Now())
				await(t, "a millisecond has passed", after(2*time.Millisecond))
			}
			l := r.settled(400)
			r.stop()
			if l.Delivered != 400 || s.distinct() != 400 {
				t.Errorf("ledger %+v, receiver has %d of 400", l, s.distinct())
			}
		})
	}
}

// TestBootsAhead: a machine's clock is more than an hour ahead when it starts, as
// one without a battery may be; its backlog is not dropped for that.
func TestBootsAhead(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	c := newClocks()
	r := start(t, Options{Now: c.wall, Elapsed: c.elapsed}, remoteWrite(s))
	r.scrape("node", 100, c.wall())
	r.settledOnDisk(100)
	r.stop()
	c.step(time.Hour + time.Minute)
	r = start(t, r.options, remoteWrite(s))
	await(t, "the receiver was asked", func() bool { return r.remote().Requests["503"] > 0 })
	s.answerWith(nil)
	l := r.settled(100)
	r.stop()
	if l.Delivered != 100 || s.distinct() != 100 {
		t.Errorf("ledger %+v, receiver has %d of 100", l, s.distinct())
	}
}

// TestWrongClockSigns is in package receiver; here: what is older than the limit
// by the receiver's clock is dropped, oldest first, and counted.
func TestBacklogOlderThanTheLimit(t *testing.T) {
	s := newSink(t)
	c := newClocks()
	r := start(t, Options{Now: c.wall, Elapsed: c.elapsed}, remoteWrite(s))
	s.answerWith(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Date", c.wall().UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
		return false
	})
	for i := range 4 {
		r.scrape("node", 100, c.wall())
		await(t, "the page is queued", func() bool { return r.Status().Total.Taken == uint64(100*(i+1)) })
		c.skip(20 * time.Minute)
	}
	await(t, "the oldest are dropped", func() bool { return r.Status().Total.Dropped[queue.TooOld] == 200 })
	rs := r.remote()
	if rs.Verdict != delivery.Losing || rs.LossBecause != "too_old" || rs.LossBegins.IsZero() {
		t.Errorf("verdict %q, loss begins %s because %s", rs.Verdict, rs.LossBegins, rs.LossBecause)
	}
	s.answerWith(func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Date", c.wall().UTC().Format(http.TimeFormat))
		return true
	})
	r.scrape("node", 100, c.wall())
	// An exporter that sets a timestamp of its own, from yesterday.
	r.scrape("old", 5, c.wall().Add(-25*time.Hour))
	l := r.settled(505)
	r.stop()
	if l.Dropped[queue.TooOld] != 205 || l.Delivered != 300 || s.distinct() != 300 {
		t.Errorf("ledger %+v, receiver has %d", l, s.distinct())
	}
}

func TestQueueLimit(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	r := start(t, Options{Lanes: 2, MaxBytes: 256 << 10}, remoteWrite(s))
	begin := time.Now().Add(-time.Minute)
	n := 0
	for i := 0; r.Status().Total.Dropped[queue.QueueFull] == 0 && i < 2000; i++ {
		r.scrape(fmt.Sprint("node-", i), 1000, begin.Add(time.Duration(i)*time.Millisecond))
		n += 1000
	}
	st := r.remote()
	if st.Verdict != delivery.Losing || st.QueueBytes > 512<<10 {
		t.Errorf("verdict %q with %d bytes on disk", st.Verdict, st.QueueBytes)
	}
	s.answerWith(nil)
	l := r.settled(n)
	r.stop()
	if lost := l.Dropped[queue.QueueFull]; lost == 0 || l.Delivered+lost != uint64(n) || uint64(s.distinct()) != l.Delivered {
		t.Errorf("ledger %+v, receiver has %d of %d", l, s.distinct(), n)
	}
}

// TestQueueLimitIsShared: the number of lanes changes during an outage. Old and
// new lanes have the limit together, and the oldest samples go first.
func TestQueueLimitIsShared(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	const limit = 256 << 10
	r := start(t, Options{Lanes: 2, MaxBytes: limit}, remoteWrite(s))
	begin := time.Now().Add(-time.Minute)
	n := 0
	fill := func(until func(delivery.RemoteStatus) bool) {
		t.Helper()
		for i := 0; i < 2000 && !until(r.remote()); i++ {
			n += 1000
			r.scrape(fmt.Sprint("node-", n), 1000, begin.Add(time.Duration(n)*time.Microsecond))
		}
	}
	fill(func(rs delivery.RemoteStatus) bool { return rs.QueueBytes > limit*3/4 })
	old := n
	r.stop()
	r.options.Lanes = 3
	r = start(t, r.options, remoteWrite(s))
	fill(func(rs delivery.RemoteStatus) bool { return rs.QueueBytes > 2*limit })
	var rs delivery.RemoteStatus
	await(t, "the queues hold no more than they may, together", func() bool {
		rs = r.remote()
		return rs.QueueBytes <= limit
	})
	if lost := int(rs.Ledger.Dropped[queue.QueueFull]); lost < old || lost >= n {
		t.Errorf("%d samples were dropped, want the %d old ones and some of the %d new ones", lost, old, n-old)
	}
	s.answerWith(nil)
	l := r.settled(n)
	r.stop()
	doubt, got := l.Uncertain[queue.Unanswered], uint64(s.distinct()) // a busy machine answers too late
	if l.Delivered+l.Dropped[queue.QueueFull]+doubt != uint64(n) || got < l.Delivered || got > l.Delivered+doubt || s.outOfOrder > 0 {
		t.Errorf("ledger %+v, receiver has %d of %d", l, got, n)
	}
}

// TestUnansweredIsUncertain: what was sent in a request without an answer may have
// arrived. When it is dropped later it counts as uncertain; what was never sent, or was
// answered with an error, as dropped.
func TestUnansweredIsUncertain(t *testing.T) {
	var unanswered, dropped queue.Outcome
	unanswered.Uncertain[queue.Unanswered] = 100
	dropped.Dropped[queue.TooOld] = 100
	reset := func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
		return true // the samples are kept
	}
	for _, c := range []struct {
		name     string
		answer   func(http.ResponseWriter, *http.Request, int) bool
		away     bool
		want     queue.Outcome
		received int
	}{
		{name: "reset", answer: reset, want: unanswered, received: 100},
		{name: "error", answer: always(503, "down"), want: dropped},
		{name: "nobody listens", away: true, want: dropped},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSink(t)
			s.answerWith(c.answer)
			if c.away {
				s.Close()
			}
			clock := newClocks()
			r := start(t, Options{Lanes: 1, Now: clock.wall, Elapsed: clock.elapsed}, remoteWrite(s))
			defer r.stop()
			r.scrape("node", 100, clock.wall())
			await(t, "requests fail", func() bool { return !r.remote().FailingSince.IsZero() })
			clock.skip(receiverAgeLimit + time.Minute)
			if l := r.settled(100); l.Outcome != c.want || s.distinct() != c.received {
				t.Errorf("ledger %+v, want %+v; the receiver has %d samples, want %d", l, c.want, s.distinct(), c.received)
			}
		})
	}
}

// TestTroubleEndsWithItsSamples: what failed is dropped or its section removed;
// the remote write does not fail any more then, and no success is claimed.
func TestTroubleEndsWithItsSamples(t *testing.T) {
	for name, end := range map[string]func(*rig, *clocks) error{
		"too old": func(_ *rig, c *clocks) error { c.skip(2 * time.Hour); return nil },
		"removed": func(r *rig, _ *clocks) error { return r.ApplyConfig(parse(t, "scrape_configs: []")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			s.answerWith(always(503, "down"))
			c := newClocks()
			r := start(t, Options{Now: c.wall, Elapsed: c.elapsed}, remoteWrite(s))
			r.scrape("node", 100, c.wall())
			await(t, "requests fail", func() bool { return !r.remote().FailingSince.IsZero() })
			if err := end(r, c); err != nil {
				t.Fatal(err)
			}
			await(t, "no request fails any more", func() bool { return r.remote().FailingSince.IsZero() })
			if rs := r.remote(); !rs.LastSuccess.IsZero() {
				t.Errorf("last success %s, and nothing ever succeeded", rs.LastSuccess)
			}
			r.stop()
		})
	}
}

// TestDirectoryGone: the queue's directory disappears and comes back.
func TestDirectoryGone(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{Lanes: 1}, remoteWrite(s))
	r.scrape("node", 10, time.Now())
	r.settled(10)
	r.stop()
	r = start(t, r.options, remoteWrite(s)) // it has no segment open now
	lane, err := filepath.Glob(filepath.Join(r.options.Dir, "remote-*", "*", "lane-00"))
	if err != nil || len(lane) != 1 {
		t.Fatalf("lanes: %v, %v", lane, err)
	}
	if err := os.RemoveAll(lane[0]); err != nil {
		t.Fatal(err)
	}
	r.scrape("node", 10, time.Now().Add(time.Second))
	await(t, "the samples are counted", func() bool { return r.Status().Total.Dropped[queue.Disk] == 10 })
	if rs := r.remote(); rs.Verdict != delivery.Losing || rs.Disk == "" || !strings.Contains(rs.Next(), "free space") {
		t.Errorf("verdict %q, disk %q, next %q", rs.Verdict, rs.Disk, rs.Next())
	}
	if err := os.Mkdir(lane[0], 0o700); err != nil {
		t.Fatal(err)
	}
	r.scrape("node", 10, time.Now().Add(2*time.Second))
	l := r.settled(30)
	rs := r.remote()
	r.stop()
	if l.Delivered != 20 || s.distinct() != 20 || rs.Disk != "" {
		t.Errorf("ledger %+v, receiver has %d, disk %q", l, s.distinct(), rs.Disk)
	}
}

// TestSyncFails: the queue cannot be synced, and nothing is lost by it.
func TestSyncFails(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	r := start(t, Options{Lanes: 1}, remoteWrite(s))
	r.scrape("node", 10, time.Now())
	await(t, "the record is read", func() bool { return !r.remote().FailingSince.IsZero() })
	lane, err := filepath.Glob(filepath.Join(r.options.Dir, "remote-*", "*", "lane-00"))
	if err != nil || len(lane) != 1 {
		t.Fatalf("lanes: %v, %v", lane, err)
	}
	if err := os.Rename(lane[0], lane[0]+".away"); err != nil {
		t.Fatal(err)
	}
	r.scrape("node", 10, time.Now().Add(time.Second))
	await(t, "the trouble is told", func() bool { return r.remote().Verdict == delivery.AtRisk })
	if rs := r.remote(); rs.Ledger.Lost() > 0 || !rs.LastLoss.IsZero() || !strings.Contains(rs.Reason, "sync queue") {
		t.Errorf("ledger %+v, last loss %s, reason %q", rs.Ledger, rs.LastLoss, rs.Reason)
	}
	if err := os.Rename(lane[0]+".away", lane[0]); err != nil {
		t.Fatal(err)
	}
	s.answerWith(nil)
	l := r.settled(20)
	r.stop()
	if l.Delivered != 20 {
		t.Errorf("ledger %+v", l)
	}
}

// TestSegmentDamaged: what is damaged on disk while it waits is counted, and the
// rest is sent.
func TestSegmentDamaged(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	r := start(t, Options{Lanes: 1}, remoteWrite(s))
	for i := range 10 {
		r.scrape("node", 1000, time.Now().Add(time.Duration(i)*time.Second))
	}
	r.stop()
	segments, err := filepath.Glob(filepath.Join(r.options.Dir, "remote-*", "*", "lane-00", "*.segment"))
	if err != nil || len(segments) != 1 {
		t.Fatalf("segments: %v, %v", segments, err)
	}
	b, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(segments[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.answerWith(nil)
	r = start(t, r.options, remoteWrite(s))
	l := r.settled(10_000)
	r.stop()
	if l.Delivered != 9000 || l.Dropped[queue.Corrupted] != 1000 || s.distinct() != 9000 {
		t.Errorf("ledger %+v, receiver has %d", l, s.distinct())
	}
}

var accessKey = regexp.MustCompile(`Credential=([^/]+)/`)

// TestCredentialsExpire: a process hands out credentials for two seconds each. A
// request that is signed with those that have ended is refused.
func TestCredentialsExpire(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const life = 2
	program := write("credentials", fmt.Sprintf("#!/bin/sh\nend=$(($(date +%%s)+%d))\n"+
		`printf '{"Version":1,"AccessKeyId":"AKIA%%s","SecretAccessKey":"secret","SessionToken":"token","Expiration":"%%s"}' $end $(date -u -d @$end +%%Y-%%m-%%dT%%H:%%M:%%SZ)`+"\n", life), 0o700)
	t.Setenv("AWS_CONFIG_FILE", write("config", "[profile head]\ncredential_process = "+program+"\n", 0o600))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s := newSink(t)
	var expired, keys atomic.Int64
	var known sync.Map
	s.answerWith(func(w http.ResponseWriter, r *http.Request, _ int) bool {
		m := accessKey.FindStringSubmatch(r.Header.Get("Authorization"))
		var end int64
		if m == nil || r.Header.Get("X-Amz-Security-Token") != "token" {
			http.Error(w, `{"message":"Missing Authentication Token"}`, http.StatusForbidden)
			return false
		}
		if _, err := fmt.Sscanf(m[1], "AKIA%d", &end); err != nil || time.Now().Unix() > end {
			expired.Add(1)
			http.Error(w, `{"message":"The security token included in the request is expired"}`, http.StatusForbidden)
			return false
		}
		if _, again := known.LoadOrStore(m[1], true); !again {
			keys.Add(1)
		}
		return true
	})
	r := start(t, Options{}, remoteWrite(s, "sigv4: {region: us-east-2, profile: head}"))
	n := 0
	for keys.Load() < 4 {
		r.scrape("node", 100, time.Now())
		n += 100
		await(t, "time passes", after(20*time.Millisecond))
	}
	l := r.settled(n)
	r.stop()
	if l.Delivered != uint64(n) || s.distinct() != n {
		t.Errorf("ledger %+v, receiver has %d of %d", l, s.distinct(), n)
	}
	if expired.Load() > 0 {
		t.Errorf("%d requests were signed with credentials that had ended", expired.Load())
	}
}

// TestNoCredentialsAtStart: a head without a role scrapes, queues and says so; it
// sends when credentials turn up, without a restart.
func TestNoCredentialsAtStart(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "credentials")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", shared)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s, "sigv4: {region: us-east-2}"))
	r.scrape("node", 100, time.Now())
	await(t, "the trouble is told", func() bool {
		rs := r.remote()
		return rs.Verdict == delivery.Delayed && rs.LastError.NoCredentials && rs.Ledger.Queued == 100 &&
			strings.Contains(rs.LastError.Next, "aps:RemoteWrite")
	})
	if err := os.WriteFile(shared, []byte("[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l := r.settled(100); l.Delivered != 100 {
		t.Errorf("ledger %+v", l)
	}
	if rs := r.remote(); rs.Verdict != delivery.Delivering || !rs.FailingSince.IsZero() {
		t.Errorf("verdict %q, failing since %s", rs.Verdict, rs.FailingSince)
	}
	r.stop()
}
