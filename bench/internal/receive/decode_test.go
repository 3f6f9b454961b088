package receive

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"
)

// TestDecodeAgreesWithPrometheus: the decoder is our own, so it is held against
// the messages that Prometheus' own code writes.
func TestDecodeAgreesWithPrometheus(t *testing.T) {
	in := prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{
			{Labels: []prompb.Label{{Name: "__name__", Value: "up"}, {Name: "job", Value: ""}},
				Samples: []prompb.Sample{{Value: 1.5, Timestamp: 1764018819123}, {Value: math.Inf(-1), Timestamp: -7}}},
			{Labels: []prompb.Label{{Name: "__name__", Value: "gone"}},
				Samples: []prompb.Sample{{Value: math.Float64frombits(staleBits), Timestamp: 1}}, Exemplars: []prompb.Exemplar{{Value: 3}}},
			{},
		},
		Metadata: []prompb.MetricMetadata{{MetricFamilyName: "up", Help: "…"}},
	}
	message, err := in.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	type series struct {
		Labels  [][2]string
		Samples []prompb.Sample
		Stale   bool
	}
	var got []series
	err = decode(message, func(labels []label, samples []sample) {
		s := series{}
		for _, l := range labels {
			s.Labels = append(s.Labels, [2]string{string(l.name), string(l.value)})
		}
		for _, v := range samples {
			s.Stale = s.Stale || v.stale()
			s.Samples = append(s.Samples, prompb.Sample{Value: v.value, Timestamp: v.timestamp})
		}
		got = append(got, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []series{
		{Labels: [][2]string{{"__name__", "up"}, {"job", ""}}, Samples: []prompb.Sample{{Value: 1.5, Timestamp: 1764018819123},
			{Value: math.Inf(-1), Timestamp: -7}}},
		{Labels: [][2]string{{"__name__", "gone"}}, Samples: []prompb.Sample{{Value: math.NaN(), Timestamp: 1}}, Stale: true},
		{},
	}
	sameFloat := cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })
	if diff := cmp.Diff(want, got, sameFloat); diff != "" {
		t.Error(diff)
	}
}

// FuzzDecode: what Prometheus reads, we read the same number of samples from;
// nothing breaks the decoder.
func FuzzDecode(f *testing.F) {
	seed := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{{Labels: []prompb.Label{{Name: "a", Value: "b"}},
		Samples: []prompb.Sample{{Value: 1, Timestamp: 2}}}}}
	message, err := seed.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	f.Add([]byte{0x0a, 0xff})
	f.Fuzz(func(t *testing.T, message []byte) {
		got := 0
		ours := decode(message, func(_ []label, samples []sample) { got += len(samples) })
		var theirs prompb.WriteRequest
		if theirs.Unmarshal(message) != nil {
			return
		}
		want := 0
		for _, s := range theirs.Timeseries {
			want += len(s.Samples)
		}
		if ours == nil && got != want {
			t.Errorf("%d samples, Prometheus reads %d", got, want)
		}
	})
}
