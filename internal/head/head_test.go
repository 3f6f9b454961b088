package head

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// exporter serves one metric to scrape.
func exporter(t *testing.T, metric string) (address string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%s 42\n", metric) }))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// receiver takes remote writes and passes the series' labels on.
func receiver(t *testing.T) (url string, arrived <-chan map[string]string) {
	t.Helper()
	series := make(chan map[string]string, 1000)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the head has ended
		}
		raw, err := snappy.Decode(nil, body)
		var req prompb.WriteRequest
		if err == nil {
			err = req.Unmarshal(raw)
		}
		if err != nil {
			t.Errorf("not a remote write: %v", err)
		}
		for _, ts := range req.Timeseries {
			labels := map[string]string{}
			for _, l := range ts.Labels {
				labels[l.Name] = l.Value
			}
			select {
			case series <- labels:
			default: // the test has seen enough
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, series
}

func configuration(job, target, receiver string) string {
	return fmt.Sprintf(`
global: {scrape_interval: 1s, external_labels: {cluster: c1}}
scrape_configs:
  - job_name: %s
    static_configs: [{targets: ["%s"]}]
    relabel_configs: [{target_label: relabelled, replacement: "yes"}]
    metric_relabel_configs: [{source_labels: [__name__], regex: "dropped_.*", action: drop}]
remote_write: [{url: "%s", queue_config: {batch_send_deadline: 100ms}}]
`, job, target, receiver)
}

// options are DefaultOptions on a free port and with a storage of their own.
func options(t *testing.T, file string) Options {
	t.Helper()
	o := DefaultOptions()
	o.ConfigFile, o.StoragePath, o.ListenAddress = file, t.TempDir(), "127.0.0.1:0"
	return o
}

// run runs a head until the test's end, which must be a clean one.
func run(t *testing.T, o Options) (url string) {
	t.Helper()
	address := make(chan string, 1)
	o.Logger = slog.New(slog.NewTextHandler(addressFinder{t, address}, nil))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case a := <-address:
		return "http://" + a
	case err := <-ended:
		ended <- nil
		t.Fatalf("Run: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the head does not say that it runs")
	}
	return ""
}

// addressFinder is a head's log; it picks the address out of it.
type addressFinder struct {
	t       *testing.T
	address chan<- string
}

func (f addressFinder) Write(line []byte) (int, error) {
	if _, rest, ok := strings.Cut(string(line), "head is running\" address="); ok {
		f.address <- strings.Fields(rest)[0]
	}
	return len(line), nil
}

// await takes series until one has these labels.
func await(t *testing.T, arrived <-chan map[string]string, want ...string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		select {
		case got := <-arrived:
			if strings.HasPrefix(got["__name__"], "dropped_") {
				t.Fatalf("relabelling should have dropped %v", got)
			}
			all := true
			for i := 0; i+1 < len(want); i += 2 {
				all = all && got[want[i]] == want[i+1]
			}
			if all {
				return
			}
		case <-deadline:
			t.Fatalf("no series with %v arrived", want)
		}
	}
}

func call(t *testing.T, method, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestScrapesRelabelsAndSends(t *testing.T) {
	url, arrived := receiver(t)
	target := exporter(t, "kept 1\ndropped_metric")
	o := options(t, write(t, configuration("one", target, url)))
	o.Version = "v0"
	head := run(t, o)
	await(t, arrived, "__name__", "kept", "job", "one", "instance", target, "relabelled", "yes", "cluster", "c1")
	await(t, arrived, "__name__", "up", "job", "one")

	for path, says := range map[string]string{
		"/-/healthy": "Prometheus Agent is Healthy.", "/-/ready": "Prometheus Agent is Ready.",
		"/metrics": `parascope_build_info{revision="",version="v0"} 1`,
	} {
		if status, body := call(t, "GET", head+path); status != http.StatusOK || !strings.Contains(body, says) {
			t.Errorf("GET %s: %d, without %q", path, status, says)
		}
	}
	body := ""
	check.Await(t, "the target is up", check.That(func() bool { // a scrape that the machine had no second for has it down
		_, body = call(t, "GET", head+"/api/v1/targets")
		return strings.Contains(body, `"health":"up"`)
	}))
	var answer struct {
		Status string
		Data   struct {
			ActiveTargets []struct {
				ScrapePool, ScrapeURL, Health, LastError, ScrapeInterval string
				Labels                                                   map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Status != "success" || len(answer.Data.ActiveTargets) != 1 {
		t.Fatalf("targets: %v %s", err, body)
	}
	if got := answer.Data.ActiveTargets[0]; got.ScrapePool != "one" || got.ScrapeURL != "http://"+target+"/metrics" || got.Health != "up" ||
		got.LastError != "" || got.ScrapeInterval != "1s" || got.Labels["relabelled"] != "yes" {
		t.Errorf("target %+v", got)
	}
}

func TestReload(t *testing.T) {
	url, arrived := receiver(t)
	file := write(t, configuration("before", exporter(t, "m"), url))
	hup := make(chan os.Signal)
	o := options(t, file)
	o.Reload, o.EnableLifecycle = hup, true
	head := run(t, o)
	await(t, arrived, "job", "before")

	rewrite := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	successful := func(want string) {
		t.Helper()
		if _, page := call(t, "GET", head+"/metrics"); !strings.Contains(page, "prometheus_config_last_reload_successful "+want+"\n") {
			t.Errorf("prometheus_config_last_reload_successful is not %s", want)
		}
	}
	// What is not valid changes nothing, and alerts can see it.
	other, section, _ := strings.Cut(configuration("other", exporter(t, "m"), url), "remote_write: [")
	section = strings.TrimSuffix(section, "]\n")
	for text, says := range map[string]string{
		"scrape_configs: [{job_name: a, nonsense: 1}]":             "field nonsense not found",
		other + "remote_write: [" + section + ", " + section + "]": "two identical remote_write sections",
	} {
		rewrite(text)
		if status, body := call(t, "POST", head+"/-/reload"); status != http.StatusInternalServerError || !strings.Contains(body, says) {
			t.Errorf("reloading a bad file: %d %s", status, body)
		}
		successful("0")
		if _, body := call(t, "GET", head+"/api/v1/targets"); !strings.Contains(body, `"scrapePool":"before"`) {
			t.Errorf("the old configuration is gone: %s", body)
		}
	}

	rewrite(configuration("after", exporter(t, "m"), url))
	hup <- os.Interrupt // the value does not matter
	await(t, arrived, "job", "after", "__name__", "m")
	successful("1")
}

// TestStopTwice: calls of Stop at the same time and later all end well, and the
// address and the storage are free then.
func TestStopTwice(t *testing.T) {
	o := options(t, write(t, configuration("one", exporter(t, "m"), "http://127.0.0.1:1")))
	for range 2 {
		h, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		o.ListenAddress = h.Addr()
		var stopping sync.WaitGroup
		for range 2 {
			stopping.Go(func() {
				if err := h.Stop(t.Context()); err != nil {
					t.Errorf("Stop: %v", err)
				}
			})
		}
		stopping.Wait()
		if err := h.Stop(t.Context()); err != nil {
			t.Errorf("Stop of a head that is stopped: %v", err)
		}
	}
}

func TestReloadOverHTTPIsOffByDefault(t *testing.T) {
	head := run(t, options(t, write(t, "")))
	if status, body := call(t, "POST", head+"/-/reload"); status != http.StatusForbidden ||
		!strings.Contains(body, "Lifecycle API is not enabled.") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := call(t, "GET", head+"/-/reload"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /-/reload: %d", status)
	}
}

func TestWhatKeepsAHeadFromStarting(t *testing.T) {
	taken := exporter(t, "m")
	for name, c := range map[string]struct {
		change func(*Options)
		code   hint.Code
	}{
		"no file":           {func(o *Options) { o.ConfigFile = "none.yml" }, hint.BadInput},
		"taken address":     {func(o *Options) { o.ListenAddress = taken }, hint.Busy},
		"no address":        {func(o *Options) { o.ListenAddress = "9090" }, hint.Usage},
		"no lanes":          {func(o *Options) { o.QueueLanes = 0 }, hint.Usage},
		"too many lanes":    {func(o *Options) { o.QueueLanes = 65 }, hint.Usage},
		"too small a queue": {func(o *Options) { o.QueueMaxBytes = 1 << 10 }, hint.Usage},
		"large requests":    {func(o *Options) { o.QueueMaxRequest = 17 << 20 }, hint.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, write(t, ""))
			c.change(&o)
			if h, err := Start(t.Context(), o); hint.CodeOf(err) != c.code {
				t.Errorf("%v, code %d: %v; want %d", h, hint.CodeOf(err), err, c.code)
			}
		})
	}
}
