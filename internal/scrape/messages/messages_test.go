package messages

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/textparse"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

var limits = Limits{Bytes: 1 << 20, Labels: 2000}

// page is what an exporter writes of the families.
func page(t testing.TB, families ...*dto.MetricFamily) []byte {
	var b bytes.Buffer
	for _, f := range families {
		if _, err := protodelim.MarshalTo(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func family(kind dto.MetricType, metrics ...*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: proto.String("a"), Help: proto.String("Help."), Type: kind.Enum(), Metric: metrics}
}

func native(buckets int) *dto.Metric {
	h := &dto.Histogram{Schema: proto.Int32(3), ZeroThreshold: proto.Float64(1), SampleCount: proto.Uint64(uint64(buckets))}
	for range buckets / 2 {
		h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: proto.Int32(1), Length: proto.Uint32(1)})
		h.PositiveDelta = append(h.PositiveDelta, 0)
	}
	return &dto.Metric{Histogram: h}
}

func classic(buckets int) *dto.Metric {
	h := &dto.Histogram{SampleCount: proto.Uint64(1), SampleSum: proto.Float64(1)}
	for i := range buckets {
		h.Bucket = append(h.Bucket, &dto.Bucket{CumulativeCount: proto.Uint64(1), UpperBound: proto.Float64(float64(i)),
			Exemplar: &dto.Exemplar{Label: []*dto.LabelPair{{Name: proto.String("trace"), Value: proto.String("x")}}, Value: proto.Float64(1)}})
	}
	return &dto.Metric{Histogram: h}
}

func gauge(labels int, value string) *dto.Metric {
	m := &dto.Metric{Gauge: &dto.Gauge{Value: proto.Float64(1)}}
	for i := range labels {
		m.Label = append(m.Label, &dto.LabelPair{Name: proto.String(fmt.Sprintf("l%d", i)), Value: proto.String(value)})
	}
	return m
}

func TestCheck(t *testing.T) {
	many := func(n int, f *dto.MetricFamily) (all []*dto.MetricFamily) {
		for range n {
			all = append(all, f)
		}
		return all
	}
	gauges := family(dto.MetricType_GAUGE)
	for range 20_000 {
		gauges.Metric = append(gauges.Metric, gauge(3, "value"))
	}
	empty := family(dto.MetricType_GAUGE)
	full := family(dto.MetricType_GAUGE, gauge(1, "x"))
	for name, c := range map[string]struct {
		page    []byte
		because string
	}{
		"many series":             {page(t, gauges), ""},
		"native histogram":        {page(t, family(dto.MetricType_HISTOGRAM, native(16_384))), ""},
		"histogram":               {page(t, family(dto.MetricType_HISTOGRAM, classic(5000))), ""},
		"buckets":                 {page(t, family(dto.MetricType_HISTOGRAM, classic(20_000))), "too many buckets"},
		"spans":                   {page(t, family(dto.MetricType_HISTOGRAM, native(64_000))), "too many buckets"},
		"labels":                  {page(t, family(dto.MetricType_GAUGE, gauge(2001, strings.Repeat("x", 100)))), "too many labels"},
		"long labels":             {page(t, family(dto.MetricType_GAUGE, gauge(2, strings.Repeat("x", 1<<19)))), "too large"},
		"long help":               {page(t, &dto.MetricFamily{Help: proto.String(strings.Repeat("x", 1<<20+1))}), "too large"},
		"families":                {page(t, many(20_000, full)...), ""},
		"empty families":          {page(t, many(10_001, empty)...), "have no metrics"},
		"empty families, divided": {page(t, append(append(many(9000, empty), full), many(9000, empty)...)...), ""},
		"families of no bytes":    {make([]byte, Small+1), "have no metrics"},
		"text":                    {bytes.Repeat([]byte("a 1\n"), Small), errMalformed.Error()},
		"cut":                     {page(t, gauges)[:Small+1], errMalformed.Error()},
		"length of 2^62 bytes":    {append(protowire.AppendVarint(nil, 1<<62), make([]byte, Small)...), errMalformed.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Check(c.page, limits)
			if (err != nil) != (c.because != "") || err != nil && !strings.Contains(err.Error(), c.because) {
				t.Errorf("%d bytes: %v; want %q", len(c.page), err, c.because)
			}
		})
	}
}

// TestNeed: what Prometheus' parser takes of a page is no more than was said.
func TestNeed(t *testing.T) {
	fields := func(field protowire.Number, n int) []byte {
		return bytes.Repeat(protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), nil), n)
	}
	within := func(kind byte, field protowire.Number, value []byte) []byte { // of a family, a metric and it
		m := protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), value)
		f := protowire.AppendBytes(protowire.AppendTag([]byte{10, 1, 'a', 24, kind}, familyMetric, protowire.BytesType), m)
		return protowire.AppendBytes(nil, f)
	}
	for name, body := range map[string][]byte{
		"buckets":   within(4, 7, fields(3, 60_000)),
		"spans":     within(4, 7, fields(12, 60_000)),
		"exemplars": within(4, 7, fields(16, 60_000)),
		"quantiles": within(2, 4, fields(3, 60_000)),
		"metrics":   protowire.AppendBytes(nil, append([]byte{10, 1, 'a', 24, 1}, fields(familyMetric, 1_000_000)...)),
	} {
		need, err := Check(body, limits)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		p := textparse.NewProtobufParser(body, false, true, false, false, nil)
		_, err = p.Next()
		runtime.GC()
		runtime.ReadMemStats(&after)
		if took := int64(after.HeapAlloc) - int64(before.HeapAlloc); err != nil || took < 1<<16 || took > need {
			t.Errorf("%s: the parser holds %d bytes, %d were said: %v", name, took, need, err)
		}
		runtime.KeepAlive(p)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(page(f, family(dto.MetricType_HISTOGRAM, classic(3), native(4)), family(dto.MetricType_GAUGE, gauge(2, "x"))))
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		need, err := check(body, limits)
		if need < 0 || err != nil && need != 0 {
			t.Fatalf("%d bytes, %v", need, err)
		}
		if err != nil {
			return
		}
		// What is let through is read without a panic.
		for p := textparse.NewProtobufParser(body, false, true, false, false, nil); err == nil; {
			_, err = p.Next()
		}
	})
}
