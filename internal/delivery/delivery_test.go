package delivery

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/parascope/parascope/internal/queue"
)

var update = flag.Bool("update", false, "rewrite golden files")

var now = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

func TestMetrics(t *testing.T) {
	r := RemoteStatus{
		Name: "amp", URL: "https://aps/api/v1/remote_write", QueueBytes: 1000, QueueMaxBytes: 4000, AgeLimitSeconds: 3600,
		OldestSample: now.Add(-time.Minute), NewestSample: now, LastSuccess: now.Add(-2 * time.Minute), FailingSince: now.Add(-time.Minute),
		Requests: map[string]uint64{"200": 7, "403": 2, "none": 1}, RetriedSamples: 300, SentBytes: 12345, RateLimit: 500,
		Ledger: queue.Ledger{Taken: 1600, Queued: 300, Outcome: queue.Outcome{Delivered: 1000}},
	}
	r.Ledger.Uncertain[queue.OutOfOrder], r.Ledger.Dropped[queue.TooOld] = 200, 100
	removed := RemoteStatus{Name: "old", Verdict: Removed, QueueMaxBytes: 4000, AgeLimitSeconds: 3600}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(Collector{Status: func() Status { return New(now, []RemoteStatus{r, removed}) }})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&got, f); err != nil {
			t.Fatal(err)
		}
	}
	golden := filepath.Join("testdata", "metrics.golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s differs (-update rewrites it) (-want +got):\n%s", golden, diff)
	}
}

// TestHealth: trouble begins with the first lane that fails and ends with the
// last one that recovers; its beginning does not move meanwhile.
func TestHealth(t *testing.T) {
	var h Health
	at := func(m int) time.Time { return now.Add(time.Duration(m) * time.Minute) }
	if !h.Bad(0, Trouble{Time: at(0), Text: "first"}) || h.Bad(1, Trouble{Time: at(1), Text: "second"}) || h.Bad(0, Trouble{Time: at(2)}) {
		t.Error("Bad is to report the first failure alone")
	}
	if recovered := h.Good(0, at(3)); !recovered.IsZero() || !h.Failing() {
		t.Error("one lane of two has recovered")
	}
	var r RemoteStatus
	h.Fill(&r)
	if !r.FailingSince.Equal(at(0)) || !r.LastSuccess.Equal(at(3)) {
		t.Errorf("failing since %s, last success %s", r.FailingSince, r.LastSuccess)
	}
	if recovered := h.Good(1, at(4)); !recovered.Equal(at(0)) || h.Failing() {
		t.Errorf("recovered from trouble since %s, want %s", recovered, at(0))
	}
	if recovered := h.Good(1, at(5)); !recovered.IsZero() {
		t.Error("recovered twice")
	}
}

func TestForesight(t *testing.T) {
	base := RemoteStatus{AgeLimitSeconds: 3600, QueueMaxBytes: 1_000_000, FailingSince: now.Add(-10 * time.Minute),
		OldestSample: now.Add(-10 * time.Minute)}
	base.Ledger.Queued, base.Ledger.Taken = 10_000, 10_000
	old := base
	old.judge(now)
	if want := now.Add(50 * time.Minute); !old.LossBegins.Equal(want) || old.LossBecause != "too_old" || old.Verdict != Delayed {
		t.Errorf("%s because %s, %q; want %s, too_old, delayed", old.LossBegins, old.LossBecause, old.Verdict, want)
	}
	full := base
	full.QueueBytes, full.TakenRate = 250_000, 100 // 25 bytes a sample: 2,500 bytes a second more
	full.judge(now)
	if want := now.Add(5 * time.Minute); !full.LossBegins.Equal(want) || full.LossBecause != "queue_full" {
		t.Errorf("%s because %s, want %s, queue_full", full.LossBegins, full.LossBecause, want)
	}
}

// TestNextSpeaksOfTheLoss: whatever else is wrong, the step that is named ends the
// loss.
func TestNextSpeaksOfTheLoss(t *testing.T) {
	for _, c := range []struct{ reason, want string }{
		{"disk", "free space on the disk"},
		{"queue_full", "--queue.max-bytes"},
		{"too_large", "write_relabel_configs"},
		{"corrupted", "head inspect"},
		{"too_old", "the receiver failed"},
	} {
		r := RemoteStatus{LastLoss: now, LossReason: c.reason, FailingSince: now,
			LastError: &Trouble{Code: 503, Next: "no action: the receiver failed"}}
		r.judge(now)
		if next := r.Next(); r.Verdict != Losing || !strings.Contains(next, c.want) {
			t.Errorf("%s: %q, %q; want losing, and %q", c.reason, r.Verdict, next, c.want)
		}
	}
}

// TestDiskThatLosesNothing: it is told as long as it lasts, and as what it is.
func TestDiskThatLosesNothing(t *testing.T) {
	var h Health
	h.Disk(now, "sync queue: input/output error")
	for _, c := range []struct {
		after time.Duration
		want  Verdict
	}{{time.Second, AtRisk}, {time.Minute, Delivering}} {
		var r RemoteStatus
		h.Fill(&r)
		r.judge(now.Add(c.after))
		if r.Verdict != c.want || (r.Disk != "") != (c.want == AtRisk) {
			t.Errorf("%s after: %q, disk %q; want %q", c.after, r.Verdict, r.Disk, c.want)
		}
	}
}

// TestForesightOfAFullQueue: what is full, and loses nothing, loses from now on;
// and what takes nothing does not fill.
func TestForesightOfAFullQueue(t *testing.T) {
	r := RemoteStatus{AgeLimitSeconds: 3600, QueueMaxBytes: 1000, QueueBytes: 5000, FailingSince: now, OldestSample: now, TakenRate: 100}
	r.Ledger.Queued, r.Ledger.Taken = 10, 10
	removed := r
	r.judge(now)
	if !r.LossBegins.Equal(now) || r.LossBecause != "queue_full" {
		t.Errorf("full: %s because %s, want now, queue_full", r.LossBegins, r.LossBecause)
	}
	removed.Verdict, removed.FailingSince, removed.OldestSample = Removed, time.Time{}, now.Add(-time.Minute)
	removed.judge(now)
	if removed.LossBecause != "too_old" {
		t.Errorf("removed: because %s, want too_old", removed.LossBecause)
	}
}

func TestRates(t *testing.T) {
	var c Traffic
	c.Start(0, 1_000_000, 900_000) // of earlier runs
	for s := 1; s <= 120; s++ {
		c.Tick(time.Duration(s)*time.Second, 1_000_000+uint64(s)*1000, 900_000+uint64(s)*500)
	}
	var r RemoteStatus
	c.Fill(&r)
	if r.TakenRate < 990 || r.TakenRate > 1010 || r.DeliveredRate < 490 || r.DeliveredRate > 510 {
		t.Errorf("rates %v and %v, want 1000 and 500", r.TakenRate, r.DeliveredRate)
	}
}

// TestAsideTextSaysWhatIsNotCounted: of a queue that was set aside as a whole, and of no file of one, nobody knows how many
// samples were in it.
func TestAsideTextSaysWhatIsNotCounted(t *testing.T) {
	const queue, remote, positions = "/data/remote-amp/0001-lanes-8.unreadable-2", "/data/remote-amp.unreadable",
		"/data/remote-amp/0001-lanes-8/positions.unreadable"
	for _, c := range []struct {
		paths []string
		ends  string
	}{
		{[]string{positions}, positions},
		{[]string{queue}, queue + "; an unknown number of samples in it is not sent"},
		{[]string{queue, positions, remote}, "; an unknown number of samples is not sent in " + queue + ", " + remote},
		{[]string{"/data/remote-amp/0001-lanes-8/lane-01.unreadable"}, "lane-01.unreadable"},
	} {
		rs := RemoteStatus{Aside: c.paths, AsideFiles: len(c.paths)}
		if text := rs.AsideText(); !strings.HasSuffix(text, c.ends) {
			t.Errorf("%q: want %q at the end", text, c.ends)
		}
	}
}
