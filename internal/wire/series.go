package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
)

// Tags of a series' labels.
const (
	tagLabels     = 1<<3 | 2 // TimeSeries.labels
	tagLabelName  = 1<<3 | 2 // Label.name
	tagLabelValue = 2<<3 | 2 // Label.value
)

// SeriesID names a series within a remote write: a hash of its encoded labels, which is
// the same after a restart.
type SeriesID uint64

// labelsOf returns the encoded labels of a framed series.
func labelsOf(framed []byte) ([]byte, error) {
	_, _, series, _, err := Field(framed)
	if err != nil {
		return nil, err
	}
	rest := series
	for len(rest) > 0 {
		tag, _, _, after, err := Field(rest)
		if err != nil {
			return nil, err
		}
		if tag != tagLabels {
			break
		}
		rest = after
	}
	return series[:len(series)-len(rest)], nil
}

// Point is a sample in a body.
type Point struct {
	Series SeriesID
	Framed []byte
	Millis int64
}

// Points returns the samples of a body, in order.
func Points(raw []byte) ([]Point, error) {
	var all []Point
	err := EachSeries(raw, func(framed []byte, millis int64) {
		all = append(all, Point{Framed: framed, Millis: millis})
	})
	if err != nil {
		return nil, err
	}
	for i := range all {
		labels, err := labelsOf(all[i].Framed)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(labels)
		all[i].Series = SeriesID(binary.LittleEndian.Uint64(sum[:]))
	}
	return all, nil
}

// maxSeriesName bounds what is shown of a series, in bytes.
const maxSeriesName = 200

// seriesName writes a framed series as people know it, and as receivers print it:
// metric{name="value", …}, and with the metric among the labels.
func seriesName(framed []byte) (name, asLabels string) {
	encoded, err := labelsOf(framed)
	if err != nil {
		return "", ""
	}
	metric, others, all := "", []string(nil), []string(nil)
	for len(encoded) > 0 {
		_, _, label, rest, err := Field(encoded)
		if err != nil {
			return "", ""
		}
		encoded = rest
		var n, v []byte
		for len(label) > 0 {
			tag, _, value, after, err := Field(label)
			if err != nil {
				return "", ""
			}
			switch tag {
			case tagLabelName:
				n = value
			case tagLabelValue:
				v = value
			}
			label = after
		}
		pair := string(n) + "=" + strconv.Quote(string(v))
		all = append(all, pair)
		if string(n) == "__name__" {
			metric = string(v)
		} else {
			others = append(others, pair)
		}
	}
	name = metric
	if len(others) > 0 {
		name += "{" + strings.Join(others, ", ") + "}"
	}
	return name, "{" + strings.Join(all, ", ") + "}"
}

// Shown is a series' name, cut to what fits.
func Shown(framed []byte) string {
	name, _ := seriesName(framed)
	if len(name) > maxSeriesName {
		name = name[:maxSeriesName] + "…"
	}
	return strings.ToValidUTF8(name, "?")
}

// printedAt returns where an answer prints the series, or -1: its receiver may cut it
// after 200 bytes, and may put it in quotes.
func printedAt(framed []byte, printed string) int {
	name, asLabels := seriesName(framed)
	first := -1
	if !strings.Contains(name, "{") {
		return first // a metric alone says too little
	}
	for _, form := range []string{name, asLabels, strings.Trim(strconv.Quote(name), `"`)} {
		if len(form) > maxSeriesName-20 {
			form = form[:maxSeriesName-20]
		}
		if i := strings.Index(printed, form); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	return first
}

// Named returns which of the samples' series an answer names. A label value may name
// another one; it is printed behind the beginning of its own.
func Named(all []Point, printed string) (id SeriesID, found bool) {
	if printed == "" {
		return 0, false
	}
	first, seen := 0, map[SeriesID]bool{}
	for _, p := range all {
		if seen[p.Series] {
			continue
		}
		seen[p.Series] = true
		if i := printedAt(p.Framed, printed); i >= 0 && (!found || i < first) {
			id, first, found = p.Series, i, true
		}
	}
	return id, found
}
