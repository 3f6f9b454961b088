package dataplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/localaws/gateway"
)

const (
	maxQueryRange = 95 * 24 * time.Hour
	maxPoints     = 11_000 // of a range query's series; Prometheus' API enforces it
)

// with calls f with the workspace that the request names.
func (s *Store) with(r *gateway.Request, f func(*workspace) error) error {
	if len(r.Body)+len(r.URL.RawQuery) > maxRequestBytes {
		return gateway.TooLarge()
	}
	id := r.Labels["workspaceId"]
	settings, err := s.opts.Find(r, id)
	if err != nil {
		return err
	}
	return s.use(id, settings, f)
}

// prometheus serves a path of Prometheus' own API.
func (s *Store) prometheus(path string) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		return s.with(r, func(ws *workspace) error { return ws.serve(w, r, path) })
	}
}

// labelValues serves GET …/label/{name}/values.
func (s *Store) labelValues(w http.ResponseWriter, r *gateway.Request) error {
	return s.with(r, func(ws *workspace) error { return ws.serve(w, r, "/label/"+r.Labels["name"]+"/values") })
}

// serve hands the request to Prometheus' API, which knows it under another path,
// unless it asks too much.
func (ws *workspace) serve(w http.ResponseWriter, r *gateway.Request, path string) error {
	inner := r.Request.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = path, ""
	if refused, ok := errors.AsType[*refusal](checkRequest(inner)); ok {
		kind := "execution"
		if refused.status == http.StatusBadRequest {
			kind = "bad_data"
		}
		return prometheusError(w, refused.status, kind, refused.text)
	}
	answer := &patience{ResponseWriter: w}
	ws.api.ServeHTTP(answer, inner)
	if answer.lost {
		w.Header().Del("Content-Encoding")
		return prometheusError(w, http.StatusUnprocessableEntity, "execution", "query timed out - consider simplifying your query")
	}
	return nil
}

// patience holds Prometheus' own answer to a query that ran out of time back.
type patience struct {
	http.ResponseWriter
	lost bool
}

// WriteHeader looks for the status that Prometheus keeps for that.
func (p *patience) WriteHeader(status int) {
	if p.lost = status == http.StatusServiceUnavailable; !p.lost {
		p.ResponseWriter.WriteHeader(status)
	}
}

func (p *patience) Write(b []byte) (int, error) {
	if p.lost {
		return len(b), nil
	}
	return p.ResponseWriter.Write(b)
}

// checkRequest holds a request for Prometheus' API against the limits of queries.
// What is wrong with a parameter is Prometheus' to say.
func checkRequest(r *http.Request) error {
	query := r.FormValue("query") // reads the form as Prometheus does, from the body as well
	switch r.URL.Path {
	case "/query":
		return checkQuery(query, 0, 0)
	case "/query_range":
		start, okStart := readTime(r.FormValue("start"))
		end, okEnd := readTime(r.FormValue("end"))
		step := readStep(r.FormValue("step"))
		span := maxPoints * step
		if okStart && okEnd {
			span = end.Sub(start)
		}
		if span > maxQueryRange {
			return tooMuch("the query time range exceeds the limit (query length: %s, limit: %s)", span, maxQueryRange)
		}
		return checkQuery(query, span, step)
	}
	for _, selector := range r.Form["match[]"] {
		if err := checkText(selector); err != nil {
			return err
		}
	}
	return nil
}

func readTime(s string) (time.Time, bool) {
	if at, err := strconv.ParseFloat(s, 64); err == nil {
		seconds, rest := math.Modf(at)
		return time.Unix(int64(seconds), int64(rest*float64(time.Second))), true
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// readStep is zero for what is no step.
func readStep(s string) time.Duration {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return time.Duration(seconds * float64(time.Second))
	}
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0
	}
	return time.Duration(d)
}

// listed serves a list of Prometheus' own API. AMP's answers have the error fields even
// where there is no error.
func (s *Store) listed(path string) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		return s.with(r, func(ws *workspace) error {
			answer := httptest.NewRecorder()
			r.Header.Del("Accept-Encoding") // it is read again here
			if err := ws.serve(answer, r, path); err != nil {
				return err
			}
			all := map[string]any{"errorType": "", "error": ""}
			if err := json.Unmarshal(answer.Body.Bytes(), &all); err != nil {
				return fmt.Errorf("could not read the response of the Prometheus API: %w", err)
			}
			return gateway.WriteJSON(w, answer.Code, all)
		})
	}
}

func badData(w http.ResponseWriter, text string) error {
	return prometheusError(w, http.StatusBadRequest, "bad_data", text)
}

// prometheusError is an error in the form of Prometheus' API.
func prometheusError(w http.ResponseWriter, status int, kind, text string) error {
	return gateway.WriteJSON(w, status, map[string]any{"status": "error", "errorType": kind, "error": text})
}
