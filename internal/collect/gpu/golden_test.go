package gpu

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGoldenPages are whole pages: all fields of a node with MIG, and the default set of
// a node where one GPU is gone.
func TestGoldenPages(t *testing.T) {
	t.Run("mig", func(t *testing.T) {
		n := newNode(t, fakenvml.MIG(0), func(o *Options) { o.Full = true })
		n.text()
		n.window(fakenvml.MIG(0))
		n.window(fakenvml.MIG(1))
		golden(t, "mig", n.text())
	})
	t.Run("xid79", func(t *testing.T) {
		n := newNode(t, fakenvml.H100(0).With("count", "2"))
		for _, bus := range fakenvml.Buses()[2:] {
			if err := os.RemoveAll(n.root + "/proc/driver/nvidia/gpus/0000:" + bus + ":00.0"); err != nil {
				t.Fatal(err)
			}
		}
		n.kernelSays(2, 100, line94, strings.Replace(line79, "86", "64", 1), strings.Replace(line45, "86", "64", 1))
		golden(t, "xid79", n.text())
	})
}

func golden(t *testing.T, name, text string) {
	t.Helper()
	path := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got; -update rewrites):\n%s", path, diff)
	}
	lint(t, text)
}

// lint has Prometheus' own linter read the page. dcgm-exporter's names, of metrics and of
// labels, are all that it may object to.
func lint(t *testing.T, text string) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is needed in CI (apt-get install prometheus)")
		}
		t.Log("promtool is not installed")
		return
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || failed.ExitCode() != 3) {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "DCGM_FI_") && !strings.Contains(line, "label names should be written in 'snake_case'") {
			t.Errorf("promtool: %s", line)
		}
	}
}
