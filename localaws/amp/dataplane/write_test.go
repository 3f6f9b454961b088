package dataplane

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

func TestOneHourRule(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("m", []string{"age", "59m"}, -59*time.Minute))
	p.mustWrite(series("m", []string{"age", "60m"}, -time.Hour))
	p.refused(400, "timestamp too old: ", series("m", []string{"age", "over"}, -time.Hour-time.Millisecond))
	if n := p.count(`m{age="over"}`); n != 0 {
		t.Errorf("%d samples over an hour old were stored", n)
	}
	if n := p.count("m"); n != 2 {
		t.Errorf("%d samples stored, want 2", n)
	}
}

func TestFutureRule(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("m", []string{"ahead", "10m"}, 10*time.Minute))
	p.refused(400, "timestamp too new", series("m", []string{"ahead", "over"}, 10*time.Minute+time.Second))
	if n := p.count("m"); n != 1 {
		t.Errorf("%d samples stored, want 1", n)
	}
}

func TestOutOfOrderRule(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("m", nil, 0))
	p.mustWrite(series("m", nil, -50*time.Second))
	p.refused(400, "err: too old sample. timestamp=2", series("m", nil, -70*time.Second))
	if n := p.count("m"); n != 2 {
		t.Errorf("%d samples stored, want 2", n)
	}
}

func TestOutOfOrderWindowChangesLive(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("m", nil, 0))
	p.settings.OutOfOrderWindow = 10 * time.Minute
	if err := p.store.Apply(workspaceID, p.settings); err != nil {
		t.Fatal(err)
	}
	p.mustWrite(series("m", nil, -9*time.Minute))
	p.settings.OutOfOrderWindow = 0
	if err := p.store.Apply(workspaceID, p.settings); err != nil {
		t.Fatal(err)
	}
	p.refused(400, "err: out of order sample. timestamp=", series("m", nil, -time.Second))
}

func TestDuplicateTimestamps(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("m", nil, 0))
	p.mustWrite(series("m", nil, 0))
	other := series("m", nil, 0)
	other.Samples[0].Value = 42
	p.refused(400, "duplicate sample for timestamp", other)
	if n := p.count("m"); n != 1 {
		t.Errorf("%d samples stored, want 1", n)
	}
}

func TestGoodSamplesKeptOn400(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.refused(400, "timestamp too old: ",
		series("good", nil, -30*time.Second),
		series("bad", nil, -2*time.Hour, -time.Second),
		series("good", []string{"after", "the bad one"}, -20*time.Second))
	if good, bad := p.count("good"), p.count("bad"); good != 2 || bad != 1 {
		t.Errorf("%d good samples and %d of the bad series stored, want 2 and 1", good, bad)
	}
}

func TestRateLimitRefusesWholeBatch(t *testing.T) {
	p := open(t, t.TempDir(), Limits{IngestionRate: 10, IngestionBurst: 10})
	p.mustWrite(series("m", nil, -4*time.Second, -3*time.Second, -2*time.Second, -time.Second))
	p.refused(429, "ingestion rate limit (10) exceeded while adding 7 samples and 0 metadata",
		series("n", nil, 0), series("n", []string{"a", "b"}, -5*time.Second, -4*time.Second, -3*time.Second, -2*time.Second, -time.Second, 0))
	if n := p.count("n"); n != 0 {
		t.Errorf("%d samples of the refused batch were stored", n)
	}
	// The refused batch took no tokens: six are left, and one second brings ten.
	p.mustWrite(series("o", nil, -5*time.Second, -4*time.Second, -3*time.Second, -2*time.Second, -time.Second, 0))
	p.refused(429, "ingestion rate limit", series("o", nil, time.Second))
	p.now = p.now.Add(time.Second)
	p.mustWrite(series("o", nil, time.Second))
}

func TestSeriesLimit(t *testing.T) {
	p := open(t, t.TempDir(), Limits{ActiveSeries: 2})
	p.mustWrite(series("a", nil, -10*time.Second), series("b", nil, -10*time.Second))
	p.refused(400, "per-user series limit of 2 exceeded, please contact administrator", series("c", nil, 0), series("a", nil, 0))
	if a, c := p.count("a"), p.count("c"); a != 2 || c != 0 {
		t.Errorf("%d samples of the old series and %d of the new one, want 2 and 0", a, c)
	}
}

func TestLabelLimits(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	labels := func(n int, value string) []string {
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("l%03d", i), value)
		}
		return pairs
	}
	p.mustWrite(series("m", labels(149, "v"), 0))
	p.refused(400, "series has too many labels (actual: 151, limit: 150)", series("m", labels(150, "v"), 0))
	p.refused(400, "series has too large labels", series("m", labels(140, strings.Repeat("x", 50)), 0))
	p.refused(400, "label value too long for metric (actual: 2049, limit: 2048) metric: \"m{l=",
		series("m", []string{"l", strings.Repeat("x", 2049)}, 0))
	p.refused(400, "label name too long for metric (actual: 1025, limit: 1024)", series("m", []string{strings.Repeat("l", 1025), "x"}, 0))
	p.refused(400, "duplicate label name", series("m", []string{"l", "a", "l", "b"}, 0))
	p.refused(400, "sample invalid label", series("m", []string{"l-l", "a"}, 0))
	p.refused(400, `sample invalid label value: l="\xff"`, series("m", []string{"l", "\xff"}, 0))
	p.refused(400, "empty labels found", prompb.TimeSeries{}, series("m", nil, time.Second))
	p.refused(400, "sample missing metric name", series("", []string{"l", "a"}, 0))
	p.refused(400, "sample invalid metric name", series("m-m", nil, 0))
	if n := p.count(`{__name__=~".+"}`); n != 1 {
		t.Errorf("%d samples stored, want 1", n)
	}
}

func TestRequestSize(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	noise := make([]byte, maxRequestBytes+1)
	long := "query=up" + strings.Repeat("%20", maxRequestBytes/3)
	for operation, query := range map[string]string{"RemoteWrite": "", "QueryMetrics (POST)": "", "QueryMetrics (range, POST)": "",
		"GetSeries (POST)": "", "QueryMetrics": long} {
		body := noise
		if query != "" {
			body = nil
		}
		if status, body := p.call(operation, workspaceID, query, writeHeader, body); status != 413 || body != "Request size exceeded" {
			t.Errorf("%s of 1 MB and a byte: %d %s", operation, status, body)
		}
	}
	bomb := snappy.Encode(nil, make([]byte, maxDecodedBytes+1))
	if len(bomb) > maxRequestBytes*2 {
		t.Fatalf("the bomb is %d bytes", len(bomb))
	}
	if status, body := p.call("RemoteWrite", workspaceID, "", writeHeader, bomb[:min(len(bomb), maxRequestBytes)]); status != 413 {
		t.Errorf("a request that unfolds to 32 MB: %d %s", status, body)
	}
}

func TestRemoteWrite2Refused(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	body := encode(t, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{series("m", nil, 0)}})
	for name, header := range map[string]map[string]string{
		"2.0":  {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
		"json": {"Content-Encoding": "snappy", "Content-Type": "application/json"},
		"zstd": {"Content-Encoding": "zstd", "Content-Type": "application/x-protobuf"},
	} {
		if status, text := p.call("RemoteWrite", workspaceID, "", header, body); status != http.StatusUnsupportedMediaType {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	named := map[string]string{"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"}
	if status, text := p.call("RemoteWrite", workspaceID, "", named, body); status != http.StatusOK {
		t.Errorf("1.0 by its name: %d %s", status, text)
	}
	if n := p.count("m"); n != 1 {
		t.Errorf("%d samples stored, want 1", n)
	}
}

func TestMalformedRequestsStoreNothing(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	good := encode(t, &prompb.WriteRequest{Timeseries: []prompb.TimeSeries{series("m", nil, 0)}})
	for name, body := range map[string][]byte{
		"empty":        {},
		"no snappy":    []byte("not snappy"),
		"cut":          good[:len(good)-3],
		"no protobuf":  snappy.Encode(nil, []byte("not protobuf")),
		"cut protobuf": snappy.Encode(nil, []byte{0x0a, 0x20, 0x0a}),
	} {
		if status, text := p.call("RemoteWrite", workspaceID, "", writeHeader, body); status != 400 {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if n := p.count(`{__name__=~".+"}`); n != 0 {
		t.Errorf("%d samples stored", n)
	}
}

func TestExemplars(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	with := func(name string, e prompb.Exemplar) prompb.TimeSeries {
		s := series(name, nil, 0)
		s.Exemplars = []prompb.Exemplar{e}
		return s
	}
	trace := func(value string) []prompb.Label { return []prompb.Label{{Name: "trace", Value: value}} }
	at := noon.UnixMilli()
	p.mustWrite(with("good", prompb.Exemplar{Labels: trace(strings.Repeat("x", 123)), Timestamp: at}))
	// As distributor_test.go of Cortex has them.
	p.refused(400, fmt.Sprintf(`exemplar missing labels, timestamp: %d series: {__name__="bad"} labels: {}`, at),
		with("bad", prompb.Exemplar{Timestamp: at}), series("beside", nil, 0))
	p.refused(400, `exemplar missing timestamp, timestamp: 0 series: {__name__="bad"} labels: {trace="x"}`,
		with("bad", prompb.Exemplar{Labels: trace("x")}))
	p.refused(400, "exemplar combined labelset exceeds 128 characters, timestamp: ",
		with("bad", prompb.Exemplar{Labels: trace(strings.Repeat("x", 124)), Timestamp: at}))
	if good, bad, beside := p.count("good"), p.count("bad"), p.count("beside"); good != 1 || bad != 0 || beside != 1 {
		t.Errorf("%d, %d and %d samples stored, want 1, 0 and 1", good, bad, beside)
	}
}

func TestNativeHistogramsAndStaleness(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	hist := series("h", nil)
	h := tsdbutil.GenerateTestHistogram(5)
	hist.Histograms = []prompb.Histogram{prompb.FromIntHistogram(noon.UnixMilli(), h),
		prompb.FromFloatHistogram(noon.Add(time.Second).UnixMilli(), h.ToFloat(nil))}
	stale := series("gone", nil, -10*time.Second, 0)
	stale.Samples[1].Value = math.Float64frombits(value.StaleNaN)
	p.mustWrite(hist, stale)
	if _, body := p.call("QueryMetrics", workspaceID, "query=histogram_count(h)&time="+noon.Add(time.Second).Format(time.RFC3339), nil,
		nil); !strings.Contains(body, fmt.Sprintf(`"%d"`, h.Count)) {
		t.Errorf("histogram_count: %s, want %d", body, h.Count)
	}
	if _, body := p.call("QueryMetrics", workspaceID, "query=gone&time="+noon.Format(time.RFC3339), nil, nil); !strings.Contains(body,
		`"result":[]`) {
		t.Errorf("a stale series is still there: %s", body)
	}

	bad := series("h", []string{"schema", "9"})
	wide := h.Copy()
	wide.Schema = 9
	bad.Histograms = []prompb.Histogram{prompb.FromIntHistogram(noon.UnixMilli(), wide)}
	p.refused(400, "schema 9", bad)
	broken := series("h", []string{"broken", "yes"})
	broken.Histograms = []prompb.Histogram{prompb.FromIntHistogram(noon.UnixMilli(), &histogram.Histogram{Schema: 1, Count: 3})}
	p.refused(400, "invalid native histogram", broken)
}

// TestDroppedInSilence: what the TSDB drops when it commits a request is answered with
// 200, as in Cortex.
func TestDroppedInSilence(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	two := series("m", []string{"two", "values"}, 0, 0)
	two.Samples[1].Value++
	p.mustWrite(two)
	p.mustWrite(series("m", []string{"late", "in it"}, 0, -90*time.Second))
	mixed := series("m", []string{"both", "kinds"}, 0)
	mixed.Histograms = []prompb.Histogram{prompb.FromIntHistogram(noon.UnixMilli(), tsdbutil.GenerateTestHistogram(1))}
	p.mustWrite(mixed)
	if n := p.count("m"); n != 3 {
		t.Errorf("%d samples stored, want 3", n)
	}
}

// TestFunctionsOfTheEngine: what AMP's engine has not enabled is refused, and what it has
// under an old name is evaluated.
func TestFunctionsOfTheEngine(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("m", nil, -20*time.Second, -10*time.Second, 0))
	for query, want := range map[string]int{
		"first_over_time(m[1m])": 400, "sum(first_over_time(m[1m]))": 400, "rate(m[1m] smoothed)": 400, "increase(m[1m] anchored)": 400,
		"holt_winters(m[1m], 0.5, 0.5)": 200, "last_over_time(m[1m])": 200,
	} {
		status, body := p.call("QueryMetrics", workspaceID, url.Values{"query": {query}, "time": {noon.Format(time.RFC3339)}}.Encode(), nil, nil)
		if status != want || want == 400 && !strings.Contains(body, "bad_data") {
			t.Errorf("%s: %d %s, want %d", query, status, body, want)
		}
	}
}

// FuzzRemoteWrite: whatever the body is, the answer is 200 or a refusal, a body
// that is not decoded stores nothing, and what is stored can be asked for.
func FuzzRemoteWrite(f *testing.F) {
	f.Add(encode(f, &prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{series("m", []string{"a", "b"}, 0, time.Second)},
		Metadata:   []prompb.MetricMetadata{{MetricFamilyName: "m", Help: "h"}},
	}))
	f.Add(encode(f, &prompb.WriteRequest{
		Timeseries: []prompb.TimeSeries{series("m", []string{"a", "\xff"}, 0)},
		Metadata:   []prompb.MetricMetadata{{MetricFamilyName: "\xff", Help: "\xfe"}},
	}))
	f.Add([]byte("\xff\xff\xff\xff\x0f"))
	f.Add(snappy.Encode(nil, []byte{0x0a, 0x01}))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := open(t, t.TempDir(), Limits{})
		status, text := p.call("RemoteWrite", workspaceID, "", writeHeader, body)
		if status != 200 && status != 400 && status != 413 && status != 429 {
			t.Errorf("%d %s", status, text)
		}
		if !utf8.ValidString(text) {
			t.Errorf("the refusal is not UTF-8: %q", text)
		}
		if _, err := decode(body); err != nil && p.count(`{__name__=~".+"}`) != 0 {
			t.Error("a body that is not a request stored samples")
		}
		all := url.Values{"match[]": {`{__name__=~".+"}`}}.Encode()
		for operation, query := range map[string]string{"GetSeries": all, "GetLabels": "", "GetMetricMetadata": ""} {
			if status, answer := p.call(operation, workspaceID, query, nil, nil); status != 200 || !json.Valid([]byte(answer)) ||
				!utf8.ValidString(answer) {
				t.Errorf("%s after it: %d %q", operation, status, answer)
			}
		}
	})
}
