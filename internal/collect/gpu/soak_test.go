package gpu

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// TestPagesAndWindowsAtOnce reads pages while windows end.
func TestPagesAndWindowsAtOnce(t *testing.T) {
	n := newNode(t, fakenvml.H100(0))
	n.text()
	var both sync.WaitGroup
	both.Go(func() {
		for range 10 {
			n.reader.tick()
		}
	})
	for range 10 {
		if got := len(n.samples("DCGM_FI_DEV_GPU_TEMP{")); got != 8 {
			t.Errorf("%d temperatures; want 8", got)
		}
	}
	both.Wait()
}

// TestSoak reads a page a second of a node whose GPUs, driver and helper fail and come
// back by chance: a minute of the node's clock, or SOAK (make soak). Nothing is left
// over then: descriptors, goroutines and processes are as many as at the start.
func TestSoak(t *testing.T) {
	length := time.Minute
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	n := newNode(t, fakenvml.H100(0), func(o *Options) { o.CallWait = 300 * time.Millisecond })
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	n.text()
	n.reader.tick()
	descriptors, goroutines := descriptorsOf(t), runtime.NumGoroutine()
	for step := 1; step <= int(length.Seconds()); step++ {
		table := fakenvml.H100(step)
		gpu := strconv.Itoa(random.IntN(8))
		switch random.IntN(20) {
		case 0:
			table = table.With(gpu+".power", "hang")
		case 1:
			table = table.With(gpu+".temp", "crash")
		case 2:
			table = table.With(gpu+".all", "!15")
		case 3:
			table = table.With("init", "!18").With(gpu+".all", "!18")
		case 4:
			table = table.With("count", gpu)
		case 5:
			table = fakenvml.MIG(step)
		case 6:
			n.kernelSays(10*step, 60+step, strings.Replace(line79, "86", fakenvml.Buses()[random.IntN(8)], 1))
		case 7:
			n.kernelSays(10*step, 60+step, lineLoading)
		case 8:
			if err := os.Remove(filepath.Join(n.root, "dev/nvidiactl")); err != nil {
				t.Fatal(err)
			}
		}
		n.lib.Set(t, table)
		n.pass(time.Second)
		if step%15 == 0 {
			n.reader.tick()
		}
		n.text()
		n.file("dev/nvidiactl", "")
	}
	for n.reader.starter.stuck.Load() > 1 || runtime.NumGoroutine() > goroutines {
		runtime.Gosched() // until those that were killed are gone
	}
	n.reader.o.CallWait = 20 * time.Second
	n.lib.Set(t, fakenvml.H100(0))
	n.kernelSays(100000, 10000, lineLoading)
	n.pass(2 * time.Hour) // past every block
	if got := n.samples("")["parascope_gpu_devices"]; got != 8 {
		t.Errorf("%v GPUs at the end; want 8:\n%s", got, n.log.String())
	}
	for runtime.NumGoroutine() > goroutines {
		runtime.Gosched()
	}
	// A busy machine closes the pipes of helpers that were killed a moment later.
	patience := time.NewTimer(2 * time.Minute)
	defer patience.Stop()
	for descriptorsOf(t) > descriptors {
		select {
		case <-patience.C:
			t.Fatalf("%d descriptors at the end; %d at the start", descriptorsOf(t), descriptors)
		default:
			runtime.Gosched()
		}
	}
}

func descriptorsOf(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(fds)
}

// TestHostengine: the machine image's service is started where it is asked for.
func TestHostengine(t *testing.T) {
	n := newNode(t, fakenvml.A100(0), func(o *Options) { o.Hostengine = true })
	asked := filepath.Join(n.root, "asked")
	if err := syscall.Mkfifo(asked, 0o600); err != nil {
		t.Fatal(err)
	}
	for program, script := range map[string]string{"systemctl": "#!/bin/sh\necho \"$@\" >" + asked + "\n", "dcgmi": "#!/bin/sh\nexit 1\n"} {
		n.file("bin/"+program, script)
		if err := os.Chmod(filepath.Join(n.root, "bin", program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(n.root, "bin")+":"+os.Getenv("PATH"))
	n.reader.o.DCGMI = ""
	n.text()
	n.reader.tick()
	text, err := os.ReadFile(asked)
	if err != nil || string(text) != "--no-block start nvidia-dcgm.service\n" {
		t.Errorf("systemctl was run with %q, error %v", text, err)
	}
}

// TestThisMachinesKernelLog reads the real thing, whose reads are records, without waiting.
func TestThisMachinesKernelLog(t *testing.T) {
	k, err := openKernelLog("/dev/kmsg")
	if err != nil {
		t.Skip(err)
	}
	defer k.close()
	for range 2 {
		if err := k.drain(func(r record) {
			if strings.Contains(r.text, "\n") {
				t.Errorf("record %q", r.text)
			}
		}); err != nil {
			t.Skipf("the log can be opened and not read: %v", err)
		}
	}
	t.Logf("%v, next record %d", k.any, k.next)
}
