package madeup

import (
	"fmt"
	"slices"
)

// The values of a GPU of a job, of one without a job, and of one whose job does nothing.
func (c *Cluster) gpuLevel(m *Machine, gpu int, works, free float64) Level {
	for _, j := range c.Jobs {
		if !j.On(m.Name) || !slices.Contains(j.GPUs, gpu) {
			continue
		}
		if c.Faulty && j.ID == Tunes.ID {
			return Flat(free) // does nothing with them, or next to nothing: see addGPU
		}
		return during(j.From, j.To, works, free)
	}
	return Flat(free)
}

// device is the number of the device file, which is not NVML's index: they are numbered
// the other way round, as was recorded on a p5.48xlarge.
func device(gpu int) string { return fmt.Sprintf("nvidia%d", 7-gpu) }

// gone reports whether a GPU has fallen off the bus at an hour.
func (c *Cluster) gone(m *Machine, gpu int, hour float64) bool {
	return c.Faulty && m.Name == GPUNode(4) && gpu == 1 && hour >= XIDAt
}

// slow reports whether a GPU is the one that heat slows.
func (c *Cluster) slow(m *Machine, gpu int) bool { return c.Faulty && m.Name == GPUNode(2) && gpu == 3 }

// addGPUs writes the page of port 9400, with the labels and the families that were recorded.
func (c *Cluster) addGPUs(m *Machine, all Families, n int) {
	e := m.Page("dcgm")
	for gpu := range m.GPUs {
		c.addGPU(m, all, gpu, float64(n)+float64(gpu)/10)
	}
	present := Flat(float64(m.GPUs))
	if c.Faulty && m.Name == GPUNode(4) {
		present = since(XIDAt, 8, 7)
	}
	e.Add(all.Of("parascope_gpu_devices"), present)
	e.Add(all.Of("parascope_gpu_devices_expected"), Flat(8))
	e.Add(all.Of("parascope_gpu_driver_state_age_seconds"), Flat(0), "state", "ok")
	if c.Faulty && m.Name == GPUNode(3) {
		hang := e.Add(all.Of("parascope_gpu_driver_state_age_seconds"), Flat(0), "state", "hang")
		hang.Of = func(hour float64) bool { return hour >= 14 && hour < 16 }
		hang.Clock = func(hour float64) float64 { return (hour - 14) * 3600 }
	}
	e.Add(all.Of("parascope_build_info"), Flat(1), "version", "1.0.0", "revision", "abc")
}

func (c *Cluster) addGPU(m *Machine, all Families, gpu int, k float64) {
	e := m.Page("dcgm")
	id := []string{"gpu", fmt.Sprint(gpu), "UUID", fmt.Sprintf("GPU-%s-%d", m.Name, gpu), "pci_bus_id", fmt.Sprintf("00000000:%d0:00.0", gpu),
		"device", device(gpu), "modelName", "NVIDIA H100 80GB HBM3", "Hostname", m.Name}
	add := func(name string, works, free float64) *Series {
		f, labels := all.Of(name), id
		if len(f.Labels) == len(id)/2+2 { // of GPU instances
			labels = append(slices.Clone(id), "GPU_I_PROFILE", "", "GPU_I_ID", "")
		}
		s := e.Add(f, c.gpuLevel(m, gpu, works, free), labels...)
		s.Of = func(hour float64) bool { return !c.gone(m, gpu, hour) }
		return s
	}
	slowed := func(s *Series, v float64) {
		if c.slow(m, gpu) {
			s.Level = Level{{0, s.Level.At(0)}, {Trains.From, s.Level.At(Trains.From)}, {slowAt, v}, {Trains.To, s.Level.At(23)}}
		}
	}
	slowed(add("DCGM_FI_DEV_GPU_UTIL", 98-k/10, 0), 97)
	add("DCGM_FI_DEV_MEM_COPY_UTIL", 58-k/10, 0)
	active := add("DCGM_FI_PROF_SM_ACTIVE", 0.91-k/1000, 0.001)
	slowed(active, 0.40)
	if m.Name == GPUNode(1) && gpu == 7 { // behind its peers, but by less than a tenth
		active.Level = during(Trains.From, Trains.To, 0.86, 0.001)
	}
	if Trains.On(m.Name) { // late in the day the job's GPUs do not do the same
		late := 0.52 + 0.02*float64(gpu)
		switch {
		case m.Name == GPUNode(1) && gpu == 0:
			late = 0.38
		case m.Name == GPUNode(1) && gpu == 1:
			late = 0.2
		}
		active.Level = append(slices.DeleteFunc(active.Level, func(ch Change) bool { return ch.From >= 20.5 }), Change{20.5, late},
			Change{Trains.To, 0.001})
	}
	if c.Faulty && m.Name == GPUNode(3) && gpu < 4 { // of tunes: on both sides of what counts as idle
		j := c.jobOf(m.Name)
		active.Level = during(j.From, j.To, []float64{0.001, 0.03, 0.07, 0.0012}[gpu], 0.001)
	}
	slowed(add("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.62-k/1000, 0), 0.2)
	add("DCGM_FI_PROF_DRAM_ACTIVE", 0.55-k/1000, 0)
	add("DCGM_FI_DEV_FB_USED", 71000+k, 500+k)
	add("DCGM_FI_DEV_FB_FREE", 10080-k, 80580-k)
	slowed(add("DCGM_FI_DEV_POWER_USAGE", 640+k, 70+k), 320)
	add("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", 700, 700)
	slowed(add("DCGM_FI_DEV_GPU_TEMP", 62+k/10, 30+k/10), 87)
	slowed(add("DCGM_FI_DEV_GPU_TEMP_LIMIT", 25-k/10, 57-k/10), -1)
	reasons := add("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", 4, 1)
	slowed(reasons, 4+8+64)
	if c.Faulty && m.Name == GPUNode(4) { // each bit alone
		reasons.Level = Flat([]float64{16, 1, 256, 8, 64, 128, 32, 512}[gpu])
	}
	slowed(add("DCGM_FI_DEV_THERMAL_VIOLATION", 0, 0), 0.8e9)
	add("DCGM_FI_DEV_NVLINK_COUNT_TX_BYTES", 2e11+k*1e9, 0)
	add("DCGM_FI_DEV_NVLINK_COUNT_RX_BYTES", 1.9e11+k*1e9, 0)
	action := add("DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION", 0, 0)
	ecc, rows := add("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", 0, 0), add("DCGM_FI_DEV_ROW_REMAP_FAILURE", 0, 0)
	ecc.Base = 0
	if c.Faulty && m.Name == GPUNode(4) && gpu == 2 {
		action.Level, ecc.Level, rows.Level = since(XIDAt, 0, 1), once(9, 3), since(9, 0, 1)
	}
	c.addXIDs(m, all, gpu, id)
}

// addXIDs adds what the kernel reported of a GPU with these labels.
func (c *Cluster) addXIDs(m *Machine, all Families, gpu int, id []string) {
	e := m.Page("dcgm")
	for _, class := range []string{"application", "warn", "page"} {
		xids := e.Add(all.Of("parascope_gpu_xid_errors_total"), Flat(0), append(slices.Clone(id), "class", class)...)
		xids.Base = 0
		if c.Faulty && m.Name == GPUNode(4) && gpu == 1 && class == "page" {
			xids.Level = once(XIDAt, 1)
		}
		if class == "application" && m.Name == GPUNode(1) && gpu == 0 {
			xids.Level = once(12, 2)
		}
		if c.Faulty && m.Name == GPUNode(3) && gpu == 6 { // its program is asked for the first time at noon
			xids.Base, xids.Of = 4, func(hour float64) bool { return hour >= 12 }
		}
	}
	last := func(xid string, hour float64) {
		s := e.Add(all.Of("parascope_gpu_xid_last_timestamp_seconds"), Flat(c.midnight+hour*3600), append(slices.Clone(id), "xid", xid)...)
		s.Of = func(now float64) bool { return now >= hour }
	}
	if m.Name == GPUNode(1) && gpu == 0 {
		last("13", 12)
	}
	if c.Faulty && m.Name == GPUNode(4) && gpu == 1 {
		last("79", XIDAt)
		s := e.Add(all.Of("parascope_gpu_unreadable_seconds"), Flat(0), append(slices.Clone(id), "reason", "xid")...)
		s.Of = func(hour float64) bool { return hour >= XIDAt }
		s.Clock = func(hour float64) float64 { return (hour - XIDAt) * 3600 }
	}
}
