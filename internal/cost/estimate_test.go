package cost

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cost/census"
	"github.com/parascope/parascope/internal/cost/series"
	"github.com/parascope/parascope/internal/headnode"
	"github.com/parascope/parascope/internal/hint"
)

func number(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func workload(t *testing.T, groups ...census.Group) Workload {
	t.Helper()
	w := DefaultWorkload()
	if err := Place(&w, shipped(t), census.Census{Queues: 1, Groups: groups}); err != nil {
		t.Fatal(err)
	}
	return w
}

func nodes(kind string, n int) census.Group {
	return census.Group{Kind: census.Compute, Name: kind, InstanceType: kind, Min: n, Max: n}
}

// TestStock holds the stock exporters' numbers against those that were measured and calculated from
// their sources: about 7,300 series on a p5.48xlarge, 3,000 on a p4d.24xlarge, 4,550 on a machine
// with 192 CPUs, 650 on one with 8.
func TestStock(t *testing.T) {
	for kind, want := range map[string]int{"p5.48xlarge": 7300, "p4d.24xlarge": 3000, "m7i.48xlarge": 4550, "c7i.2xlarge": 650} {
		e := New(shipped(t), Ask{Stack: Stack{Region: "us-east-1"}, Workload: workload(t, nodes(kind, 1))})
		if got := e.Groups[0].Stock; got < want*95/100 || got > want*105/100 {
			t.Errorf("%s: %d stock series, want about %d", kind, got, want)
		}
	}
	e := New(shipped(t), Ask{Stack: Stack{Region: "us-east-1"}, Workload: workload(t, nodes("hpc7a.96xlarge", 3))})
	if e.Stock.Series != 0 || !strings.Contains(e.Stock.What, "not known") || e.Groups[0].Stock != 0 {
		t.Errorf("the CPUs of hpc7a.96xlarge are not in its name: %+v", e.Stock)
	}
}

// TestSamples: samples are series times scrapes, and the bill is theirs by hand.
func TestSamples(t *testing.T) {
	w := workload(t, nodes("p5.48xlarge", 64))
	e := New(shipped(t), Ask{Stack: Stack{Region: "us-east-1"}, Workload: w})
	for _, l := range series.Levels() {
		u := e.Usage.At(l)
		slow := 0
		for _, f := range w.families(l) {
			if strings.HasPrefix(f.Name, "slurm_") || strings.HasPrefix(f.Name, "parallelcluster_") {
				slow += f.Series
			}
		}
		slow += 2 * 5                                                         // what the scrapes of the two pages make
		want := decimal.NewFromInt(int64((u.Series-slow)*87600 + slow*43800)) // 730 hours with 120 and with 60 scrapes
		if !u.Samples.Equal(want) {
			t.Errorf("%s: %s samples of %d series", l, u.Samples, u.Series)
		}
		dollars := number("176.4").Add(want.Sub(number("2e9")).Mul(number("0.35")).Div(number("1e7")))
		if want.LessThan(number("2e9")) {
			dollars = want.Sub(number("4e7")).Mul(number("0.9")).Div(number("1e7"))
		}
		got, known := e.Bill.At(l).Lines[3].Dollars.Amount()
		if !known || !got.Equal(dollars) {
			t.Errorf("%s: ingestion costs %s, known %t; want %s", l, got, known, dollars)
		}
	}
	if low, high := e.Usage.Low, e.Usage.High; !low.Samples.LessThan(high.Samples.Decimal) {
		t.Errorf("low %+v, high %+v", low, high)
	}
}

// TestIntervals holds the intervals against the configuration that head nodes get.
func TestIntervals(t *testing.T) {
	text, err := headnode.Configuration(headnode.Facts{Cluster: "hpc", Region: "us-east-1", Host: "head"},
		headnode.RemoteWrite{URL: "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Global struct {
			Interval model.Duration `yaml:"scrape_interval"`
		} `yaml:"global"`
		Jobs []struct {
			Name     string         `yaml:"job_name"`
			Interval model.Duration `yaml:"scrape_interval"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(text), &written); err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{"node": series.NodePage, "dcgm": series.GPUPage, "slurm": series.SlurmPage,
		"pcluster": series.ParallelClusterPage, "head": series.HeadPage}
	for _, j := range written.Jobs {
		page, ok := pages[j.Name]
		want := series.Family{Page: page}.IntervalOf(DefaultWorkload().Interval)
		if got := time.Duration(cmp.Or(j.Interval, written.Global.Interval)); !ok || got != want {
			t.Errorf("job %s is scraped every %s, the estimate has %s", j.Name, got, want)
		}
		delete(pages, j.Name)
	}
	if len(pages) > 0 {
		t.Errorf("the configuration has no jobs for the pages of %v", pages)
	}
}

// TestQueries counts what formulas read by hand.
func TestQueries(t *testing.T) {
	counts := map[string]int{"up": 10, "node_load1": 5, "node_cpu_seconds_total": 80}
	for expression, want := range map[string]int64{
		`count(up == 1)`:                                 10,
		`up{cluster=~"$c"} and node_load1`:               15,
		`rate(node_cpu_seconds_total{mode="idle"}[5m])`:  800, // ten samples each, at 30 s
		`rate(node_cpu_seconds_total[$__rate_interval])`: 320,
		`sum by (instance) (nothing_of_ours)`:            0,
		`avg_over_time(up[1h:5m])`:                       1200,
	} {
		if got := samplesOf(readsOf(expression), counts, 30*time.Second); !got.Equal(decimal.NewFromInt(want)) {
			t.Errorf("%s reads %s samples, want %d", expression, got, want)
		}
	}
	b := Board{Range: time.Hour, Panels: []Query{NewQuery("up", true), NewQuery("node_load1", false)}}
	if got := b.samples(counts, time.Minute); !got.Equal(decimal.NewFromInt(10 + 61*5)) {
		t.Errorf("a refresh reads %s", got)
	}
	boards, err := ShippedBoards()
	if err != nil || len(boards) == 0 || len(boards[0].Panels) == 0 || boards[0].Range <= 0 {
		t.Errorf("%+v, %v", boards, err)
	}
	if _, err := ReadBoard([]byte("{")); err == nil {
		t.Error("half a dashboard is read")
	}
}

func TestPlaceRefusesWhatIsNotKnown(t *testing.T) {
	var w Workload
	err := Place(&w, shipped(t), census.Census{Groups: []census.Group{nodes("p99.metal", 1)}})
	if hint.CodeOf(err) != hint.BadInput || hint.Next(err) == "" || !strings.Contains(err.Error(), "p99.metal") {
		t.Errorf("%v", err)
	}
	if err := Place(&w, shipped(t), census.Census{Groups: []census.Group{nodes("g4ad.xlarge", 1), nodes("c7i.large", 2)}}); err != nil {
		t.Error(err)
	}
}

// TestUnknownRegion: nothing is invented for a region without prices, and what to do is said.
func TestUnknownRegion(t *testing.T) {
	e := New(shipped(t), Ask{Stack: Stack{Region: "eu-central-2"}, Workload: workload(t, nodes("p5.48xlarge", 8))})
	if e.Bill.Expected.Total.IsKnown() || e.Stock.Dollars.IsKnown() || e.Fleet[0].Hourly.IsKnown() {
		t.Errorf("%+v", e.Bill.Expected)
	}
	text, err := json.Marshal(e)
	if err != nil || !strings.Contains(string(text), `"totalDollarsPerMonth":null`) {
		t.Errorf("%s, %v", text, err)
	}
	last := e.Unknown[len(e.Unknown)-1]
	if !strings.Contains(last, "--refresh --region eu-central-2") || !strings.Contains(last, "--prices-of us-east-1") {
		t.Errorf("%q", e.Unknown)
	}
}

// TestWhatIf: leaving families out or scraping less often is cheaper, by as much as is left out.
func TestWhatIf(t *testing.T) {
	w := workload(t, nodes("p5.48xlarge", 10))
	e := New(shipped(t), Ask{Stack: Stack{Region: "us-east-1"}, Workload: w})
	found := 0
	for _, a := range e.WhatIf {
		switch {
		case a.What == "an interval of 1m":
			found++
			if !a.Samples.Equal(decimal.NewFromInt(int64(a.Series) * 43800)) {
				t.Errorf("%+v", a)
			}
		case a.What == "without DCGM_FI_DEV_*":
			found++
			left := e.Usage.Expected.Series - a.Series
			if left != 17*8*10 { // the default set has 20 fields, three of them profiling
				t.Errorf("%d series are left out", left)
			}
		}
	}
	if found != 2 {
		t.Errorf("%+v", e.WhatIf)
	}
	guide := e.Guide[0]
	if !strings.Contains(guide.Guide, "$10–30") || !strings.Contains(guide.Here, "the cost is at most $30 with an interval of ") {
		t.Errorf("%+v", guide)
	}
}

// FuzzBoard: a dashboard of any kind is read, or refused, without a panic.
func FuzzBoard(f *testing.F) {
	f.Add([]byte(`{"title":"t","refresh":"30s","time":{"from":"now-6h"},"panels":[{"targets":[{"expr":"up"}],"panels":[{"targets":[]}]}]}`))
	f.Add([]byte(`{"refresh":false,"panels":[1]}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		b, err := ReadBoard(text)
		if err == nil && b.Range > 0 {
			b.samples(map[string]int{"up": 1}, time.Second)
		}
	})
}
