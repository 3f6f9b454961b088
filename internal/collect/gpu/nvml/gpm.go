package nvml

import (
	"math"
	"strconv"

	"github.com/parascope/parascope/internal/collect/gpu/wire"
)

// Offsets and sizes of nvmlGpmMetricsGet_t and nvmlGpmMetric_t.
const (
	gpmNumber     = 4
	gpmOlder      = 8
	gpmNewer      = 16
	gpmMetrics    = 24
	gpmMetricSize = 40
	gpmReturn     = 4
	gpmValue      = 8
	gpmMax        = 333 // newer libraries know so many metrics; the struct's version did not change with their number
)

// samples are the last two samples of a device or GPU instance.
type samples struct {
	buffers [2]uintptr
	newest  int
	taken   bool
}

// profile takes a sample and returns the mean of each metric since the sample before
// it. There are no values for the first sample.
func (l *library) profileSince(s *samples, device uintptr, gi int, ids []int) (values []wire.Value, first bool, code int) {
	for i := range s.buffers {
		if s.buffers[i] != 0 {
			continue
		}
		l.clear(8)
		if r := l.call("nvmlGpmSampleAlloc", l.base); r != wire.Success {
			return nil, false, r
		}
		s.buffers[i] = l.pointer(0)
	}
	next := 1 - s.newest
	r := 0
	if gi < 0 {
		r = l.call("nvmlGpmSampleGet", device, s.buffers[next])
	} else {
		r = l.call("nvmlGpmMigSampleGet", device, uintptr(gi), s.buffers[next])
	}
	if r != wire.Success {
		s.taken = false // a window with a hole in it is no window
		return nil, false, r
	}
	older := s.buffers[s.newest]
	s.newest = next
	if !s.taken {
		s.taken = true
		return nil, true, wire.Success
	}
	ids = ids[:min(len(ids), gpmMax)]
	l.clear(gpmMetrics + gpmMax*gpmMetricSize)
	l.putU32(0, 1)
	l.putU32(gpmNumber, uint32(len(ids)))
	l.putPtr(gpmOlder, older)
	l.putPtr(gpmNewer, s.buffers[next])
	for i, id := range ids {
		l.putU32(gpmMetrics+i*gpmMetricSize, uint32(id))
	}
	if r := l.call("nvmlGpmMetricsGet", l.base); r != wire.Success {
		return nil, false, r
	}
	for i, id := range ids {
		at := gpmMetrics + i*gpmMetricSize
		v := wire.Value{Item: strconv.Itoa(id), Return: int(int32(l.u32(at + gpmReturn))), Number: l.f64(at + gpmValue)}
		if v.Return == wire.Success && (math.IsNaN(v.Number) || math.IsInf(v.Number, 0)) {
			v.Return = wire.NotSupported // the driver's way to say that there is no value
		}
		values = append(values, v)
	}
	return values, false, wire.Success
}

// free gives a device's samples back to the library.
func (l *library) free(s *samples) {
	for i := range s.buffers {
		if s.buffers[i] != 0 {
			l.call("nvmlGpmSampleFree", s.buffers[i])
		}
	}
	*s = samples{}
}
