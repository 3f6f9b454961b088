package server

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/dataframe"
)

const (
	defaultScrape = 15 * time.Second // a data source's timeInterval when it has none
	maxPoints     = 11000            // of a series, in Prometheus
	maxQueries    = 200              // of a request: a panel has some, and each costs memory
)

// queryRequest is the body of /api/ds/query.
type queryRequest struct {
	Queries []queryModel    `json:"queries"`
	From    json.RawMessage `json:"from"`
	To      json.RawMessage `json:"to"`
}

// queryModel is one query of a panel: what all have, and what those to Prometheus have.
type queryModel struct {
	raw json.RawMessage // all of it

	RefID        string    `json:"refId"`
	DataSource   sourceRef `json:"datasource"`
	DataSourceID int64     `json:"datasourceId"`
	Expr         string    `json:"expr"`
	Instant      bool      `json:"instant"`
	Range        bool      `json:"range"`
	Format       string    `json:"format"`   // time_series, table, heatmap
	Interval     string    `json:"interval"` // the least step, "30s"
	LegendFormat string    `json:"legendFormat"`
	IntervalMS   float64   `json:"intervalMs"`
	Hide         bool      `json:"hide"`
}

// UnmarshalJSON keeps the query as it was sent, for data sources of other types.
func (q *queryModel) UnmarshalJSON(raw []byte) error {
	type plain queryModel
	if err := json.Unmarshal(raw, (*plain)(q)); err != nil {
		return err
	}
	q.raw = slices.Clone(raw)
	return nil
}

// sourceRef names a data source: by uid or, in older dashboards, only by its name.
type sourceRef struct{ UID, Name string }

func (ref *sourceRef) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &ref.Name) == nil {
		return nil
	}
	var object struct{ UID string }
	err := json.Unmarshal(raw, &object)
	ref.UID = object.UID
	return err
}

// span is the time that queries are about.
type span struct{ from, to time.Time }

// query runs the queries of a panel. One that fails is an error beside the others.
func (s *Server) query(c *call) error {
	var in queryRequest
	if err := c.read(&in); err != nil {
		return err
	}
	if len(in.Queries) == 0 {
		return refuse(http.StatusBadRequest, "no queries found")
	}
	if len(in.Queries) > maxQueries {
		return refuse(http.StatusBadRequest, gateway.Simplified(fmt.Sprintf("runs at most %d queries per request", maxQueries)))
	}
	from, okFrom := s.readTime(in.From)
	to, okTo := s.readTime(in.To)
	if !okFrom || !okTo || to.Before(from) {
		return refuse(http.StatusBadRequest, "invalid time range")
	}
	sources, err := s.dataSources(c.ws.ID)
	if err != nil {
		return err
	}
	status, results := http.StatusOK, map[string]any{}
	c.left = maxAnswer
	for _, q := range in.Queries {
		if q.Hide {
			continue
		}
		q.RefID = cmp.Or(q.RefID, "A")
		d, err := q.source(sources)
		if err != nil {
			return err
		}
		frames, failed := s.run(c, d, q, span{from, to})
		if failed != nil {
			status = http.StatusBadRequest
			results[q.RefID] = map[string]any{"error": failed.message, "errorSource": "downstream", "status": failed.status, "frames": []any{}}
			continue
		}
		results[q.RefID] = map[string]any{"status": http.StatusOK, "frames": frames}
	}
	return c.write(status, map[string]any{"results": results})
}

// source is the data source that the query is for: the default one when it names none.
func (q *queryModel) source(sources []dataSource) (*dataSource, error) {
	ref := q.DataSource
	i := slices.IndexFunc(sources, func(d dataSource) bool {
		switch {
		case ref.UID != "":
			return d.UID == ref.UID
		case ref.Name != "":
			return d.Name == ref.Name
		case q.DataSourceID != 0:
			return d.ID == q.DataSourceID
		}
		return d.IsDefault
	})
	if i < 0 {
		return nil, refuse(http.StatusNotFound, "Data source not found")
	}
	return &sources[i], nil
}

// run asks one query, at the end of the time and over it as the query says.
func (s *Server) run(c *call, d *dataSource, q queryModel, when span) ([]dataframe.Frame, *refusal) {
	if !c.installed(d) {
		return nil, &refusal{status: http.StatusNotFound, message: "Plugin not found"}
	}
	if d.Type == cloudWatch {
		return s.runCloudWatch(c, d, q, when)
	}
	step := q.step(d, when)
	expr := interpolate(q.Expr, d, step, when.to.Sub(when.from))
	if strings.TrimSpace(expr) == "" {
		return nil, &refusal{status: http.StatusBadRequest, message: "query is empty"}
	}
	var frames []dataframe.Frame
	if q.Range || !q.Instant {
		// Steps begin at multiples of themselves, so that a page shows the same
		// points when it is loaded again.
		start, end := when.from.Truncate(step), when.to.Truncate(step)
		form := url.Values{"query": {expr}, "start": {seconds(start)}, "end": {seconds(end)},
			"step": {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)}}
		more, failed := s.frames(c, d, q, "api/v1/query_range", form, step)
		if failed != nil {
			return nil, failed
		}
		frames = append(frames, more...)
	}
	if q.Instant {
		more, failed := s.frames(c, d, q, "api/v1/query", url.Values{"query": {expr}, "time": {seconds(when.to)}}, step)
		if failed != nil {
			return nil, failed
		}
		frames = append(frames, more...)
	}
	return frames, nil
}

func (s *Server) frames(c *call, d *dataSource, q queryModel, path string, form url.Values, step time.Duration) ([]dataframe.Frame,
	*refusal) {
	got, err := s.prometheusCall(c, d, path, form)
	if errors.Is(err, errNoRoom) {
		return nil, &refusal{status: http.StatusServiceUnavailable, message: err.Error()}
	}
	if err != nil {
		return nil, &refusal{status: http.StatusBadGateway, message: err.Error()}
	}
	if got.status != http.StatusOK {
		return nil, &refusal{status: got.status, message: got.failure()}
	}
	if c.left -= len(got.body); c.left < 0 {
		return nil, tooMuch()
	}
	result, err := dataframe.Read(got.body)
	if err != nil {
		return nil, &refusal{status: http.StatusBadGateway, message: err.Error()}
	}
	frames, err := result.Frames(dataframe.Query{RefID: q.RefID, Expr: form.Get("query"), Step: step, Format: q.Format,
		Legend: q.LegendFormat, Left: &c.left})
	if err != nil {
		return nil, tooMuch()
	}
	return frames, nil
}

func tooMuch() *refusal {
	return &refusal{status: http.StatusUnprocessableEntity,
		message: gateway.Simplified(fmt.Sprintf("returns at most %d bytes of data per request", maxAnswer))}
}

// step is how far the points of a range are apart: what the panel asks for, but
// not closer than there are samples, nor more points than Prometheus gives.
func (q *queryModel) step(d *dataSource, when span) time.Duration {
	least := cmp.Or(parseDuration(q.Interval), scrapeInterval(d))
	step := max(least, time.Duration(q.IntervalMS)*time.Millisecond)
	if least := when.to.Sub(when.from)/maxPoints + 1; step < least {
		step = least.Round(time.Second) + time.Second
	}
	return step
}

func scrapeInterval(d *dataSource) time.Duration {
	return cmp.Or(parseDuration(d.setting("timeInterval", "")), defaultScrape)
}

// interpolate fills in the variables that Grafana knows of by itself.
func interpolate(expr string, d *dataSource, step, length time.Duration) string {
	scrape := scrapeInterval(d)
	values := []struct{ name, value string }{ // longer names first: one begins another
		{"__rate_interval_ms", millis(max(step+scrape, 4*scrape))}, {"__rate_interval", promDuration(max(step+scrape, 4*scrape))},
		{"__interval_ms", millis(step)}, {"__interval", promDuration(step)},
		{"__range_ms", millis(length)}, {"__range_s", strconv.FormatInt(int64(length.Seconds()), 10)},
		{"__range", promDuration(length.Truncate(time.Second))},
	}
	for _, v := range values {
		expr = strings.NewReplacer("${"+v.name+"}", v.value, "$"+v.name, v.value).Replace(expr)
	}
	return expr
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

func promDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return millis(d) + "ms"
}

func seconds(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }

var durationPattern = regexp.MustCompile(`^>?([0-9]+)(ms|s|m|h|d|w|y)$`)

// parseDuration reads Grafana's durations, "30s" or ">1m"; 0 when it is none.
func parseDuration(s string) time.Duration {
	m := durationPattern.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	const day = 24 * time.Hour
	unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day,
		"y": 365 * day}[m[2]]
	if n > int(100*365*day/unit) {
		return 0
	}
	return time.Duration(n) * unit
}

// readTime reads a time of a query: milliseconds of the epoch, as a text or a
// number, or now with something taken off: "now-6h".
func (s *Server) readTime(raw json.RawMessage) (time.Time, bool) {
	t := strings.Trim(string(raw), `"`)
	if n, err := strconv.ParseInt(t, 10, 64); err == nil {
		return time.UnixMilli(n).UTC(), true
	}
	rest, ok := strings.CutPrefix(t, "now")
	if !ok || rest == "" {
		return s.opts.Now().UTC(), ok
	}
	back := parseDuration(strings.TrimPrefix(rest, "-"))
	return s.opts.Now().UTC().Add(-back), strings.HasPrefix(rest, "-") && back > 0
}
