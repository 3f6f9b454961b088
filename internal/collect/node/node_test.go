package node

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

// tree is an imitated machine.
type tree struct {
	t    *testing.T
	root string
}

func newTree(t *testing.T) tree { return tree{t, t.TempDir()} }

func (m tree) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m tree) remove(name string) {
	m.t.Helper()
	if err := os.RemoveAll(filepath.Join(m.root, name)); err != nil {
		m.t.Fatal(err)
	}
}

func (m tree) env() page.Env {
	return page.Env{Root: m.root, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
}

// open opens the collector on the machine.
func (m tree) open(c page.Collector, e page.Env) page.Reader {
	m.t.Helper()
	r, err := c.Open(e)
	if err != nil {
		m.t.Fatalf("%s: %v", c.Name, err)
	}
	m.t.Cleanup(func() { r.Close() })
	return r
}

// samples reads r once and returns the sample lines.
func samples(t *testing.T, r page.Reader, full bool) string {
	t.Helper()
	p := page.Page{Full: full}
	if err := r.Read(&p); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.Lines(string(p.Bytes())) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%swant\n%s", what, got, want)
	}
}

// cpuLine is a CPU's line with user and idle as given.
func cpuLine(n, user, idle int) string {
	return fmt.Sprintf("cpu%d %d 0 0 %d 0 0 0 0 0 0\n", n, user, idle)
}

func cpuLines(text string) (user, idle, count string) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case `node_cpu_seconds_total{cpu="all",mode="user"}`:
			user = value
		case `node_cpu_seconds_total{cpu="all",mode="idle"}`:
			idle = value
		case "node_cpus":
			count = value
		}
	}
	return user, idle, count
}

func TestCPUMeanIsExactAndNeverDecreases(t *testing.T) {
	m := newTree(t)
	const end = "intr 5 0 0\nctxt 7\nbtime 1700000000\nprocesses 9\nprocs_running 2\nprocs_blocked 1\n"
	m.write("proc/stat", "cpu 9 9 9 9\n"+cpuLine(0, 100, 1000)+cpuLine(1, 300, 3000)+end)
	r := m.open(cpu, m.env())
	for i, step := range []struct {
		stat              string
		user, idle, count string
	}{
		{cpuLine(0, 100, 1000) + cpuLine(1, 300, 3000), "2", "20", "2"},
		{cpuLine(0, 200, 1100) + cpuLine(1, 400, 3300), "3", "22", "2"},                          // +1 s and +2 s a CPU
		{cpuLine(0, 300, 1200), "4", "23", "1"},                                                  // CPU 1 went offline
		{cpuLine(0, 400, 1300) + cpuLine(1, 0, 5), "4.5", "23.5", "2"},                           // and came back with counters of its own
		{cpuLine(0, 400, 1299) + cpuLine(1, 100, 105), "5", "24", "2"},                           // idle goes back a little
		{cpuLine(0, 400, 1300) + cpuLine(1, 100, 105), "5", "24", "2"},                           // and is where it was
		{cpuLine(0, 10, 50) + cpuLine(1, 100, 105), "5", "24", "2"},                              // far back: counters of its own
		{cpuLine(0, 110, 150) + cpuLine(1, 100, 105), "5.5", "24.5", "2"},                        //
		{cpuLine(0, 110, 150) + cpuLine(1, 100, 105) + cpuLine(7, 9e6, 9e6), "5.5", "24.5", "3"}, // one more came online
		{cpuLine(0, 410, 450) + cpuLine(1, 400, 405) + cpuLine(7, 9e6+300, 9e6+300), "8.5", "27.5", "3"},
	} {
		m.write("proc/stat", "cpu 9 9 9 9\n"+step.stat+end)
		if user, idle, count := cpuLines(samples(t, r, false)); user != step.user || idle != step.idle || count != step.count {
			t.Errorf("step %d: user %s, idle %s, CPUs %s; want %s, %s, %s", i, user, idle, count, step.user, step.idle, step.count)
		}
	}
}

func TestCPUEach(t *testing.T) {
	m := newTree(t)
	m.write("proc/stat", "cpu 9 9 9 9\ncpu0 100 200 300 400 500 600 700 800 10 20\ncpu3 1 0 0 0 0 0 0 0 0 0\nbtime 5\n")
	e := m.env()
	e.EachCPU = true
	got := samples(t, m.open(cpu, e), true)
	for _, want := range []string{
		`node_cpu_seconds_total{cpu="0",mode="user"} 1`, `node_cpu_seconds_total{cpu="0",mode="steal"} 8`,
		`node_cpu_seconds_total{cpu="3",mode="user"} 0.01`, `node_cpu_guest_seconds_total{cpu="0",mode="nice"} 0.2`,
		"node_cpus 2", "node_boot_time_seconds 5",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("the page lacks %s:\n%s", want, got)
		}
	}
	if strings.Contains(got, `cpu="all"`) || strings.Contains(got, `cpu="1"`) {
		t.Errorf("the page has CPUs that there are not:\n%s", got)
	}
}

func TestBrokenFilesAreFailures(t *testing.T) {
	for name, c := range map[string]struct {
		collector page.Collector
		file      string
		texts     []string
	}{
		"stat": {cpu, "proc/stat", []string{"", "cpu 1 2 3\n", "cpu0 1 2 3\n", "cpu0 1 2 3 4 5 6 7 8 9 10\nbtime 12",
			"cpu0 1 2 x 4 5 6 7 8\n", "cpu9999 1 2 3 4 5 6 7 8 9 10\n", "cpu0 1 2 3 4 5 6 7 8 9 10\nbtime\n"}},
		"meminfo": {meminfo, "proc/meminfo", []string{"", "MemTotal: 5 kB\nMemFr", "MemTotal: -1 kB\n"}},
		"vmstat":  {vmstat, "proc/vmstat", []string{"", "oom_kill", "oom_kill \n"}},
		"loadavg": {loadavg, "proc/loadavg", []string{"", "0.1 0.2", "a b c\n"}},
		"disks":   {diskstats, "proc/diskstats", []string{"259 0 nvme0n1 1 2 3\n", "259 0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11"}},
		"cards":   {netdev, "proc/net/dev", []string{"", "ens5: 1 2 3\n", "ens5: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 1"}},
		"psi":     {pressure, "proc/pressure/cpu", []string{"some avg10=0.00\n", "some total=\n"}},
	} {
		for _, text := range c.texts {
			m := newTree(t)
			m.write(c.file, text)
			var p page.Page
			if err := m.open(c.collector, m.env()).Read(&p); err == nil {
				t.Errorf("%s: %q is taken: %s", name, text, p.Bytes())
			}
		}
	}
}

func TestNothingToReadIsAFailure(t *testing.T) {
	e := newTree(t).env()
	for _, c := range Collectors() {
		if c.Name == "time" || c.Name == "uname" {
			continue // calls of the kernel
		}
		if _, err := c.Open(e); err == nil || errors.Is(err, page.ErrAbsent) {
			t.Errorf("%s: error %v; want one", c.Name, err)
		}
	}
}

func TestMemory(t *testing.T) {
	m := newTree(t)
	m.write("proc/meminfo", "MemTotal:       16 kB\nActive(anon):    2 kB\nHugePages_Total:       3\nNew:   4 kB\n\n")
	r := m.open(meminfo, m.env())
	expect(t, "default", samples(t, r, false), "node_memory_MemTotal_bytes 16384\n")
	expect(t, "full", samples(t, r, true), "node_memory_MemTotal_bytes 16384\nnode_memory_Active_anon_bytes "+
		"2048\nnode_memory_HugePages_Total 3\n")
}

func TestPressure(t *testing.T) {
	m := newTree(t)
	m.write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n")
	m.write("proc/pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=2\n")
	r := m.open(pressure, m.env())
	expect(t, "default", samples(t, r, false), "node_pressure_cpu_waiting_seconds_total 1.5\n")
	expect(t, "full", samples(t, r, true),
		"node_pressure_cpu_waiting_seconds_total 1.5\nnode_pressure_irq_stalled_seconds_total 2e-06\n")
}

func TestThermal(t *testing.T) {
	m := newTree(t)
	for cpu, pkg := range []string{"0", "0", "1", "1"} {
		dir := fmt.Sprintf("sys/devices/system/cpu/cpu%d/", cpu)
		m.write(dir+"topology/physical_package_id", pkg+"\n")
		m.write(dir+"topology/core_id", fmt.Sprintln(cpu))
		m.write(dir+"thermal_throttle/package_throttle_count", pkg+"7\n")
		m.write(dir+"thermal_throttle/core_throttle_count", fmt.Sprintln(cpu))
	}
	m.write("sys/devices/system/cpu/cpufreq/x", "")
	r := m.open(thermal, m.env())
	const want = "node_cpu_package_throttles_total{package=\"0\"} 7\nnode_cpu_package_throttles_total{package=\"1\"} 17\n"
	expect(t, "default", samples(t, r, false), want)
	e := m.env()
	e.EachCPU = true
	each := samples(t, m.open(thermal, e), false)
	if !strings.Contains(each, "node_cpu_core_throttles_total{package=\"1\",core=\"3\"} 3\n") || strings.Count(each, "core=") != 4 {
		t.Errorf("with each CPU:\n%s", each)
	}
	m.write("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "") // what an offline CPU's reads like here
	m.remove("sys/devices/system/cpu/cpu0/topology")
	expect(t, "after CPU 0 went offline", samples(t, r, false), want)
	for cpu := range 4 {
		m.remove(fmt.Sprintf("sys/devices/system/cpu/cpu%d/thermal_throttle", cpu))
	}
	if _, err := thermal.Open(m.env()); !errors.Is(err, page.ErrAbsent) {
		t.Errorf("error %v; want ErrAbsent", err)
	}
}

func TestClock(t *testing.T) {
	e := page.Env{Now: func() time.Time { return time.Unix(1700000000, 5e8) }}
	r, _ := clock.Open(e)
	expect(t, "page", samples(t, r, false), "node_time_seconds 1.7000000005e+09\n")
}

func TestReadingsDoNotAllocate(t *testing.T) {
	for _, c := range Collectors() {
		if c.Name == "thermal" {
			continue // this machine may have none
		}
		r, err := c.Open(page.Env{Root: "/", Now: time.Now, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Logf("%s: %v", c.Name, err)
			continue
		}
		defer r.Close()
		var p page.Page
		n, most := testing.AllocsPerRun(10, func() { p.Reset(); r.Read(&p) }), 1
		if f, ok := r.(*filesystemReader); ok {
			most = len(f.mounts) // statfs needs the path with a zero byte
		}
		if n > float64(most) {
			t.Errorf("%s: %v allocations for a reading; want %d at most", c.Name, n, most)
		}
	}
}
