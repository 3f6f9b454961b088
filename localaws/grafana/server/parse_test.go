package server

import (
	"encoding/json"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func testServer() *Server { return New(Options{Now: func() time.Time { return noon }}) }

func TestReadTime(t *testing.T) {
	for in, want := range map[string]time.Time{
		`"now"`: noon, `"now-6h"`: noon.Add(-6 * time.Hour), `"now-1w"`: noon.AddDate(0, 0, -7),
		`"1763899200000"`: time.UnixMilli(1763899200000).UTC(), `1763899200000`: time.UnixMilli(1763899200000).UTC(),
	} {
		if got, ok := testServer().readTime(json.RawMessage(in)); !ok || !got.Equal(want) {
			t.Errorf("%s is %s, %t, want %s", in, got, ok, want)
		}
	}
	for _, in := range []string{``, `""`, `"now+1h"`, `"now-"`, `"now-1x"`, `"yesterday"`, `null`, `{}`} {
		if got, ok := testServer().readTime(json.RawMessage(in)); ok {
			t.Errorf("%s is %s", in, got)
		}
	}
}

func TestStep(t *testing.T) {
	hour := span{noon.Add(-time.Hour), noon}
	year := span{noon.AddDate(-1, 0, 0), noon}
	for name, tc := range map[string]struct {
		q    queryModel
		data map[string]any
		when span
		want time.Duration
	}{
		"default":     {queryModel{}, nil, hour, 15 * time.Second},
		"panel":       {queryModel{IntervalMS: 60000}, nil, hour, time.Minute},
		"least":       {queryModel{Interval: "2m", IntervalMS: 1000}, nil, hour, 2 * time.Minute},
		"data source": {queryModel{}, map[string]any{"timeInterval": "30s"}, hour, 30 * time.Second},
	} {
		if got := tc.q.step(&dataSource{dataSourceModel: dataSourceModel{JSONData: tc.data}}, tc.when); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if got := (&queryModel{}).step(&dataSource{}, year); year.to.Sub(year.from)/got > maxPoints || got > 2*time.Hour {
		t.Errorf("a year in steps of %s", got)
	}
}

// FuzzQuery: whatever a client asks, times and steps stay within what can be asked.
func FuzzQuery(f *testing.F) {
	f.Add(`"now-1h"`, "30s", 1000.0)
	f.Add(`-9223372036854775808`, ">9999999999y", -1.0)
	f.Fuzz(func(t *testing.T, from, interval string, ms float64) {
		start, ok := testServer().readTime(json.RawMessage(from))
		if !ok || noon.Before(start) {
			return
		}
		q := queryModel{Interval: interval, IntervalMS: ms}
		if step := q.step(&dataSource{}, span{start, noon}); step <= 0 || noon.Sub(start)/step > maxPoints {
			t.Errorf("%s to now in steps of %s", start, step)
		}
	})
}
