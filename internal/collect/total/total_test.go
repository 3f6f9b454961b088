package total

import "testing"

func TestSumNeverDecreases(t *testing.T) {
	type values = map[string]uint64
	var s Sum
	for i, step := range []struct {
		devices values
		want    float64
	}{
		{values{"a": 10, "b": 5}, 15},
		{values{"a": 11, "b": 7}, 18},
		{values{"b": 8}, 19},            // a went
		{values{"a": 2, "b": 8}, 21},    // and came back anew
		{values{"a": 3, "b": 1}, 23},    // b's driver was loaded anew
		{values{}, 23},                  // all went
		{values{"c": 100, "a": 0}, 123}, // another came, a anew
		{values{"b": 4}, 126},           // back where it was
	} {
		s.Begin(1)
		for name, v := range step.devices {
			s.Add([]byte(name), []uint64{v})
		}
		totals, n := s.End()
		if totals[0] != step.want || n != len(step.devices) {
			t.Errorf("step %d: %v of %d devices; want %v of %d", i, totals[0], n, step.want, len(step.devices))
		}
	}
	name, v := []byte("c"), []uint64{101}
	if n := testing.AllocsPerRun(10, func() { s.Begin(1); s.Add(name, v); s.End() }); n != 0 {
		t.Errorf("%v allocations for a reading; want none", n)
	}
}
