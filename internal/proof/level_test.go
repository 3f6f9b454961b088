package proof

import "math"

// level is a quantity that is constant between changes, in hours of the day: a gauge's
// value, or by how much a counter grows in a second.
type level []change

type change struct{ from, value float64 } // hours since midnight; the first is 0

// flat is the same all day.
func flat(v float64) level { return level{{0, v}} }

// during is in from one hour to another and out otherwise.
func during(from, to, in, out float64) level { return level{{0, out}, {from, in}, {to, out}} }

// since is after from an hour on, before it before.
func since(from, before, after float64) level { return level{{0, before}, {from, after}} }

// at is the value at an hour.
func (l level) at(hour float64) float64 {
	v := l[0].value
	for _, c := range l {
		if hour >= c.from {
			v = c.value
		}
	}
	return v
}

// grown is how much a counter of this level has counted from midnight to an hour.
func (l level) grown(hour float64) (sum float64) {
	for i, c := range l {
		end := hour
		if i+1 < len(l) {
			end = math.Min(hour, l[i+1].from)
		}
		if end > c.from {
			sum += (end - c.from) * 3600 * c.value
		}
	}
	return sum
}

// once is a counter that grows by n within the two minutes after an hour.
func once(hour, n float64) level { return level{{0, 0}, {hour, n / 120}, {hour + 2.0/60, 0}} }
