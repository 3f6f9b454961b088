package parascopehead

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/term"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestDeliveryForPeople draws one remote write in each state.
func TestDeliveryForPeople(t *testing.T) {
	t.Setenv("TZ", "UTC")
	now := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	ledger := func(delivered, queued uint64) queue.Ledger {
		return queue.Ledger{Taken: delivered + queued, Queued: queued, Outcome: queue.Outcome{Delivered: delivered}}
	}
	lossy := ledger(1_000_000, 0)
	lossy.Taken += 3500
	lossy.Dropped[queue.TooOld], lossy.Dropped[queue.QueueFull], lossy.Uncertain[queue.OutOfOrder] = 2000, 500, 1000
	trouble := func(code int, text string) *delivery.Trouble {
		return &delivery.Trouble{Time: now, Code: code, Text: text, Next: "do something"}
	}
	base := delivery.RemoteStatus{URL: "https://aps-workspaces.us-east-2.amazonaws.com/workspaces/ws-1/api/v1/remote_write",
		QueueMaxBytes: 4 << 30, QueueBytes: 12_345_678, AgeLimitSeconds: 3600, TakenRate: 16_480, DeliveredRate: 16_470,
		LastSuccess: now.Add(-time.Second)}
	with := func(name string, f func(*delivery.RemoteStatus)) delivery.RemoteStatus {
		r := base
		r.Name = name
		f(&r)
		return r
	}
	remotes := []delivery.RemoteStatus{
		with("all-well", func(r *delivery.RemoteStatus) {
			r.Ledger = ledger(1_234_567, 800)
			r.OldestSample = now.Add(-time.Second)
		}),
		with("afterwards", func(r *delivery.RemoteStatus) {
			r.Ledger, r.LastRefusal = lossy, "err: out-of-order sample"
		}),
		with("refused", func(r *delivery.RemoteStatus) {
			r.Ledger, r.OldestSample, r.FailingSince = ledger(100, 98_765), now.Add(-6*time.Minute), now.Add(-6*time.Minute)
			r.LastError = trouble(403, "The security token included in the request is expired")
		}),
		with("in-doubt", func(r *delivery.RemoteStatus) {
			r.Ledger = ledger(1000, 0)
			r.Ledger.Taken, r.Ledger.Uncertain[queue.OutOfOrder] = r.Ledger.Taken+2000, 2000
			r.LastSuccess, r.LastDoubt, r.LastRefusal = now.Add(-time.Hour), now.Add(-2*time.Second), "err: out-of-order sample"
		}),
		with("disk-full", func(r *delivery.RemoteStatus) {
			r.Ledger, r.LastLoss, r.LossReason, r.Disk = lossy, now, "disk", "write to queue: no space left on device"
			r.FailingSince, r.LastError = now.Add(-time.Minute), trouble(503, "down")
		}),
		with("disk-fails", func(r *delivery.RemoteStatus) {
			r.Ledger, r.Disk, r.TornTailBytes = ledger(1000, 0), "sync queue: input/output error", 117
		}),
		with("full-soon", func(r *delivery.RemoteStatus) {
			r.Ledger, r.OldestSample, r.FailingSince = ledger(0, 1000), now.Add(-time.Minute), now.Add(-time.Minute)
			r.QueueBytes, r.DeliveredRate, r.LastError = r.QueueMaxBytes+100, 0, trouble(503, "down")
		}),
		with("catching-up", func(r *delivery.RemoteStatus) {
			r.Ledger, r.OldestSample, r.DeliveredRate, r.RateLimit = ledger(100, 9_000_000), now.Add(-20*time.Minute), 100_000, 100_000
		}),
		with("losing", func(r *delivery.RemoteStatus) {
			r.Ledger, r.OldestSample, r.FailingSince, r.LastLoss = lossy, now.Add(-time.Hour), now.Add(-2*time.Hour), now
			r.Ledger.Queued, r.Ledger.Taken = 5_000_000, r.Ledger.Taken+5_000_000
			r.LastError = trouble(0, "dial tcp: no such host")
		}),
		with("set-aside", func(r *delivery.RemoteStatus) {
			r.Ledger, r.Aside, r.AsideFiles = ledger(1000, 0), []string{"/data/remote-amp/positions.unreadable"}, 1
		}),
		with("many-set-aside", func(r *delivery.RemoteStatus) {
			r.Ledger, r.Aside, r.AsideFiles = ledger(1000, 0), []string{"1.unreadable", "2.unreadable", "3.unreadable", "4.unreadable",
				"5.unreadable", "6.unreadable"}, 117
		}),
		with("gone", func(r *delivery.RemoteStatus) {
			r.Verdict, r.Ledger, r.OldestSample = delivery.Removed, ledger(10, 20), now.Add(-10*time.Minute)
		}),
	}
	d := delivery.New(now, remotes)
	if d.Verdict != delivery.Losing || !d.Total.Balanced() {
		t.Errorf("verdict %q, total %+v", d.Verdict, d.Total)
	}
	failing := []head.Discovery{{Mechanism: "ec2", Jobs: []string{"dcgm", "node"}, Since: now.Add(-7 * time.Minute),
		Why: "no\x1b[2J credentials"}}
	if err := deliveryError(head.Delivery{Status: delivery.Status{Verdict: delivery.Delivering}, Discovery: failing}); hint.CodeOf(err) !=
		hint.Failure {
		t.Errorf("a discovery that fails: %v", err)
	}
	var b strings.Builder
	if err := printDelivery(&b, term.Styler{}, head.Delivery{Status: d, Discovery: failing}); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "status.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s differs (-update rewrites it) (-want +got):\n%s", golden, diff)
	}
	for name, code := range map[string]hint.Code{"all-well": 0, "afterwards": 0, "refused": hint.Denied, "in-doubt": hint.Failure,
		"disk-full": hint.Failure, "disk-fails": hint.Failure, "full-soon": hint.Failure, "catching-up": 0, "losing": hint.Failure, "gone": 0} {
		for _, r := range remotes {
			if r.Name != name {
				continue
			}
			if err := deliveryError(head.Delivery{Status: delivery.Status{Verdict: r.Verdict,
				Remotes: []delivery.RemoteStatus{r}}}); hint.CodeOf(err) != code {
				t.Errorf("%s: exit code %d (%v), want %d", name, hint.CodeOf(err), err, code)
			}
			if next := r.Next(); strings.HasPrefix(name, "disk") && !strings.Contains(next, "free space on the disk") {
				t.Errorf("%s: %q is said of what to do", name, next)
			}
		}
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]string{"4GB": "4GB", "512MiB": "512MB", "1048576b": "1MB", "1536MB": "1536MB"} {
		var b byteSize
		if err := b.Set(text); err != nil || b.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, b.String(), err, want)
		}
	}
	for _, text := range []string{"", "4", "GB", "-1GB", "1KB", "9999999999TB", "1.5GB"} {
		var b byteSize
		if err := b.Set(text); err == nil {
			t.Errorf("%q is taken as %s", text, b.String())
		}
	}
	for text, good := range map[string]bool{"64KB": true, "1MiB": true, "16MB": true, "63KB": false, "17MB": false, "-1MB": false,
		"1": false} {
		var r requestSize
		if err := r.Set(text); (err == nil) != good {
			t.Errorf("%q as the size of a request: %v", text, err)
		}
	}
}
