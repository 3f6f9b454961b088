package dataplane

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// ask sends a query by POST; more are further parameters, "name=value".
func (p *plane) ask(operation, query string, more ...string) (int, string) {
	p.t.Helper()
	form := url.Values{"query": {query}}
	for _, m := range more {
		name, value, _ := strings.Cut(m, "=")
		form.Set(name, value)
	}
	return p.call(operation, workspaceID, "", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, []byte(form.Encode()))
}

// TestQueriesThatWouldTakeTheProcess asks what Prometheus itself would evaluate
// until the memory is gone. No query can be evaluated here, since all slots are taken
// and none has time to wait: these are refused before.
func TestQueriesThatWouldTakeTheProcess(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("up", []string{"job", "node"}, 0))
	p.takeAllSlots()
	tower := func(n int, replacement string) string {
		return strings.Repeat("label_replace(", n) + "up" + strings.Repeat(`,"job","`+replacement+`","job","(.*)")`, n)
	}
	tooLarge := "query makes too large labels"
	for name, c := range map[string]struct{ query, says string }{
		"steps of a subquery":             {"max_over_time(up[60d:1ms])", tooManySamples},
		"steps of a constant":             {"sum_over_time(vector(1)[60d:1ms])", tooManySamples},
		"steps of several together":       {strings.Repeat("max_over_time(up[60d:1s])+", 2) + "0", tooManySamples},
		"steps at a fixed time":           {"max_over_time(up[60d:1ms] @ 0)", tooManySamples},
		"subqueries in each other":        {"max_over_time(max_over_time(vector(1)[12h:1s])[12h:1s])", tooManySamples},
		"labels that double":              {tower(5, "$1$1"), tooLarge},
		"a label of one long replacement": {tower(1, strings.Repeat("$1", 1000)), tooLarge},
		"labels joined":                   {`label_join(up, "l", ""` + strings.Repeat(`, "job"`, 100) + ")", tooLarge},
		"a regular expression":            {`up{job=~"(` + strings.Repeat("x", 1000) + `){1000}"}`, "too large regular expressions"},
		"one in disguise":                 {`up{job=~"(` + strings.Repeat("x", 1000) + `)\x7b1000}"}`, "too large regular expressions"},
		"one of a function": {`label_replace(up, "l", "", "job", '(` + strings.Repeat("x", 1000) + `){1000}')`,
			"too large regular expressions"},
		"many":   {"up{" + strings.Repeat(`job=~"(xxxxxxxxxx){1000}",`, 100) + "}", "too large regular expressions"},
		"depth":  {strings.Repeat("- ", maxQueryTokens) + "up", "query is too long"},
		"length": {"up" + strings.Repeat("+up", maxQueryTokens/2), "query is too long"},
	} {
		t.Run(name, func(t *testing.T) {
			for operation, more := range map[string][]string{
				"QueryMetrics (POST)":        {"timeout=1ms", "time=" + noon.Format(time.RFC3339)},
				"QueryMetrics (range, POST)": {"timeout=1ms", "start=" + noon.Format(time.RFC3339), "end=" + noon.Format(time.RFC3339), "step=1"},
			} {
				status, body := p.ask(operation, c.query, more...)
				if status != http.StatusUnprocessableEntity || !strings.Contains(body, `"errorType":"execution"`) || !strings.Contains(body, c.says) {
					t.Errorf("%s: %d %.200s, want 422 with %s", operation, status, body, c.says)
				}
			}
		})
	}
	if status, body := p.call("GetSeries", workspaceID,
		url.Values{"match[]": {`up{job=~"(` + strings.Repeat("x", 1000) + `){1000}"}`}}.Encode(), nil, nil); status != 422 {
		t.Errorf("a regular expression of a selector: %d %.200s", status, body)
	}
}

// TestQueriesThatAreLargeAndGood asks what dashboards ask at most.
func TestQueriesThatAreLargeAndGood(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.mustWrite(series("up", []string{"job", "node"}, 0))
	var hosts []string
	for range 5000 {
		hosts = append(hosts, "ip-10-0-123-123")
	}
	for name, query := range map[string]string{
		"a subquery over all of the range": "max_over_time(up[95d:1m])",
		"a subquery of no step":            "max_over_time(up[1h:])",
		"subqueries in each other":         "max_over_time(avg_over_time(rate(up[5m])[1h:1m])[1d:5m])",
		"one at a fixed time":              "max_over_time(up[1d:1s] @ 1795435200)",
		"a list of hosts":                  `up{job=~"` + strings.Join(hosts, "|") + `"}`,
		"labels":                           strings.Repeat("label_replace(", 8) + "up" + strings.Repeat(`,"job","$1-x","job","(.*)")`, 8),
	} {
		for operation, more := range map[string][]string{
			"QueryMetrics (POST)":        {"time=" + noon.Format(time.RFC3339)},
			"QueryMetrics (range, POST)": {"start=" + noon.Add(-24*time.Hour).Format(time.RFC3339), "end=" + noon.Format(time.RFC3339), "step=1m"},
		} {
			if status, body := p.ask(operation, query, more...); status != http.StatusOK {
				t.Errorf("%s: %s: %d %.200s", name, operation, status, body)
			}
		}
	}
}

func TestRangeQueryResolution(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	status, body := p.ask("QueryMetrics (range, POST)", "up", "start=0", "end=11001", "step=1")
	if status != 400 || !strings.Contains(body, "11,000 points per timeseries") {
		t.Errorf("%d %s", status, body)
	}
}

// takeAllSlots has queries wait until their time is over.
func (p *plane) takeAllSlots() {
	p.t.Helper()
	for range maxQueries {
		if _, err := p.store.queries.Insert(p.t.Context(), ""); err != nil {
			p.t.Fatal(err)
		}
	}
}

// TestAQueryWaitsForItsTime holds that a query without a time of its own does not
// wait for a slot for longer than it may run.
func TestAQueryWaitsForItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := slots(make(chan struct{}))
		began := time.Now()
		_, err := taken.Insert(t.Context(), "")
		if !errors.As(err, new(promql.ErrQueryTimeout)) {
			t.Errorf("%v, want a timeout", err)
		}
		if waited := time.Since(began); waited != queryTimeout {
			t.Errorf("it waited %s, want %s", waited, queryTimeout)
		}
	})
}

// TestQueriesRunOutOfTime gives one a time that it does not get by with: all the
// slots are taken.
func TestQueriesRunOutOfTime(t *testing.T) {
	p := open(t, t.TempDir(), Limits{})
	p.takeAllSlots()
	const says = `{"error":"query timed out - consider simplifying your query","errorType":"execution","status":"error"}`
	if status, body := p.ask("QueryMetrics (POST)", "up", "timeout=50ms"); status != 422 || body != says {
		t.Errorf("with all slots taken: %d %s, want 422 %s", status, body, says)
	}
	p.store.queries.Delete(0)
	if status, body := p.ask("QueryMetrics (POST)", "up", "timeout=1m"); status != 200 {
		t.Errorf("with a slot free: %d %s", status, body)
	}
}
