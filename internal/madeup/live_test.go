package madeup

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
)

var began = time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)

// sent are the series of a live cluster's history, by their labels.
func sent(t *testing.T, l *Live, from, to time.Time, step time.Duration) map[string][]prompb.Sample {
	t.Helper()
	all := map[string][]prompb.Sample{}
	err := l.History(from, to, step, func(body []byte) error {
		raw, err := snappy.Decode(nil, body)
		if err != nil {
			return err
		}
		var w prompb.WriteRequest
		if err := w.Unmarshal(raw); err != nil {
			return err
		}
		for _, s := range w.Timeseries {
			set := model.LabelSet{}
			for i, label := range s.Labels {
				if i > 0 && s.Labels[i-1].Name >= label.Name || label.Value == "" {
					t.Fatalf("labels %v are not in order, or one is empty", s.Labels)
				}
				set[model.LabelName(label.Name)] = model.LabelValue(label.Value)
			}
			all[set.String()] = append(all[set.String()], s.Samples...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// pagesAt are the series of the pages at a time, as Prometheus' own parser reads them.
func pagesAt(t *testing.T, l *Live, at time.Time) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for _, job := range LiveJobs() {
		for machine, target := range l.Targets(at, job) {
			page := l.Page(at, machine, job)
			if page == nil {
				continue
			}
			parser := expfmt.NewTextParser(model.LegacyValidation)
			families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
			if err != nil {
				t.Fatalf("%s of %s: %v", job, machine, err)
			}
			samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{}, slices.Collect(maps.Values(families))...)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range samples {
				set := model.LabelSet{}
				for name, v := range target {
					set[model.LabelName(name)] = model.LabelValue(v)
				}
				for name, v := range s.Metric {
					_, both := target[string(name)]
					if both && job != "slurm" && job != "pcluster" {
						name = "exported_" + name
					}
					if v != "" {
						set[name] = v
					}
				}
				all[set.String()] = float64(s.Value)
			}
		}
	}
	return all
}

// TestHistoryIsWhatScrapesWouldHaveBeen compares what is sent ahead with the pages.
func TestHistoryIsWhatScrapesWouldHaveBeen(t *testing.T) {
	l, at := NewLive(began, 0), began.Add(-40*time.Minute)
	got, want := sent(t, l, at, at.Add(time.Second), time.Minute), pagesAt(t, l, at)
	if len(want) < 1000 {
		t.Errorf("%d series on all pages", len(want))
	}
	for labels, v := range want {
		if len(got[labels]) != 1 || math.Abs(got[labels][0].Value-v) > 1e-9*math.Abs(v) || got[labels][0].Timestamp != at.UnixMilli() {
			t.Errorf("%s is %v, the page says %v", labels, got[labels], v)
		}
		delete(got, labels)
	}
	for labels, samples := range got {
		if !strings.Contains(labels, `__name__="up"`) && !strings.Contains(labels, `__name__="scrape_`) {
			t.Errorf("no page has %s %v", labels, samples)
		}
	}
}

// TestHistoryEndsSeries: a series that went has Prometheus' mark of it, once, and no counter
// falls within a day.
func TestHistoryEndsSeries(t *testing.T) {
	stale := 0
	for labels, samples := range sent(t, NewLive(began, 0), began.Add(-55*time.Minute), began, 30*time.Second) {
		for i, s := range samples {
			switch {
			case value.IsStaleNaN(s.Value):
				stale++
				if i > 0 && value.IsStaleNaN(samples[i-1].Value) {
					t.Errorf("%s ends twice", labels)
				}
			case i > 0 && s.Timestamp <= samples[i-1].Timestamp:
				t.Errorf("%s goes back in time", labels)
			case i > 0 && strings.Contains(labels, `_total"`) && s.Value < samples[i-1].Value || s.Value < 0 &&
				!strings.Contains(labels, "TEMP_LIMIT"):
				t.Errorf("%s falls to %v", labels, s.Value)
			}
		}
	}
	if stale == 0 {
		t.Error("jobs begin within the hour, and no node's state ends")
	}
}

// TestLiveNamesSayThatTheyAreMadeUp: nobody takes it for a cluster of theirs.
func TestLiveNamesSayThatTheyAreMadeUp(t *testing.T) {
	l := NewLive(began, 0)
	for _, job := range LiveJobs() {
		for machine, labels := range l.Targets(began, job) {
			if !strings.HasPrefix(machine, "demo-") || labels["cluster"] != "demo-made-up" || labels["instance"] != machine {
				t.Errorf("%s has labels %v", machine, labels)
			}
		}
	}
	if got := len(l.Targets(began, "node")); got != 11 { // one is powered down
		t.Errorf("%d nodes", got)
	}
	if l.Page(began, CPUNode(5), "node") != nil || l.Page(began, GPUNode(1), "slurm") != nil || l.Page(began, "other", "node") != nil {
		t.Error("a machine that does not answer, or has no such page, has one")
	}
}

// TestTheDayComesAgain: after its last hour the cluster is as it was in the morning, with
// times of today, and one that is opened again continues.
func TestTheDayComesAgain(t *testing.T) {
	l, later := NewLive(began, 0), began.Add(13*time.Hour)
	if c, hour, ends := l.at(later); math.Abs(hour-liveBegins) > 1e-6 || math.Abs(c.midnight+hour*3600-float64(later.Unix())) > 1e-3 ||
		math.Abs(ends.Sub(later).Hours()-(liveTo-liveBegins)) > 1e-6 {
		t.Errorf("thirteen hours later it is %v of the day from %v, which ends %s", hour, c.midnight, ends)
	}
	lines := func(l *Live) []string {
		return slices.Sorted(strings.Lines(string(l.Page(later, headName, "slurm"))))
	}
	if !slices.Equal(lines(l), lines(NewLive(began, 0))) {
		t.Error("one that is opened later says something else")
	}
	if c, _, _ := l.at(began); c.jobOn(GPUNode(3), liveBegins) == nil || c.jobOn(CPUNode(1), liveBegins) == nil {
		t.Error("not all jobs run when it begins")
	}
}

// TestWave: what a counter grew by is the sum of its rate.
func TestWave(t *testing.T) {
	w, l := wave{0.3, 1.2}, during(2, 3, 5, 1)
	sum, steps := 0.0, 400_000
	for i := range steps {
		hour := 4 * (float64(i) + 0.5) / float64(steps)
		sum += l.At(hour) * w.at(hour) * 4 * 3600 / float64(steps)
	}
	if got := l.grown(4, w); math.Abs(got-sum) > 1e-4*sum {
		t.Errorf("it grew by %v, want %v", got, sum)
	}
}
