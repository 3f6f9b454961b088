package scrape

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestReloadThatKeepsTheSeries: other intervals, timeouts, limits and sources of the
// same targets mark nothing stale, and the new limits hold for what is known.
func TestReloadThatKeepsTheSeries(t *testing.T) {
	page := texts("a 1\nb{x=\"a value\"} 1\n")
	for name, c := range map[string]struct {
		before, after string
		fails         string
	}{
		"longer interval":  {"", "  scrape_interval: 10s\n", ""},
		"shorter interval": {"  scrape_interval: 10s\n", "", ""},
		"timeout":          {"", "  scrape_timeout: 500ms\n", ""},
		"by label":         {"", "  relabel_configs: [{target_label: __scrape_interval__, replacement: 10s}]\n", ""},
		"limits": {"", "  sample_limit: 100\n  body_size_limit: 1MB\n  target_limit: 10\n  label_limit: 10\n  label_name_length_limit: 100\n" +
			"  label_value_length_limit: 100\n  native_histogram_bucket_limit: 10\n  keep_dropped_targets: 5\n", ""},
		"everything": {"", "  scrape_interval: 10s\n  scrape_timeout: 500ms\n  label_limit: 10\n  sample_limit: 100\n  enable_compression: " +
			"false\n", ""},
		"lower limit": {"", "  label_value_length_limit: 6\n", "label_value_length_limit"},
		"count limit": {"", "  label_limit: 3\n", "label_limit"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSide(t, false, "host", page)
				targets := []string{"node:1", "node:2", "node:3", "node:4", "node:5", "node:6", "node:7", "node:8"}
				s.start(t, job(c.before), targets)
				s.ask(31 * time.Second)
				s.send() // so that the next one has to wait, and loops of both kinds scrape
				s.apply(t, job(c.after), targets)
				s.send()
				s.ask(31 * time.Second)
				o := s.end(t)
				stale := 0
				for _, all := range o.Series {
					for _, v := range all {
						if strings.Contains(v, ": NaN ") {
							stale++
						}
					}
				}
				if c.fails == "" && stale > 0 {
					t.Errorf("%d markers", stale)
				}
				// As in Prometheus, what came before the error is not marked.
				if said := o.saidOf("node:1"); !strings.Contains(said, c.fails) || c.fails != "" && stale != len(targets) {
					t.Errorf("%d markers; the target says %.300s, want %q", stale, said[max(0, len(said)-300):], c.fails)
				}
				if widest := widestGap(t, o.Series[fmt.Sprintf(series, "up")]); name == "timeout" && widest != 1000 {
					t.Errorf("two samples are %d ms apart", widest)
				}
				if n := len(o.Series[fmt.Sprintf(series, "up")]); c.fails == "" && n < 32 {
					t.Errorf("%d samples of up", n)
				}
			})
		})
	}
}

// widestGap is the longest time between two samples that follow each other, in milliseconds.
func widestGap(t *testing.T, samples []string) (widest int) {
	t.Helper()
	before := 0
	for _, s := range samples {
		at, err := strconv.Atoi(s[:strings.Index(s, ":")])
		if err != nil {
			t.Fatal(err)
		}
		if before > 0 {
			widest = max(widest, at-before)
		}
		before = at
	}
	return widest
}
