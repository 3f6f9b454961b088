package scrape

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"google.golang.org/protobuf/proto"

	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/scrape/rules"
)

// hostile runs our manager with pages that are all but good, and says what came of it.
func hostile(t *testing.T, config string, pages answers, then func(*Manager)) *outcome {
	t.Helper()
	var o *outcome
	synctest.Test(t, func(t *testing.T) {
		s := newSide(t, false, "host", pages)
		s.start(t, job(config), []string{"node:1"})
		s.ask(time.Duration(len(pages)+1) * time.Second)
		if then != nil {
			synctest.Wait() // the last page is put away
			then(s.manager.(*Manager))
		}
		o = s.end(t)
	})
	return o
}

const series = `{__name__="%s", instance="node:1", job="test"}`

// said is what the target said at the end of each second.
func (o *outcome) saidOf(target string) string {
	for name, text := range o.Errors {
		if strings.Contains(name, target) {
			return text
		}
	}
	return ""
}

func TestPageThatPanicsFailsItsScrapeOnly(t *testing.T) {
	text := func(body string) http.HandlerFunc { return texts(body)[0] }
	const limits = "  body_size_limit: 200MB\n"
	long := strings.Repeat("x", 1<<24)
	label := func(name, value string) *dto.MetricFamily {
		return &dto.MetricFamily{Name: proto.String("evil"), Type: dto.MetricType_GAUGE.Enum(), Metric: []*dto.Metric{
			{Label: []*dto.LabelPair{{Name: proto.String(name), Value: proto.String(value)}}, Gauge: &dto.Gauge{Value: proto.Float64(1)}}}}
	}
	for name, c := range map[string]struct {
		config  string
		page    http.HandlerFunc
		panics  bool
		because string
	}{
		"label value":          {limits, text("evil{x=\"" + long + "\"} 1\n"), false, "series is too large"},
		"label value of 50 MB": {limits, text("evil{x=\"" + strings.Repeat("x", 50<<20) + "\"} 1\n"), false, "series is too large"},
		"label name":           {limits, text("evil{" + long + "=\"x\"} 1\n"), false, "series is too large"},
		"metric name":          {limits, text(long + " 1\n"), false, "series is too large"},
		"quoted name":          {limits, text("{\"" + long + "\"} 1\n"), false, "series is too large"},
		"OpenMetrics":          {limits, openMetricsPages("evil{x=\"" + long + "\"} 1\n# EOF\n")[0], false, "series is too large"},
		"protobuf":             {limits + "  scrape_protocols: [PrometheusProto]\n", protobuf(t, label("x", long)), false, "series is too large"},
		"protobuf name":        {limits + "  scrape_protocols: [PrometheusProto]\n", protobuf(t, label(long, "x")), false, "series is too large"},
		"converted histogram": {limits + "  convert_classic_histograms_to_nhcb: true\n",
			text("# TYPE evil histogram\nevil_bucket{x=\"" + long + "\",le=\"1\"} 1\nevil_bucket{x=\"" + long +
				"\",le=\"+Inf\"} 1\nevil_count{x=\"" + long + "\"} 1\n"), false, "series is too large"},
		"made long by relabelling": {"  metric_relabel_configs: [{source_labels: [x], target_label: y, replacement: '" + strings.Repeat("$1",
			20) + "'}]\n", text("evil{x=\"" + long[:1<<20-100] + "\"} 1\n"), true, "the parser panicked"},
		"many labels": {"", text("evil{" + numbered(3000) + "} 1\n"), false, "too many labels"},
		"value limit": {limits + "  label_value_length_limit: 100\n", text("evil{x=\"" + long + "\"} 1\n"), false,
			"label_value_length_limit"},
		"name limit": {"  label_name_length_limit: 100\n", text("evil{" + long[:9000] + "=\"x\"} 1\n"), false,
			"label_name_length_limit"},
		"count limit":            {"  label_limit: 100\n", text("evil{" + numbered(1500) + "} 1\n"), false, "label_limit"},
		"line that is no series": {limits, text("evil " + long + "\n"), false, "too large"},
		"help":                   {limits, text("# HELP evil " + long + "\n"), false, "a line is too large"},
		"histogram of many buckets": {limits + "  scrape_protocols: [PrometheusProto]\n  scrape_native_histograms: true\n",
			protobuf(t, wideHistogram(rules.MaxBuckets)), false, "native histogram is too large"},
		"histogram with a negative bucket": {limits + "  scrape_protocols: [PrometheusProto]\n  scrape_native_histograms: true\n",
			protobuf(t, histogramOf(5, 3, -5)), false, "bucket"},
		"histogram with another count": {limits + "  scrape_protocols: [PrometheusProto]\n  scrape_native_histograms: true\n",
			protobuf(t, histogramOf(50, 3, 1)), false, "observations"},
		"value of very many digits": {limits, text("evil " + strings.Repeat("1", 1<<20) + "e\n"), false, "…"},
	} {
		t.Run(name, func(t *testing.T) {
			good := text("a 1\n")
			var panics float64
			o := hostile(t, c.config, answers{good, c.page, c.page, good}, func(m *Manager) { panics = testutil.ToFloat64(m.metrics.panics) })
			if said := o.saidOf("node"); !strings.Contains(said, c.because) || len(said) > 8<<10 {
				t.Errorf("the target says %.900s; want %q", said, c.because)
			}
			if got := panics > 0; got != c.panics {
				t.Errorf("%v panics", panics)
			}
			if ups := o.Series[fmt.Sprintf(series, "up")]; len(ups) < 4 || !strings.Contains(ups[1], ": 0 ") || !strings.Contains(ups[3], ": 1 ") {
				t.Errorf("up: %v", ups)
			}
			if all := o.Series[fmt.Sprintf(series, "a")]; len(all) < 3 || !strings.Contains(all[1], "NaN") {
				t.Errorf("the good series is %v; want a sample, a marker, and samples", all)
			}
		})
	}
}

// wideHistogram has so many buckets in one span.
func wideHistogram(buckets int) *dto.MetricFamily {
	h := &dto.Histogram{SampleCount: proto.Uint64(uint64(buckets)), SampleSum: proto.Float64(1), Schema: proto.Int32(0),
		ZeroThreshold: proto.Float64(0), ZeroCount: proto.Uint64(0), PositiveDelta: make([]int64, buckets),
		PositiveSpan: []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(uint32(buckets))}}}
	h.PositiveDelta[0] = 1
	return &dto.MetricFamily{Name: proto.String("evil"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: h}}}
}

// histogramOf has a count, and buckets with these differences.
func histogramOf(count uint64, deltas ...int64) *dto.MetricFamily {
	f := wideHistogram(len(deltas))
	f.Metric[0].Histogram.SampleCount, f.Metric[0].Histogram.PositiveDelta = proto.Uint64(count), deltas
	return f
}

func numbered(n int) string { return strings.ReplaceAll(many(n, "a%d=\"x\","), "\n", "") }

// TestDiscoveredLabelThatPanics: a list of targets is hostile input too.
func TestDiscoveredLabelThatPanics(t *testing.T) {
	var mu sync.Mutex
	up := 0
	_, sets := start(t, job("  scrape_interval: 20ms\n  scrape_timeout: 20ms\n"), func(p *sample.Page) {
		mu.Lock()
		defer mu.Unlock()
		up++
	})
	good := groups("nowhere:1")["test"][0].Targets[0]
	evil := model.LabelSet{model.AddressLabel: "nowhere:2", "x": model.LabelValue(strings.Repeat("x", 1<<24))}
	sets <- map[string][]*targetgroup.Group{"test": {{Source: "test", Targets: []model.LabelSet{evil, good}}}}
	await(t, "the good target is scraped", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return up > 0
	})
}

// TestRefusedPagesLeaveNothingBehind: pages that fail, each with other series and
// texts, take no more memory the more of them there were.
func TestRefusedPagesLeaveNothingBehind(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		words  int
		page   func(i int) string
	}{
		"sample limit":  {"  sample_limit: 10\n", 100, func(i int) string { return many(1000, fmt.Sprintf("a{x=\"%d-%%d\"} 1", i)) }},
		"future":        {"", 9000, func(i int) string { return many(2000, fmt.Sprintf("a{x=\"%d-%%d\"} 1 %d", i, millis(24*time.Hour))) }},
		"texts":         {"", 9000, func(i int) string { return many(2000, fmt.Sprintf("# HELP a%d_%%d Help.", i)) + "a b\n" }},
		"broken at end": {"", 9000, func(i int) string { return many(900, fmt.Sprintf("a{x=\"%d-%%d\"} 1", i)) + "a b\n" }},
	} {
		t.Run(name, func(t *testing.T) {
			var i int
			page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				i++
				_, _ = io.WriteString(w, c.page(i))
			})
			pages := answers{}
			pages = append(pages, texts("good 1\n")[0])
			for range min(60, c.words/50) {
				pages = append(pages, page)
			}
			hostile(t, c.config, pages, func(m *Manager) {
				for _, l := range m.pools["test"].loops {
					if words := l.cache.words.Len(); words > c.words {
						t.Errorf("%d words are kept", words)
					}
					if n := len(l.cache.entries); n > 4000 {
						t.Errorf("%d series are kept", n)
					}
					if n := l.cache.metadata.LengthMetadata(); n > 1000 {
						t.Errorf("%d texts are kept", n)
					}
				}
			})
		})
	}
}

// TestDefaultLimits: a page without body_size_limit has one, a text that unpacks to
// much is not unpacked further, and scrape_timeout holds meanwhile.
func TestDefaultLimits(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 64 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = w.Close()
	packed := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte("a 1\n")); err != nil {
				return
			}
		}
	}
	for name, page := range map[string]http.HandlerFunc{"bomb": packed, "endless": endless} {
		o := hostile(t, "", answers{page, page, texts("a 1\n")[0]}, nil)
		if said := o.saidOf("node"); !strings.Contains(said, "--scrape.max-page-bytes") {
			t.Errorf("%s: the target says %s", name, said)
		}
		if all := o.Series[fmt.Sprintf(series, "a")]; len(all) == 0 {
			t.Errorf("%s: the page after it is not taken", name)
		}
		if n := o.Counters["prometheus_target_scrapes_exceeded_body_size_limit_total[]"]; n < 2 {
			t.Errorf("%s: counted %v times", name, n)
		}
	}
}

// TestUnpackingEndsWithTheScrape: the deadline is looked at between reads, also when
// all bytes of the answer have been received.
func TestUnpackingEndsWithTheScrape(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, 8<<20))
	_ = w.Close()
	m, _ := start(t, job(""), func(*sample.Page) {})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	received := io.NopCloser(&ending{bytes.NewReader(bomb.Bytes()), cancel})
	f := &fetcher{limit: 1 << 40}
	body, err := f.read(m, &unpacking{ctx: ctx}, &http.Response{Header: http.Header{"Content-Encoding": {"gzip"}}, Body: received})
	if !errors.Is(err, context.Canceled) || len(body) > 6<<20 {
		t.Errorf("%d bytes were unpacked after the scrape's end: %v", len(body), err)
	}
}

// ending ends the scrape when all is read.
type ending struct {
	*bytes.Reader
	end func()
}

func (e *ending) Read(b []byte) (int, error) {
	n, err := e.Reader.Read(b)
	if e.Len() == 0 {
		e.end()
	}
	return n, err
}

// TestLargePagesDoNotHoldSmallOnes: as many large pages as there are processors wait
// for each other, and small ones do not wait for them.
func TestLargePagesDoNotHoldSmallOnes(t *testing.T) {
	m, _ := start(t, job(""), func(*sample.Page) {})
	l := &loop{manager: m, cache: newCache(m.seeds)}
	held := m.open(l, time.Now(), largeBody+1)
	for range runtime.GOMAXPROCS(0) {
		other := &loop{manager: m, cache: newCache(m.seeds)}
		p := m.open(other, time.Now(), 1000)
		if p == nil {
			t.Fatal("no page")
		}
		defer m.release(p)
	}
	m.release(held)
}
