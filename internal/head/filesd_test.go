package head

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestLogBesideFilesOfTargets: each line of the log changes the directory whose files are
// read again at each change. What is wrong with one of them must not be logged each time.
func TestLogBesideFilesOfTargets(t *testing.T) {
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "head.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, name := range []string{"bad-1.json", "bad-2.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := options(t, write(t, "scrape_configs: [{job_name: a, file_sd_configs: [{files: ['"+dir+"/*.json'], refresh_interval: 100ms}]}]"))
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	h, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Stop(context.WithoutCancel(t.Context()))
	const rounds = 5
	for i := range rounds {
		name := fmt.Sprintf("127.0.0.1:%d", i+1)
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(`[{"targets": ["`+name+`"]}]`), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, "good.json")); err != nil {
			t.Fatal(err)
		}
		poll := time.NewTicker(10 * time.Millisecond)
		for found := false; !found; {
			select {
			case <-poll.C:
				_, body := call(t, "GET", "http://"+h.Addr()+"/api/v1/targets")
				found = strings.Contains(body, `"`+name+`"`)
			case <-t.Context().Done():
				t.Fatalf("%s is not scraped", name)
			}
		}
		poll.Stop()
	}
	if failing := h.watch.status(); len(failing) != 1 || failing[0].Mechanism != "file" ||
		!strings.Contains(failing[0].Why, "unexpected end of JSON") {
		t.Errorf("%+v", failing)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bad-1.json", "bad-2.json"} {
		if n := strings.Count(string(text), name); n < 1 || n > 3 { // once a minute
			t.Errorf("%d lines of %s:\n%.2000s", n, name, text)
		}
	}
}

// TestFilesOfTargetsThatNeverEnd: a file of targets that is waited for, has no end or is very large
// is named and not read, also where it takes the place of one that was read; the others go on, and
// the head stops.
func TestFilesOfTargetsThatNeverEnd(t *testing.T) {
	for name, place := range map[string]func(string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"large": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 200<<30))
		},
		"many": func(path string) error {
			return os.WriteFile(path, []byte(`[{"targets": [`+strings.Repeat(`"a:1",`, 1<<20)+`"a:1"]}]`), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put := func(file, address string) {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(`[{"targets": ["`+address+`"]}]`), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			put("a.json", "127.0.0.1:1")
			if err := place(filepath.Join(dir, "b.json")); err != nil {
				t.Fatal(err)
			}
			put("c.json", "127.0.0.1:3")
			h, err := Start(t.Context(), options(t, write(t, "scrape_configs: [{job_name: a, file_sd_configs: [{files: ['"+dir+"/*.json']}]}]")))
			if err != nil {
				t.Fatal(err)
			}
			targets := func(names ...string) {
				t.Helper()
				check.Await(t, fmt.Sprint(names), check.That(func() bool {
					_, body := call(t, "GET", "http://"+h.Addr()+"/api/v1/targets")
					for _, name := range names {
						if !strings.Contains(body, `"`+name+`"`) {
							return false
						}
					}
					return true
				}))
			}
			targets("127.0.0.1:1", "127.0.0.1:3")
			if all := h.watch.status(); len(all) != 1 || !strings.Contains(all[0].Why, "the file ") {
				t.Errorf("%+v", all)
			}
			next := filepath.Join(dir, "next")
			if err := errors.Join(place(next), os.Rename(next, filepath.Join(dir, "c.json"))); err != nil {
				t.Fatal(err)
			}
			put("d.json", "127.0.0.1:4")
			targets("127.0.0.1:1", "127.0.0.1:3", "127.0.0.1:4")
			_, page := call(t, "GET", "http://"+h.Addr()+"/metrics")
			if strings.Contains(page, "prometheus_sd_file_read_errors_total 0\n") ||
				!strings.Contains(page, `prometheus_sd_file_mtime_seconds{filename="`+filepath.Join(dir, "a.json")) {
				t.Error("the metrics of file_sd_configs are missing")
			}
			if err := h.Stop(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSameFileOfTargets: what was read again and is the same wakes nobody.
func TestSameFileOfTargets(t *testing.T) {
	group := func(source string, targets ...string) *targetgroup.Group {
		g := &targetgroup.Group{Source: source}
		for _, name := range targets {
			g.Targets = append(g.Targets, model.LabelSet{model.AddressLabel: model.LabelValue(name)})
		}
		return g
	}
	rounds := [][]*targetgroup.Group{
		{group("a:0", "x"), group("a:1", "y")},
		{group("b:0", "z")},
		{group("a:0", "x"), group("a:1", "y")}, // again
		{group("a:0", "x"), group("a:1", "w")}, // changed
		{group("a:0", "x"), group("a:1", "w")},
		{group("a:1")}, // gone
		{group("a:1")},
		{group("a:1", "w")}, // and back
		{},
	}
	for mechanism, want := range map[string][]int{"file": {0, 1, 3, 5, 7}, "http": {0, 1, 2, 3, 4, 5, 6, 7, 8}} {
		d, err := newWatch().over(map[string]discovery.Configs{"a": {&reading{mechanism, rounds}}})["a"][0].
			NewDiscoverer(discovery.DiscovererOptions{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		out := make(chan []*targetgroup.Group, len(rounds))
		d.Run(t.Context(), out)
		close(out)
		var got, wanted [][]*targetgroup.Group
		for groups := range out {
			got = append(got, groups)
		}
		for _, i := range want {
			wanted = append(wanted, rounds[i])
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mechanism, diff)
		}
	}
}

// TestErrorsOfOneMinute: the same error is logged once a minute, and not more than a hundred.
func TestErrorsOfOneMinute(t *testing.T) {
	var now time.Time
	var log strings.Builder
	w := newWatch()
	w.now = func() time.Time { return now }
	r := &running{config: &watched{&reading{"file", nil}, w}, failed: make(chan struct{}, 1)}
	logger := slog.New(&listening{slog.NewTextHandler(&log, nil), r}).With("config", "a")
	for minute := range 3 {
		now = now.Add(time.Minute)
		for range 10 {
			for i := range 200 {
				logger.Error("Error reading file", "path", fmt.Sprint("file-", i), "err", "bad")
			}
			logger.Warn("a warning")
		}
		if n, warned := strings.Count(log.String(), "Error reading"), strings.Count(log.String(), "a warning"); n != 100*(minute+1) ||
			warned != 10*(minute+1) || len(w.status()) != 1 {
			t.Errorf("minute %d: %d errors, %d warnings, %v", minute, n, warned, w.status())
		}
	}
}

// reading is a discovery that finds these, one after the other, and ends.
type reading struct {
	name   string
	rounds [][]*targetgroup.Group
}

func (r *reading) Name() string { return r.name }
func (r *reading) NewDiscovererMetrics(prometheus.Registerer, discovery.RefreshMetricsInstantiator) discovery.DiscovererMetrics {
	return nil
}
func (r *reading) NewDiscoverer(discovery.DiscovererOptions) (discovery.Discoverer, error) {
	return r, nil
}
func (r *reading) Run(ctx context.Context, out chan<- []*targetgroup.Group) {
	for _, groups := range r.rounds {
		select {
		case out <- groups:
		case <-ctx.Done():
			return
		}
	}
}
