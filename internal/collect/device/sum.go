package device

// sum adds counters of devices up to one that never decreases: what each counts from
// one reading to the next is added. A device that goes takes nothing with it, and one
// whose counter begins anew adds what it has counted since. The first sum is that of
// the counters' values.
type sum struct {
	total uint64
	parts map[string]*part
	round uint64
}

// part is what a sum knows of one device's counter.
type part struct {
	last  uint64
	seen  bool
	round uint64
}

// maxParts is how many devices' counters are remembered after they went.
const maxParts = 1024

// part returns the device's part of the sum.
func (s *sum) part(device string) *part {
	p := s.parts[device]
	if p == nil {
		if s.parts == nil {
			s.parts = map[string]*part{}
		}
		p = &part{}
		s.parts[device] = p
	}
	return p
}

// add adds what the part has counted up to value.
func (s *sum) add(p *part, value uint64) {
	if p.seen && value >= p.last {
		s.total += value - p.last
	} else {
		s.total += value
	}
	p.last, p.seen, p.round = value, true, s.round
}

// next begins a reading. Devices that were not in the one before are forgotten where
// there are many.
func (s *sum) next() {
	if len(s.parts) > maxParts {
		for device, p := range s.parts {
			if p.round != s.round {
				delete(s.parts, device)
			}
		}
	}
	s.round++
}
