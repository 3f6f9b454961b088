package ship

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/sample"
)

// BenchmarkPage takes a page of a GPU node: 6,175 series with eight labels, from
// Take to the queue on disk and out to a receiver that takes everything. The
// time is the page's; "samples/op" makes it comparable.
func BenchmarkPage(b *testing.B) {
	for _, relabel := range []bool{false, true} {
		b.Run(fmt.Sprintf("relabel=%v", relabel), func(b *testing.B) {
			s := newSink(b)
			s.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
			rules := ""
			if relabel {
				rules = "write_relabel_configs: [{source_labels: [__name__], regex: 'go_.*', action: drop}]"
			}
			r := start(b, Options{}, remoteWrite(s, rules))
			defer r.stop()
			const n = 6175
			var p sample.Page
			for i := range n {
				r.add(&p, labels.FromStrings("__name__", fmt.Sprint("node_cpu_seconds_total_", i%400), "cpu", fmt.Sprint(i/400), "mode", "idle",
					"instance", "queue1-st-p5-1:9100", "job", "node", "instance_type", "p5.48xlarge", "queue", "queue1", "availability_zone",
					"us-east-2a"), 0, float64(i))
			}
			t := time.Now().Add(-30 * time.Minute).UnixMilli()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				t++
				for i := range p.Samples {
					p.Samples[i].Time = t
				}
				r.Take(&p)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/sample")
		})
	}
}
