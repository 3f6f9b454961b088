package gpu

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// withoutFirst is the table of a driver that no longer lists the GPU at index 0: NVML
// numbers those that it lists, so that the others move up.
func withoutFirst(t fakenvml.Table) fakenvml.Table {
	moved := fakenvml.Table{}
	for key, value := range t {
		index, rest, _ := strings.Cut(key, ".")
		switch i, err := strconv.Atoi(index); {
		case err != nil:
			moved[key] = value
		case i > 0:
			moved[strconv.Itoa(i-1)+"."+rest] = value
		}
	}
	moved["count"] = "7"
	return moved
}

// TestWindowsUnderNewNumbers: the GPU that is not listed any more had the number that is
// another's now. That one's window is not ended twice.
func TestWindowsUnderNewNumbers(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	n.window(fakenvml.H100(0))

	device := filepath.Join(n.root, "dev/nvidiactl") // the driver is loaded again
	if err := os.Remove(device); err != nil {
		t.Fatal(err)
	}
	n.text()
	n.file("dev/nvidiactl", "")
	n.lib.Set(t, withoutFirst(fakenvml.H100(0)))
	n.text()
	n.window(withoutFirst(fakenvml.H100(0)))
	n.lib.Calls(t)
	n.window(withoutFirst(fakenvml.H100(1)))
	samples := 0
	for _, call := range n.lib.Calls(t) {
		if strings.HasPrefix(call, "nvmlGpmSampleGet 0.") {
			samples++
		}
	}
	if samples != 1 {
		t.Errorf("the GPU at index 0 was sampled %d times at the end of a window; want once", samples)
	}
	want := fakenvml.Expect(withoutFirst(fakenvml.H100(1)), withoutFirst(fakenvml.H100(0)), "gpu-st-p5-1", false)
	if diff := cmp.Diff(ofGPU(want, 0), ofGPU(n.samples("DCGM_"), 0), about); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOthersContinueUnderNewNumbers: a GPU that cannot be reached keeps its number from
// being asked only as long as the number is its own.
func TestOthersContinueUnderNewNumbers(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	n.kernelSays(2, 60, "NVRM: Xid (PCI:0000:53:00): 79, pid=1, GPU has fallen off the bus.")
	if got := n.samples("parascope_gpu_devices")["parascope_gpu_devices"]; got != 7 {
		t.Errorf("%v GPUs; want 7", got)
	}
	n.lib.Set(t, withoutFirst(fakenvml.H100(0)))
	n.endHelper()
	all := n.samples("")
	if got := all["parascope_gpu_devices"]; got != 7 {
		t.Errorf("%v GPUs after NVML dropped the lost one; want 7", got)
	}
	value(t, all, "DCGM_FI_DEV_GPU_TEMP{", `gpu="0"`, `UUID="GPU-00000000-0000-0000-0000-000000000001"`)
	value(t, all, "unreadable_seconds", `reason="xid"`, `UUID="GPU-00000000-0000-0000-0000-000000000000"`)
}

// endHelper ends the helper between two requests, as the kernel does because memory was exhausted.
func (n *node) endHelper() {
	n.t.Helper()
	n.reader.helper.kill()
	for end := time.Now().Add(time.Minute); n.reader.starter.stuck.Load() > 0; runtime.Gosched() {
		if time.Now().After(end) {
			n.t.Fatal("the helper has not ended")
		}
	}
}

// TestHelperEndedBetweenRequests: no GPU is left out for it.
func TestHelperEndedBetweenRequests(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	for what, read := range map[string]func(){"a page": func() { n.text() }, "a window": func() { n.window(fakenvml.H100(0)) }} {
		t.Run(what, func(t *testing.T) {
			n.text()
			before := value(t, n.samples(""), `failures_total{reason="crash"}`)
			n.endHelper()
			read()
			all := n.samples("")
			if got := all["parascope_gpu_devices"]; got != 8 {
				t.Errorf("%v GPUs; want 8", got)
			}
			for name, age := range all {
				if strings.Contains(name, "unreadable_seconds") {
					t.Errorf("%s %v", name, age)
				}
			}
			if got := value(t, all, `failures_total{reason="crash"}`); got != before+1 {
				t.Errorf("%v crashes; want %v", got, before+1)
			}
		})
	}
}

// TestSlowCallAtTheEndOfAReading: a call that returns in its own time is not cut off for
// the time that those before it took, and its GPU is not left out.
func TestSlowCallAtTheEndOfAReading(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	n.reader.o.ReadWait = 4 * time.Second
	n.lib.Set(t, fakenvml.H100(0).With("0.temp", "slow 6000 30"))
	all := n.samples("")
	value(t, all, "DCGM_FI_DEV_GPU_TEMP{", `gpu="0"`)
	if got := value(t, all, `failures_total{reason="hang"}`); got != 0 {
		t.Errorf("%v hangs; want 0", got)
	}
	if got := value(t, all, `unread_values{reason="hang"}`); got != 7*20 {
		t.Errorf("%v values unread; want those of the 7 GPUs that the reading had no time for", got)
	}
	n.lib.Set(t, fakenvml.H100(0))
	if got := n.samples("")["parascope_gpu_devices"]; got != 8 {
		t.Errorf("%v GPUs; want 8", got)
	}
}
