package simulate

import (
	"bytes"
	"fmt"
	"strconv"
)

// SequenceMetric is on every page: how many pages its target has served, so that
// a receiver can tell pages apart by what they hold and not by when they came.
const SequenceMetric = "bench_scrape_sequence"

// digits is how wide a changing value is; it starts with a nonzero one, so that
// it is patched in place and the page never moves.
const digits = 10

// page is a rendered one with the places of its changing values.
type page struct {
	body   []byte
	slots  []slot
	series int
}

type slot struct {
	offset int
	start  int64
	step   int64
}

// render prints the families once. The sequence is the first sample, and counts
// as one of the series.
func render(families []family, seed int64) *page {
	var b bytes.Buffer
	p := &page{series: 1}
	fmt.Fprintf(&b, "# HELP %[1]s How many pages this target has served.\n# TYPE %[1]s gauge\n%[1]s ", SequenceMetric)
	p.place(&b, 0, 1)
	for i, f := range families {
		fmt.Fprintf(&b, "# HELP %[1]s A simulated value, named as the exporter names it.\n# TYPE %[1]s %[2]s\n", f.name, f.kind())
		for j, l := range f.labels {
			b.WriteString(f.name)
			if l != "" {
				b.WriteString("{" + l + "}")
			}
			b.WriteByte(' ')
			n := seed*7919 + int64(i)*104729 + int64(j)*1299709
			if f.counter {
				p.place(&b, n%5_000_000_000, 1+n%1009)
			} else {
				b.WriteString(strconv.FormatFloat(float64(n%100_000)/8, 'f', -1, 64))
				b.WriteByte('\n')
			}
			p.series++
		}
	}
	p.body = b.Bytes()
	return p
}

// place leaves room for a changing value at the end of b, and ends the line.
func (p *page) place(b *bytes.Buffer, start, step int64) {
	p.slots = append(p.slots, slot{b.Len(), start, step})
	b.WriteString("1000000000\n")
}

// sequenceBase keeps every value at ten digits. A receiver subtracts it.
const sequenceBase = 1_000_000_000

// set writes the values of the page's n-th scrape.
func (p *page) set(n int) {
	for _, s := range p.slots {
		v := sequenceBase + s.start + s.step*int64(n)
		for i := s.offset + digits - 1; i >= s.offset; i-- {
			p.body[i] = byte('0' + v%10)
			v /= 10
		}
	}
}

// Sequence is the number of the page that a sample of SequenceMetric is from.
func Sequence(value float64) int { return int(value) - sequenceBase }
