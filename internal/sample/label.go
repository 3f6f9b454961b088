package sample

import (
	"encoding/binary"
	"math/bits"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
)

// Labels are those of prometheus.TimeSeries of remote write 1.0, written by hand:
// the generated code would need every label as a string first. Tags are a field's
// number shifted by three, or-ed with its wire type.
const (
	tagLabel = 1<<3 | 2 // TimeSeries.labels
	tagName  = 1<<3 | 2 // Label.name
	tagValue = 2<<3 | 2 // Label.value
)

// AppendLabels appends a series' labels.
func AppendLabels(b []byte, ls labels.Labels) []byte {
	ls.Range(func(l labels.Label) { b = appendLabel(b, l) })
	return b
}

// DecodeLabels reads what AppendLabels wrote.
func DecodeLabels(b []byte) labels.Labels {
	var s prompb.TimeSeries
	if err := s.Unmarshal(b); err != nil {
		return labels.EmptyLabels() // it is ours, so this is a fault of ours; nothing is sent of it
	}
	builder := labels.NewScratchBuilder(len(s.Labels))
	return s.ToLabels(&builder, nil)
}

func appendLabel(b []byte, l labels.Label) []byte {
	if n, v := len(l.Name), len(l.Value); v > 0 && n+v < 0x80-4 {
		// Nearly all labels: every length is one byte.
		b = append(b, tagLabel, byte(n+v+4), tagName, byte(n))
		b = append(b, l.Name...)
		b = append(b, tagValue, byte(v))
		return append(b, l.Value...)
	}
	size := 1 + UvarintSize(uint64(len(l.Name))) + len(l.Name)
	if l.Value != "" {
		size += 1 + UvarintSize(uint64(len(l.Value))) + len(l.Value)
	}
	b = append(b, tagLabel)
	b = binary.AppendUvarint(b, uint64(size))
	b = append(b, tagName)
	b = binary.AppendUvarint(b, uint64(len(l.Name)))
	b = append(b, l.Name...)
	if l.Value != "" {
		b = append(b, tagValue)
		b = binary.AppendUvarint(b, uint64(len(l.Value)))
		b = append(b, l.Value...)
	}
	return b
}

// UvarintSize is how many bytes binary.AppendUvarint appends for v.
func UvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }
