package gpu

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
	"github.com/parascope/parascope/internal/collect/page"
)

// scratch is where built lies. It is set once, by TestMain.
var scratch string

// built has the library and the helper that tests share, made by the first that asks:
// fuzzing starts processes that do not.
var built = sync.OnceValues(func() (fakenvml.Built, error) { return fakenvml.Build(context.Background(), scratch) })

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if scratch, err = os.MkdirTemp("", "fakenvml"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	return m.Run()
}

// node is an imitated node: a tree, a library, a helper and a clock.
type node struct {
	t      *testing.T
	lib    *fakenvml.Library
	root   string
	now    time.Time  // pass changes it
	mu     sync.Mutex // of now, which the reader's goroutines read
	reader *reader
	log    strings.Builder
}

// boot is when imitated nodes were started.
const boot = 1764400000

func newNode(t *testing.T, table fakenvml.Table, options ...func(*Options)) *node {
	t.Helper()
	files, err := built()
	if errors.Is(err, fakenvml.ErrNoCompiler) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, lib: fakenvml.Use(t), root: t.TempDir(), now: time.Unix(boot+3600, 0)}
	n.lib.Set(t, table)
	n.file("dev/nvidiactl", "")
	n.file("dev/kmsg", "6,1,1000,-;Linux version 6.1.158\n")
	n.file("proc/stat", "cpu  1 2 3\nintr 5\nctxt 6\nbtime "+strconv.Itoa(boot)+"\nprocesses 7\n")
	n.file("proc/sys/kernel/random/boot_id", "4dcf4b25-0000-4000-8000-000000000001\n")
	n.file("sys/devices/virtual/dmi/id/product_name", "p5.48xlarge\n")
	for i, bus := range fakenvml.Buses() {
		n.file("proc/driver/nvidia/gpus/0000:"+bus+":00.0/information", "Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 0\nGPU UUID: \t "+
			table[strconv.Itoa(i)+".uuid"]+"\nBus Location: \t 0000:"+bus+":00.0\nDevice Minor: \t "+strconv.Itoa(7-i)+"\n")
	}
	o := DefaultOptions()
	o.Helper, o.Library, o.Hostname, o.PauseFile = files.Helper, files.Library, "gpu-st-p5-1", filepath.Join(n.root, "paused")
	o.StateFile = filepath.Join(n.root, "run/xids.json")
	o.CallWait, o.ReadWait, o.DCGMI = 20*time.Second, time.Minute, filepath.Join(n.root, "no-dcgmi")
	for _, option := range options {
		option(&o)
	}
	n.start(o)
	t.Cleanup(n.stop)
	return n
}

// start starts the collector, as the program does when it starts.
func (n *node) start(o Options) {
	n.reader = newReader(o, page.Env{Root: n.root, Now: n.clock,
		Logger: slog.New(slog.NewTextHandler(&n.log, nil))})
}

func (n *node) stop() {
	if err := n.reader.Close(); err != nil {
		n.t.Error(err)
	}
}

func (n *node) file(name, content string) {
	n.t.Helper()
	path := filepath.Join(n.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// kernelSays appends messages to the kernel's log, a second after each other.
func (n *node) kernelSays(sequence, second int, texts ...string) {
	n.t.Helper()
	f, err := os.OpenFile(filepath.Join(n.root, "dev/kmsg"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	for i, text := range texts {
		if _, err := f.WriteString("4," + strconv.Itoa(sequence+i) + "," + strconv.Itoa((second+i)*1e6) + ",-;" + text +
			"\n SUBSYSTEM=pci\n"); err != nil {
			n.t.Fatal(err)
		}
	}
}

// text is the page now.
func (n *node) text() string {
	n.t.Helper()
	var p page.Page
	if err := n.reader.Read(&p); err != nil {
		n.t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		n.t.Fatal(err)
	}
	return string(p.Bytes())
}

// samples are the page's samples whose names begin with prefix, by name and labels.
func (n *node) samples(prefix string) map[string]float64 {
	n.t.Helper()
	return samplesOf(n.t, n.text(), prefix)
}

func samplesOf(t *testing.T, text, prefix string) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		if line[0] == '#' || !strings.HasPrefix(line, prefix) {
			continue
		}
		space := strings.LastIndexByte(strings.TrimSuffix(line, "\n"), ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[space:]), 64)
		if err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if _, twice := all[line[:space]]; twice {
			t.Errorf("the page has %s twice", line[:space])
		}
		all[line[:space]] = v
	}
	return all
}

// pass lets time pass.
func (n *node) pass(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

func (n *node) clock() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

// window lets one window pass.
func (n *node) window(table fakenvml.Table) {
	n.lib.Set(n.t, table)
	n.pass(15 * time.Second)
	n.reader.tick()
}

// about compares to twelve digits: a mean is computed by the library in one order of
// operations and by the checker in another.
var about = cmpopts.EquateApprox(1e-12, 0)

// ofGPU are the samples of one GPU.
func ofGPU(samples map[string]float64, index int) map[string]float64 {
	all := maps.Clone(samples)
	maps.DeleteFunc(all, func(name string, _ float64) bool { return !strings.Contains(name, `gpu="`+strconv.Itoa(index)+`"`) })
	return all
}

func names(samples map[string]float64) []string { return slices.Sorted(maps.Keys(samples)) }

// value is the only sample whose name and labels contain all of the words.
func value(t *testing.T, samples map[string]float64, words ...string) float64 {
	t.Helper()
	found, count := math.NaN(), 0
	for name, v := range samples {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(name, word) }) {
			found, count = v, count+1
		}
	}
	if count != 1 {
		t.Errorf("%d samples with %q; want 1", count, words)
	}
	return found
}

func TestDefaultSet(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	before := n.samples("DCGM_")
	if diff := cmp.Diff(fakenvml.Expect(fakenvml.H100(0), nil, "gpu-st-p5-1", false), before, about); diff != "" {
		t.Errorf("before the first window (-want +got):\n%s", diff)
	}
	n.window(fakenvml.H100(0))
	if diff := cmp.Diff(names(before), names(n.samples("DCGM_"))); diff != "" {
		t.Errorf("in the first window (-want +got):\n%s", diff)
	}
	for step := 1; step < 4; step++ {
		table := fakenvml.H100(step)
		n.window(table)
		all := n.samples("")
		got := maps.Clone(all)
		maps.DeleteFunc(got, func(name string, _ float64) bool { return !strings.HasPrefix(name, "DCGM_") })
		if diff := cmp.Diff(fakenvml.Expect(table, fakenvml.H100(step-1), "gpu-st-p5-1", false), got, about); diff != "" {
			t.Errorf("after window %d (-want +got):\n%s", step, diff)
		}
		for gpu := range 8 {
			if series := ofGPU(all, gpu); len(series) > 24 {
				t.Errorf("GPU %d has %d series; at most 24:\n%s", gpu, len(series), strings.Join(names(series), "\n"))
			}
		}
		if got := value(t, all, "parascope_gpu_devices_expected"); got != 8 {
			t.Errorf("%v GPUs expected; want 8", got)
		}
	}
}

func TestFullSet(t *testing.T) {
	n := newNode(t, fakenvml.H100(0), func(o *Options) { o.Full = true })
	n.text()
	n.window(fakenvml.H100(0))
	n.window(fakenvml.H100(1))
	got := n.samples("DCGM_")
	maps.DeleteFunc(got, func(name string, v float64) bool { return strings.HasPrefix(name, "DCGM_FI_DEV_XID_ERRORS") && v == 0 })
	if diff := cmp.Diff(fakenvml.Expect(fakenvml.H100(1), fakenvml.H100(0), "gpu-st-p5-1", true), got, about); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestA100HasNoGPM(t *testing.T) {
	n := newNode(t, fakenvml.A100(0))
	n.text()
	n.window(fakenvml.A100(1))
	n.window(fakenvml.A100(2))
	all := n.samples("")
	got := maps.Clone(all)
	maps.DeleteFunc(got, func(name string, _ float64) bool { return !strings.HasPrefix(name, "DCGM_") })
	if diff := cmp.Diff(fakenvml.Expect(fakenvml.A100(2), nil, "gpu-st-p5-1", false), got, about); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := value(t, all, `parascope_gpu_unread_values{reason="not_supported"}`); got != 2*8 {
		t.Errorf("%v values not supported; want margin and recovery action of 8 GPUs", got)
	}
	value(t, all, `parascope_gpu_profiling{source="none",reason="no_gpm"}`)
}

func TestMIG(t *testing.T) {
	n := newNode(t, fakenvml.MIG(0))
	n.text()
	n.window(fakenvml.MIG(0))
	n.window(fakenvml.MIG(1))
	want := fakenvml.Expect(fakenvml.MIG(1), fakenvml.MIG(0), "gpu-st-p5-1", false)
	got := map[string]float64{}
	for name, v := range n.samples("DCGM_") {
		got[strings.Replace(name, `,GPU_I_PROFILE="",GPU_I_ID=""`, "", 1)] = v // an empty label is not a label
	}
	if diff := cmp.Diff(want, got, about); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
