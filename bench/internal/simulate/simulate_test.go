package simulate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/bench/internal/simulate"
)

// TestPagesAreWhatTheyClaim reads the pages with Prometheus' own parser: as many
// series as the target says, no series twice, and values that change.
func TestPagesAreWhatTheyClaim(t *testing.T) {
	fleet := simulate.New(2, 5975, 200, time.Now)
	srv := httptest.NewServer(fleet)
	defer srv.Close()
	for _, target := range fleet.Targets() {
		first, second := scrape(t, srv.URL+target.Path), scrape(t, srv.URL+target.Path)
		if len(first) != target.Series || len(second) != target.Series {
			t.Errorf("%s has %d and %d series, want %d", target.Instance, len(first), len(second), target.Series)
		}
		changed := 0
		for series, v := range first {
			if second[series] != v {
				changed++
			}
		}
		if changed == 0 || changed == len(first) {
			t.Errorf("%s: %d of %d values change", target.Instance, changed, len(first))
		}
		if a, b := simulate.Sequence(first[simulate.SequenceMetric]), simulate.Sequence(second[simulate.SequenceMetric]); a != 1 || b != 2 {
			t.Errorf("%s: sequences %d and %d, want 1 and 2", target.Instance, a, b)
		}
	}
	if n := len(fleet.Pages()); n != 8 {
		t.Errorf("%d pages noted, want 8", n)
	}
	fleet.Close()
	if resp := get(t, srv.URL+fleet.Targets()[0].Path); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Close: %s", resp.Status)
	}
	if n := len(fleet.Pages()); n != 8 {
		t.Errorf("%d pages noted after Close, want 8", n)
	}
}

// scrape parses a page into values by series.
func scrape(t *testing.T, url string) map[string]float64 {
	t.Helper()
	resp := get(t, url)
	defer resp.Body.Close()
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			key := name
			for _, l := range m.Label {
				key += " " + l.GetName() + "=" + strconv.Quote(l.GetValue())
			}
			if _, twice := out[key]; twice {
				t.Errorf("series %s twice", key)
			}
			out[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { io.Copy(io.Discard, resp.Body); resp.Body.Close() })
	return resp
}
