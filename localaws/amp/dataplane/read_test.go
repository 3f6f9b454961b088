package dataplane

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/prometheus/prompb"
)

func TestReads(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("up", []string{"job", "node"}, -10*time.Second, 0), series("up", []string{"job", "head"}, 0))
	window := "start=" + noon.Add(-time.Minute).Format(time.RFC3339) + "&end=" + noon.Format(time.RFC3339)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for name, c := range map[string]struct {
		operation, query, body string
		status                 int
		says                   string
	}{
		"instant":         {"QueryMetrics", "query=sum(up)&time=" + noon.Format(time.RFC3339), "", 200, `"resultType":"vector"`},
		"instant, posted": {"QueryMetrics (POST)", "", "query=count(up)&time=" + noon.Format(time.RFC3339), 200, `"2"]`},
		"range":           {"QueryMetrics (range)", "query=up&step=10&" + window, "", 200, `"resultType":"matrix"`},
		"range, posted":   {"QueryMetrics (range, POST)", "", "query=up&step=10&" + window, 200, `"resultType":"matrix"`},
		"95 days":         {"QueryMetrics (range)", "query=up&step=86400&start=1787486400&end=1795694400", "", 200, "matrix"},
		"96 days": {"QueryMetrics (range)", "query=up&step=86400&start=1787400000&end=1795694401", "", 422,
			"the query time range exceeds the limit (query length: 2304"},
		"96 days, posted": {"QueryMetrics (range, POST)", "", "query=up&step=86400&start=1787400000&end=1795694401", 422,
			"the query time range exceeds the limit"},
		"no time":          {"QueryMetrics (range)", "query=up&step=1&start=x&end=1", "", 400, `"errorType":"bad_data"`},
		"bad PromQL":       {"QueryMetrics", "query=up{", "", 400, `"errorType":"bad_data"`},
		"labels":           {"GetLabels", window, "", 200, `["__name__","job"]`},
		"labels, posted":   {"GetLabels (POST)", "", window, 200, `["__name__","job"]`},
		"label values":     {"GetLabels (values)", window, "", 200, `["head","node"]`},
		"series":           {"GetSeries", "match[]=up{job=\"head\"}&" + window, "", 200, `[{"__name__":"up","job":"head"}]`},
		"series, posted":   {"GetSeries (POST)", "", "match[]=up{job=\"head\"}&" + window, 200, `[{"__name__":"up","job":"head"}]`},
		"series, no match": {"GetSeries", "", "", 400, "bad_data"},
		"rules":            {"ListRules", "", "", 200, `{"data":{"groups":[]},"error":"","errorType":"","status":"success"}`},
		"alerts":           {"ListAlerts", "", "", 200, `{"data":{"alerts":[]},"error":"","errorType":"","status":"success"}`},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := p.call(c.operation, workspaceID, c.query, form, []byte(c.body))
			if status != c.status || !strings.Contains(body, c.says) {
				t.Errorf("%d %s, want %d with %s", status, body, c.status, c.says)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	about := func(name, help string) prompb.MetricMetadata {
		return prompb.MetricMetadata{MetricFamilyName: name, Help: help, Type: prompb.MetricMetadata_GAUGE}
	}
	body := encode(t, &prompb.WriteRequest{Metadata: []prompb.MetricMetadata{
		about("a", "one"), about("a", "one"), about("a", "two"), about("b", "three"), about("long", strings.Repeat("x", 1<<10)),
	}})
	if status, text := p.call("RemoteWrite", workspaceID, "", writeHeader, body); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	const one, two = `{"type":"gauge","help":"one","unit":""}`, `{"type":"gauge","help":"two","unit":""}`
	for query, want := range map[string]string{
		"metric=a":                    `{"data":{"a":[` + one + `,` + two + `]},"status":"success"}`,
		"metric=a&limit_per_metric=1": `{"data":{"a":[` + one + `]},"status":"success"}`,
		"metric=long":                 `{"data":{},"status":"success"}`,
		"limit=0":                     `{"data":{},"status":"success"}`,
		"limit=x":                     `{"error":"limit must be a number","errorType":"bad_data","status":"error"}`,
	} {
		if _, got := p.call("GetMetricMetadata", workspaceID, query, nil, nil); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestWorkspacesAreOpenedByNeedAndApart(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir, Limits{})
	if _, err := os.Stat(filepath.Join(dir, workspaceID)); !os.IsNotExist(err) {
		t.Errorf("a workspace that nobody asked for is there: %v", err)
	}
	p.mustWrite(series("m", nil, 0))
	if _, body := p.call("GetLabels (values)", "ws-2", "", nil, nil); !strings.Contains(body, `"data":[]`) {
		t.Errorf("another workspace has this one's series: %s", body)
	}
	if status, _ := p.call("QueryMetrics", "nonsense", "query=up", nil, nil); status != http.StatusNotFound {
		t.Errorf("unknown workspace: %d", status)
	}
	if err := p.store.Remove(workspaceID); err != nil {
		t.Fatal(err)
	}
	if status, body := p.call("QueryMetrics", workspaceID, "query=m", nil, nil); status != http.StatusNotFound {
		t.Errorf("a removed workspace: %d %s", status, body)
	}
}

// TestConcurrentUse opens, reads and changes one workspace at once, and removes it
// under those who use it.
func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir, Limits{})
	var wg sync.WaitGroup
	use := func(statuses ...int) {
		for range 8 {
			for _, call := range []func() (int, string){
				func() (int, string) { return p.call("QueryMetrics", workspaceID, "query=up", nil, nil) },
				func() (int, string) { return p.write(series("m", nil, 0)) },
			} {
				wg.Go(func() {
					if status, body := call(); !slices.Contains(statuses, status) {
						t.Errorf("%d %s, want one of %v", status, body, statuses)
					}
				})
			}
			wg.Go(func() {
				if err := p.store.Apply(workspaceID, p.settings); err != nil {
					t.Error(err)
				}
			})
		}
	}
	use(http.StatusOK)
	wg.Wait()
	if n := p.count("m"); n != 1 {
		t.Errorf("%d samples, want 1", n)
	}

	use(http.StatusOK, http.StatusNotFound)
	wg.Go(func() {
		if err := p.store.Remove(workspaceID); err != nil {
			t.Error(err)
		}
	})
	use(http.StatusOK, http.StatusNotFound)
	wg.Wait()
	use(http.StatusNotFound) // these passed Find, which knows nothing of it
	wg.Wait()
	if _, err := os.Stat(filepath.Join(dir, workspaceID)); !os.IsNotExist(err) {
		t.Errorf("the removed workspace is there again: %v", err)
	}
}
