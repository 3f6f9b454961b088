package ship

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/wire"
)

// TestEncodingIsThatOfTheGeneratedCode holds our bytes against gogo's.
func TestEncodingIsThatOfTheGeneratedCode(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	for _, c := range []struct {
		name             string
		series, external labels.Labels
		t                int64
		v                float64
	}{
		{"plain", labels.FromStrings("__name__", "up", "job", "node"), labels.EmptyLabels(), 1700000000123, 1.5},
		{"zero value", labels.FromStrings("__name__", "up"), labels.EmptyLabels(), 1700000000123, 0},
		{"zero time", labels.FromStrings("__name__", "up"), labels.EmptyLabels(), 0, 1},
		{"before 1970", labels.FromStrings("__name__", "up"), labels.EmptyLabels(), -5, 1},
		{"stale", labels.FromStrings("__name__", "up"), labels.EmptyLabels(), 1, staleNaN},
		{"external first, between, last", labels.FromStrings("__name__", "up", "job", "node"),
			labels.FromStrings("A", "1", "cluster", "c", "zone", "z"), 1, 1},
		{"external loses to the series' own", labels.FromStrings("__name__", "up", "cluster", "own"), labels.FromStrings("cluster", "c"), 1, 1},
		{"small", labels.FromStrings("a", "b"), labels.EmptyLabels(), 1, 1},
		{"large", labels.FromStrings("__name__", "up", "long", long), labels.EmptyLabels(), 1, 1},
		{"not ASCII", labels.FromStrings("__name__", "grüße", "日本", "語"), labels.EmptyLabels(), 1, math.Inf(-1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := labels.NewBuilder(c.series)
			c.external.Range(func(l labels.Label) {
				if !c.series.Has(l.Name) {
					b.Set(l.Name, l.Value)
				}
			})
			want := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{
				Labels: prompb.FromLabels(b.Labels(), nil), Samples: []prompb.Sample{{Value: c.v, Timestamp: c.t}},
			}}}
			var external []labels.Label
			c.external.Range(func(l labels.Label) { external = append(external, l) })
			var p sample.Page
			p.Samples = append(p.Samples, encode(&p, c.series, c.t, c.v, external...))
			if ls := p.Words.Labels(p.Labels); !labels.Equal(ls, b.Labels()) || p.Samples[0].Series != ls.Hash() {
				t.Errorf("labels are read as %s, series %x", ls, p.Samples[0].Series)
			}
			compareBytes(t, &want, request(&p))
		})
	}
	h, fh := tsdbutil.GenerateTestHistogram(3), tsdbutil.GenerateTestFloatHistogram(3)
	series := labels.FromStrings("__name__", "latency")
	for _, c := range []struct {
		name string
		want prompb.Histogram
		h    *histogram.Histogram
		fh   *histogram.FloatHistogram
	}{
		{"histogram of integers", prompb.FromIntHistogram(7, h), h, nil},
		{"histogram of floats", prompb.FromFloatHistogram(7, fh), nil, fh},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: prompb.FromLabels(series, nil),
				Histograms: []prompb.Histogram{c.want}}}}
			compareBytes(t, &want, encodedHistogram(t, series, 7, c.h, c.fh))
		})
	}
}

// request is a page as the body of one request.
func request(p *sample.Page) []byte {
	sh := sheet{set: &settings{histograms: true}, oldest: math.MinInt64, lanes: make([]chunk, 1)}
	for i := range p.Samples {
		sh.add(p, &p.Samples[i])
	}
	return sh.lanes[0].raw
}

func encodedFloat(millis int64, ls labels.Labels) []byte {
	var p sample.Page
	p.Samples = append(p.Samples, encode(&p, ls, millis, 1))
	return request(&p)
}

func encodedHistogram(t *testing.T, ls labels.Labels, millis int64, h *histogram.Histogram, fh *histogram.FloatHistogram) []byte {
	t.Helper()
	var p sample.Page
	if err := p.AddHistogram(encode(&p, ls, millis, 0), h, fh); err != nil {
		t.Fatal(err)
	}
	return request(&p)
}

func compareBytes(t *testing.T, want *prompb.WriteRequest, got []byte) {
	t.Helper()
	b, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, got) {
		var decoded prompb.WriteRequest
		err := decoded.Unmarshal(got)
		t.Errorf("got %d bytes, want %d (decoded: %v); -want +got:\n%s", len(got), len(b), err, cmp.Diff(want.String(), decoded.String()))
	}
}

func TestHalveAndYoungerThan(t *testing.T) {
	var raw []byte
	for i := range 5 {
		raw = append(raw, encodedFloat(int64(100+i), labels.FromStrings("__name__", "up", "n", string(rune('a'+i))))...)
	}
	raw = append(raw, encodedHistogram(t, labels.FromStrings("__name__", "h"), 105, tsdbutil.GenerateTestHistogram(1), nil)...)
	first, second, err := wire.Halve(raw, 6)
	if err != nil {
		t.Fatal(err)
	}
	if n, m := count(t, first), count(t, second); n != 3 || m != 3 || !bytes.Equal(append(bytes.Clone(first), second...), raw) {
		t.Errorf("halves of %d and %d series, want 3 and 3 that make the whole", n, m)
	}
	kept, dropped, err := wire.YoungerThan(raw, 104)
	if err != nil || dropped != 4 || count(t, kept) != 2 {
		t.Errorf("wire.YoungerThan dropped %d and kept %d (%v), want 4 and 2", dropped, count(t, kept), err)
	}
}

func count(t *testing.T, raw []byte) int {
	t.Helper()
	var req prompb.WriteRequest
	if err := req.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	return len(req.Timeseries)
}

// FuzzBody reads anything as a request body: damage is an error, never a panic.
func FuzzBody(f *testing.F) {
	f.Add(encodedFloat(1, labels.FromStrings("__name__", "up")), int64(1))
	f.Fuzz(func(t *testing.T, raw []byte, millis int64) {
		first, second, err := wire.Halve(raw, 2)
		if err == nil && len(first)+len(second) != len(raw) {
			t.Errorf("halves have %d and %d bytes of %d", len(first), len(second), len(raw))
		}
		if kept, _, err := wire.YoungerThan(raw, millis); err == nil && len(kept) > len(raw) {
			t.Error("more was kept than there was")
		}
	})
}
