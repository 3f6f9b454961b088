package head

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
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
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, head+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Long", strings.Repeat("x", 100_000))
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 100 kB: %+v, %v", resp, err)
	}
	o = options(t, write(t, ""))
	o.EnablePprof = true
	if status, _ := call(t, "GET", run(t, o)+"/debug/pprof/heap"); status != http.StatusOK {
		t.Errorf("with EnablePprof: %d", status)
	}
}

// TestExternalURL: the head is served under a proxy's path, and to its name.
func TestExternalURL(t *testing.T) {
	o := options(t, write(t, ""))
	o.ExternalURL = "https://Monitoring.example:8443/head/"
	head := run(t, o)
	for url, want := range map[string]int{"/head/-/healthy": 200, "/head/metrics": 200, "/-/healthy": 404} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, head+url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "monitoring.example"
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", url, resp.Status, want)
		}
	}
	o.ExternalURL = "no host"
	if err := o.Validate(); err == nil {
		t.Error("a URL without host is taken")
	}
}

// TestAutoReload: a file that changes is read again, without a signal.
func TestAutoReload(t *testing.T) {
	file := write(t, "scrape_configs: [{job_name: before, static_configs: [{targets: ['127.0.0.1:1']}]}]")
	o := options(t, file)
	o.AutoReload = 10 * time.Millisecond
	head := run(t, o)
	if err := os.WriteFile(file, []byte("scrape_configs: [{job_name: after, static_configs: [{targets: ['127.0.0.1:1']}]}]"),
		0o600); err != nil {
		t.Fatal(err)
	}
	poll, deadline := time.NewTicker(10*time.Millisecond), time.NewTimer(2*time.Minute)
	defer poll.Stop()
	defer deadline.Stop()
	for {
		if _, body := call(t, "GET", head+"/api/v1/targets"); strings.Contains(body, `"scrapePool":"after"`) {
			return
		}
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatal("the file was not read again")
		}
	}
}
