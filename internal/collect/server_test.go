package collect

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/hint"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestServer measures the machine of testdata.
func TestServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := testOptions()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	url := "http://" + s.Addr()

	t.Run("names and types", func(t *testing.T) { testGolden(t, url) })
	t.Run("promtool", func(t *testing.T) { testPromtool(t, url) })
	t.Run("values", func(t *testing.T) {
		page := get(t, url+"/metrics", http.StatusOK)
		for _, want := range []string{
			`node_cpu_seconds_total{cpu="all",mode="user"} 15`,
			`node_load1 0.42`,
			`parascope_build_info{version="v1.2.3",revision=""} 1`,
		} {
			if !strings.Contains(page, "\n"+want+"\n") {
				t.Errorf("the page lacks %s", want)
			}
		}
	})
	t.Run("every collector succeeds", func(t *testing.T) {
		page := get(t, url+"/metrics", http.StatusOK)
		for _, c := range NodeCollectors() {
			if strings.Contains(page, fmt.Sprintf("node_scrape_collector_success{collector=%q} 0\n", c.Name)) {
				t.Errorf("collector %s did not succeed", c.Name)
			}
		}
	})
	t.Run("filters", func(t *testing.T) { testFilters(t, url) })
	t.Run("concurrent scrapes", func(t *testing.T) { testConcurrentScrapes(t, url) })
	t.Run("client that stops reading", func(t *testing.T) { testStuckClient(t, url) })
	t.Run("pages", func(t *testing.T) { testPages(t, url) })
	t.Run("host of another site", func(t *testing.T) { testHosts(t, url) })
	t.Run("taken address", func(t *testing.T) {
		o := o
		o.Address = s.Addr()
		second, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		err = second.Run(ctx)
		if hint.CodeOf(err) != hint.Busy || !strings.Contains(err.Error(), s.Addr()) {
			t.Errorf("error %v, code %d; want Busy and the address", err, hint.CodeOf(err))
		}
	})
	t.Run("end", func(t *testing.T) {
		other, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- other.Run(ctx) }()
		cancel()
		select {
		case err := <-ended:
			// The end may come before the address is bound.
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Run ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Fatal("Run did not end with its context")
		}
		if err := s.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := http.Get(url + "/healthz"); err == nil {
			t.Error("the server answers after Stop")
		}
	})
}

func testOptions() Options {
	o := DefaultOptions()
	o.Address, o.ProcFS, o.SysFS, o.Version = "127.0.0.1:0", "testdata/proc", "testdata/sys", "v1.2.3"
	return o
}

// testStuckClient: one that asks and does not take the answer holds up nobody.
func testStuckClient(t *testing.T, url string) {
	address := strings.TrimPrefix(url, "http://")
	for range 50 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	}
	get(t, url+"/metrics", http.StatusOK)
}

// TestAllAddressesAnswerToAnyName: a machine's own name may lead to a loopback address.
func TestAllAddressesAnswerToAnyName(t *testing.T) {
	o := testOptions()
	o.Address = ":0"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1:"+port+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "ip-10-0-0-5:9100"
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d; want %d", resp.StatusCode, http.StatusOK)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func testHosts(t *testing.T, url string) {
	for host, want := range map[string]int{
		"localhost:9100": http.StatusOK, "127.0.0.1": http.StatusOK, "[::1]:9100": http.StatusOK, "": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "127.0.0.1.evil.example:80": http.StatusMisdirectedRequest,
	} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %q: status %d; want %d", host, resp.StatusCode, want)
		}
	}
}

func testFilters(t *testing.T, url string) {
	only := get(t, url+"/metrics?collect[]=loadavg", http.StatusOK)
	if !strings.Contains(only, "\nnode_load1 ") || strings.Contains(only, "\nnode_cpu") {
		t.Error("collect[]=loadavg does not give the load alone")
	}
	without := get(t, url+"/metrics?exclude[]=loadavg", http.StatusOK)
	if strings.Contains(without, "\nnode_load1 ") || !strings.Contains(without, "\nnode_cpu") {
		t.Error("exclude[]=loadavg does not give all but the load")
	}
	if stat := get(t, url+"/metrics?collect[]=stat", http.StatusOK); !strings.Contains(stat, "\nnode_boot_time_seconds ") {
		t.Error("collect[]=stat does not give what node_exporter's collector of that name has")
	}
	get(t, url+"/metrics?collect[]=bogus", http.StatusBadRequest)
	get(t, url+"/metrics?collect[]=cpu&exclude[]=cpu", http.StatusBadRequest)
}

func testConcurrentScrapes(t *testing.T, url string) {
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			resp, err := http.Get(url + "/metrics")
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte("\nnode_load1 ")) {
				t.Errorf("status %d, error %v", resp.StatusCode, err)
			}
		})
	}
	wg.Wait()
}

func testPages(t *testing.T, url string) {
	if got := get(t, url+"/healthz", http.StatusOK); strings.TrimSpace(got) != "ok" {
		t.Errorf("/healthz says %q", got)
	}
	if got := get(t, url+"/", http.StatusOK); !strings.Contains(got, `href="/metrics"`) {
		t.Errorf("the landing page does not lead to the metrics: %s", got)
	}
	get(t, url+"/bogus", http.StatusNotFound)
}

func TestUnusablePaths(t *testing.T) {
	for _, path := range []string{"metrics", "/", "/healthz"} {
		o := DefaultOptions()
		o.Path = path
		if _, err := New(o); hint.CodeOf(err) != hint.Usage {
			t.Errorf("path %q: error %v, code %d; want Usage", path, err, hint.CodeOf(err))
		}
	}
}

// testGolden compares what dashboards and alerts rely on: names and types.
func testGolden(t *testing.T, url string) {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(get(t, url+"/metrics", http.StatusOK)))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for name, f := range families {
		lines = append(lines, name+" "+strings.ToLower(f.GetType().String()))
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/metrics.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("metric names and types (-want +got; -update rewrites):\n%s", diff)
	}
}

// promtool is the path of Prometheus' own tool.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is needed in CI (apt-get install prometheus)")
		}
		t.Skip("promtool is not installed")
	}
	return path
}

// testPromtool has Prometheus' own linter read the page that is served. It may object to
// the names that promtool_test.go knows, and to no others.
func testPromtool(t *testing.T, url string) {
	known := knownObjections(t)
	for _, line := range objections(t, get(t, url+"/metrics", http.StatusOK)) {
		if !slices.Contains(known, line) {
			t.Errorf("promtool: %s", line)
		}
	}
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("GET %s: status %d, want %d: %s", url, resp.StatusCode, status, body)
	}
	return string(body)
}
