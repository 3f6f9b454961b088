//go:build linux

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/gpu/fakenvml"
)

// driverLoop writes again every second the table from which the library answers: counters of a GPU
// grow by a rate that stands there as "@RATE".
const driverLoop = `cd /opt/driver
while :; do
	awk -v t="$(cut -d" " -f1 /proc/uptime)" '$2 ~ /^@/ {print $1, substr($2, 2) * t; next} {print}' rates >next && mv next table
	sleep 1
done
`

const driver = `[Service]
ExecStart=/bin/sh /opt/driver/run
`

// holders are two jobs of two users on one node: both have GPUs, one does nothing with them.
type holders struct{ node, idle, busy string }

// TestGPUs gives two jobs GPUs of one node, on a cluster that is made as in TestFlow.
func TestGPUs(t *testing.T) {
	f := startFlow(t)
	if t.Run("create", func(t *testing.T) { create(t, f) }) {
		f.gpuJobs(t, f.hold())
	}
}

// hold submits the jobs; their node comes up while the test goes on.
func (f *flow) hold() holders {
	f.t.Helper()
	h := holders{node: "gpu-dy-p5-48xlarge-1"}
	f.on("head", "sh", "-c", "mkdir -p /home/day && chmod 1777 /home/day")
	for _, job := range []struct {
		user string
		id   *string
	}{{"games", &h.idle}, {"mail", &h.busy}} {
		*job.id = f.on("head", "setpriv", "--reuid", job.user, "--regid", job.user, "--clear-groups", "sbatch", "--parsable", "--chdir",
			"/home/day", "-o", "/home/day/job-%j", "-p", "gpu", "-w", h.node, "--gres", "gpu:3", "--wrap", "echo $CUDA_VISIBLE_DEVICES; sleep 3000")
	}
	return h
}

// devices are those that Slurm gave a job, by what the job saw: indices of gres.conf, which
// names /dev/nvidia0 and so on in their order.
func (f *flow) devices(id string) (minors []string) {
	f.t.Helper()
	var text string
	f.eventually(time.Minute, "it wrote its devices", func() string {
		if text = f.asked("head", "cat", "/home/day/job-"+id); regexp.MustCompile(`^[0-9,]+$`).MatchString(text) {
			return "it wrote its devices"
		}
		return text
	})
	return strings.Split(text, ",")
}

// gpuJobs puts a driver on the node of two jobs, one of which does nothing. NVML numbers the node's GPUs
// against the order of their device files.
func (f *flow) gpuJobs(t *testing.T, h holders) {
	f = f.in(t)
	built, err := fakenvml.Build(t.Context(), t.TempDir())
	if errors.Is(err, fakenvml.ErrNoCompiler) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	f.ended("RUNNING", h.idle, h.busy)
	idle, busy := f.devices(h.idle), f.devices(h.busy)
	f.eventually(time.Minute, "installed", func() string {
		return f.asked(h.node, "sh", "-c", "test -x /opt/parascope/current/bin/parascope-nvml && systemctl is-active -q parascope-node && "+
			"echo installed")
	})
	table := fakenvml.H100(0)
	want := map[string]string{}
	for gpu := range 8 {
		minor := table[fmt.Sprintf("%d.minor", gpu)]
		if minor == fmt.Sprint(gpu) {
			t.Fatalf("GPU %d has the device file of its index: the table proves nothing", gpu)
		}
		table[fmt.Sprintf("%d.gpm.seconds", gpu)] = "@1"
		switch {
		case slices.Contains(busy, minor):
			table[fmt.Sprintf("%d.gpm.2", gpu)] = "@60" // percent of its SMs
		case slices.Contains(idle, minor):
			want["nvidia"+minor] = "1"
		}
	}
	if len(want) != 3 {
		t.Fatalf("%d devices of %v are in the table, want 3", len(want), idle)
	}
	f.installDriver(h.node, built.Library, table)
	t.Run("XID", func(t *testing.T) { t.Parallel(); f.xids(t, h) })
	t.Run("idle", func(t *testing.T) { t.Parallel(); f.idleGPUs(t, h, want) })
}

// idleGPUs: of two jobs on one node the one that does nothing is listed, with its GPUs and its user, by the
// query of the documents.
func (f *flow) idleGPUs(t *testing.T, h holders, want map[string]string) {
	f = f.in(t)
	query := documented(t)
	f.eventually(3*time.Minute, fmt.Sprint(want, " of games ", h.idle), func() string {
		return fmt.Sprint(f.query(query, "device"), " of ", strings.Join(slices.Collect(maps.Keys(f.query(query, "user"))), "+"), " ",
			strings.Join(slices.Collect(maps.Keys(f.query(query, "job_id"))), "+"))
	})
	f.eventually(time.Minute, "3 GPUs at 0.6", func() string {
		n := 0
		for _, v := range f.query(`round(DCGM_FI_PROF_SM_ACTIVE and on (cluster, node, device) slurm_gpu_job{user="mail"}, 0.1)`, "device") {
			if v == "0.6" {
				n++
			}
		}
		return fmt.Sprint(n, " GPUs at 0.6")
	})
}

// xids: what the driver writes into a node's kernel log is a counter of the GPU that it names, and an alert.
func (f *flow) xids(t *testing.T, h holders) {
	f = f.in(t)
	const pages = `sum by (device) (parascope_gpu_xid_errors_total{cluster="hpc",class="page"})`
	f.eventually(3*time.Minute, "0 of each of 8 GPUs", func() string {
		before := f.query(pages+" == 0", "device")
		if len(before) == 8 {
			return "0 of each of 8 GPUs"
		}
		return fmt.Sprint("XIDs before there was one: ", before)
	})
	endpoint := f.subscribe(t)
	table := fakenvml.H100(0)
	bus := strings.ToLower(strings.TrimPrefix(strings.TrimSuffix(table["2.bus"], ".0"), "0000"))
	message := "NVRM: Xid (PCI:" + bus + "): 48, pid=4711, name=python, DBE (Double Bit Error) ECC Error"
	began := time.Now()
	if out, err := f.program("testbed", "kernel", h.node, message).CombinedOutput(); err != nil {
		t.Fatalf("testbed kernel: %v\n%s", err, out)
	}
	f.eventually(2*time.Minute, fmt.Sprint(map[string]string{"nvidia" + table["2.minor"]: "1"}), func() string {
		return fmt.Sprint(f.query(pages+" > 0", "device"))
	})
	f.alerted(t, endpoint, h.node, began)
}

// documented is the query that the documents give for idle GPUs.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "metrics-slurm.md"))
	if err != nil {
		t.Fatal(err)
	}
	query := regexp.MustCompile("`(slurm_gpu_job and on .*)`").FindStringSubmatch(string(text))
	if query == nil {
		t.Fatal("docs/metrics-slurm.md has no query for idle GPUs")
	}
	return query[1]
}

// installDriver puts a library on a node that answers from a table.
func (f *flow) installDriver(node, library string, table fakenvml.Table) {
	f.t.Helper()
	code, err := os.ReadFile(library)
	if err != nil {
		f.t.Fatal(err)
	}
	var rates strings.Builder
	for _, key := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&rates, "%s %s\n", key, table[key])
	}
	f.write(node, "/usr/lib/libnvidia-ml.so.1", string(code), "644")
	f.write(node, "/opt/driver/rates", rates.String(), "644")
	f.write(node, "/opt/driver/run", driverLoop, "644")
	f.write(node, "/etc/systemd/system/driver.service", driver, "644")
	f.write(node, "/etc/systemd/system/parascope-node.service.d/driver.conf", "[Service]\nEnvironment=FAKE_NVML_TABLE=/opt/driver/table\n",
		"644")
	f.on(node, "sh", "-c", "systemctl daemon-reload && systemctl start driver && "+
		"until [ -s /opt/driver/table ]; do sleep .1; done && : >/dev/nvidiactl && systemctl restart parascope-node")
}
