package head

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

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
