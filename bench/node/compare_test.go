package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/bench/internal/machine"
)

// nodeExporter is the path of node_exporter 1.12, which bench/node/run installs.
func nodeExporter(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../out/bin/node_exporter")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("CI") == "" {
		t.Skip("bench/node/run has not installed node_exporter")
	}
	install := exec.CommandContext(t.Context(), "go", "install", "github.com/prometheus/node_exporter@v1.12.1")
	install.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0", "GOBIN="+filepath.Dir(path))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install node_exporter: %v\n%s", err, out)
	}
	return path
}

func parascopeNode(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parascope-node")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/parascope-node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func startFor(t *testing.T, name, program, root string, args ...string) *exporter {
	t.Helper()
	// The test's context ends before its cleanup, and would kill what that stops.
	e, err := start(context.WithoutCancel(t.Context()), name, program, root, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func families(t *testing.T, e *exporter) map[string]*dto.MetricFamily {
	t.Helper()
	page, err := e.page()
	if err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// valuesOf are a family's values by their labels.
func valuesOf(f *dto.MetricFamily) map[string]float64 {
	all := map[string]float64{}
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
		}
		slices.Sort(labels)
		all[strings.Join(labels, ",")] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	}
	return all
}

// TestSameAsNodeExporter reads one machine with both programs, lets its counters grow,
// and reads it again: each family that both have is of the same type and help, and its
// values are node_exporter's, or their documented mean or sum.
func TestSameAsNodeExporter(t *testing.T) {
	stock := nodeExporter(t)
	ours := parascopeNode(t)
	root := t.TempDir()
	size := machine.Size{CPUs: 8, Cards: 5, Disks: 4}
	if err := machine.Write(root, size, 0); err != nil {
		t.Fatal(err)
	}
	theirs := startFor(t, "node_exporter", stock, root, stockFlags...)
	sums := startFor(t, "parascope-node", ours, root, "--full")
	each := startFor(t, "parascope-node", ours, root, "--full", "--cpu=each", "--device=each", "--max-series=0")
	for _, at := range []int{0, 30, 90} {
		if err := machine.Write(root, size, at); err != nil {
			t.Fatal(err)
		}
		want := families(t, theirs)
		for _, shape := range []struct {
			name string
			e    *exporter
		}{{"default shape", sums}, {"stock shape", each}} {
			t.Run(fmt.Sprintf("%s at %d s", shape.name, at), func(t *testing.T) { compare(t, families(t, shape.e), want) })
		}
	}
}

// minCompared is the number of families that both have; fewer means that the comparison
// looks at the wrong pages.
const minCompared = 100

func compare(t *testing.T, got, want map[string]*dto.MetricFamily) {
	compared := 0
	for name, g := range got {
		w := want[name]
		if w == nil || !strings.HasPrefix(name, "node_") || strings.HasPrefix(name, "node_scrape_") {
			continue
		}
		compared++
		if g.GetType() != w.GetType() || !strings.HasPrefix(g.GetHelp(), strings.TrimSuffix(w.GetHelp(), ".")) {
			t.Errorf("%s: type %v, help %q; node_exporter has %v, %q", name, g.GetType(), g.GetHelp(), w.GetType(), w.GetHelp())
		}
		stock := valuesOf(w)
		for labels, value := range valuesOf(g) {
			expected, ok := aggregated(name, labels, stock)
			if !ok {
				t.Errorf("%s{%s}: node_exporter has none", name, labels)
			} else if math.Abs(value-expected) > tolerance(name)*math.Abs(expected) {
				t.Errorf("%s{%s} %v; node_exporter's come to %v", name, labels, value, expected)
			}
		}
	}
	if compared < minCompared {
		t.Errorf("%d families compared; want at least %d", compared, minCompared)
	}
}

// aggregated is what docs/metrics.md says that a series is of node_exporter's: itself,
// the mean over CPUs, or the sum over the instance store's disks or EFA's cards.
func aggregated(name, labels string, stock map[string]float64) (float64, bool) {
	sum, n := 0.0, 0.0
	switch {
	case strings.HasPrefix(labels, "cpu=all,"):
		for other, v := range stock {
			if _, mode, _ := strings.Cut(other, ","); mode == strings.TrimPrefix(labels, "cpu=all,") {
				sum, n = sum+v, n+1
			}
		}
		return sum / n, n > 0
	case labels == "device=all":
		for other, v := range stock {
			if other != "device=lo" && other != "device=ens32" && other != "device=nvme0n1" {
				sum, n = sum+v, n+1
			}
		}
		return sum, n > 0
	}
	v, ok := stock[labels]
	return v, ok
}

// tolerance is how far a value may be from node_exporter's, as a part of it: what the
// kernel says between two readings, and a double's last digits.
func tolerance(name string) float64 {
	switch {
	case strings.HasPrefix(name, "node_filesystem_"), name == "node_time_seconds":
		return 0.01
	}
	return 1e-12
}
