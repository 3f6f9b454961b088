package scrape

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	promscrape "github.com/prometheus/prometheus/scrape"
	"google.golang.org/protobuf/proto"
)

// shows answers with a page of a content type.
func shows(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// texts answers with pages in Prometheus' format.
func texts(pages ...string) (all answers) {
	for _, p := range pages {
		all = append(all, shows("text/plain; version=0.0.4", p))
	}
	return all
}

func openMetricsPages(pages ...string) (all answers) {
	for _, p := range pages {
		all = append(all, shows(openMetrics, p))
	}
	return all
}

func protobuf(t testing.TB, families ...*dto.MetricFamily) http.HandlerFunc {
	var b bytes.Buffer
	for _, f := range families {
		if err := promscrape.AddMetricFamilyToProtobuf(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return shows("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", b.String())
}

// millis is a moment in the bubble's time, which begins with the year 2000.
func millis(d time.Duration) int64 { return 946684800000 + d.Milliseconds() }

func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i)
	}
	return b.String()
}

func answer(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func run(t *testing.T, all []scenario) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) { compare(t, c) })
	}
}

const stamped = "old 1 %d\nnew 2\n"

func TestSeriesLikePrometheus(t *testing.T) {
	run(t, []scenario{
		{name: "plain", answers: texts("# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 1\nb 2\n", "a_total{x=\"1\"} 3\nb 2\n")},
		{name: "series go and come back", answers: texts("a 1\nb 2\n", "a 1\n", "b 3\n", "a 1\nb 3\n")},
		{name: "order changes", answers: texts("a 1\nb 2\nc 3\n", "c 1\nd 2\na 3\n", "b 1\na 2\nd 3\nc 4\n", "a 1\nb 2\nc 3\nd 4\n")},
		{name: "another spelling of the same series", answers: texts("a{x=\"1\",y=\"2\"} 1\n", "a{y=\"2\",x=\"1\"} 2\n",
			"a{ x = \"1\" , y=\"2\",} 3\n", "b 1\n", "a{y=\"2\",x=\"1\"} 2\n")},
		{name: "another spelling, with times", config: "  track_timestamps_staleness: true\n",
			answers: texts(fmt.Sprintf("a{x=\"1\",y=\"2\"} 1 %d\n", millis(0)), fmt.Sprintf("a{y=\"2\",x=\"1\"} 1 %d\n", millis(time.Millisecond)),
				"b 1\n")},
		{name: "two spellings on a page", answers: texts("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n", "a{y=\"2\",x=\"1\"} 2\n", "b 1\n"),
			differs: onlyOneOfTwo},
		{name: "twice on a page", answers: texts("a 1\na 2\nb 1\n", "a 1\na 1\n", "a 2\n")},
		{name: "special values", answers: texts("a NaN\nb +Inf\nc -Inf\nd 0\ne -0\nf 1e400\n", "a nan\nb Inf\nc 1e-320\nd 0x1f\n", "a 1\n")},
		{name: "label values", answers: texts("a{x=\"\",y=\"a\\\\b\\\"c\\nd\",z=\"日本\"} 1\nb{le=\"1\"} 1\n# TYPE c histogram\n"+
			"c_bucket{le=\"1\"} 1\nc_bucket{le=\"+Inf\"} 1\nc_sum 1\nc_count 1\n# TYPE d summary\nd{quantile=\"1\"} 1\n",
			"a{x=\"\",y=\"a\\\\b\\\"c\\nd\",z=\"日本\"} 1\n")},
		{name: "many", answers: texts(many(3000, "a{x=\"%d\"} 1"), many(2000, "a{x=\"%d\"} 2"), many(10, "a{x=\"%d\"} 3"),
			many(3000, "a{x=\"%d\"} 4"), many(1500, "b{x=\"%d\"} 4"))},
		{name: "empty", answers: texts("a 1\n", "", "a 1\n", "\n", "a 1\n", "# nothing\n")},
		{name: "no newline at the end", answers: texts("a 1\nb 1", "a 1\nb 2")},
		{name: "metadata changes", answers: texts("# HELP a One.\n# TYPE a gauge\na 1\n# HELP c Stays.\n",
			"# HELP a Two \\\\ \\n.\n# TYPE a counter\na 1\n", "a 1\n# HELP b B.\nb 1\n")},
		{name: "metadata is forgotten", answers: texts(append([]string{"# HELP a One.\na 1\n"},
			strings.Split(strings.Repeat("b 1\n;", 15), ";")...)...)},
		{name: "known and unknown lines", answers: texts(evolving(0), evolving(0), evolving(1), evolving(2), evolving(3), evolving(2),
			strings.ReplaceAll(evolving(2), " ", "  "), evolving(2), evolving(2)+"bad", evolving(2))},
		{name: "lines that look known", answers: texts("a 1\nb{x=\"1\"} 2\nc 1\n", "b{x=\"\na 1\n\"} 3\na 1\nc 2 5\n",
			"b{x=\"\na 1\n\"} 3\na 1\nc 2\n", " a 1\n\n\na 2\n a 3\na\t4\na {y=\"1\"} 1\nc 1 \n",
			" a 1\n\n\na 2\n a 3\na\t4\na {y=\"1\"} 1\nc 0x1p1\n", "# a 1\n#a 1\n#\na 1\x00\nb 2\n", "a 1\n\x00\nb 2\n", "a 1\r\n")},
		{name: "types change", answers: texts("# TYPE a counter\na{le=\"1\"} 1\n", "# TYPE a histogram\na{le=\"1\"} 1\na{le=\"2\"} 1\n",
			"# TYPE a histogram\n# TYPE a counter\na{le=\"1\"} 1\na{le=\"3\"} 1\n",
			"# TYPE a histogram\n# TYPE a counter\na{le=\"1\"} 1\na{le=\"4\"} 1\n",
			"# TYPE a counter\n# TYPE a histogram\na{le=\"1\"} 1\na{le=\"5\"} 1\n")},
		{name: "formats change", answers: answers{texts("# TYPE c_total gauge\nc_total 1\n")[0], protobuf(t, counterFamily(1)),
			texts("# TYPE c_total gauge\nc_total 1\n")[0]}},
		{name: "UTF-8 names", answers: texts("{\"a.b\",\"c.d\"=\"1\"} 1\n{\"x y\"} 2\n", "{\"a.b\",\"c.d\"=\"1\"} 1\n")},
		{name: "UTF-8 names are not valid", config: "  metric_name_validation_scheme: legacy\n",
			answers: texts("a 1\n", "a 1\n{\"a.b\",\"c.d\"=\"1\"} 1\n", "a 1\n")},
	})
}

// evolving is a page of which more and more lines are new, here and there.
func evolving(n int) string {
	var b strings.Builder
	for i := range 300 {
		if i%20 == 0 {
			fmt.Fprintf(&b, "# HELP f%d H%d.\n# TYPE f%d histogram\n", i, n*(i%3), i)
		}
		fmt.Fprintf(&b, "f%d{le=\"%d\"} %d\n", i/20*20, i, i*n)
		if n > 0 && i%(7*n) == 3 {
			fmt.Fprintf(&b, "f%d{le=\"%d\",n=\"%d\"} 1\n", i/20*20, i, n)
		}
	}
	return b.String()
}

// onlyOneOfTwo: what Prometheus' storage finds when it commits, we count and warn
// of; the samples are the same.
func onlyOneOfTwo(theirs, ours *outcome) {
	const name = "prometheus_target_scrapes_sample_out_of_order_total[]"
	delete(theirs.Counters, name)
	delete(ours.Counters, name)
}

func TestTimestampsLikePrometheus(t *testing.T) {
	yesterday, soon, far := millis(-24*time.Hour), millis(5*time.Minute), millis(20*time.Minute)
	page := func(at int64, more string) string { return fmt.Sprintf(stamped, at) + more }
	pages := texts(page(yesterday, ""), page(yesterday, ""), page(yesterday+1, ""), "new 1\n", page(soon, ""), page(far, ""), page(soon+1, ""),
		"new 1\n", page(0, ""))
	run(t, []scenario{
		{name: "honored", answers: pages},
		{name: "not honored", config: "  honor_timestamps: false\n", answers: pages},
		{name: "tracked", config: "  track_timestamps_staleness: true\n", answers: pages},
		{name: "twice with times", answers: texts(page(yesterday, page(yesterday+5, "")), page(yesterday+7, page(yesterday+7, "")),
			page(yesterday+9, page(yesterday+8, ""))), differs: onlyOneOfTwo},
		{name: "sometimes", answers: texts("a 1\n", page(yesterday, "a 1\n"), "a 1 "+fmt.Sprint(soon)+"\n", "a 2\n", "b 1\n", "a 3\n")},
	})
}

func TestLabelsLikePrometheus(t *testing.T) {
	conflicts := texts("a{job=\"x\",instance=\"y\",exported_job=\"z\"} 1\nb{job=\"\"} 2\nc{exported_exported_job=\"v\",job=\"w\"} 1\n",
		"a{job=\"x\",instance=\"y\",exported_job=\"z\"} 1\n")
	static := "  static_configs: [{targets: ['other:1'], labels: {zone: a, exported_job: fixed, up: no}}]\n"
	run(t, []scenario{
		{name: "conflicts", answers: conflicts},
		{name: "honored", config: "  honor_labels: true\n", answers: conflicts},
		{name: "labels of the target", config: static, answers: conflicts},
		{name: "labels of the target, honored", config: static + "  honor_labels: true\n", answers: conflicts},
		{name: "relabelled", config: `  metric_relabel_configs:
  - {source_labels: [__name__], regex: go_.*, action: drop}
  - {source_labels: [__name__], regex: rename, target_label: __name__, replacement: renamed}
  - {regex: gone, action: labeldrop}
  - {source_labels: [x], regex: 'two', target_label: x, replacement: one}
`, answers: texts("go_a 1\nrename 1\na{gone=\"1\"} 1\nb{x=\"one\"} 1\n", "go_a 1\nrename 2\na{gone=\"1\"} 2\nb{x=\"two\"} 3\n",
			"go_a 1\nb{x=\"one\"} 3\n", "go_b 1\n"), differs: onlyOneOfTwo},
		{name: "relabelled to the same", config: "  metric_relabel_configs: [{regex: x, action: labeldrop}]\n",
			answers: texts("b{x=\"1\"} 1\nb{x=\"2\"} 2\n", "b{x=\"2\"} 2\n", "c 1\n"), differs: onlyOneOfTwo},
		{name: "name dropped", config: "  metric_relabel_configs: [{source_labels: [__name__], regex: bad, target_label: __name__, " +
			"replacement: ''}]\n", answers: texts("a 1\n", "a 1\nbad 1\nb 1\n", "a 1\n")},
		{name: "relabelled to an invalid name", config: "  metric_name_validation_scheme: legacy\n  metric_relabel_configs: [{source_labels: " +
			"[__name__], regex: bad, target_label: __name__, replacement: a-b}]\n", answers: texts("a 1\n", "a 1\nbad 1\n", "a 1\n")},
		{name: "external", config: "  honor_labels: true\n", answers: conflicts},
	})
}

func TestLimitsLikePrometheus(t *testing.T) {
	five := many(5, "a{x=\"%d\"} 1")
	run(t, []scenario{
		{name: "sample_limit", config: "  sample_limit: 3\n", answers: texts("a 1\nb 1\n", "a 1\nb 1\nc 1\nd 1\n", "a 1\n",
			"c 1\nc 1\nc 1\nc 1\n", many(3, "a{x=\"%d\"} 1"), five, "b 1\nc 1\nd 1\n")},
		{name: "sample_limit after relabelling",
			config:  "  sample_limit: 2\n  metric_relabel_configs: [{source_labels: [__name__], regex: c, action: drop}]\n",
			answers: texts("a 1\nb 1\nc 1\n", "a 1\nb 1\nc 1\nd 1\n", "c 1\n")},
		{name: "label_limit", config: "  label_limit: 4\n", answers: texts("a{x=\"1\"} 1\n", "a{x=\"1\"} 1\nb{x=\"1\",y=\"2\"} 1\nc 1\n",
			"c 1\n")},
		{name: "label_name_length_limit", config: "  label_name_length_limit: 10\n", answers: texts("a{x=\"1\"} 1\n", "b{this_is_long=\"1\"} 1\n",
			"c 1\n")},
		{name: "label_value_length_limit", config: "  label_value_length_limit: 12\n",
			answers: texts("a{x=\"1\"} 1\n", "b{x=\"0123456789abcdef\"} 1\n", "c 1\n")},
		{name: "body_size_limit", config: "  body_size_limit: 10B\n", answers: texts("a 1\n", "a 1\nb 111111\n", "aaaaaaa 1\n", "aaaaaaa 11",
			"a 1\n")},
		{name: "target_limit", config: "  target_limit: 1\n", targets: []string{"a:1", "b:2"}, answers: texts("a 1\n", "a 1\n")},
		{name: "target_limit later", config: "  target_limit: 1\n", targets: []string{"a:1"},
			answers: texts("a 1\n", "a 1\n", "a 1\n", "a 1\n", "a 1\n", "a 1\n"),
			then:    []step{{at: 3500 * time.Millisecond, targets: []string{"a:1", "b:2"}}}, for_: 8 * time.Second},
		{name: "extra_scrape_metrics", config: "  extra_scrape_metrics: true\n  sample_limit: 2\n  body_size_limit: 30B\n",
			answers: texts("a 1\n", "a 1\nb 1\nc 1\n", many(10, "b%d 1"), "a 1\n")},
	})
}

func TestFailuresLikePrometheus(t *testing.T) {
	good := texts("a 1\nb 1\n")[0]
	slow := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(time.Minute):
		case <-r.Context().Done():
		}
	}
	zipped := func(cut int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, many(100, "a{x=\"%d\"} 1"))
			_ = z.Close()
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(b.Bytes()[:b.Len()-cut])
		}
	}
	encoded := func(encoding string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", encoding)
			good(w, r)
		}
	}
	reset := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	short := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "a 1\nb 1\n")
	}
	garbage := []string{"a 1\nb\n", "a 1\n{} 1\n", "c 1\na{x=\"1} 1\n", "a{x=1} 1\n", "a 1 2 3\n", "\x00", "a{x=\"\xff\"} 1\n",
		"# TYPE a nonsense\n", "a 1_0\n", "a 0x1p3\n", "a -1 -5\n", "a 1 1e3\n", "b 1\nc 1\n# HELP\n", "# HELP b \xff\n", "<html>\n"}
	all := answers{good}
	for _, g := range garbage {
		all = append(all, texts("a 1\nb 1\nc 1\n" + g)[0], texts(g)[0], good)
	}
	run(t, []scenario{
		{name: "garbage", answers: all},
		{name: "down", answers: answers{good, answer(503), answer(503), good}},
		{name: "other codes", answers: answers{good, answer(204), answer(404), answer(301), good}},
		{name: "hangs", answers: answers{good, slow, good, slow, slow, good}},
		{name: "resets", answers: answers{good, reset, good, short, good, reset, good}},
		{name: "compressed", answers: answers{zipped(0), zipped(5), zipped(0), zipped(100), good, encoded("gzip"), good, encoded("br"),
			zipped(0)}},
		{name: "zstd", answers: answers{good, encoded("zstd")}, differs: noFeature},
		{name: "no compression", config: "  enable_compression: false\n", answers: answers{good, zipped(0)}},
		{name: "partial page", answers: texts("a 1\nb 1\nc 1\n", "a 1\nx 1\nbad\n", "a 1\nb 1\n", "bad\n", "b 1\nbad\n", "a 1\nb 1\nc 1\nx 1\n",
			"y 1\nbad\n", "bad\n", "z 1\n")},
		{name: "flapping", answers: answers{good, answer(500), texts("a 1\n")[0], answer(500), good, texts("b 1\nb 1\n")[0]}},
	})
}

// noFeature: there is no flag of ours that zstd waits for.
func noFeature(theirs, ours *outcome) {
	for _, o := range []*outcome{theirs, ours} {
		for target, said := range o.Errors {
			said = strings.ReplaceAll(said, "received a zstd-compressed response, but the \"zstd-scrape\" feature flag is not enabled", "zstd")
			o.Errors[target] = strings.ReplaceAll(said, errZstd.Error(), "zstd")
		}
	}
}

func TestFormatsLikePrometheus(t *testing.T) {
	om := openMetricsPages("# HELP a_seconds A.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total{x=\"1\"} 1 # "+
		"{trace_id=\"1\"} 0.5\na_seconds_created{x=\"1\"} 1e9\nb 2 946684700.5\n# EOF\n",
		"# TYPE h histogram\nh_bucket{le=\"1\"} 1 # {id=\"2\"} 0.3 946684700.1\nh_bucket{le=\"+Inf\"} 2\nh_count 2\nh_sum 3\n# EOF\n", "a 1\n",
		"# TYPE i info\ni_info{v=\"1\"} 1\n# TYPE s stateset\ns{s=\"x\"} 1\n# EOF\n", "a 1\n# EOF\nb 1\n", "a -1 -5.5\n# EOF\n")
	classic := "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"1\"} %d\nh_bucket{le=\"+Inf\"} 9\nh_count 9\nh_sum 10\n# TYPE b " +
		"histogram\nb_bucket{x=\"1\",le=\"1\"} 5\nb_bucket{x=\"1\",le=\"+Inf\"} 6\nb_sum{x=\"1\"} 1\nb_count{x=\"1\"} 6\nc 1\n"
	histograms := texts(fmt.Sprintf(classic, 2), fmt.Sprintf(classic, 3), "c 1\n", fmt.Sprintf(classic, 4))
	var all answers
	for i := range 3 {
		all = append(all, protobuf(t, nativeHistogram(uint64(i)), counterFamily(float64(i)), classicFamily(uint64(i))))
	}
	all = append(all, protobuf(t, counterFamily(9), floatHistogram(5)), protobuf(t, floatHistogram(6)),
		shows("application/vnd.google.protobuf", "\xff\xff\xff"), protobuf(t, nativeHistogram(7)))
	otherSchema := nativeHistogram(0)
	otherSchema.Metric[0].Histogram.Schema = proto.Int32(127)
	invalid := answers{protobuf(t, nativeHistogram(1)), protobuf(t, counterFamily(2), histogramOf(5, 3, -5)), protobuf(t, nativeHistogram(3)),
		protobuf(t, histogramOf(50, 3, 1)), protobuf(t, otherSchema), protobuf(t, nativeHistogram(5))}
	native := "  scrape_native_histograms: true\n"
	good := "a 1\nb 2\n"
	run(t, []scenario{
		{name: "OpenMetrics", answers: om},
		{name: "classic to NHCB", config: "  convert_classic_histograms_to_nhcb: true\n", answers: histograms},
		{name: "classic to NHCB, both kept", config: "  convert_classic_histograms_to_nhcb: true\n  always_scrape_classic_histograms: true\n",
			answers: histograms},
		{name: "classic to NHCB, OpenMetrics", config: "  convert_classic_histograms_to_nhcb: true\n", answers: om},
		{name: "classic to NHCB, limited", config: "  convert_classic_histograms_to_nhcb: true\n  native_histogram_bucket_limit: 2\n",
			answers: histograms},
		{name: "protobuf", answers: all},
		{name: "protobuf, native", config: native, answers: all},
		{name: "protobuf, native and classic", config: native + "  always_scrape_classic_histograms: true\n", answers: all},
		{name: "protobuf, native and converted", config: native + "  convert_classic_histograms_to_nhcb: true\n", answers: all},
		{name: "native, bucket limit", config: native + "  native_histogram_bucket_limit: 3\n", answers: all},
		{name: "native, hard bucket limit", config: native + "  native_histogram_bucket_limit: 1\n", answers: all},
		{name: "markers on the page", config: "  sample_limit: 2\n",
			answers: answers{protobuf(t, counterFamily(1)), protobuf(t, counterFamily(staleNaN)),
				protobuf(t, counterFamily(staleNaN), floatHistogram(1))}},
		{name: "native, not valid", config: native, answers: invalid, differs: namesHistogram},
		{name: "native, factor", config: native + "  native_histogram_min_bucket_factor: 4\n", answers: all},
		{name: "native, sample limit", config: native + "  sample_limit: 1\n", answers: all},
		{name: "by label of the target", config: "  relabel_configs: [{target_label: __scrape_native_histograms__, replacement: 'true'}]\n",
			answers: all},
		{name: "no content type", answers: answers{shows("", good)}},
		{name: "fallback", config: "  fallback_scrape_protocol: PrometheusText0.0.4\n",
			answers: answers{shows("", good), shows("text/html", good), shows("nonsense;;", good),
				shows("application/openmetrics-text; version=2.0.0", good)}},
		{name: "unknown content type", answers: answers{shows("text/plain", good), shows("text/html", good), shows("a/b; c", good),
			shows("text/plain; charset=x", good)}},
	})
}

func counterFamily(v float64) *dto.MetricFamily {
	return &dto.MetricFamily{Name: proto.String("c_total"), Help: proto.String("C."), Type: dto.MetricType_COUNTER.Enum(),
		Metric: []*dto.Metric{
			{Label: []*dto.LabelPair{{Name: proto.String("x"), Value: proto.String("1")}}, Counter: &dto.Counter{Value: proto.Float64(v)}},
			{Label: []*dto.LabelPair{{Name: proto.String("x"), Value: proto.String("2")}}, Counter: &dto.Counter{Value: proto.Float64(v)},
				TimestampMs: proto.Int64(millis(-time.Hour))},
		}}
}

func classicFamily(n uint64) *dto.MetricFamily {
	return &dto.MetricFamily{Name: proto.String("h"), Type: dto.MetricType_HISTOGRAM.Enum(), Metric: []*dto.Metric{{Histogram: &dto.Histogram{
		SampleCount: proto.Uint64(n + 3), SampleSum: proto.Float64(5),
		Bucket: []*dto.Bucket{{UpperBound: proto.Float64(1), CumulativeCount: proto.Uint64(n)}},
	}}}}
}

func nativeHistogram(n uint64) *dto.MetricFamily {
	return &dto.MetricFamily{Name: proto.String("native"), Type: dto.MetricType_HISTOGRAM.Enum(),
		Metric: []*dto.Metric{{Histogram: &dto.Histogram{
			SampleCount: proto.Uint64(11 + n), SampleSum: proto.Float64(20), Schema: proto.Int32(3), ZeroThreshold: proto.Float64(1e-9),
			ZeroCount:     proto.Uint64(n),
			PositiveSpan:  []*dto.BucketSpan{{Offset: proto.Int32(0), Length: proto.Uint32(3)}, {Offset: proto.Int32(9), Length: proto.Uint32(2)}},
			PositiveDelta: []int64{2, 1, -1, 0, 0},
			Bucket:        []*dto.Bucket{{UpperBound: proto.Float64(2), CumulativeCount: proto.Uint64(4)}},
		}}}}
}

func floatHistogram(n float64) *dto.MetricFamily {
	return &dto.MetricFamily{Name: proto.String("float"), Type: dto.MetricType_GAUGE_HISTOGRAM.Enum(),
		Metric: []*dto.Metric{{Histogram: &dto.Histogram{
			SampleCountFloat: proto.Float64(10 + n), SampleSum: proto.Float64(20), Schema: proto.Int32(4), ZeroThreshold: proto.Float64(1e-9),
			ZeroCountFloat: proto.Float64(n),
			NegativeSpan:   []*dto.BucketSpan{{Offset: proto.Int32(-3), Length: proto.Uint32(4)}},
			NegativeCount:  []float64{2, 3, 4, 1},
		}}}}
}

func TestTargetsLikePrometheus(t *testing.T) {
	// Shows what was asked for, as a label.
	echo := answers{func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "asked{path=%q,query=%q,host=%q,proto=%q} 1\n", r.URL.Path, r.URL.RawQuery, r.Host, r.Proto)
		for name, v := range r.Header {
			fmt.Fprintf(w, "header{name=%q,value=%q} 1\n", name, strings.Join(v, "|"))
		}
	}}
	run(t, []scenario{
		{name: "request", answers: echo},
		{name: "protocols", config: "  scrape_protocols: [PrometheusProto, OpenMetricsText1.0.0, OpenMetricsText0.0.1, PrometheusText1.0.0, " +
			"PrometheusText0.0.4]\n  metric_name_escaping_scheme: dots\n", answers: echo},
		{name: "no compression", config: "  enable_compression: false\n  scrape_protocols: [PrometheusText0.0.4]\n", answers: echo},
		{name: "parameters", config: "  metrics_path: /probe\n  params: {module: [http, tcp], target: [x]}\n  relabel_configs:\n  - " +
			"{source_labels: [__address__], target_label: __param_target}\n  - {target_label: instance, replacement: i}\n  - {target_label: " +
			"__metrics_path__, replacement: /other}\n", answers: echo},
		{name: "authentication", config: "  basic_auth: {username: u, password: p}\n  http_headers: {X-More: {values: [a, b]}}\n", answers: echo},
		{name: "token", config: "  authorization: {credentials: secret}\n", answers: echo},
		{name: "interval by label", config: "  relabel_configs:\n  - {target_label: __scrape_interval__, replacement: 2s}\n  - {target_label: " +
			"__scrape_timeout__, replacement: 500ms}\n", answers: echo, for_: 9 * time.Second},
		{name: "dropped targets", config: "  keep_dropped_targets: 1\n  relabel_configs: [{source_labels: [__address__], regex: 'b.*', action: " +
			"drop}]\n", targets: []string{"a:1", "b:1", "b:2"}, answers: echo},
		{name: "bad targets", config: "  relabel_configs: [{source_labels: [__address__], regex: 'b.*', target_label: __scrape_interval__, " +
			"replacement: never}]\n", targets: []string{"a:1", "b:1"}, answers: echo},
		{name: "the same target twice", targets: []string{"a:1", "a:1"}, answers: echo},
		{name: "target goes", targets: []string{"a:1", "b:1"}, answers: texts("a 1\n"),
			then: []step{{at: 3500 * time.Millisecond, targets: []string{"a:1"}}}, for_: 9 * time.Second},
		{name: "target goes and comes back", answers: texts("a 1\n"),
			then: []step{{at: 3 * time.Second, targets: []string{}}, {at: 4 * time.Second, targets: []string{"node:9100"}}}, for_: 10 * time.Second},
		{name: "redirect", answers: answers{func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/metrics" {
				http.Redirect(w, r, "/there", http.StatusFound)
				return
			}
			echo[0](w, r)
		}}},
		{name: "redirect not followed", config: "  follow_redirects: false\n", answers: answers{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/there", http.StatusFound)
		}}},
	})
}

func TestReloadLikePrometheus(t *testing.T) {
	pages := texts("a 1\nb 1\n", "a 2\nb 2\n", "a 3\nb 3\n", "a 4\n", "a 5\nb 5\n")
	at := 3500 * time.Millisecond
	relabel := "  metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]\n"
	run(t, []scenario{
		{name: "unchanged", answers: pages, then: []step{{at: at}}, for_: 9 * time.Second},
		{name: "limit", answers: pages, then: []step{{at: at, config: job("  sample_limit: 1\n")}}, for_: 9 * time.Second},
		{name: "relabelling", answers: pages, then: []step{{at: at, config: job(relabel)}}, for_: 9 * time.Second},
		{name: "interval", answers: pages, then: []step{{at: at, config: job("  scrape_interval: 2s\n")}}, for_: 12 * time.Second,
			differs: sameTarget},
		{name: "job gone", answers: texts("a 1\n"), then: []step{{at: at, config: strings.Replace(job(""), "test", "other", 1)}},
			for_: 9 * time.Second, differs: markedGone},
		{name: "twice", answers: pages, then: []step{{at: at, config: job(relabel)}, {at: at + time.Second, config: job("")}},
			for_: 9 * time.Second},
	})
}

// sameTarget: with another interval a target is the same, and what was on the page
// before is not new.
func sameTarget(theirs, ours *outcome) {
	added := `{__name__="scrape_series_added", instance="node:9100", job="test"}`
	if all := ours.Series[added]; len(all) < 5 || !strings.Contains(all[4], ": 1 ") {
		ours.Series[added] = append(all, "one series came back")
		return
	}
	delete(theirs.Series, added)
	delete(ours.Series, added)
}

// markedGone: the series of a job that a reload takes away are marked stale, and
// Prometheus leaves them to time out.
func markedGone(theirs, ours *outcome) {
	for series, all := range ours.Series {
		if last := len(all) - 1; strings.Contains(series, `job="test"`) && strings.Contains(all[last], ": NaN ") {
			ours.Series[series] = all[:last]
		} else if strings.Contains(series, `job="test"`) {
			ours.Series[series] = append(all, "not marked stale")
		}
	}
}

// namesHistogram: an error says of which histogram it is.
func namesHistogram(_, ours *outcome) {
	for target, said := range ours.Errors {
		ours.Errors[target] = regexp.MustCompile(`a native histogram is not valid \(metric: \w+\): `).ReplaceAllString(said, "")
	}
}
