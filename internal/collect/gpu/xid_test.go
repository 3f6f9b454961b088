package gpu

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// Lines as kernels print them.
const (
	line79  = "NVRM: Xid (PCI:0000:86:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
	line45  = "NVRM: Xid (PCI:0000:86:00): 45, pid=2924364, name=python, Ch 00000008"
	line94  = "NVRM: Xid (PCI:0000:53:00): 94, pid=1, name=python, Contained: SM (0x1). RST: No, D-RST: No"
	line119 = "NVRM: Xid (PCI:0000:ca:00): 119, pid=2024380, name=nvidia-smi, Timeout after 6s of waiting for RPC response from GPU7 " +
		"GSP! Expected function 10 (FREE) (0xa55a0210 0x0)."
	lineFabric  = "nvidia-nvswitch1: SXid (PCI:0000:06:00.0): 20034, Fatal, Link 48 LTSSM Fault Up"
	lineLoading = "NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  580.126.20  Release Build"
)

func TestXIDs(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	all := n.samples("parascope_gpu_xid_errors_total")
	for name, v := range all {
		if v != 0 {
			t.Errorf("%s %v; want 0 from the start", name, v)
		}
	}
	if len(all) != 8*3 {
		t.Errorf("%d counters; want 3 for each of 8 GPUs", len(all))
	}
	n.kernelSays(2, 100, line94, lineFabric, line79, "NVRM: GPU 0000:86:00.0: GPU has fallen off the bus.", line45, line45)
	n.reader.tick()
	n.lib.Calls(t)
	want := map[string]float64{`gpu="0" warn`: 1, `gpu="3" page`: 1, `gpu="3" application`: 2}
	for range 2 { // pages do not count again
		all = n.samples("parascope_gpu_xid")
		got := map[string]float64{}
		for name, v := range all {
			if strings.HasPrefix(name, "parascope_gpu_xid_errors_total") && v > 0 {
				got[between(name, "{", ",")+" "+between(name, `class="`, `"`)] = v
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for code, at := range map[string]float64{"94": boot + 100, "79": boot + 102, "45": boot + 105} {
		if got := value(t, all, "last_timestamp", `xid="`+code+`"`); got != at {
			t.Errorf("XID %s at %v; want %v", code, got, at)
		}
	}
	if slices.ContainsFunc(n.lib.Calls(t), func(c string) bool { return strings.Contains(c, " 3.") }) {
		t.Error("a GPU is asked after XID 79")
	}
	if got := len(ofGPU(n.samples("DCGM_"), 4)); got < 16 {
		t.Errorf("the GPU beside it has %d series", got)
	}
	n.pass(2 * time.Minute)
	if age := value(t, n.samples(""), "unreadable_seconds", `gpu="3"`, `reason="xid"`); age != 3600+120-102 {
		t.Errorf("unreachable for %v s; want the time since the XID", age)
	}
	if slices.ContainsFunc(n.lib.Calls(t), func(c string) bool { return strings.Contains(c, " 3.") }) {
		t.Error("a GPU is asked when the devices are listed again after XID 79")
	}

	n.kernelSays(20, 3700, lineLoading)
	n.lib.Set(t, fakenvml.H100(1))
	all = n.samples("")
	if got := all["parascope_gpu_devices"]; got != 8 {
		t.Errorf("%v GPUs after the driver was loaded again; want 8", got)
	}
	value(t, all, "last_timestamp", `gpu="3"`, `xid="79"`)
}

func between(text, from, to string) string {
	_, rest, _ := strings.Cut(text, from)
	part, _, _ := strings.Cut(rest, to)
	return part
}

// TestStartAfterXID starts on a node where a GPU is gone already: the program asks it
// nothing, not even who it is.
func TestStartAfterXID(t *testing.T) {
	for _, line := range []string{line79, line119, strings.Replace(line119, "119", "120", 1)} {
		n := newNode(t, fakenvml.H100(0).With("3.all", "hang").With("7.all", "hang"), short)
		n.kernelSays(2, 50, lineLoading)
		n.kernelSays(3, 60, line, strings.NewReplacer("86:00", "ca:00", "ca:00", "86:00").Replace(line))
		all := n.samples("")
		for gpu, minor := range map[string]string{"3": "4", "7": "0"} {
			value(t, all, "unreadable_seconds", `gpu="`+gpu+`"`, `reason="xid"`, `UUID="GPU-00000000-0000-0000-0000-00000000000`+gpu+`"`,
				`device="nvidia`+minor+`"`)
		}
		if got := all["parascope_gpu_devices"]; got != 6 {
			t.Errorf("%v GPUs; want 6", got)
		}
		for _, call := range n.lib.Calls(t) {
			if strings.Contains(call, " 3.") || strings.Contains(call, " 7.") {
				t.Errorf("call of %s", call)
			}
		}
	}
}

// TestStartedAgain: a program that is started again goes on with its counts, though the
// kernel's log has forgotten the records; after a reboot it begins anew.
func TestStartedAgain(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.kernelSays(2, 100, line94, line94, line79)
	n.text()
	n.stop()
	forgotten := func() {
		n.file("dev/kmsg", "4,4,102000000,-;"+line79+"\n4,5,103000000,-;"+line94+"\n4,6,104000000,-;"+line45+"\n")
	}
	forgotten()
	n.start(n.reader.o)
	n.lib.Calls(t)
	all := n.samples("parascope_gpu")
	if got := value(t, all, "xid_errors_total", `gpu="0"`, `class="warn"`); got != 3 {
		t.Errorf("%v XIDs of GPU 0; want the two from before and one", got)
	}
	if got := value(t, all, "xid_errors_total", `gpu="3"`, `class="page"`); got != 1 {
		t.Errorf("%v XIDs of GPU 3; want the one from before", got)
	}
	if age := value(t, all, "unreadable_seconds", `gpu="3"`, `reason="xid"`); age != 3600-102 {
		t.Errorf("unreachable for %v s; want the time since the XID", age)
	}
	if slices.ContainsFunc(n.lib.Calls(t), func(c string) bool { return strings.Contains(c, " 3.") }) {
		t.Error("a GPU is asked after XID 79 and a restart")
	}

	n.stop()
	n.file("proc/sys/kernel/random/boot_id", "4dcf4b25-0000-4000-8000-000000000002\n")
	n.file("dev/kmsg", "6,1,1000,-;Linux version 6.1.158\n")
	n.start(n.reader.o)
	all = n.samples("parascope_gpu")
	if got := total(n.samples("parascope_gpu_xid_errors_total")); got != 0 || all["parascope_gpu_devices"] != 8 {
		t.Errorf("%v XIDs, %v GPUs after a reboot", got, all["parascope_gpu_devices"])
	}

	n.stop()
	n.file("run/xids.json", `{"boot_id": 5`)
	forgotten()
	n.start(n.reader.o)
	if got := total(n.samples("parascope_gpu_xid_errors_total")); got != 3 {
		t.Errorf("%v XIDs where the file is broken; want those of the log", got)
	}
}

// TestUnlisted is a GPU that NVML no longer lists after the driver was loaded again.
func TestUnlisted(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	if err := os.RemoveAll(filepath.Join(n.root, "proc/driver/nvidia/gpus/0000:ca:00.0")); err != nil {
		t.Fatal(err)
	}
	n.lib.Set(t, fakenvml.H100(0).With("count", "7"))
	n.kernelSays(5, 3600, strings.Replace(line79, "86", "ca", 1), lineLoading)
	all := n.samples("")
	for _, words := range [][]string{{"unreadable_seconds", `reason="unlisted"`}, {"xid_errors_total", `class="page"`},
		{"last_timestamp", `xid="79"`}} {
		value(t, all, append(words, `gpu="7"`, `UUID="GPU-00000000-0000-0000-0000-000000000007"`, `device="nvidia0"`)...)
	}
	if present, expected := all["parascope_gpu_devices"], all["parascope_gpu_devices_expected"]; present != 7 || expected != 8 {
		t.Errorf("%v of %v GPUs; want 7 of 8", present, expected)
	}
}

// TestEvents: where the kernel's log cannot be read, and only there, XIDs are NVML's events.
func TestEvents(t *testing.T) {
	table := fakenvml.H100(0).With("event.0", "2 94").With("event.1", "2 13").With("event.2", "5 79")
	n := newNode(t, table)
	n.text()
	n.reader.tick()
	n.kernelSays(2, 100, line94)
	if got := total(n.samples("parascope_gpu_xid_errors_total")); got != 1 {
		t.Errorf("%v XIDs; want the one of the kernel's log", got)
	}

	n = newNode(t, table)
	if err := os.Remove(filepath.Join(n.root, "dev/kmsg")); err != nil {
		t.Fatal(err)
	}
	n.text()
	all := n.samples("")
	value(t, all, `parascope_gpu_xid_source{source="nvml"}`)
	value(t, all, "unreadable_seconds", `gpu="5"`, `reason="xid"`)
	for range 2 {
		if got := total(n.samples("parascope_gpu_xid_errors_total")); got != 3 {
			t.Errorf("%v XIDs; want 3", got)
		}
	}
}

func total(samples map[string]float64) (sum float64) {
	for v := range maps.Values(samples) {
		sum += v
	}
	return sum
}

func TestKernelLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kmsg")
	write := func(text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	write("4,10,5000000,c;NVRM: one\n SUBSYSTEM=pci\n12,11,6000000,-;NVRM: Xid (PCI:0000:86:00): 79, a program wrote this\n" +
		"4,12,7000000,-,caller=T1;NVRM: t")
	k, err := openKernelLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	var got []string
	use := func(r record) { got = append(got, strconv.FormatUint(r.micros/1e6, 10)+" "+r.text) }
	drain := func(want ...string) {
		t.Helper()
		got = nil
		if err := k.drain(use); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	drain("5 NVRM: one")
	write("wo\n4,12,7000000,-;NVRM: two\n4,20,8000000,-;NVRM: three\n") // 12 comes twice; 13 to 19 were overwritten
	drain("7 NVRM: two", "8 NVRM: three")
	if k.lost != 7 {
		t.Errorf("%d records lost; want 7", k.lost)
	}
	write(strings.Repeat("x", 40000))
	drain()
	write("\n4,21,9000000,-;NVRM: four\n")
	drain("9 NVRM: four")
	if len(k.rest) > 0 {
		t.Errorf("%d bytes are kept", len(k.rest))
	}
}

func TestParseXID(t *testing.T) {
	for line, want := range map[string]string{
		line79: "0000:86:00 79 page", line45: "0000:86:00 45 application", line94: "0000:53:00 94 warn", line119: "0000:ca:00 119 page",
		"NVRM: Xid (0000:03:00): 14, Channel 00000001":                                                             "0000:03:00 14 warn",
		"NVRM: Xid (PCI:000d:00:00): 48, pid=3234, Graphics SM Global Exception on (GPC 2, TPC 2, SM 1): Multiple": "000d:00:00 48 page",
		"NVRM: Xid (PCI:0018:01:00): 149, NETIR_BER_EVENT Nonfatal XC0 i0 Link 03 (0x00086226 0x00000001)":         "0018:01:00 149 warn",
		"NVRM: Xid (PCI:0009:01:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x021425c6 0x00000000)":          "0009:01:00 149 page",
		"NVRM: Xid (PCI:0009:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)":    "0009:01:00 154 page",
		"NVRM: Xid (PCI:0009:01:00): 154, GPU recovery action changed from 0x1 (GPU Reset Required) to 0x0 (None)": "0009:01:00 154 warn",
		"NVRM: Xid (PCI:0009:01:00): 999, of a later driver":                                                       "0009:01:00 999 warn",
		lineFabric: "", lineLoading: "", "NVRM: GPU at PCI:0000:9b:00: GPU-509665ad-b600-ac93-3616-d754b23d636d": "",
		"NVRM: Xid (PCI:0000:86:00): -1, a": "", "NVRM: Xid (PCI:zz:86:00): 79, a": "", "NVRM: Xid (PCI:0000:86:00) 79": "", "NVRM: Xid ()": "",
	} {
		got := ""
		if key, code, detail, ok := parseXID(line); ok {
			got = key + " " + strconv.Itoa(code) + " " + classNames[classOf(code, detail)]
		}
		if got != want {
			t.Errorf("%s: %q; want %q", line, got, want)
		}
	}
}

func TestCodesAreBounded(t *testing.T) {
	var x xids
	for code := 1; code <= 100; code++ {
		x.add(code, classWarn, float64(code))
	}
	if _, newest := x.last[100]; len(x.last) != maxCodes || !newest || x.counts[classWarn] != 100 {
		t.Errorf("%d codes, newest %v, %v counted", len(x.last), newest, x.counts)
	}
}

// FuzzKernelRecord: whatever is in the log, a record gives a GPU's address in one form
// and a code in bounds, or nothing.
func FuzzKernelRecord(f *testing.F) {
	for _, line := range []string{line79, line45, line94, line119, lineFabric, lineLoading,
		"NVRM: GPU 0000:29:00.0: GPU has fallen off the bus."} {
		f.Add([]byte("4,1227,437812449932,c;" + line))
		f.Add([]byte("4,1227,437812449932,c,1,-;" + line))
	}
	f.Add([]byte("6,3964,206764307,-;nvidia-nvswitch2: open (major=510)"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, ok := parseRecord(line)
		if !ok {
			return
		}
		key, code, detail, ok := parseXID(r.text)
		if !ok {
			if key, ok = fallenOff(r.text); !ok {
				return
			}
			code = 79
		}
		if again, valid := busKey(key); !valid || again != key || len(key) < 10 || len(key) > 14 || code < 1 || code > 9999 {
			t.Errorf("%q: GPU %q, code %d", line, key, code)
		}
		if c := classOf(code, detail); c < classApplication || c > classPage {
			t.Errorf("%q: class %d", line, c)
		}
	})
}
