package faults

import (
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// FuzzWithout: whatever comes in, at most n samples are gone, and the rest is a
// request that can be read.
func FuzzWithout(f *testing.F) {
	seed := prompb.WriteRequest{Timeseries: []prompb.TimeSeries{
		{Labels: []prompb.Label{{Name: "__name__", Value: "a"}}, Samples: []prompb.Sample{{Value: 1, Timestamp: 1}, {Value: 2, Timestamp: 2}}},
		{Labels: []prompb.Label{{Name: "b", Value: "c"}}, Samples: []prompb.Sample{{Value: 3, Timestamp: 3}}},
		{},
	}}
	message, err := seed.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(snappy.Encode(nil, message), 2)
	f.Add([]byte("x"), 1)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		n = max(0, min(n, 1000))
		before, err := samples(body)
		rest, first, refused := without(body, n)
		if (err == nil) != (refused == nil) {
			t.Fatalf("decoding: %v, refusing: %v", err, refused)
		}
		if err != nil {
			return
		}
		after, err := samples(rest)
		if err != nil || after != max(0, before-n) {
			t.Errorf("%d of %d samples are left without %d (%v)", after, before, n, err)
		}
		if (first != "") != (after < before) {
			t.Errorf("%q is told about %d refused", first, before-after)
		}
	})
}

func samples(body []byte) (n int, err error) {
	message, err := snappy.Decode(nil, body)
	if err != nil {
		return 0, err
	}
	var req prompb.WriteRequest
	err = req.Unmarshal(message)
	for _, ts := range req.Timeseries {
		n += len(ts.Samples)
	}
	return n, err
}
