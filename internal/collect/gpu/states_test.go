package gpu

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// short makes a call that never returns cost a test little. Calls that do return take
// a few milliseconds, and on a busy machine a thousand times that.
func short(o *Options) { o.CallWait = 5 * time.Second }

func TestGPULost(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	before := n.samples("DCGM_")
	lost := fakenvml.H100(1).With("3.all", "!15")
	n.lib.Set(t, lost)
	n.pass(20 * time.Second)
	all := n.samples("")
	for name := range ofGPU(all, 3) {
		if strings.HasPrefix(name, "DCGM_") {
			t.Errorf("a GPU that is lost has %s", name)
		}
	}
	if got, want := len(ofGPU(n.samples("DCGM_"), 2)), len(ofGPU(before, 2)); got != want {
		t.Errorf("the GPU beside the lost one has %d series, want %d", got, want)
	}
	n.pass(40 * time.Second)
	all = n.samples("parascope_")
	if age := value(t, all, "parascope_gpu_unreadable_seconds", `gpu="3"`, `reason="gpu_lost"`,
		`UUID="GPU-00000000-0000-0000-0000-000000000003"`,
		`device="nvidia4"`); age != 40 {
		t.Errorf("lost for %v s; want 40", age)
	}
	if got := value(t, all, `parascope_gpu_unread_values{reason="gpu_lost"}`); got != 20 {
		t.Errorf("%v values unread; want the 20 fields of the default set", got)
	}
	if got := all["parascope_gpu_devices"]; got != 7 {
		t.Errorf("%v GPUs present; want 7", got)
	}
	if got := value(t, all, "xid_errors_total", `gpu="3"`, `class="page"`); got != 0 {
		t.Errorf("%v XIDs; want 0: the counter is there for a GPU that is lost", got)
	}

	n.lib.Set(t, fakenvml.H100(2))
	n.pass(time.Minute)
	if got := n.samples("parascope_gpu_unreadable"); len(got) != 0 {
		t.Errorf("after the GPU came back: %v", got)
	}
}

func TestResetRequired(t *testing.T) {
	n := newNode(t, fakenvml.H100(0).With("5.temp", "!16").With("5.f.230", "u 1"))
	all := n.samples("")
	value(t, all, "parascope_gpu_unreadable_seconds", `gpu="5"`, `reason="reset_required"`)
	if got := value(t, all, "GET_GPU_RECOVERY_ACTION", `gpu="5"`); got != 1 {
		t.Errorf("recovery action %v; want 1: what can be read is read", got)
	}
	if got := value(t, all, `unread_values{reason="reset_required"}`); got != 1 {
		t.Errorf("%v values unread; want 1", got)
	}
}

func TestNeverZeroForWhatCannotBeRead(t *testing.T) {
	n := newNode(t, fakenvml.H100(0).
		With("0.temp", "201").With("1.temp", "!13").With("2.temp", "!3").With("3.power", "4294967295").With("4.util.gpu", "101").
		With("5.margin", "-300").With("6.f.143", "S -1").With("7.f.230", "d nan").With("2.mem.total", "!4").With("0.f.4",
		"U 18446744073709551615"))
	all := n.samples("")
	for _, absent := range []struct{ name, gpu string }{
		{"GPU_TEMP{", "0"}, {"GPU_TEMP{", "1"}, {"GPU_TEMP{", "2"}, {"POWER_USAGE{", "3"}, {"GPU_UTIL{", "4"}, {"GPU_TEMP_LIMIT{", "5"},
		{"UNCORRECTABLE_REMAPPED_ROWS{", "6"}, {"RECOVERY_ACTION{", "7"}, {"FB_USED{", "2"}, {"FB_FREE{", "2"}, {"ECC_DBE_VOL_TOTAL{", "0"},
	} {
		for name, v := range all {
			if strings.Contains(name, absent.name+`gpu="`+absent.gpu+`"`) {
				t.Errorf("%s %v; want it to be absent", name, v)
			}
		}
	}
	want := map[string]float64{
		`parascope_gpu_unread_values{reason="no_function"}`: 1, `parascope_gpu_unread_values{reason="not_supported"}`: 1,
		`parascope_gpu_unread_values{reason="no_permission"}`: 2, `parascope_gpu_unread_values{reason="out_of_range"}`: 7,
		`parascope_gpu_unread_values{reason="no_window"}`: 24,
	}
	if diff := cmp.Diff(want, n.samples("parascope_gpu_unread")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCallThatNeverReturns(t *testing.T) {
	n := newNode(t, fakenvml.H100(0).With("3.power", "hang"), short)
	all := n.samples("")
	for _, gpu := range []int{2, 4, 7} {
		if got := len(ofGPU(all, gpu)); got < 16 {
			t.Errorf("GPU %d has %d series; the others are read while their calls return", gpu, got)
		}
	}
	value(t, all, "parascope_gpu_unreadable_seconds", `gpu="3"`, `reason="hang"`)
	if got := value(t, all, `parascope_gpu_driver_failures_total{reason="hang"}`); got != 1 {
		t.Errorf("%v hangs; want 1", got)
	}
	n.lib.Calls(t)
	n.pass(30 * time.Second)
	if age := value(t, n.samples(""), "unreadable_seconds", `gpu="3"`, `reason="hang"`); age != 30 {
		t.Errorf("hangs for %v s; want 30", age)
	}
	if calls := n.lib.Calls(t); slices.ContainsFunc(calls, func(c string) bool { return strings.HasSuffix(c, " 3.") }) {
		t.Error("the GPU is asked again within a minute")
	}
	n.lib.Set(t, fakenvml.H100(0))
	n.pass(40 * time.Second)
	if got := n.samples("")["parascope_gpu_devices"]; got != 8 {
		t.Errorf("%v GPUs after the call returns; want 8", got)
	}
}

func TestInitThatNeverReturns(t *testing.T) {
	n := newNode(t, fakenvml.H100(0).With("init", "hang"), short)
	all := n.samples("")
	value(t, all, `parascope_gpu_driver_state_age_seconds{state="hang"}`)
	if got := value(t, all, "unreadable_seconds", `gpu="3"`, `reason="hang"`, `UUID="GPU-00000000-0000-0000-0000-000000000003"`,
		`device="nvidia4"`,
		`modelName="NVIDIA H100 80GB HBM3"`, `pci_bus_id="00000000:86:00.0"`); got != 0 {
		t.Errorf("age %v; want 0", got)
	}
	n.pass(10 * time.Second)
	n.lib.Set(t, fakenvml.H100(0))
	if age := value(t, n.samples(""), `driver_state_age_seconds{state="hang"}`); age != 10 {
		t.Errorf("age %v s; want 10: the driver is left alone for 15 s", age)
	}
	n.pass(10 * time.Second)
	value(t, n.samples(""), `driver_state_age_seconds{state="ok"}`)
}

func TestCrash(t *testing.T) {
	n := newNode(t, fakenvml.H100(0).With("6.util.gpu", "crash"))
	all := n.samples("")
	value(t, all, "parascope_gpu_unreadable_seconds", `gpu="6"`, `reason="crash"`)
	if got := value(t, all, `failures_total{reason="crash"}`); got != 1 {
		t.Errorf("%v crashes; want 1", got)
	}
	if got := len(ofGPU(all, 7)); got < 16 {
		t.Errorf("GPU 7 has %d series", got)
	}
}

func TestMismatch(t *testing.T) {
	for name, table := range map[string]fakenvml.Table{
		"at the start": fakenvml.H100(0).With("init", "!18"), "later": fakenvml.H100(0).With("2.all", "!18").With("2.handle", "0"),
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t, fakenvml.H100(0))
			if name == "later" {
				n.text()
			}
			n.lib.Set(t, table)
			all := n.samples("")
			value(t, all, `driver_state_age_seconds{state="mismatch"}`)
			if got := value(t, all, `failures_total{reason="mismatch"}`); got != 1 {
				t.Errorf("%v mismatches; want 1", got)
			}
			value(t, all, "unreadable_seconds", `gpu="2"`, `reason="mismatch"`)
			n.lib.Set(t, fakenvml.H100(0))
			n.pass(15 * time.Second)
			if got := n.samples("")["parascope_gpu_devices"]; got != 8 {
				t.Errorf("%v GPUs after the driver was put right; want 8", got)
			}
		})
	}
}

func TestNoLibraryNoHelperNoDevice(t *testing.T) {
	for want, option := range map[string]func(*Options){
		noLibrary: func(o *Options) { o.Library += ".missing" },
		noHelper:  func(o *Options) { o.Helper += ".missing" },
	} {
		t.Run(want, func(t *testing.T) {
			n := newNode(t, fakenvml.H100(0), option)
			all := n.samples("")
			value(t, all, `driver_state_age_seconds{state="`+want+`"}`)
			if got := value(t, all, `failures_total{reason="`+want+`"}`); got != 1 {
				t.Errorf("%v failures; want 1", got)
			}
			if got := all["parascope_gpu_devices"]; got != 0 {
				t.Errorf("%v GPUs; want 0", got)
			}
			n.pass(5 * time.Minute)
			if got := value(t, n.samples(""), `failures_total{reason="`+want+`"}`); got != 2 {
				t.Errorf("%v failures after five minutes; want 2", got)
			}
		})
	}
	t.Run(noDevice, func(t *testing.T) {
		n := newNode(t, fakenvml.H100(0))
		for _, path := range []string{"dev/nvidiactl", "proc/driver", "sys/devices"} {
			if err := os.RemoveAll(filepath.Join(n.root, path)); err != nil {
				t.Fatal(err)
			}
		}
		all := n.samples("")
		value(t, all, `driver_state_age_seconds{state="no_device"}`)
		for name, v := range all {
			if strings.Contains(name, "failures_total") && v != 0 || strings.Contains(name, "unreadable") {
				t.Errorf("%s %v on a machine without a GPU", name, v)
			}
		}
		if calls := n.lib.Calls(t); len(calls) != 0 {
			t.Errorf("the library was called: %v", calls)
		}
	})
}
