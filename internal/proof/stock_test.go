package proof

import (
	"fmt"

	"github.com/parascope/parascope/internal/collect/page"
)

// newStockCluster makes a cluster whose nodes run node_exporter, and dcgm-exporter: 4.5
// with the names and the label Hostname of before, and 4.9 with those of DCGM 4.6, their
// units, and the label hostname. It has no page of Slurm or of ours. The shapes are those
// of the exporters' own pages; values are as those of our nodes.
func newStockCluster() *cluster {
	c := &cluster{name: "stock", jobs: []job{trains}}
	for n := 1; n <= 2; n++ {
		m := &machine{name: gpuNode(n), kind: "compute", queue: "gpu", resource: "p5", cpus: 2, gpus: 2, memory: 64 << 30,
			ports: map[string]string{"node": ":9100", "dcgm": ":9400"}}
		c.machines = append(c.machines, m)
		addNodeExporter(c, m, float64(n))
		for gpu := range m.gpus {
			addDCGMExporter(m, gpu, float64(n)+float64(gpu)/10)
		}
	}
	return c
}

// stock is a family of an exporter that is not ours.
func stock(name string, kind page.Type, labels ...string) family {
	return family{Family: &page.Family{Name: name, Type: kind, Labels: labels}}
}

func addNodeExporter(c *cluster, m *machine, k float64) {
	e := m.page("node")
	counts := func(name string, l level, labels ...string) *series {
		var names []string
		for i := 0; i < len(labels); i += 2 {
			names = append(names, labels[i])
		}
		return e.add(stock(name, page.Counter, names...), l, labels...)
	}
	says := func(name string, v float64) *series { return e.add(stock(name, page.Gauge), flat(v)) }
	busy := c.working(m.name, 0.9-0.01*k, 0.02)
	idle := level{}
	for _, b := range busy {
		idle = append(idle, change{from: b.from, value: 0.99 - b.value})
	}
	for cpu := range m.cpus {
		for mode, l := range map[string]level{"user": busy, "system": flat(0.01), "idle": idle} {
			s := counts("node_cpu_seconds_total", l, "cpu", fmt.Sprint(cpu), "mode", mode)
			if cpu > 0 {
				s.canon = "another CPU" // they are alike, and the mean is one's
			}
		}
	}
	says("node_cpus", float64(m.cpus)).hidden = true
	says("node_load1", 1.5+k)
	says("node_memory_MemTotal_bytes", m.memory)
	says("node_memory_MemAvailable_bytes", m.memory*(0.3+k/100))
	for name, v := range map[string]float64{"size": 1e11, "avail": 4e10 + k*1e9} {
		e.add(stock("node_filesystem_"+name+"_bytes", page.Gauge, "device", "fstype", "mountpoint", "device_error"), flat(v),
			"device", "/dev/nvme0n1p1", "fstype", "xfs", "mountpoint", "/", "device_error", "")
		tmp := e.add(stock("node_filesystem_"+name+"_bytes", page.Gauge, "device", "fstype", "mountpoint", "device_error"), flat(1),
			"device", "tmpfs", "fstype", "tmpfs", "mountpoint", "/run", "device_error", "")
		tmp.canon = "a file system in memory"
	}
	for _, way := range []string{"receive", "transmit"} {
		counts("node_network_"+way+"_bytes_total", flat(1e8+k), "device", "eth0")
		counts("node_network_"+way+"_bytes_total", flat(1e9), "device", "lo").canon = "loopback"
	}
	counts("node_disk_read_bytes_total", flat(1e6*k), "device", "nvme0n1")
	counts("node_disk_written_bytes_total", flat(2e6*k), "device", "nvme0n1")
	counts("node_disk_io_time_seconds_total", flat(0.1*k), "device", "nvme0n1")
}

// addDCGMExporter writes one GPU; the second machine has the newer names.
func addDCGMExporter(m *machine, gpu int, k float64) {
	e, newer := m.page("dcgm"), m.name == gpuNode(2)
	host, driver := "Hostname", "DCGM_FI_DRIVER_VERSION"
	if newer {
		host, driver = "hostname", "DCGM_FI_SYSTEM_DRIVER_VERSION"
	}
	labels := []string{"gpu", fmt.Sprint(gpu), "UUID", fmt.Sprintf("GPU-%s-%d", m.name, gpu), "pci_bus_id", "00000000:53:00.0",
		"device", fmt.Sprintf("nvidia%d", gpu), "modelName", "NVIDIA H100 80GB HBM3", host, "ip-10-0-2-11", driver, "580.126.20"}
	var names []string
	for i := 0; i < len(labels); i += 2 {
		names = append(names, labels[i])
	}
	for _, one := range []struct {
		older, newer, canon string
		value, toOlder      float64 // in our unit; what makes the older unit of it
		toNewer             float64
	}{
		{"DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_GPU_UTIL_RATIO", works, 0.9 - k/100, 100, 1},
		{"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_PROF_TENSOR_UTIL_RATIO", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.6 - k/100, 1, 1},
		{"DCGM_FI_PROF_DRAM_ACTIVE", "DCGM_FI_PROF_DRAM_UTIL_RATIO", "DCGM_FI_PROF_DRAM_ACTIVE", 0.5 - k/100, 1, 1},
		{"DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_BOARD_POWER_WATTS", "DCGM_FI_DEV_POWER_USAGE", 600 + k, 1, 1},
		{"DCGM_FI_DEV_ENFORCED_POWER_LIMIT", "DCGM_FI_DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", "DCGM_FI_DEV_ENFORCED_POWER_LIMIT", 700, 1, 1},
		{"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_TEMP_CELSIUS", "DCGM_FI_DEV_GPU_TEMP", 60 + k, 1, 1},
		{"DCGM_FI_DEV_GPU_TEMP_LIMIT", "DCGM_FI_DEV_GPU_TEMP_MARGIN_CELSIUS", "DCGM_FI_DEV_GPU_TEMP_LIMIT", 25 - k, 1, 1},
		{"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_CLOCKS_EVENT_REASONS", 4 + 128, 1, 1},
		{"DCGM_FI_DEV_ROW_REMAP_FAILURE", "DCGM_FI_DEV_ROW_REMAP_FAILED", "DCGM_FI_DEV_ROW_REMAP_FAILURE", float64(gpu), 1, 1},
		{"DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_USED", 70000 + k, 1, 1},
		{"DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_FREE", 10000 - k, 1, 1},
	} {
		name, scale := one.older, one.toOlder
		if newer {
			name, scale = one.newer, one.toNewer
		}
		s := e.add(stock(name, page.Gauge, names...), flat(one.value*scale), labels...)
		s.canon, s.scale = one.canon, 1/scale
	}
	if !newer { // profiling as our own has it, where both are there
		return
	}
	s := e.add(stock("DCGM_FI_PROF_SM_UTIL_RATIO", page.Gauge, names...), flat(0.8-k/100), labels...)
	s.canon = "DCGM_FI_PROF_SM_UTIL_RATIO"
	if gpu == 0 { // what profiling says goes first
		s.canon = works
		e.series = without(e.series, "DCGM_FI_DEV_GPU_UTIL_RATIO", fmt.Sprint(gpu))
	} else {
		e.series = without(e.series, "DCGM_FI_PROF_SM_UTIL_RATIO", fmt.Sprint(gpu))
	}
}

// without takes a GPU's series off a page.
func without(all []*series, name, gpu string) (kept []*series) {
	for _, s := range all {
		if s.name != name || s.values[0] != gpu {
			kept = append(kept, s)
		}
	}
	return kept
}
