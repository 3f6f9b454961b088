package lint

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/dashboard"
)

var update = flag.Bool("update", false, "rewrite testdata/samples.json")

// TestShippedDashboards: nothing is wrong with ours.
func TestShippedDashboards(t *testing.T) {
	for _, d := range dashboard.All() {
		found, err := File(d.JSON, Documented())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("%s: %s: %s: %s", d.Title, f.Where, f.Kind, f.What)
		}
	}
}

func kinds(found []Finding) (all []Kind) {
	for _, f := range found {
		all = append(all, f.Kind)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestExpr(t *testing.T) {
	const c = `{cluster=~"$cluster"}`
	for expr, want := range map[string][]Kind{
		`node_load1` + c: nil,
		`node_load1`:     {NoCluster},
		`node_load1{cluster="a",instance_id="i-1"}`:  {UnknownLabel},
		`node_load1{cluster="a",instance_id!="i-1"}`: nil, // a label that is not there is not it
		`node_load2` + c:                                                     {UnknownMetric},
		`DCGM_FI_DEV_GPU_UTIL_RATIO` + c:                                     nil,
		`rate(node_load1` + c + `[$__rate_interval])`:                        {RateOfGauge},
		`rate(DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL` + c + `[5m])`:              {RateOfGauge},
		`increase(slurm_scheduler_jobs_failed` + c + `[1h])`:                 {RateOfGauge},
		`rate(node_amazonefa_tx_bytes` + c + `[5m])`:                         nil, // untyped, as node_exporter writes it
		`rate(slurm_job_wait_seconds_bucket` + c + `[5m])`:                   nil,
		`node_load1` + c + ` / node_cpus` + c:                                {Division},
		`node_load1` + c + ` / (node_cpus` + c + ` > 0)`:                     nil,
		`node_load1` + c + ` / (node_cpus` + c + ` > bool 0)`:                {Division},
		`node_load1` + c + ` / clamp_min(node_cpus` + c + `, 1)`:             nil,
		`node_load1` + c + ` / count(up` + c + `)`:                           nil,
		`node_load1` + c + ` / 1024`:                                         nil,
		`node_load1` + c + ` / 0`:                                            {Division},
		`node_load1` + c + ` / sum(up` + c + `)`:                             {Division},
		`node_load1` + c + ` / (up` + c + ` - 1 > 0 or up` + c + `)`:         {Division},
		`count(count(node_cpu_seconds_total` + c + `) by (cpu))`:             {CPULabel},
		`count without (cpu, mode) (node_cpu_seconds_total` + c + `)`:        {CPULabel},
		`sum(rate(node_cpu_seconds_total{cluster="a",mode!="idle"}[5m]))`:    {CPULabel},
		`avg(rate(node_cpu_seconds_total` + c + `[5m]))`:                     nil,
		`sum by (instance, cpu) (rate(node_cpu_seconds_total` + c + `[5m]))`: nil,
		`sum(rate(node_cpu_seconds_total{cluster="a",mode="idle"}[5m])) / (sum(rate(node_cpu_seconds_total` + c + `[5m])) > 0)`: nil,
		`node_load1{cluster="a"`:                           {Unreadable},
		`rate(node_forks_total` + c + `[${window}])`:       nil,
		`topk($n, node_load1` + c + `)`:                    nil,
		`sum by ($label) (node_load1` + c + `)`:            nil,
		`node_load1` + c + ` offset $ago`:                  nil,
		`sum_over_time(up` + c + `[$__range:$__interval])`: nil,
	} {
		if got := kinds(Expr("p A", expr, Documented())); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", expr, got, want)
		}
	}
}

// TestFile: a panel without unit and description, of an old type, in a collapsed row; a
// query of another data source; a file of rules, whose own records are known.
func TestFile(t *testing.T) {
	for content, want := range map[string][]Kind{
		`{"panels":[{"type":"graph","title":"a","targets":[{"refId":"A","expr":"up{cluster=\"a\"}"}]}]}`: {NoDescription, NoUnit, OldPanel},
		`{"panels":[{"type":"row","panels":[{"type":"stat","title":"a","targets":[{"expr":"up"}]}]}]}`:   {NoCluster, NoDescription, NoUnit},
		`{"panels":[{"type":"timeseries","title":"a","targets":[{"expression":"fields @message"}]}]}`:    nil,
		`{"dashboard":{"panels":[{"type":"text","title":"a"}]}}`:                                         nil,
		"groups: [{rules: [{record: a, expr: 'max(up{cluster=\"c\"})'}, " +
			"{alert: B, expr: 'a{cluster=\"c\",d=\"e\"} > node_lod1{cluster=\"c\"}'}]}]": {UnknownMetric},
	} {
		found, err := File([]byte(content), Documented())
		if err != nil || !slices.Equal(kinds(found), want) {
			t.Errorf("%s: %v, want %v (%v)", content, kinds(found), want, err)
		}
	}
	for content, says := range map[string]string{
		`{"title":"x"}`: "no panels", `{`: "read the dashboard", `{"elements":{"a":1}}`: "schema v2", "a: b": "no groups", "\t:": "neither",
		"{" + strings.Repeat(" ", maxFile): "more than 8 MB",
	} {
		if _, err := File([]byte(content), Documented()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20q: %v, want %q", content, err, says)
		}
	}
}

// TestSamples: what is found in dashboards of others, by number and kind. The files are
// no part of this project.
func TestSamples(t *testing.T) {
	dir := os.Getenv("PARASCOPE_SAMPLES")
	if dir == "" {
		t.Skip("PARASCOPE_SAMPLES names no directory of samples")
	}
	golden := filepath.Join("testdata", "samples.json")
	want := map[string]map[Kind]int{}
	if content, err := os.ReadFile(golden); err == nil {
		if err := json.Unmarshal(content, &want); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards in %s: %v", dir, err)
	}
	got := map[string]map[Kind]int{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := File(content, Documented())
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		count := map[Kind]int{}
		for _, f := range found {
			count[f.Kind]++
		}
		got[filepath.Base(file)] = count
	}
	if *update {
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		want = got
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"panels":[{"type":"stat","targets":[{"expr":"rate(up[$__range])/0"}]}]}`))
	f.Add([]byte("groups: [{rules: [{alert: a, expr: up}]}]"))
	f.Add([]byte(`{"rows":[{"panels":[{"fieldConfig":{"overrides":[{"properties":[{"id":"unit"}]}]}}]}]}`))
	known := Documented()
	f.Fuzz(func(_ *testing.T, content []byte) {
		_, _ = File(content, known) // must return
	})
}
