// Package total adds up counters of devices that come and go, so that the sum is a
// counter too: it never decreases.
package total

// maxDevices bounds how many devices are remembered, those that went among them. Any
// more are left out of the sum.
const maxDevices = 4096

// Sum adds up the same counters of several devices. A device that goes keeps what it
// added, and adds on from there if it comes back; one whose counter goes back (its
// driver was loaded anew) adds what it has counted since. The zero Sum is ready.
type Sum struct {
	counters int
	last     map[string][]uint64
	totals   []float64
	devices  int // of this reading
}

// Begin begins a reading of devices with that many counters each.
func (s *Sum) Begin(counters int) {
	if s.last == nil || s.counters != counters {
		s.counters, s.last = counters, map[string][]uint64{}
	}
	if len(s.totals) != counters {
		s.totals = make([]float64, counters)
	}
	s.devices = 0
}

// Add adds what the device's counters have grown by since its last reading, all of
// them at the first. values are in the same order each time.
func (s *Sum) Add(name []byte, values []uint64) {
	last := s.before(name)
	if last == nil {
		return
	}
	s.devices++
	for i, v := range values[:s.counters] {
		if v >= last[i] {
			s.totals[i] += float64(v - last[i])
		} else {
			s.totals[i] += float64(v)
		}
		last[i] = v
	}
}

// Follow notes the counters of a device that is no part of the sum now. When it becomes
// one, it adds what it has counted since.
func (s *Sum) Follow(name []byte, values []uint64) { copy(s.before(name), values) }

// before are the device's counters at its last reading, 0 at the first; nil if there are
// too many devices.
func (s *Sum) before(name []byte) []uint64 {
	last := s.last[string(name)]
	if last == nil && len(s.last) < maxDevices {
		last = make([]uint64, s.counters)
		s.last[string(name)] = last
	}
	return last
}

// End returns the totals, which are valid until the next reading, and the number of
// devices that the reading had.
func (s *Sum) End() (totals []float64, devices int) { return s.totals, s.devices }
