package ship

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
)

// The body of a request is prometheus.WriteRequest of remote write 1.0. It is
// written by hand, since the generated code would need every label of every
// sample as a string first: the bytes are the same (wire_test.go). Tags are a
// field's number shifted by three, or-ed with its wire type.
const (
	tagSeries          = 1<<3 | 2 // WriteRequest.timeseries
	tagLabel           = 1<<3 | 2 // TimeSeries.labels
	tagSample          = 2<<3 | 2 // TimeSeries.samples
	tagHistogram       = 4<<3 | 2 // TimeSeries.histograms
	tagName            = 1<<3 | 2 // Label.name
	tagValueString     = 2<<3 | 2 // Label.value
	tagValue           = 1<<3 | 1 // Sample.value
	tagTimestamp       = 2 << 3   // Sample.timestamp; wire type 0
	tagHistogramMillis = 15 << 3  // Histogram.timestamp; wire type 0
)

// encoder writes series. It is used by one goroutine at a time.
type encoder struct {
	buf      []byte
	external []encodedLabel // of the remote write that is written for
	next     int            // the external label that comes next
	addLabel func(labels.Label)
}

// encodedLabel is a label of every series, encoded once.
type encodedLabel struct {
	name  string
	bytes []byte
}

func newEncoder() *encoder {
	e := &encoder{}
	e.addLabel = e.label // once: a method value is an allocation
	return e
}

func encodeLabels(ls labels.Labels) []encodedLabel {
	var all []encodedLabel
	ls.Range(func(l labels.Label) {
		all = append(all, encodedLabel{l.Name, appendLabel(nil, l)})
	})
	return all
}

// label writes l and the external labels that are sorted before it. Where both
// have a name, the series' own value stands.
func (e *encoder) label(l labels.Label) {
	for e.next < len(e.external) && e.external[e.next].name <= l.Name {
		if e.external[e.next].name != l.Name {
			e.buf = append(e.buf, e.external[e.next].bytes...)
		}
		e.next++
	}
	e.buf = appendLabel(e.buf, l)
}

func appendLabel(b []byte, l labels.Label) []byte {
	if n, v := len(l.Name), len(l.Value); v > 0 && n+v < 0x80-4 {
		// Nearly all labels: every length is one byte.
		b = append(b, tagLabel, byte(n+v+4), tagName, byte(n))
		b = append(b, l.Name...)
		b = append(b, tagValueString, byte(v))
		return append(b, l.Value...)
	}
	size := 1 + uvarintSize(len(l.Name)) + len(l.Name)
	if l.Value != "" {
		size += 1 + uvarintSize(len(l.Value)) + len(l.Value)
	}
	b = append(b, tagLabel)
	b = binary.AppendUvarint(b, uint64(size))
	b = append(b, tagName)
	b = binary.AppendUvarint(b, uint64(len(l.Name)))
	b = append(b, l.Name...)
	if l.Value != "" {
		b = append(b, tagValueString)
		b = binary.AppendUvarint(b, uint64(len(l.Value)))
		b = append(b, l.Value...)
	}
	return b
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// begin starts a series and returns where its content begins.
func (e *encoder) begin(ls labels.Labels) (start int) {
	// Two bytes of length do for all but the smallest and the largest series.
	e.buf = append(e.buf, tagSeries, 0, 0)
	start = len(e.buf)
	e.next = 0
	ls.Range(e.addLabel)
	for ; e.next < len(e.external); e.next++ {
		e.buf = append(e.buf, e.external[e.next].bytes...)
	}
	return start
}

// end writes the length of the series that began at start.
func (e *encoder) end(start int) {
	n := len(e.buf) - start
	switch room := uvarintSize(n); {
	case room < 2:
		copy(e.buf[start-1:], e.buf[start:])
		e.buf = e.buf[:len(e.buf)-1]
	case room > 2:
		e.buf = slices.Insert(e.buf, start, make([]byte, room-2)...)
	}
	binary.PutUvarint(e.buf[start-2:], uint64(n))
}

// float writes a series with one float sample.
func (e *encoder) float(ls labels.Labels, t int64, v float64) {
	start := e.begin(ls)
	e.buf = append(e.buf, tagSample, 0)
	sample := len(e.buf)
	if bits := math.Float64bits(v); bits != 0 {
		e.buf = append(e.buf, tagValue)
		e.buf = binary.LittleEndian.AppendUint64(e.buf, bits)
	}
	if t != 0 {
		e.buf = append(e.buf, tagTimestamp)
		e.buf = binary.AppendUvarint(e.buf, uint64(t))
	}
	e.buf[sample-1] = byte(len(e.buf) - sample)
	e.end(start)
}

// histogram writes a series with one native histogram, of integers or, when h is
// nil, of floats.
func (e *encoder) histogram(ls labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) error {
	var p prompb.Histogram
	if h != nil {
		p = prompb.FromIntHistogram(t, h)
	} else {
		p = prompb.FromFloatHistogram(t, fh)
	}
	b, err := p.Marshal()
	if err != nil {
		return fmt.Errorf("encode histogram: %w", err)
	}
	start := e.begin(ls)
	e.buf = append(e.buf, tagHistogram)
	e.buf = binary.AppendUvarint(e.buf, uint64(len(b)))
	e.buf = append(e.buf, b...)
	e.end(start)
	return nil
}

var errBody = errors.New("request body is not what was written")

// field reads one field of a message: its tag, and its value, either a number or
// bytes.
func field(b []byte) (tag, number uint64, value, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, nil, nil, errBody
	}
	b = b[n:]
	switch tag & 7 {
	case 0:
		number, n = binary.Uvarint(b)
		if n <= 0 {
			return 0, 0, nil, nil, errBody
		}
		return tag, number, nil, b[n:], nil
	case 1:
		if len(b) < 8 {
			return 0, 0, nil, nil, errBody
		}
		return tag, binary.LittleEndian.Uint64(b), nil, b[8:], nil
	case 2:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, 0, nil, nil, errBody
		}
		return tag, 0, b[n : n+int(size)], b[n+int(size):], nil
	}
	return 0, 0, nil, nil, errBody
}

// eachSeries calls f with every series of a body, framed, and its timestamp.
func eachSeries(raw []byte, f func(framed []byte, millis int64)) error {
	for len(raw) > 0 {
		_, _, series, rest, err := field(raw)
		if err != nil {
			return err
		}
		millis := int64(0)
		for s := series; len(s) > 0; {
			tag, _, value, after, err := field(s)
			if err != nil {
				return err
			}
			s = after
			want := uint64(tagTimestamp)
			if tag == tagHistogram {
				want = tagHistogramMillis
			} else if tag != tagSample {
				continue
			}
			for len(value) > 0 {
				tag, number, _, after, err := field(value)
				if err != nil {
					return err
				}
				if tag == want {
					millis = int64(number)
				}
				value = after
			}
		}
		f(raw[:len(raw)-len(rest)], millis)
		raw = rest
	}
	return nil
}

// halve splits a body of n series in two, in order.
func halve(raw []byte, n int) (first, second []byte, err error) {
	i, at := 0, 0
	err = eachSeries(raw, func(framed []byte, _ int64) {
		if i < n/2 {
			at += len(framed)
		}
		i++
	})
	return raw[:at], raw[at:], err
}

// youngerThan returns a body without the samples before millis, and how many
// those were.
func youngerThan(raw []byte, millis int64) (kept []byte, dropped int, err error) {
	err = eachSeries(raw, func(framed []byte, t int64) {
		if t < millis {
			dropped++
		} else {
			kept = append(kept, framed...)
		}
	})
	return kept, dropped, err
}
