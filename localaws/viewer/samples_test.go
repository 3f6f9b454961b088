package viewer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// outcome is how many panels of a dashboard show what.
type outcome struct {
	Data, Empty int
	Named       int // a reason that lies in what the panel asks for
	Failed      int
	Cut         int // values that do not fit into their panel
}

// sampled are dashboards that people use, which are not ours to keep, and what their
// panels show once each series that they ask for is there. The queries of logs are
// CloudWatch's, and there is no such data source.
var sampled = map[string]outcome{
	"aws-samples-ParallelCluster.json":      {Data: 19},
	"aws-samples-compute-node-details.json": {Data: 25},
	"aws-samples-compute-node-list.json":    {Data: 1},
	"aws-samples-costs.json":                {Data: 8},
	"aws-samples-gpu-health.json":           {Data: 17},
	"aws-samples-gpu-node-list.json":        {Data: 1},
	"aws-samples-gpu.json":                  {Data: 34, Empty: 2}, // they ask for a rate over one scrape interval
	"aws-samples-head-node-details.json":    {Data: 17},
	"aws-samples-logs.json":                 {Named: 7},
	"aws-samples-slurm-detail.json":         {Data: 19},
	"aws-samples-storage.json":              {Data: 16},
	"nvidia-dcgm-exporter.json":             {Data: 8},
	"rfmoz-node-exporter-full.json":         {Data: 125},
}

// TestDashboardsOfOthers imports dashboards that people use, by the page that asks for
// their data sources, and looks at every panel.
func TestDashboardsOfOthers(t *testing.T) {
	samples := folder()
	switch {
	case os.Getenv("DASHBOARDS") == "":
		t.Skip("300 panels take most of a minute of processor time: DASHBOARDS=1 draws them (make dashboards-of-others)")
	case samples == "":
		t.Skip("no variable …_SAMPLES says where the dashboards are")
	}
	files := check.Must[[]string](t)(filepath.Glob(filepath.Join(samples, "dashboards", "*.json")))
	c := startCloud(t)
	sent := map[string]bool{}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			want, known := sampled[name]
			if !known {
				t.Fatal("what its panels show is not written down")
			}
			raw := check.Must[[]byte](t)(os.ReadFile(file))
			for some := range slices.Chunk(seriesFor(t, raw, sent), 100) {
				c.write(some)
			}
			b := newTab(t, 1360, 900) // each its own: a browser has five minutes
			b.SignIn(c.url, "bob@example.com")
			b.importFrom(c, raw)
			if got := b.panels(name); got != want {
				t.Errorf("panels %+v, want %+v", got, want)
			}
			b.Shot(strings.TrimSuffix(name, ".json"))
		})
	}
	if len(files) != len(sampled) {
		t.Errorf("%d dashboards, want %d", len(files), len(sampled))
	}
}

// folder is where samples are that are not ours: a variable whose name ends so says it.
func folder() string {
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); strings.HasSuffix(name, "_SAMPLES") {
			return value
		}
	}
	return ""
}

// importFrom imports a dashboard, with the data sources that the page proposes.
func (b *tab) importFrom(c *cloud, raw []byte) {
	b.t.Helper()
	b.Do(chromedp.Navigate(c.url + "/dashboard/import"))
	b.Await(`document.querySelector("textarea.json") !== null`)
	b.Await(fmt.Sprintf(`(document.querySelector("textarea.json").value = %s) !== ""`, check.Must[[]byte](b.t)(json.Marshal(string(raw)))))
	b.Click(".import button", "Load")
	b.Click(".import form button", "Import")
	b.Await(`location.pathname.startsWith("/d/")`)
	b.Await(`document.querySelector("h1") !== null && document.querySelectorAll(".panel.loading").length == 0`)
	b.Await(`(rows => { rows.forEach(r => r.click()); return rows.length == 0 })([...document.querySelectorAll('.rowhead [aria-expanded="false"]')])`)
	b.Await(`document.querySelectorAll(".panel.loading").length == 0 && [...document.querySelectorAll(".panel")].every(p => p.dataset.state)`)
}

// panels counts what the panels show, and names those that fail.
func (b *tab) panels(dashboard string) (counted outcome) {
	b.t.Helper()
	type panel struct{ Title, State, Text, Cut string }
	all, err := chromedp.Run(b.Context, chromedp.Evaluate[[]panel](`[...document.querySelectorAll(".panel")].map(p => {
		const cut = [...p.querySelectorAll(".stat .value, .bar .value, .gauge text")].find(v => {
			const box = v.closest(".stat, .bars, .gauges").getBoundingClientRect(), r = document.createRange();
			r.selectNodeContents(v);
			const at = r.getBoundingClientRect();
			const line = 4; // a line is so much higher than what is in it
			return at.left < box.left - 1 || at.right > box.right + 1 || at.top < box.top - line || at.bottom > box.bottom + line;
		});
		return {Title: p.ariaLabel, State: p.dataset.state, Text: p.innerText.slice(0, 300), Cut: cut?.textContent ?? ""};
	})`))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, p := range all {
		switch p.State {
		case "data":
			counted.Data++
		case "empty":
			counted.Empty++
			b.t.Logf("%s, %s: no data", dashboard, p.Title)
		case "named":
			counted.Named++
			b.t.Logf("%s, %s: %s", dashboard, p.Title, p.Text)
		default:
			counted.Failed++
			b.t.Errorf("%s, %s: %s %s", dashboard, p.Title, p.State, p.Text)
		}
		if p.Cut != "" {
			counted.Cut++
			b.t.Errorf("%s, %s: %q does not fit", dashboard, p.Title, p.Cut)
		}
	}
	return counted
}

var (
	macro    = regexp.MustCompile(`\$\{?__[a-z_]+\}?`)
	ofValues = regexp.MustCompile(`^\s*label_values\((?:(.+),)?\s*(\w+)\s*\)\s*$`)
	ofResult = regexp.MustCompile(`^\s*query_result\((.*)\)\s*$`)
)

// seriesFor makes a series of each selector of a dashboard's queries, but of those that
// were sent.
func seriesFor(t *testing.T, raw []byte, sent map[string]bool) (out []prompb.TimeSeries) {
	t.Helper()
	var d map[string]any
	check.OK(t, json.Unmarshal(raw, &d))
	visit(d, func(expr, label string) {
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(macro.ReplaceAllString(expr, "5m"))
		if err != nil {
			t.Logf("no series for %s: %v", expr, err)
			return
		}
		parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok {
				set := labelsFor(s, label)
				if key := fmt.Sprint(set); !sent[key] {
					sent[key] = true
					out = append(out, prompb.TimeSeries{Labels: set, Samples: samplesFor(s.Name, float64(len(sent)))})
				}
			}
			return nil
		})
	})
	return out
}

// visit calls with each query, and with each variable's and the label that it is of.
func visit(v any, query func(expr, label string)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			visit(x, query)
		}
	case map[string]any:
		for k, x := range v {
			text, isText := x.(string)
			switch {
			case k == "expr" && isText && text != "":
				query(text, "")
			case k == "query" && isText:
				if m := ofValues.FindStringSubmatch(text); m != nil && m[1] != "" {
					query(m[1], m[2])
				} else if m := ofResult.FindStringSubmatch(text); m != nil {
					query(m[1], "")
				}
			default:
				visit(x, query)
			}
		}
	}
}

// common are the labels that all series have, so that they can be joined.
var common = map[string]string{"instance": "a1:9100", "job": "a", "nodename": "a1", "instance_id": "i-1", "Hostname": "a1", "gpu": "0"}

// usual are values of labels that a selector leaves open.
var usual = map[string]string{"mountpoint": "/", "fstype": "xfs", "device": "eth0", "instance_name": "Compute", "le": "1"}

// labelsFor is a set of labels that the selector selects.
func labelsFor(s *parser.VectorSelector, wanted string) []prompb.Label {
	set := maps.Clone(common)
	if wanted != "" && set[wanted] == "" {
		set[wanted] = usual[wanted]
	}
	for _, m := range s.LabelMatchers {
		switch {
		case m.Name == model.MetricNameLabel:
			set["__name__"] = m.Value
		case strings.Contains(m.Value, "$"):
			if set[m.Name] == "" {
				set[m.Name] = usual[m.Name]
			}
		case m.Type == labels.MatchEqual:
			set[m.Name] = m.Value
		case m.Type == labels.MatchRegexp && !m.Matches(set[m.Name]):
			set[m.Name] = matching(m)
		case m.Type != labels.MatchRegexp && !m.Matches(set[m.Name]):
			set[m.Name] = "other"
		}
	}
	var out []prompb.Label
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if set[name] != "" {
			out = append(out, prompb.Label{Name: name, Value: set[name]})
		}
	}
	return out
}

// matching is a value that a regular expression takes: one of its alternatives, or an
// ordinary one.
func matching(m *labels.Matcher) string {
	plain := regexp.MustCompile(`[\\^$().*+?]`).ReplaceAllString(m.Value, "")
	tries := append(strings.Split(plain, "|"), usual[m.Name], "x", "x1", "/x", "1", "nvme0n1", "eth0")
	if i := slices.IndexFunc(tries, func(v string) bool { return v != "" && m.Matches(v) }); i >= 0 {
		return tries[i]
	}
	return ""
}

// ahead is how far samples reach beyond the present, as far as a workspace takes them: a
// series is written once, for the first dashboard that asks for it, and the last dashboard
// is drawn minutes later. A workspace refuses what is an hour older than its newest sample.
const ahead = 9 * time.Minute

// samplesFor are an hour of a counter that grows, or of a value in waves.
func samplesFor(metric string, phase float64) []prompb.Sample {
	const samples, step = 220, 15 * time.Second
	end := time.Now().Add(ahead).Truncate(step)
	counter := regexp.MustCompile(`_(total|sum|count|bucket)$`).MatchString(metric)
	var out []prompb.Sample
	for i := range samples {
		v := 50 + 40*math.Sin(float64(i)/35+phase)
		if counter {
			v = 1e6 + 15*float64(i)*(1+math.Mod(phase, 7))
		}
		out = append(out, prompb.Sample{Timestamp: end.Add(time.Duration(i-samples+1) * step).UnixMilli(), Value: v})
	}
	return out
}
