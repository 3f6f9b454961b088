package head

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestEndlessDiscovery: a server of http_sd_configs whose answer has no end costs its own
// discovery only, and soon; its targets are found when it answers again.
func TestEndlessDiscovery(t *testing.T) {
	for name, status := range map[string]int{"targets": http.StatusOK, "an error": http.StatusBadGateway} {
		t.Run(name, func(t *testing.T) {
			endless, sent := new(atomic.Bool), make(chan int, 1)
			endless.Store(true)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if !endless.Swap(false) {
					_, _ = io.WriteString(w, `[{"targets": ["a:1"]}]`)
					return
				}
				w.WriteHeader(status)
				n, text := 0, []byte(strings.Repeat(`{"targets": ["a:1"]},`, 1<<10))
				for n < 64*maxDiscovered {
					m, err := w.Write(text)
					if n += m; err != nil {
						break
					}
				}
				sent <- n
			}))
			s.EnableHTTP2 = true
			s.StartTLS()
			defer s.Close()
			file := filepath.Join(t.TempDir(), "prometheus.yml")
			text := "scrape_configs: [{job_name: a, http_sd_configs: [{url: '" + s.URL +
				"', refresh_interval: 1s, tls_config: {insecure_skip_verify: true}}]}]"
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := load(file, false, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			w := newWatch()
			registry := prometheus.NewRegistry()
			refreshes := discovery.NewRefreshMetrics(registry)
			c := w.over(l.discovery)["a"][0]
			d, err := c.NewDiscoverer(discovery.DiscovererOptions{Logger: slog.New(slog.DiscardHandler),
				Metrics: c.NewDiscovererMetrics(registry, refreshes)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			out, done := make(chan []*targetgroup.Group), make(chan struct{})
			go func() { d.Run(ctx, out); close(done) }()
			if n := <-sent; n > 16*maxDiscovered {
				t.Errorf("%d bytes were read", n)
			}
			check.Await(t, "it fails", check.That(func() bool { return len(w.status()) == 1 }))
			if all := w.status(); status == http.StatusOK && !strings.Contains(all[0].Why, "larger than") {
				t.Errorf("%+v", all)
			}
			if groups := <-out; len(groups) != 1 || len(groups[0].Targets) != 1 {
				t.Errorf("found %v", groups)
			}
			cancel()
			<-done
		})
	}
}

// TestEndlessAWS: AWS' answers to a discovery that have no end, on one page or on many, cost that
// discovery only, which is named; its targets are found when the answers end again.
func TestEndlessAWS(t *testing.T) {
	const instance = "<item><instancesSet><item><privateIpAddress>10.0.0.1</privateIpAddress></item></instancesSet></item>"
	const most = 4 << 20
	page := strings.Repeat(instance, 1<<20/len(instance))
	for name, c := range map[string]struct {
		status int
		pages  bool
	}{"page": {http.StatusOK, false}, "pages": {http.StatusOK, true}, "error": {http.StatusBadRequest, false}} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_CA_BUNDLE", "") // the library's client does not take it
			var sent, ends atomic.Int64   // ends: 1 when the answers end
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.FormValue("Action"), "Zones") {
					_, _ = io.WriteString(w, "<R></R>")
					return
				}
				if ends.Load() == 0 {
					w.WriteHeader(c.status)
				}
				_, _ = io.WriteString(w, "<R><reservationSet>")
				for ends.Load() == 0 && sent.Load() < 32*most {
					n, err := io.WriteString(w, page)
					sent.Add(int64(n))
					if err != nil {
						return
					}
					if c.pages {
						_, _ = io.WriteString(w, "</reservationSet><nextToken>"+strconv.FormatInt(sent.Load(), 10)+"</nextToken></R>")
						return
					}
				}
				_, _ = io.WriteString(w, instance+"</reservationSet></R>")
			}))
			defer s.Close()
			l, err := load(write(t, "scrape_configs: [{job_name: a, ec2_sd_configs: [{region: us-east-2, endpoint: '"+s.URL+
				"', access_key: a, secret_key: b}]}]"), false, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			w := newWatch()
			w.most = most
			why := make(chan string, 1)
			w.wait = func(context.Context, time.Duration) {
				if all := w.status(); len(all) == 1 && sent.Load() > 0 && ends.Swap(1) == 0 {
					why <- all[0].Why
				}
			}
			out, done, cancel := runDiscovery(t, w.over(l.discovery)["a"][0])
			if groups := <-out; len(groups) != 1 || len(groups[0].Targets) != 1 {
				t.Errorf("found %d groups, with %d targets", len(groups), len(groups[0].Targets))
			}
			if n := sent.Load(); n > 8*most {
				t.Errorf("%d bytes were read", n)
			}
			select {
			case text := <-why:
				if c.status == http.StatusOK && !strings.Contains(text, "larger than") {
					t.Error(text)
				}
			default:
				t.Error("it was not named")
			}
			cancel()
			<-done
		})
	}
}

// runDiscovery runs a discovery until cancel is called, after which done is closed.
func runDiscovery(t *testing.T, d discovery.Config) (out chan []*targetgroup.Group, done chan struct{}, cancel func()) {
	t.Helper()
	registry := prometheus.NewRegistry()
	r, err := d.NewDiscoverer(discovery.DiscovererOptions{Logger: slog.New(slog.DiscardHandler),
		Metrics: d.NewDiscovererMetrics(registry, discovery.NewRefreshMetrics(registry))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, done = make(chan []*targetgroup.Group), make(chan struct{})
	go func() { r.Run(ctx, out); close(done) }()
	return out, done, cancel
}
