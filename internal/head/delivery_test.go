package head_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// receiver decodes what a head sends, with Prometheus' own code.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	points   map[string][]prompb.Sample // by name and instance
	metadata map[string]prompb.MetricMetadata
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{points: map[string][]prompb.Sample{}, metadata: map[string]prompb.MetricMetadata{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := r.take(req); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(req *http.Request) error {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	raw, err := snappy.Decode(nil, body)
	if err != nil {
		return err
	}
	var w prompb.WriteRequest
	if err := w.Unmarshal(raw); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range w.Metadata {
		r.metadata[m.MetricFamilyName] = m
	}
	for _, ts := range w.Timeseries {
		name := ""
		for _, l := range ts.Labels {
			if l.Name == "__name__" {
				name = l.Value
			}
		}
		r.points[name] = append(r.points[name], ts.Samples...)
	}
	return nil
}

func (r *receiver) of(name string) []prompb.Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]prompb.Sample(nil), r.points[name]...)
}

// exporter is a target whose page can be changed.
type exporter struct {
	*httptest.Server
	mu   sync.Mutex
	page string
}

func newExporter(t *testing.T, page string) *exporter {
	e := &exporter{page: page}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		io.WriteString(w, e.page)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *exporter) show(page string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.page = page
}

func start(t *testing.T, yaml string, change func(*head.Options)) *head.Head {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	o := head.DefaultOptions()
	o.ConfigFile, o.StoragePath, o.ListenAddress = file, filepath.Join(dir, "data-agent"), "127.0.0.1:0"
	if change != nil {
		change(&o)
	}
	h, err := head.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return h
}

func config(target, url string) string {
	return fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: test
    static_configs: [{targets: [%q]}]
remote_write:
  - url: %s/api/v1/remote_write
    name: test
    metadata_config: {send_interval: 200ms}
    queue_config: {min_backoff: 5ms, max_backoff: 50ms}
`, strings.TrimPrefix(target, "http://"), url)
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	check.Await(t, what, check.That(holds))
}

// TestScrapedAndSent: samples, their metadata, the scrape's own series, and the
// staleness marker of a series that goes away.
func TestScrapedAndSent(t *testing.T) {
	r := newReceiver(t)
	e := newExporter(t, "# HELP jobs_running Jobs that run.\n# TYPE jobs_running gauge\njobs_running 7\nnode_load1 0.5\n")
	h := start(t, config(e.URL, r.URL), nil)
	await(t, "samples arrive", func() bool { return len(r.of("jobs_running")) > 3 && len(r.of("up")) > 3 })
	if got := r.of("jobs_running")[0].Value; got != 7 {
		t.Errorf("value %v, want 7", got)
	}
	await(t, "metadata arrives", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.metadata["jobs_running"].Help == "Jobs that run."
	})
	e.show("node_load1 0.5\n")
	await(t, "the series is marked stale", func() bool {
		points := r.of("jobs_running")
		return math.Float64bits(points[len(points)-1].Value) == value.StaleNaN
	})
	d, err := head.AskDelivery(t.Context(), h.Addr(), "")
	if err != nil {
		t.Fatal(err)
	}
	if d.Verdict != head.Delivering || !d.Total.Balanced() || d.Total.Taken == 0 || d.Remotes[0].Name != "test" {
		t.Errorf("delivery %+v", d)
	}
	for _, points := range r.points {
		for i := 1; i < len(points); i++ {
			if points[i].Timestamp <= points[i-1].Timestamp {
				t.Fatalf("samples out of order: %v", points)
			}
		}
	}
}

// TestReloadKeepsTheQueue: the section's address changes and its name stays.
func TestReloadKeepsTheQueue(t *testing.T) {
	r := newReceiver(t)
	e := newExporter(t, "node_load1 0.5\n")
	var file string
	h := start(t, config(e.URL, "http://127.0.0.1:1"), func(o *head.Options) { file = o.ConfigFile })
	await(t, "samples wait", func() bool {
		d, err := head.AskDelivery(t.Context(), h.Addr(), "")
		return err == nil && d.Verdict == head.Delayed && d.Total.Queued > 20
	})
	if err := os.WriteFile(file, []byte("nonsense: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(); hint.CodeOf(err) != hint.BadInput {
		t.Errorf("reload of nonsense: %v, want bad input", err)
	}
	if err := os.WriteFile(file, []byte(config(e.URL, r.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	await(t, "all is delivered", func() bool {
		d, err := head.AskDelivery(t.Context(), h.Addr(), "")
		return err == nil && d.Verdict == head.Delivering && d.Total.Delivered > 20 && d.Total.Lost() == 0
	})
}

// TestStartRefusesWhatCannotWork and starts without what may come.
func TestStartRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		more string
		want string
	}{
		"no region": {"    sigv4: {}\n", "region"},
		"azuread": {"    azuread: {cloud: AzurePublic, managed_identity: {client_id: 00000000-0000-0000-0000-000000000000}}\n",
			"not supported"},
		"no such key": {"    nope: 1\n", "nope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_REGION", "")
			t.Setenv("AWS_DEFAULT_REGION", "")
			t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
			dir := t.TempDir()
			file := filepath.Join(dir, "prometheus.yml")
			if err := os.WriteFile(file, []byte(config("127.0.0.1:1", "http://127.0.0.1:1")+c.more), 0o600); err != nil {
				t.Fatal(err)
			}
			o := head.DefaultOptions()
			o.ConfigFile, o.StoragePath, o.ListenAddress = file, filepath.Join(dir, "data"), "127.0.0.1:0"
			_, err := head.Start(t.Context(), o)
			if hint.CodeOf(err) != hint.BadInput || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Start: %v, want bad input that names %q", err, c.want)
			}
		})
	}
}
