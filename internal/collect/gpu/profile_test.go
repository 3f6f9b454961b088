package gpu

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// TestSecondClientChangesNothing reads pages at odd times: windows are the program's.
func TestSecondClientChangesNothing(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	n.window(fakenvml.H100(0))
	n.window(fakenvml.H100(1))
	want := n.samples("DCGM_FI_PROF_")
	for range 3 {
		n.pass(4 * time.Second)
		n.lib.Set(t, fakenvml.H100(3))
		if diff := cmp.Diff(want, n.samples("DCGM_FI_PROF_")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	n.pass(18 * time.Second) // 30 s after its end a window is stale: the next one is missing
	all := n.samples("")
	if got := value(t, all, `unread_values{reason="no_window"}`); got != 24 {
		t.Errorf("%v values without a window; want 3 of 8 GPUs", got)
	}
}

func TestWindowWithAHole(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	n.window(fakenvml.H100(0))
	n.window(fakenvml.H100(1).With("2.gpm.seconds", "!999"))
	n.window(fakenvml.H100(2))
	if got := n.samples("DCGM_FI_PROF_"); len(ofGPU(got, 2)) != 0 || len(ofGPU(got, 3)) != 3 {
		t.Errorf("GPU 2 has %v after a window with a hole; GPU 3 %v", ofGPU(got, 2), ofGPU(got, 3))
	}
	n.window(fakenvml.H100(3))
	if diff := cmp.Diff(ofGPU(fakenvml.Expect(fakenvml.H100(3), fakenvml.H100(2), "gpu-st-p5-1", false), 2), ofGPU(n.samples("DCGM_"),
		2), about); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPause(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	value(t, n.samples(""), `parascope_gpu_profiling{source="none",reason="waiting"}`)
	n.window(fakenvml.H100(0))
	n.window(fakenvml.H100(1))
	value(t, n.samples(""), `parascope_gpu_profiling{source="gpm",reason=""}`)

	file := filepath.Join(n.root, "paused")
	if err := Pause(file, n.now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	n.window(fakenvml.H100(2))
	n.lib.Calls(t)
	for step := 3; step < 5; step++ {
		n.window(fakenvml.H100(step))
		all := n.samples("")
		value(t, all, `parascope_gpu_profiling{source="none",reason="paused"}`)
		for name := range all {
			if strings.HasPrefix(name, "DCGM_FI_PROF_") {
				t.Errorf("%s while profiling is paused", name)
			}
		}
	}
	for _, call := range n.lib.Calls(t) {
		if strings.HasPrefix(call, "nvmlGpmSample") || strings.HasPrefix(call, "nvmlGpmMetrics") {
			t.Errorf("%s while profiling is paused", call)
		}
	}
	for step := 5; step < 8; step++ { // it goes on by itself, with a window that begins after the pause
		n.window(fakenvml.H100(step))
	}
	want := fakenvml.Expect(fakenvml.H100(7), fakenvml.H100(6), "gpu-st-p5-1", false)
	if diff := cmp.Diff(want, n.samples("DCGM_"), about); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := Pause(file, n.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := Resume(file); err != nil {
		t.Fatal(err)
	}
	n.window(fakenvml.H100(8))
	value(t, n.samples(""), `parascope_gpu_profiling{source="gpm",reason=""}`)
}

// TestCrashWhileProfiling: the GPU that ended the helper is left out, the next window of
// the others begins anew.
func TestCrashWhileProfiling(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	n.window(fakenvml.H100(0))
	n.window(fakenvml.H100(1).With("4.gpm.seconds", "crash"))
	n.text()
	n.window(fakenvml.H100(2))
	n.window(fakenvml.H100(3))
	want := fakenvml.Expect(fakenvml.H100(3), fakenvml.H100(2), "gpu-st-p5-1", false)
	got := n.samples("DCGM_")
	for gpu := range 8 {
		if gpu == 4 {
			continue
		}
		if diff := cmp.Diff(ofGPU(want, gpu), ofGPU(got, gpu), about); diff != "" {
			t.Errorf("GPU %d (-want +got):\n%s", gpu, diff)
		}
	}
	value(t, n.samples(""), "unreadable_seconds", `gpu="4"`, `reason="crash"`)
}
