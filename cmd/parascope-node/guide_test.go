package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// machine is what an imitated node has counted at a step.
type machine struct{ step int }

// files are the node's files, by path.
func (m machine) files() map[string]string {
	cpu := func(name string, user int) string { return fmt.Sprintf("%s %d 0 200 300 0 0 0 0 0 0\n", name, user) }
	return map[string]string{
		"proc/stat": cpu("cpu", 400+2*m.step) + cpu("cpu0", 100) + cpu("cpu1", 300+2*m.step) +
			"intr 1\nctxt 2\nbtime 1764400000\nprocesses 3\nprocs_running 1\nprocs_blocked 0\nsoftirq 1 0 0 0 0 0 0 0 0 0 0\n",
		"proc/meminfo": fmt.Sprintf("MemTotal:       2097152000 kB\nMemFree:        1000000000 kB\nMemAvailable:   %d kB\n",
			2000000000-m.step),
		"proc/diskstats": fmt.Sprintf(" 259       0 nvme0n1 10 0 20 30 40 0 50 60 0 %d 80 0 0 0 0 0 0\n", 4500+250*m.step),
		"proc/net/dev": "Inter-|   Receive                                                |  Transmit\n" +
			" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n" +
			fmt.Sprintf("  ens5: %d 20 0 0 0 0 0 0 30 40 0 0 0 0 0 0\n", 123456789+m.step*1500),
		"proc/sys/kernel/random/boot_id":          "4dcf4b25-0000-4000-8000-000000000001\n",
		"sys/devices/virtual/dmi/id/product_name": "p5.48xlarge\n",
		"sys/block/nvme0n1/device/model":          "Amazon Elastic Block Store\n",
		"sys/class/net/ens5/device/vendor":        "0x1d0f\n",
		"dev/nvidiactl":                           "",
		"dev/kmsg":                                "6,1,1000,-;Linux version 6.1.158\n",
	}
}

// expect are the guide's eight metrics, from the files and the library's table.
func (m machine) expect(hostname string) map[string]float64 {
	want := map[string]float64{
		// the mean of two, in hundredths of a second
		`node_cpu_seconds_total{cpu="all",mode="user"}`:     (100 + 300 + 2*float64(m.step)) / 2 / 100,
		`node_memory_MemAvailable_bytes`:                    float64(2000000000-m.step) * 1024,
		`node_disk_io_time_seconds_total{device="nvme0n1"}`: (4500 + 250*float64(m.step)) / 1000,
		`node_network_receive_bytes_total{device="ens5"}`:   float64(123456789 + m.step*1500),
	}
	for name, v := range fakenvml.Expect(fakenvml.H100(m.step), nil, hostname, false) {
		for _, metric := range []string{"GPU_UTIL", "MEM_COPY_UTIL", "GPU_TEMP", "POWER_USAGE"} {
			if strings.HasPrefix(name, "DCGM_FI_DEV_"+metric+"{") {
				want[name] = v
			}
		}
	}
	return want
}

// TestGuide asks a running program for the guide's eight metrics with curl, on an
// imitated node with eight H100, while its counters grow.
func TestGuide(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	library := fakenvml.Use(t)
	built, err := fakenvml.Build(t.Context(), dir) // the helper lies beside the program, as on a node
	if err == fakenvml.ErrNoCompiler && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "parascope-node"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	set := func(m machine) {
		t.Helper()
		for name, content := range m.files() {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		library.Set(t, fakenvml.H100(m.step))
	}
	set(machine{})
	node, gpus := serve(t, filepath.Join(dir, "parascope-node"), "--web.listen-address=127.0.0.1:0", "--path.rootfs="+root,
		"--path.procfs="+root+"/proc", "--path.sysfs="+root+"/sys", "--gpu.library="+built.Library, "--gpu.state-file="+root+"/xids.json",
		"--gpu.pause-file="+root+"/paused")
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		m := machine{step}
		set(m)
		page := curl(t, node) + curl(t, gpus)
		got := map[string]float64{}
		for name := range m.expect(hostname) {
			for line := range strings.Lines(page) {
				if value, found := strings.CutPrefix(line, name+" "); found {
					if got[name], err = strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		}
		if diff := cmp.Diff(m.expect(hostname), got, cmpopts.EquateApprox(1e-12, 0)); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", step, diff)
		}
	}
}

// serve starts the program and returns the URLs of its two pages.
func serve(t *testing.T, path string, args ...string) (node, gpus string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := cmd.Wait(); err != nil && ctx.Err() == nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	})
	lines := bufio.NewScanner(log)
	for (node == "" || gpus == "") && lines.Scan() {
		if _, address, found := strings.Cut(lines.Text(), `msg="serving node metrics" address=`); found {
			node = "http://" + address + "/metrics"
		}
		if _, address, found := strings.Cut(lines.Text(), `msg="serving GPU metrics" address=`); found {
			gpus = "http://" + address + "/metrics"
		}
	}
	if node == "" || gpus == "" {
		t.Fatalf("the program ended before it served both pages: %v", lines.Err())
	}
	go io.Copy(io.Discard, log) // or a full pipe would block it
	return node, gpus
}

func curl(t *testing.T, url string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "curl", "-sS", "--fail", "--max-time", "20", url).Output()
	if err != nil {
		t.Fatalf("curl %s: %v", url, err)
	}
	return string(out)
}
