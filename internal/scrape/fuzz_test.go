package scrape

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/util/osutil"
)

// FuzzPage shows both loops a page of any content type, again and again, with
// something in between, with something cut off, and after one that is good: what
// they make of it is the same.
func FuzzPage(f *testing.F) {
	text, proto := "text/plain; version=0.0.4", "application/vnd.google.protobuf"
	for _, c := range []struct{ contentType, body string }{
		{text, "# HELP a A.\n# TYPE a counter\na{x=\"1\",y=\"\\\\\\n\\\"\"} 1\nb 2 946684700000\n"},
		{text, "{\"a.b\",c=\"d\"} NaN\na 1\na 1\n\n#\nb{} +Inf\t\n"},
		{text, "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n"},
		{openMetrics, "# TYPE a counter\n# UNIT a seconds\na_total 1 # {id=\"1\"} 1\na_created 5\nb 1 946684700.5\n# EOF\n"},
		{"", "a 1\n"}, {"text/html", "<html>"}, {proto, "\x05\x0a\x01a\x18\x03"},
	} {
		for rules := range uint8(8) {
			f.Add(c.contentType, []byte(c.body), 3, rules)
		}
	}
	host, err := osutil.GetFQDN()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte, cut int, rules uint8) {
		if len(body) > 1<<16 || !isHeader(contentType) {
			t.Skip("a server could not send it")
		}
		cut = len(body) - min(len(body), max(0, cut))
		short, more := body[:cut], slices.Concat(body[:cut], []byte("new{le=\"1\"} 1\n"), body[cut:])
		page := func(b []byte) http.HandlerFunc { return shows(contentType, string(b)) }
		c := scenario{config: rulesOf(rules), answers: answers{page(body), page(body), page(more), page(short), page(body),
			texts("a 1\nb{x=\"1\"} 2\n")[0], page(short), page(more)}}
		var theirs, ours *outcome
		synctest.Test(t, func(t *testing.T) { theirs = play(t, c, host, true) })
		synctest.Test(t, func(t *testing.T) { ours = play(t, c, host, false) })
		expected(theirs, ours)
		onlyOneOfTwo(theirs, ours)
		if diff := cmp.Diff(theirs.lines(), ours.lines()); diff != "" {
			t.Errorf("-Prometheus +ours:\n%s", diff)
		}
	})
}

// isHeader reports whether net/http sends the value as it is.
func isHeader(v string) bool {
	for _, c := range []byte(v) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// rulesOf is one of eight kinds of job.
func rulesOf(n uint8) (yaml string) {
	if n&1 != 0 {
		yaml += "  honor_labels: true\n  track_timestamps_staleness: true\n  scrape_native_histograms: true\n"
	}
	if n&2 != 0 {
		yaml += "  sample_limit: 3\n  label_limit: 5\n  native_histogram_bucket_limit: 2\n"
	}
	if n&4 != 0 {
		yaml += "  convert_classic_histograms_to_nhcb: true\n  metric_relabel_configs: [{regex: x, action: labeldrop}, {source_labels: " +
			"[__name__], regex: b, action: drop}]\n"
	}
	return yaml
}
