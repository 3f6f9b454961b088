package proof

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parascope/parascope/internal/dashboard"
	"github.com/parascope/parascope/internal/madeup"
)

// target is one query of a panel.
type target struct {
	board, panel, refID string
	kind                string // the panel's type
	expr                string
	instant             bool
	points              int // of a range, at most
}

func (t target) String() string { return t.board + "/" + t.panel + "/" + t.refID }

// promTargets are the queries over Prometheus of all dashboards that ship, and others how
// many ask CloudWatch.
func promTargets(t testing.TB) (all []target, others int) {
	t.Helper()
	for _, d := range dashboard.All() {
		var model struct {
			Panels []struct {
				Type, Title   string
				MaxDataPoints int
				Targets       []struct {
					RefID      string
					Expr       string
					Instant    bool
					Datasource struct{ UID string }
				}
			}
		}
		if err := json.Unmarshal(d.JSON, &model); err != nil {
			t.Fatal(err)
		}
		for _, p := range model.Panels {
			for _, q := range p.Targets {
				if q.Datasource.UID != dashboard.Placeholder {
					others++
					continue
				}
				all = append(all, target{strings.TrimPrefix(d.UID, "parascope-"), p.Title, q.RefID, p.Type, q.Expr, q.Instant, p.MaxDataPoints})
			}
		}
	}
	return all, others
}

// shown is how long the range is that a dashboard shows, in hours.
const shown = 6.0

// expand puts values in the place of a dashboard's variables, as Grafana does.
func (d *day) expand(expr, cluster string) string {
	return strings.NewReplacer("$cluster", cluster, "$instance", ".*", "$node", ".*", "$job_id", madeup.Trains.ID,
		"$job_node", strings.Join(madeup.Trains.Nodes, "|"),
		"$__rate_interval", fmt.Sprintf("%ds", 4*int(d.interval.Seconds())), "$__range_s", fmt.Sprint(shown*3600), "$__range",
		fmt.Sprintf("%dh", int(shown))).Replace(expr)
}

// point is a series' value at a moment.
type point struct {
	labels map[string]string
	value  float64
}

// ask evaluates an expression at an hour of the day.
func (d *day) ask(expr string, hour float64) ([]point, error) {
	resp, err := http.PostForm(d.server.URL+"/api/v1/query", url.Values{"query": {expr},
		"time": {strconv.FormatFloat(midnight+hour*3600, 'f', 3, 64)}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" {
		return nil, fmt.Errorf("%s\n%s%s", expr, answer.Error, body[:min(len(body), 300)])
	}
	var vector []struct {
		Metric map[string]string
		Value  [2]any
	}
	if answer.Data.ResultType != "vector" {
		return nil, fmt.Errorf("%s is a %s", expr, answer.Data.ResultType)
	}
	if err := json.Unmarshal(answer.Data.Result, &vector); err != nil {
		return nil, err
	}
	var points []point
	for _, v := range vector {
		n, err := strconv.ParseFloat(fmt.Sprint(v.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		points = append(points, point{v.Metric, n})
	}
	return points, nil
}

// differs compares what was answered with what is wanted; labels are those by which
// answers are told apart.
func differs(got []point, want wanted) string {
	has := map[string]float64{}
	for _, p := range got {
		key := keyOf(p.labels, want.by)
		if _, twice := has[key]; twice {
			return fmt.Sprintf("%q was answered twice", key)
		}
		has[key] = p.value
	}
	if want.alike {
		is, should := slices.Sorted(maps.Values(has)), slices.Sorted(maps.Values(want.values))
		if !slices.Equal(is, should) {
			return fmt.Sprintf("the values are %v, want %v", is, should)
		}
		return ""
	}
	for key, v := range want.values {
		g, ok := has[key]
		if !ok {
			return fmt.Sprintf("%q is missing, want %v; answered: %v", key, v, has)
		}
		if math.Abs(g-v) > want.within+math.Abs(v)*max(want.part, 1e-6) {
			return fmt.Sprintf("%q is %v, want %v", key, g, v)
		}
		delete(has, key)
	}
	if len(has) > 0 {
		return fmt.Sprintf("too much: %v", has)
	}
	return ""
}

func keyOf(labels map[string]string, by []string) string {
	var parts []string
	for _, name := range by {
		parts = append(parts, labels[name])
	}
	return strings.Join(parts, "/")
}

// targetsOf is how many queries each dashboard asks, of Prometheus and of CloudWatch.
func targetsOf(t testing.TB) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, d := range dashboard.All() {
		var model struct {
			Panels []struct{ Targets []struct{ RefID string } }
		}
		if err := json.Unmarshal(d.JSON, &model); err != nil {
			t.Fatal(err)
		}
		for _, p := range model.Panels {
			all[strings.TrimPrefix(d.UID, "parascope-")] += len(p.Targets)
		}
	}
	return all
}
