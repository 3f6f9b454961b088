package nvml

import (
	"math"
	"strconv"
	"strings"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// identify returns the device at an index and its handle. Looking a device up by its
// index touches no other device, which looking it up by its bus id or UUID may do.
func (l *library) identify(index int) (wire.GPU, uintptr, int) {
	g := wire.GPU{Index: index, Minor: -1}
	l.clear(8)
	if r := l.call("nvmlDeviceGetHandleByIndex_v2", uintptr(index), l.base); r != wire.Success {
		return g, 0, r
	}
	device := l.pointer(0)
	var r int
	if g.UUID, r = l.textOf("nvmlDeviceGetUUID", device); r != wire.Success {
		return g, 0, r
	}
	l.clear(pciInfoSize)
	if r := l.call("nvmlDeviceGetPciInfo_v3", device, l.base); r != wire.Success {
		return g, 0, r
	}
	g.BusID = l.text(pciBusID, pciInfoSize-pciBusID)
	if g.Name, r = l.textOf("nvmlDeviceGetName", device); r != wire.Success {
		return g, 0, r
	}
	if minor, r := l.uint32Of("nvmlDeviceGetMinorNumber", device); r == wire.Success {
		g.Minor = int(minor)
	}
	g.MIG = l.migEnabled(device)
	g.GPM = l.gpmSupported(device)
	return g, device, wire.Success
}

// Offsets and sizes of nvmlPciInfo_t.
const (
	pciBusID    = 36
	pciInfoSize = 68
)

func (l *library) migEnabled(device uintptr) bool {
	l.clear(16)
	return l.call("nvmlDeviceGetMigMode", device, l.base, l.address(8)) == wire.Success && l.u32(0) == 1
}

func (l *library) gpmSupported(device uintptr) bool {
	l.clear(8)
	l.putU32(0, 1) // NVML_GPM_SUPPORT_VERSION
	return l.call("nvmlGpmQueryDeviceSupport", device, l.base) == wire.Success && l.u32(4) == 1
}

// instances returns the MIG devices of a GPU and their handles.
func (l *library) instances(device uintptr) ([]wire.Instance, map[int]uintptr) {
	handles := map[int]uintptr{}
	count, r := l.uint32Of("nvmlDeviceGetMaxMigDeviceCount", device)
	if r != wire.Success {
		return nil, handles
	}
	total := l.memoryTotal(device)
	var all []wire.Instance
	for index := range min(int(count), 64) {
		l.clear(8)
		if r := l.call("nvmlDeviceGetMigDeviceHandleByIndex", device, uintptr(index), l.base); r != wire.Success {
			continue // places without an instance are reported as not found
		}
		handle := l.pointer(0)
		gi, r1 := l.uint32Of("nvmlDeviceGetGpuInstanceId", handle)
		ci, r2 := l.uint32Of("nvmlDeviceGetComputeInstanceId", handle)
		if r1 != wire.Success || r2 != wire.Success {
			continue
		}
		uuid, _ := l.textOf("nvmlDeviceGetUUID", handle)
		all = append(all, wire.Instance{Index: index, GI: int(gi), CI: int(ci), Profile: l.profile(handle, total), UUID: uuid})
		handles[index] = handle
	}
	return all, handles
}

func (l *library) memoryTotal(device uintptr) float64 {
	l.clear(memorySize)
	l.putU32(0, memoryVersion)
	if l.call("nvmlDeviceGetMemoryInfo_v2", device, l.base) != wire.Success {
		return 0
	}
	return float64(l.u64(memoryTotal))
}

// profile names the size of a MIG device as nvidia-smi does: slices of the GPU's
// compute, and its memory in eighths of the whole GPU's, rounded to GB.
func (l *library) profile(handle uintptr, total float64) string {
	l.clear(deviceAttributesSize)
	if l.call("nvmlDeviceGetAttributes_v2", handle, l.base) != wire.Success || total == 0 {
		return ""
	}
	slices, memory := l.u32(24), float64(l.u64(32))*(1<<20)
	eighths := math.Round(memory / total * 8)
	return strconv.Itoa(int(slices)) + "g." + strconv.Itoa(int(math.Round(math.Ceil(total/(1<<30))*eighths/8))) + "gb"
}

const deviceAttributesSize = 40

// Offsets of nvmlMemory_v2_t.
const (
	memoryVersion  = 0x2000028
	memoryTotal    = 8
	memoryReserved = 16
	memoryFree     = 24
	memoryUsed     = 32
	memorySize     = 40
)

// read returns the values of items, in their order. Items of one call are read once.
func (l *library) read(device uintptr, items []string) []wire.Value {
	values := make([]wire.Value, len(items))
	var fields []field
	var memory, utilization *result
	for i, item := range items {
		values[i].Item = item
		group, part, _ := strings.Cut(item, ".")
		switch group {
		case "f":
			if f, ok := parseField(part, i); ok {
				fields = append(fields, f)
			} else {
				values[i].Return = wire.NotSupported
			}
		case "mem":
			if memory == nil {
				memory = l.memory(device)
			}
			values[i].Number, values[i].Return = memory.of(part)
		case "util":
			if utilization == nil {
				utilization = l.utilization(device)
			}
			values[i].Number, values[i].Return = utilization.of(part)
		default:
			values[i].Number, values[i].Return = l.single(device, item)
		}
	}
	l.fieldValues(device, fields, values)
	return values
}

// single reads an item that has a call of its own.
func (l *library) single(device uintptr, item string) (float64, int) {
	switch item {
	case "temp":
		return l.uint32Of("nvmlDeviceGetTemperature", device, 0)
	case "margin":
		l.clear(8)
		l.putU32(0, 0x1000008)
		r := l.call("nvmlDeviceGetMarginTemperature", device, l.base)
		return float64(int32(l.u32(4))), r
	case "power":
		return l.uint32Of("nvmlDeviceGetPowerUsage", device)
	case "powerlimit":
		return l.uint32Of("nvmlDeviceGetEnforcedPowerLimit", device)
	case "smclock":
		return l.uint32Of("nvmlDeviceGetClockInfo", device, 1)
	case "memclock":
		return l.uint32Of("nvmlDeviceGetClockInfo", device, 2)
	case "reasons":
		name := "nvmlDeviceGetCurrentClocksEventReasons"
		if !l.has(name) {
			name = "nvmlDeviceGetCurrentClocksThrottleReasons" // its name before driver 535
		}
		l.clear(8)
		r := l.call(name, device, l.base)
		return float64(l.u64(0)), r
	case "encoder", "decoder":
		l.clear(16)
		r := l.call(map[string]string{"encoder": "nvmlDeviceGetEncoderUtilization", "decoder": "nvmlDeviceGetDecoderUtilization"}[item],
			device, l.base, l.address(8))
		return float64(l.u32(0)), r
	case "replays":
		return l.uint32Of("nvmlDeviceGetPcieReplayCounter", device)
	}
	return 0, wire.NotSupported
}

// result is what a call that returns several numbers came to.
type result struct {
	code    int
	numbers map[string]float64
}

func (r *result) of(part string) (float64, int) {
	v, known := r.numbers[part]
	if !known && r.code == wire.Success {
		return 0, wire.NotSupported
	}
	return v, r.code
}

func (l *library) memory(device uintptr) *result {
	l.clear(memorySize)
	l.putU32(0, memoryVersion)
	r := l.call("nvmlDeviceGetMemoryInfo_v2", device, l.base)
	return &result{r, map[string]float64{
		"total": float64(l.u64(memoryTotal)), "reserved": float64(l.u64(memoryReserved)),
		"free": float64(l.u64(memoryFree)), "used": float64(l.u64(memoryUsed)),
	}}
}

func (l *library) utilization(device uintptr) *result {
	l.clear(8)
	r := l.call("nvmlDeviceGetUtilizationRates", device, l.base)
	return &result{r, map[string]float64{"gpu": float64(l.u32(0)), "mem": float64(l.u32(4))}}
}
