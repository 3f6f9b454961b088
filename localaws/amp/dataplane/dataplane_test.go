package dataplane

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/localaws/gateway"
)

const workspaceID = "ws-1"

// noon is the cloud's clock in all tests: what is too old is so on every day.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// plane is a data plane whose clock and settings a test can move.
type plane struct {
	t        *testing.T
	store    *Store
	now      time.Time
	settings Settings
}

func open(t *testing.T, dir string, limits Limits) *plane {
	t.Helper()
	p := &plane{t: t, now: noon, settings: Settings{RetentionDays: 150, OutOfOrderWindow: time.Minute}}
	p.store = New(Options{
		Dir: dir, Now: func() time.Time { return p.now }, Logger: slog.New(slog.DiscardHandler), Limits: limits,
		Find: func(_ *gateway.Request, id string) (Settings, error) {
			if !strings.HasPrefix(id, "ws-") {
				return Settings{}, &gateway.Error{Status: http.StatusNotFound, Message: "Workspace not found"}
			}
			return p.settings, nil
		},
	})
	t.Cleanup(func() {
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// call serves one operation as the gateway calls it, after the signature.
func (p *plane) call(operation, workspace, query string, header map[string]string, body []byte) (int, string) {
	p.t.Helper()
	for _, op := range p.store.Operations() {
		if op.Name != operation {
			continue
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequest(op.Method, "/ignored?"+query, strings.NewReader(string(body)))
		for k, v := range header {
			r.Header.Set(k, v)
		}
		err := op.Serve(w, &gateway.Request{Request: r, Now: p.now, Body: body,
			Labels: map[string]string{"workspaceId": workspace, "name": "job"}})
		if refused, ok := errors.AsType[*gateway.Error](err); ok {
			return refused.Status, refused.Message
		}
		if err != nil {
			p.t.Fatal(err)
		}
		return w.Code, w.Body.String()
	}
	p.t.Fatalf("no operation %s", operation)
	return 0, ""
}

var writeHeader = map[string]string{"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
	"X-Prometheus-Remote-Write-Version": "0.1.0"}

func (p *plane) write(series ...prompb.TimeSeries) (int, string) {
	p.t.Helper()
	return p.call("RemoteWrite", workspaceID, "", writeHeader, encode(p.t, &prompb.WriteRequest{Timeseries: series}))
}

// mustWrite is for the samples that are only there to be in the way.
func (p *plane) mustWrite(series ...prompb.TimeSeries) {
	p.t.Helper()
	if status, body := p.write(series...); status != http.StatusOK || body != "" {
		p.t.Fatalf("remote write: %d %q", status, body)
	}
}

func (p *plane) refused(status int, says string, series ...prompb.TimeSeries) {
	p.t.Helper()
	if got, body := p.write(series...); got != status || !strings.Contains(body, says) {
		p.t.Errorf("remote write: %d %q, want %d with %q", got, body, status, says)
	}
}

// count is how many samples of a selector there are from two hours before to an
// hour after noon: range selectors return them as they were stored.
func (p *plane) count(selector string) int {
	p.t.Helper()
	expr := "sum(count_over_time(" + selector + "[3h]))"
	_, body := p.call("QueryMetrics", workspaceID, url.Values{"query": {expr}, "time": {noon.Add(time.Hour).Format(time.RFC3339)}}.Encode(),
		nil, nil)
	var answer struct {
		Status string
		Data   struct{ Result []struct{ Value [2]any } }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Status != "success" {
		p.t.Fatalf("query %s: %v: %s", expr, err, body)
	}
	if len(answer.Data.Result) == 0 {
		return 0
	}
	n := 0
	for _, c := range answer.Data.Result[0].Value[1].(string) {
		n = n*10 + int(c-'0')
	}
	return n
}

func encode(t testing.TB, w *prompb.WriteRequest) []byte {
	t.Helper()
	raw, err := w.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return snappy.Encode(nil, raw)
}

// series is metric name{pairs} with samples at these offsets from noon; their
// value is their offset in seconds.
func series(name string, pairs []string, offsets ...time.Duration) prompb.TimeSeries {
	ts := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: name}}}
	for i := 0; i+1 < len(pairs); i += 2 {
		ts.Labels = append(ts.Labels, prompb.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	for _, o := range offsets {
		ts.Samples = append(ts.Samples, prompb.Sample{Timestamp: noon.Add(o).UnixMilli(), Value: o.Seconds()})
	}
	return ts
}
