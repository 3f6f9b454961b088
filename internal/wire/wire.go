// Package wire writes and takes apart bodies of remote write 1.0.
package wire

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/parascope/parascope/internal/sample"
)

// The body of a request is prometheus.WriteRequest of remote write 1.0. It is
// written by hand, since the generated code would need every label of every
// sample as a string first: the bytes are the same (wire_test.go). Package sample
// writes the labels. Tags are a field's number shifted by three, or-ed with its wire
// type.
const (
	TagSeries          = 1<<3 | 2 // WriteRequest.timeseries
	tagSample          = 2<<3 | 2 // TimeSeries.samples
	tagHistogram       = 4<<3 | 2 // TimeSeries.histograms
	tagValue           = 1<<3 | 1 // Sample.value
	tagTimestamp       = 2 << 3   // Sample.timestamp; wire type 0
	tagHistogramMillis = 15 << 3  // Histogram.timestamp; wire type 0
)

// FloatSize is how many bytes AppendFloat appends.
func FloatSize(t int64, v float64) int {
	n := 2
	if math.Float64bits(v) != 0 {
		n += 1 + 8
	}
	if t != 0 {
		n += 1 + sample.UvarintSize(uint64(t))
	}
	return n
}

// AppendFloat appends the sample of a series.
func AppendFloat(b []byte, t int64, v float64) []byte {
	b = append(b, tagSample, byte(FloatSize(t, v)-2))
	if bits := math.Float64bits(v); bits != 0 {
		b = append(b, tagValue)
		b = binary.LittleEndian.AppendUint64(b, bits)
	}
	if t != 0 {
		b = append(b, tagTimestamp)
		b = binary.AppendUvarint(b, uint64(t))
	}
	return b
}

// HistogramSize is how many bytes AppendHistogram appends.
func HistogramSize(histogram []byte) int {
	return 1 + sample.UvarintSize(uint64(len(histogram))) + len(histogram)
}

// AppendHistogram appends the native histogram of a series, which is encoded.
func AppendHistogram(b, histogram []byte) []byte {
	b = append(b, tagHistogram)
	b = binary.AppendUvarint(b, uint64(len(histogram)))
	return append(b, histogram...)
}

var ErrBody = errors.New("the request body differs from the body that was written")

// Field reads one field of a message: its tag, and its value, either a number or
// bytes.
func Field(b []byte) (tag, number uint64, value, rest []byte, err error) {
	tag, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, nil, nil, ErrBody
	}
	b = b[n:]
	switch tag & 7 {
	case 0:
		number, n = binary.Uvarint(b)
		if n <= 0 {
			return 0, 0, nil, nil, ErrBody
		}
		return tag, number, nil, b[n:], nil
	case 1:
		if len(b) < 8 {
			return 0, 0, nil, nil, ErrBody
		}
		return tag, binary.LittleEndian.Uint64(b), nil, b[8:], nil
	case 2:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, 0, nil, nil, ErrBody
		}
		return tag, 0, b[n : n+int(size)], b[n+int(size):], nil
	}
	return 0, 0, nil, nil, ErrBody
}

// EachSeries calls f with every series of a body, framed, and its timestamp.
func EachSeries(raw []byte, f func(framed []byte, millis int64)) error {
	for len(raw) > 0 {
		_, _, series, rest, err := Field(raw)
		if err != nil {
			return err
		}
		millis := int64(0)
		for s := series; len(s) > 0; {
			tag, _, value, after, err := Field(s)
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
				tag, number, _, after, err := Field(value)
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

// Halve splits a body of n series in two, in order.
func Halve(raw []byte, n int) (first, second []byte, err error) {
	i, at := 0, 0
	err = EachSeries(raw, func(framed []byte, _ int64) {
		if i < n/2 {
			at += len(framed)
		}
		i++
	})
	return raw[:at], raw[at:], err
}

// YoungerThan returns a body without the samples before millis, and how many
// those were.
func YoungerThan(raw []byte, millis int64) (kept []byte, dropped int, err error) {
	err = EachSeries(raw, func(framed []byte, t int64) {
		if t < millis {
			dropped++
		} else {
			kept = append(kept, framed...)
		}
	})
	return kept, dropped, err
}
