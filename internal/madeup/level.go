package madeup

import "math"

// Level is a quantity that is constant between changes, in hours of the day: a gauge's
// value, or by how much a counter grows in a second.
type Level []Change

type Change struct{ From, Value float64 } // hours since midnight; the first is 0

// Flat is the same all day.
func Flat(v float64) Level { return Level{{0, v}} }

// during is in from one hour to another and out otherwise.
func during(from, to, in, out float64) Level { return Level{{0, out}, {from, in}, {to, out}} }

// since is after from an hour on, before it before.
func since(from, before, after float64) Level { return Level{{0, before}, {from, after}} }

// At is the value at an hour.
func (l Level) At(hour float64) float64 {
	v := l[0].Value
	for _, c := range l {
		if hour >= c.From {
			v = c.Value
		}
	}
	return v
}

// grown is how much a counter of this level has counted from midnight to an hour.
func (l Level) grown(hour float64, w wave) (sum float64) {
	for i, c := range l {
		end := hour
		if i+1 < len(l) {
			end = math.Min(hour, l[i+1].From)
		}
		if end > c.From {
			sum += w.between(c.From, end) * 3600 * c.Value
		}
	}
	return sum
}

// once is a counter that grows by n within the two minutes after an hour.
func once(hour, n float64) Level { return Level{{0, 0}, {hour, n / 120}, {hour + 2.0/60, 0}} }

// wave is how a quantity goes up and down around its level: by a share of it, up to half
// as much again. The zero value is still.
type wave struct{ share, phase float64 }

// Turns of the two parts of a wave, in radians an hour: 20 minutes, and 6.
const slowTurn, fastTurn = 2 * math.Pi * 3, 2 * math.Pi * 10

// at is what a level is multiplied by at an hour.
func (w wave) at(hour float64) float64 {
	return 1 + w.share*(math.Sin(slowTurn*hour+w.phase)+math.Sin(fastTurn*hour+2*w.phase)/2)
}

// between is the integral of at from one hour to another.
func (w wave) between(from, to float64) float64 {
	if w.share == 0 {
		return to - from
	}
	part := func(turn, phase float64) float64 { return (math.Cos(turn*from+phase) - math.Cos(turn*to+phase)) / turn }
	return to - from + w.share*(part(slowTurn, w.phase)+part(fastTurn, 2*w.phase)/2)
}
