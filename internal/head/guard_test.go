package head

import (
	"net/http"
	"testing"
)

// TestListenerIsNotAPages: a web page cannot read what a head on a loopback address
// shows, and profiles are served only where they were asked for.
func TestListenerIsNotAPages(t *testing.T) {
	o := options(t, write(t, ""))
	o.EnableLifecycle = true
	head := run(t, o)
	for _, path := range []string{"/metrics", "/api/v1/targets", "/api/v1/delivery", "/-/healthy"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, head+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "rebound.example:9090"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s is shown to a page of another name: %s", path, resp.Status)
		}
		if status, _ := call(t, "GET", head+path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile", "/debug/pprof/trace"} {
		if status, _ := call(t, "GET", head+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	o = options(t, write(t, ""))
	o.EnablePprof = true
	if status, _ := call(t, "GET", run(t, o)+"/debug/pprof/heap"); status != http.StatusOK {
		t.Errorf("with EnablePprof: %d", status)
	}
}
