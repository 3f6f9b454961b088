package dataplane

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/parascope/parascope/internal/localaws/gateway"
)

const maxQueryRange = 95 * 24 * time.Hour

// with calls f with the workspace that the request names.
func (s *Store) with(r *gateway.Request, f func(*workspace) error) error {
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
		return s.with(r, func(ws *workspace) error {
			ws.serve(w, r, path)
			return nil
		})
	}
}

// labelValues serves GET …/label/{name}/values.
func (s *Store) labelValues(w http.ResponseWriter, r *gateway.Request) error {
	return s.with(r, func(ws *workspace) error {
		ws.serve(w, r, "/label/"+r.Labels["name"]+"/values")
		return nil
	})
}

// queryRange serves …/query_range over no more than AMP's 95 days.
func (s *Store) queryRange(w http.ResponseWriter, r *gateway.Request) error {
	return s.with(r, func(ws *workspace) error {
		// The form of a GET is in the URL, of a POST in the body, or both.
		form := r.URL.Query()
		if posted, err := url.ParseQuery(string(r.Body)); err == nil && r.Method == http.MethodPost {
			for k, v := range posted {
				form[k] = append(v, form[k]...)
			}
		}
		start, okStart := readTime(form.Get("start"))
		end, okEnd := readTime(form.Get("end"))
		if length := end.Sub(start); okStart && okEnd && length > maxQueryRange {
			return prometheusError(w, http.StatusUnprocessableEntity, "execution",
				fmt.Sprintf("the query time range exceeds the limit (query length: %s, limit: %s)", length, maxQueryRange))
		}
		ws.serve(w, r, "/query_range") // what is wrong with a time is Prometheus' to say
		return nil
	})
}

func readTime(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return time.UnixMilli(int64(seconds * 1000)), true
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// serve hands the request to Prometheus' API, which knows it under another path.
func (ws *workspace) serve(w http.ResponseWriter, r *gateway.Request, path string) {
	inner := r.Request.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = path, ""
	ws.api.ServeHTTP(w, inner)
}

// empty serves what has nothing in a workspace without rules. AMP's answer has
// the error fields even then.
func (s *Store) empty(list string) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		return s.with(r, func(*workspace) error {
			return gateway.WriteJSON(w, http.StatusOK, map[string]any{
				"status": "success", "data": map[string]any{list: []any{}}, "errorType": "", "error": "",
			})
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
