package gpu

import (
	"math"
	"strconv"

	"github.com/parascope/parascope/internal/collect/page"
)

// labels are dcgm-exporter's, in its order. A MIG device has two more.
var (
	labels    = []string{"gpu", "UUID", "pci_bus_id", "device", "modelName", "Hostname"}
	migLabels = append(labels[:len(labels):len(labels)], "GPU_I_PROFILE", "GPU_I_ID")
)

// field is a value of a GPU with dcgm-exporter's name and unit.
type field struct {
	name, help string
	counter    bool
	unit       string
	item       string  // what the helper reads; empty where the value comes with a window
	gpm        int     // or the metric of GPM
	dmon       int     // and the field of dcgmi dmon, where there is no GPM
	times, per float64 // from NVML's unit: times one, over the other
	max        float64 // of the value; what is above it, or below min, is not a value
	min        float64
	instance   bool // of a GPU in MIG mode each instance has it, and the GPU has not
	full       bool // with --gpu.fields=full only

	family, migFamily *page.Family
}

const (
	anything = math.MaxFloat64
	mebibyte = 1 << 20
)

// fieldsOf returns the fields of the default set, or all. Their order is the page's.
func fieldsOf(full bool) []field {
	var chosen []field
	for _, f := range catalogue() {
		if f.full && !full {
			continue
		}
		kind, source := page.Gauge, "libnvidia-ml.so.1"
		if f.counter {
			kind = page.Counter
		}
		where, needs := "GPUs that support the metric", page.NeedsNothing
		if f.gpm != 0 {
			source, where = "GPM (NVML), or dcgmi dmon", "Hopper and newer GPUs; older GPUs if nv-hostengine is running"
			needs = page.NeedsGPM
		}
		if f.full {
			where, needs = where+", with --gpu.fields=full", page.NeedsFlag
		}
		f.family = &page.Family{Name: f.name, Help: f.help, Type: kind, Unit: f.unit, Labels: labels, Source: source, Where: where, Needs: needs}
		mig := *f.family
		mig.Labels = migLabels
		f.migFamily = &mig
		chosen = append(chosen, f)
	}
	return chosen
}

func ratio(name, help string, gpm, dmon int, full bool) field {
	help += ", averaged over the last 15-second window."
	return field{
		name: "DCGM_FI_PROF_" + name, help: help, unit: "ratio", gpm: gpm, dmon: dmon, times: 1, per: 100, max: 1.01,
		instance: true, full: full,
	}
}

func rate(name, help string, gpm, dmon int) field {
	help += ", averaged over the last 15-second window."
	return field{
		name: "DCGM_FI_PROF_" + name, help: help, unit: "bytes per second", gpm: gpm, dmon: dmon, times: mebibyte, per: 1,
		max: anything, full: true,
	}
}

func device(name, help, unit, item string, per, limit float64) field {
	return field{name: "DCGM_FI_DEV_" + name, help: help, unit: unit, item: item, times: 1, per: per, max: limit}
}

func counter(name, help, unit, item string, times float64) field {
	f := device(name, help, unit, item, 1, math.MaxInt64)
	f.counter, f.times = true, times
	return f
}

func memory(name, help, part string) field {
	f := device("FB_"+name, help, "mebibytes", "mem."+part, mebibyte, 1<<30)
	f.instance = true
	return f
}

// nvml is the item of a field value: its number, all links together if links is set.
func nvml(id int, links bool) string {
	item := "f." + strconv.Itoa(id)
	if links {
		item += ".4294967295"
	}
	return item
}

// linkRate is the item that the program computes itself, from two readings of linkItems
// in KiB a window apart.
const linkRate = "linkrate"

func linkItems() string { return nvml(138, true) + " " + nvml(139, true) }

func only(full field) field {
	full.full = true
	return full
}

// catalogue lists every field. The limits are what no device can reach: a broken
// sensor's answer is absent, not drawn.
func catalogue() []field {
	margin := device("GPU_TEMP_LIMIT", "Degrees Celsius below the nearest slowdown threshold; negative above it.", "celsius", "margin",
		1, 200)
	margin.min = -200
	return []field{
		device("GPU_UTIL", "Share of time in which at least one kernel ran.", "percent", "util.gpu", 1, 100),
		device("MEM_COPY_UTIL", "Share of time in which device memory was read or written.", "percent", "util.mem", 1, 100),
		device("GPU_TEMP", "Temperature of the GPU.", "celsius", "temp", 1, 200),
		margin,
		device("POWER_USAGE", "Power draw of the GPU.", "watts", "power", 1000, 20000),
		device("ENFORCED_POWER_LIMIT", "Power limit that the driver enforces.", "watts", "powerlimit", 1000, 20000),
		device("CLOCKS_EVENT_REASONS", "Bit mask of the reasons why clocks are reduced: 1 idle, 2 application clocks, 4 software power cap, "+
			"8 hardware slowdown, 16 sync boost, 32 software thermal, 64 hardware thermal, 128 power brake, 256 display.",
			"bit mask", "reasons", 1, math.MaxUint32),
		counter("THERMAL_VIOLATION", "Time during which clocks were throttled because of heat.", "nanoseconds", nvml(75, false), 1),
		ratio("SM_ACTIVE", "Share of cycles in which a multiprocessor had a warp assigned", 2, 1002, false),
		ratio("PIPE_TENSOR_ACTIVE", "Share of cycles in which a tensor pipe was active", 5, 1004, false),
		ratio("DRAM_ACTIVE", "Share of cycles in which device memory was busy", 10, 1005, false),
		memory("USED", "GPU memory in use.", "used"),
		memory("FREE", "Free GPU memory.", "free"),
		counter("ECC_DBE_VOL_TOTAL", "Uncorrectable memory errors since the driver was loaded.", "1", nvml(4, false), 1),
		counter("UNCORRECTABLE_REMAPPED_ROWS", "Rows of memory that were remapped for uncorrectable errors.", "1", nvml(143, false), 1),
		device("ROW_REMAP_FAILURE", "1 if remapping a row of memory has failed.", "1", nvml(145, false), 1, 1),
		counter("NVLINK_RECOVERY_ERROR_COUNT_TOTAL", "NVLink recoveries, summed over all links.", "1", nvml(59, false), 1),
		counter("NVLINK_COUNT_TX_BYTES", "Data sent over NVLink, summed over all links.", "bytes", nvml(138, true), 1024),
		counter("NVLINK_COUNT_RX_BYTES", "Data received over NVLink, summed over all links.", "bytes", nvml(139, true), 1024),
		device("GET_GPU_RECOVERY_ACTION", "Recovery action that the GPU needs: 0 none, 1 a reset, 2 a reboot, 3 a drain of peer-to-peer "+
			"traffic, "+
			"4 a drain and a reset, 5 a recovery of IMEX.", "1", nvml(230, false), 1, 255),

		only(device("SM_CLOCK", "Clock frequency of the multiprocessors (SM).", "megahertz", "smclock", 1, 100000)),
		only(device("MEM_CLOCK", "Clock frequency of the GPU memory.", "megahertz", "memclock", 1, 100000)),
		only(device("MEMORY_TEMP", "Temperature of the GPU memory.", "celsius", nvml(82, false), 1, 200)),
		only(counter("TOTAL_ENERGY_CONSUMPTION", "Energy since the driver was loaded.", "millijoules", nvml(83, false), 1)),
		only(counter("PCIE_REPLAY_COUNTER", "PCIe replays (retransmissions).", "1", "replays", 1)),
		only(device("ENC_UTIL", "Utilization of the encoders.", "percent", "encoder", 1, 100)),
		only(device("DEC_UTIL", "Utilization of the decoders.", "percent", "decoder", 1, 100)),
		only(memory("RESERVED", "Device memory reserved by driver and firmware.", "reserved")),
		only(memory("TOTAL", "Total GPU memory.", "total")),
		only(counter("CORRECTABLE_REMAPPED_ROWS", "Rows of memory that were remapped for correctable errors.", "1", nvml(142, false), 1)),
		only(counter("ECC_SBE_VOL_TOTAL", "Correctable memory errors since the driver was loaded.", "1", nvml(3, false), 1)),
		only(counter("NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", "NVLink CRC errors in flow-control units (flits).", "1", nvml(38, false), 1)),
		only(counter("NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", "NVLink CRC errors in data.", "1", nvml(45, false), 1)),
		only(counter("NVLINK_REPLAY_ERROR_COUNT_TOTAL", "NVLink retries, summed over all links.", "1", nvml(52, false), 1)),
		only(counter("POWER_VIOLATION", "Time during which clocks were throttled because of the power "+
			"limit.", "nanoseconds", nvml(74, false), 1)),
		ratio("GR_ENGINE_ACTIVE", "Share of time in which the graphics or compute engine was active", 1, 1001, true),
		ratio("SM_OCCUPANCY", "Resident warps as a share of the maximum", 3, 1003, true),
		ratio("PIPE_FP64_ACTIVE", "Share of cycles in which the FP64 pipe was active", 11, 1006, true),
		ratio("PIPE_FP32_ACTIVE", "Share of cycles in which the FP32 pipe was active", 12, 1007, true),
		ratio("PIPE_FP16_ACTIVE", "Share of cycles in which the FP16 pipe was active", 13, 1008, true),
		ratio("PIPE_TENSOR_IMMA_ACTIVE", "Share of cycles in which the IMMA tensor pipe was active", 9, 1013, true),
		ratio("PIPE_TENSOR_HMMA_ACTIVE", "Share of cycles in which the HMMA tensor pipe was active", 7, 1014, true),
		ratio("PIPE_TENSOR_DFMA_ACTIVE", "Share of cycles in which the DFMA tensor pipe was active", 6, 1015, true),
		ratio("PIPE_INT_ACTIVE", "Share of cycles in which the integer pipe was active", 4, 1016, true),
		rate("PCIE_TX_BYTES", "Data sent over PCIe", 20, 1009),
		rate("PCIE_RX_BYTES", "Data received over PCIe", 21, 1010),
		rate("NVLINK_TX_BYTES", "Data sent over NVLink", 61, 1011),
		rate("NVLINK_RX_BYTES", "Data received over NVLink", 60, 1012),
		only(device("NVLINK_BANDWIDTH_TOTAL", "Data sent and received over NVLink, averaged over the last 15-second window. The value is "+
			"already a rate; "+
			"do not use rate() with it.",
			"megabytes per second", linkRate, 1000, anything)),
	}
}
