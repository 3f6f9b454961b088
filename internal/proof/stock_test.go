package proof

import (
	"fmt"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/madeup"
)

// newStockCluster makes a cluster whose nodes run node_exporter, and dcgm-exporter: 4.5
// with the names and the label Hostname of before, and 4.9 with those of DCGM 4.6, their
// units, and the label hostname. It has no page of Slurm or of ours. The shapes are those
// of the exporters' own pages; values are as those of our nodes.
func newStockCluster() *madeup.Cluster {
	c := &madeup.Cluster{Name: "stock", Jobs: []madeup.Job{madeup.Trains}}
	for n := 1; n <= 2; n++ {
		m := &madeup.Machine{Name: madeup.GPUNode(n), Kind: "compute", Queue: "gpu", Resource: "p5", CPUs: 2, GPUs: 2, Memory: 64 << 30,
			Ports: map[string]string{"node": ":9100", "dcgm": ":9400"}}
		c.Machines = append(c.Machines, m)
		addNodeExporter(c, m, float64(n))
		for gpu := range m.GPUs {
			addDCGMExporter(m, gpu, float64(n)+float64(gpu)/10)
		}
	}
	return c
}

// unknownOnStock are numbers of which stock exporters know nothing: a panel must not show 0.
var unknownOnStock = map[string]bool{"gpus/GPUs missing/A": true, "gpus/GPUs to reset/A": true, "gpus/Severe XIDs/A": true}

// stock is a family of an exporter that is not ours.
func stock(name string, kind page.Type, labels ...string) madeup.Family {
	return madeup.Family{Family: &page.Family{Name: name, Type: kind, Labels: labels}}
}

func addNodeExporter(c *madeup.Cluster, m *madeup.Machine, k float64) {
	e := m.Page("node")
	counts := func(name string, l madeup.Level, labels ...string) *madeup.Series {
		var names []string
		for i := 0; i < len(labels); i += 2 {
			names = append(names, labels[i])
		}
		return e.Add(stock(name, page.Counter, names...), l, labels...)
	}
	says := func(name string, v float64) *madeup.Series { return e.Add(stock(name, page.Gauge), madeup.Flat(v)) }
	busy := c.Working(m.Name, 0.9-0.01*k, 0.02)
	idle := madeup.Level{}
	for _, b := range busy {
		idle = append(idle, madeup.Change{From: b.From, Value: 0.99 - b.Value})
	}
	for cpu := range m.CPUs {
		for mode, l := range map[string]madeup.Level{"user": busy, "system": madeup.Flat(0.01), "idle": idle} {
			s := counts("node_cpu_seconds_total", l, "cpu", fmt.Sprint(cpu), "mode", mode)
			if cpu > 0 {
				s.Canon = "another CPU" // they are alike, and the mean is one's
			}
		}
	}
	says("node_cpus", float64(m.CPUs)).Hidden = true
	says("node_load1", 1.5+k)
	says("node_memory_MemTotal_bytes", m.Memory)
	says("node_memory_MemAvailable_bytes", m.Memory*(0.3+k/100))
	for name, v := range map[string]float64{"size": 1e11, "avail": 4e10 + k*1e9} {
		e.Add(stock("node_filesystem_"+name+"_bytes", page.Gauge, "device", "fstype", "mountpoint", "device_error"), madeup.Flat(v),
			"device", "/dev/nvme0n1p1", "fstype", "xfs", "mountpoint", "/", "device_error", "")
		tmp := e.Add(stock("node_filesystem_"+name+"_bytes", page.Gauge, "device", "fstype", "mountpoint", "device_error"), madeup.Flat(1),
			"device", "tmpfs", "fstype", "tmpfs", "mountpoint", "/run", "device_error", "")
		tmp.Canon = "a file system in memory"
	}
	for _, way := range []string{"receive", "transmit"} {
		counts("node_network_"+way+"_bytes_total", madeup.Flat(1e8+k), "device", "eth0")
		counts("node_network_"+way+"_bytes_total", madeup.Flat(1e9), "device", "lo").Canon = "loopback"
	}
	counts("node_disk_read_bytes_total", madeup.Flat(1e6*k), "device", "nvme0n1")
	counts("node_disk_written_bytes_total", madeup.Flat(2e6*k), "device", "nvme0n1")
	counts("node_disk_io_time_seconds_total", madeup.Flat(0.1*k), "device", "nvme0n1")
}

// addDCGMExporter writes one GPU; the second machine has the newer names.
func addDCGMExporter(m *madeup.Machine, gpu int, k float64) {
	e, newer := m.Page("dcgm"), m.Name == madeup.GPUNode(2)
	host, driver := "Hostname", "DCGM_FI_DRIVER_VERSION"
	if newer {
		host, driver = "hostname", "DCGM_FI_SYSTEM_DRIVER_VERSION"
	}
	labels := []string{"gpu", fmt.Sprint(gpu), "UUID", fmt.Sprintf("GPU-%s-%d", m.Name, gpu), "pci_bus_id", "00000000:53:00.0",
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
		s := e.Add(stock(name, page.Gauge, names...), madeup.Flat(one.value*scale), labels...)
		s.Canon, s.Scale = one.canon, 1/scale
	}
	if !newer { // profiling as our own has it, where both are there
		return
	}
	s := e.Add(stock("DCGM_FI_PROF_SM_UTIL_RATIO", page.Gauge, names...), madeup.Flat(0.8-k/100), labels...)
	s.Canon = "DCGM_FI_PROF_SM_UTIL_RATIO"
	if gpu == 0 { // what profiling says goes first
		s.Canon = works
		e.Series = without(e.Series, "DCGM_FI_DEV_GPU_UTIL_RATIO", fmt.Sprint(gpu))
	} else {
		e.Series = without(e.Series, "DCGM_FI_PROF_SM_UTIL_RATIO", fmt.Sprint(gpu))
	}
}

// without takes a GPU's series off a page.
func without(all []*madeup.Series, name, gpu string) (kept []*madeup.Series) {
	for _, s := range all {
		if s.Name != name || s.Values[0] != gpu {
			kept = append(kept, s)
		}
	}
	return kept
}
