package ship

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/sample"
)

func customBuckets() *histogram.Histogram {
	return &histogram.Histogram{
		Schema: histogram.CustomBucketsSchema, Count: 6, Sum: 4.5, CustomValues: []float64{1, 2},
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 3}}, PositiveBuckets: []int64{1, 1, 1},
	}
}

// TestCustomBuckets: remote write 1.0 has no histograms with custom buckets. They are
// counted, named and left out, or sent as classic ones, which end with them.
func TestCustomBuckets(t *testing.T) {
	page := func(r *rig, at time.Time, ends bool) {
		var p sample.Page
		r.add(&p, labels.FromStrings("__name__", "good"), at.UnixMilli(), 1)
		one := r.sample(&p, labels.FromStrings("__name__", "custom"), at.UnixMilli(), staleNaN)
		if ends {
			p.Samples = append(p.Samples, one)
		} else if err := p.AddHistogram(one, customBuckets(), nil); err != nil {
			t.Fatal(err)
		}
		r.Take(&p)
	}
	now := time.Now()
	for name, c := range map[string]struct {
		key       string
		want      queue.Outcome
		receivers int
	}{
		"left out":  {"send_native_histograms: true", queue.Outcome{Delivered: 1}, 1},
		"converted": {"convert_nhcb_to_classic: true", queue.Outcome{Delivered: 6}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSink(t)
			r := start(t, Options{}, remoteWrite(s, c.key))
			page(r, now, false)
			if name == "left out" {
				c.want.Dropped[queue.Unsupported] = 1
			}
			l := r.settled(int(c.want.Sum()))
			if l.Outcome != c.want || s.distinct() != c.receivers {
				t.Errorf("ledger %+v, receiver has %d", l, s.distinct())
			}
			if rs := r.remote(); name == "left out" && (!strings.Contains(rs.LastRefusal, "convert_nhcb_to_classic") ||
				!strings.Contains(rs.LastRefusal, "custom")) {
				t.Errorf("refusal %q", rs.LastRefusal)
			}
			if name == "converted" {
				page(r, now.Add(time.Second), true)
				if l := r.settled(12); l.Delivered != 12 || s.distinct() != 12 || len(s.seen) != 6 {
					t.Errorf("ledger %+v, receiver has %d of %d series", l, s.distinct(), len(s.seen))
				}
			}
			r.stop()
		})
	}
}

// TestNamesAMPDoesNotTake: AMP takes no UTF-8 names; others may.
func TestNamesAMPDoesNotTake(t *testing.T) {
	for _, name := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	for key, want := range map[string]uint64{
		"sigv4: {region: us-east-2, access_key: AKIA, secret_key: secret}": 2, "send_exemplars: false": 0,
	} {
		s := newSink(t)
		r := start(t, Options{}, remoteWrite(s, key))
		var p sample.Page
		r.add(&p, labels.FromStrings("__name__", "good"), 1, 1)
		r.add(&p, labels.FromStrings("__name__", "with.dot"), time.Now().UnixMilli(), 1)
		r.add(&p, labels.FromStrings("__name__", "good", "with.dot", "x"), time.Now().UnixMilli(), 1)
		p.Samples[0].Time = time.Now().UnixMilli()
		r.Take(&p)
		l := r.settled(3)
		if l.Dropped[queue.Unsupported] != want || l.Delivered != 3-want {
			t.Errorf("%s: ledger %+v", key, l)
		}
		if rs := r.remote(); want > 0 && !strings.Contains(rs.LastRefusal, "with.dot") {
			t.Errorf("refusal %q", rs.LastRefusal)
		}
		r.stop()
	}
}

// TestRelabellingMakesNames: write_relabel_configs make names that AMP does not take, and
// names that it takes of such that it does not.
func TestRelabellingMakesNames(t *testing.T) {
	for _, name := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		t.Setenv(name, filepath.Join(t.TempDir(), "none"))
	}
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s, "sigv4: {region: us-east-2, access_key: AKIA, secret_key: secret}", "write_relabel_configs:",
		"  - {source_labels: [a], regex: x, target_label: with.dot, replacement: y}",
		"  - {source_labels: [__name__], regex: other.dot, target_label: __name__, replacement: other_dot}"))
	take := func(ls labels.Labels) {
		var p sample.Page
		r.add(&p, ls, time.Now().UnixMilli(), 1)
		r.Take(&p)
	}
	take(labels.FromStrings("__name__", "good"))
	take(labels.FromStrings("__name__", "good", "a", "x"))
	take(labels.FromStrings("__name__", "other.dot"))
	if l := r.settled(3); l.Dropped[queue.Unsupported] != 1 || l.Delivered != 2 {
		t.Errorf("ledger %+v", l)
	}
	if rs := r.remote(); !strings.Contains(rs.LastRefusal, "with.dot") {
		t.Errorf("refusal %q", rs.LastRefusal)
	}
	r.stop()
}

// TestEmptyExternalLabels: a label without a value is none, and receivers refuse it.
func TestEmptyExternalLabels(t *testing.T) {
	s := newSink(t)
	r := start(t, Options{}, remoteWrite(s))
	var p sample.Page
	p.Samples = append(p.Samples, encode(&p, labels.FromStrings("__name__", "up"), time.Now().UnixMilli(), 1,
		labels.Label{Name: "a", Value: ""}, labels.Label{Name: "z", Value: ""}))
	r.Take(&p)
	r.settled(1)
	r.stop()
	for series := range s.seen {
		if series != `__name__="up",` {
			t.Errorf("series %s", series)
		}
	}
}
