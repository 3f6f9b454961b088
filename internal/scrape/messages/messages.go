// Package messages bounds what a page in the protobuf format takes once it is decoded, before
// the parser sees it. An empty bucket is 2 bytes on the page and about 100 in memory, and the
// parser calls itself for each metric family without metrics, until its stack is full: no
// recover helps against that.
package messages

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// Small is the size in bytes of a page that takes little whatever is in it.
	Small = 64 << 10
	// maxEmpty bounds the metric families without metrics that follow each other.
	maxEmpty = 10_000
	// maxParts bounds the fields of a metric, those of its buckets, spans and exemplars among
	// them. A native histogram of 16,384 buckets and spans is within it.
	maxParts = 1 << 16
	// metricBytes is what the parser notes of a metric of a family, with room to grow.
	metricBytes = 40
	// partBytes is the most that a field takes once it is decoded, with room to grow.
	partBytes = 128
)

// errMalformed is of a page that no protobuf parser takes.
var errMalformed = errors.New("the metrics page is not delimited protobuf")

// kind is a message: for the numbers of its fields that are messages, what these are.
type kind map[protowire.Number]kind

// packed stands in a kind for a field of numbers: it is no message's.
const packed = 0

// The messages of io.prometheus.client.Metric, as far as parts of them repeat.
var (
	leaf      = kind{}
	numbers   = kind{packed: nil}
	exemplar  = kind{1: leaf}
	histogram = kind{3: {3: exemplar}, 9: leaf, 10: numbers, 11: numbers, 12: leaf, 13: numbers, 14: numbers, 16: exemplar}
	metric    = kind{3: {2: exemplar}, 4: {3: leaf}, 7: histogram}
)

// The fields of io.prometheus.client.MetricFamily and .Metric that are looked at.
const (
	familyMetric = 4
	metricLabel  = 1
)

// Limits bound a series.
type Limits struct {
	Bytes  int // of a metric's name, help text or unit, and of its labels in all
	Labels int
}

// Check returns how many bytes of memory the parser needs for a page's messages beside the
// page itself, or says what of it is too large.
func Check(page []byte, limits Limits) (need int64, err error) {
	if len(page) <= Small {
		return 0, nil
	}
	return check(page, limits)
}

func check(page []byte, limits Limits) (need int64, err error) {
	for empty := 0; len(page) > 0; {
		family, n := protowire.ConsumeBytes(page)
		if n < 0 {
			return 0, fmt.Errorf("%w: %w", errMalformed, protowire.ParseError(n))
		}
		page = page[n:]
		metrics, largest, err := checkFamily(family, limits)
		if err != nil {
			return 0, err
		}
		need = max(need, int64(metrics)*metricBytes+largest)
		if empty++; metrics > 0 {
			empty = 0
		}
		if empty > maxEmpty {
			return 0, fmt.Errorf("more than %d metric families that follow each other have no metrics", maxEmpty)
		}
	}
	return need, nil
}

// checkFamily counts a family's metrics, and the memory that its largest one takes.
func checkFamily(family []byte, limits Limits) (metrics int, largest int64, err error) {
	name := []byte("unnamed")
	err = each(family, func(field protowire.Number, b []byte) error {
		if field != familyMetric {
			if len(b) > limits.Bytes {
				return fmt.Errorf("a series is too large (name, help text or unit: %.50q, bytes: %d, limit: %d)", b, len(b), limits.Bytes)
			}
			if field == 1 {
				name = b
			}
			return nil
		}
		metrics++
		n, err := checkMetric(b, limits)
		if err != nil {
			return fmt.Errorf("metric %.50q: %w", name, err)
		}
		largest = max(largest, int64(n)*partBytes+int64(len(b)))
		return nil
	})
	return metrics, largest, err
}

// checkMetric counts the parts of a metric.
func checkMetric(b []byte, limits Limits) (parts int, err error) {
	labels, size := 0, 0
	err = each(b, func(field protowire.Number, b []byte) error {
		if field == metricLabel {
			labels++
			size += len(b)
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, err
	case labels > limits.Labels:
		return 0, fmt.Errorf("a series has too many labels (labels: %d, limit: %d)", labels, limits.Labels)
	case size > limits.Bytes:
		return 0, fmt.Errorf("a series is too large (labels' bytes: %d, limit: %d)", size, limits.Bytes)
	}
	err = count(b, metric, &parts)
	return parts, err
}

// count adds the fields of a message, and those of the messages in it.
func count(b []byte, of kind, parts *int) error {
	return each(b, func(field protowire.Number, b []byte) error {
		if *parts++; *parts > maxParts {
			return fmt.Errorf("the metric has too many buckets, spans or exemplars (parts: more than %d)", maxParts)
		}
		in, known := of[field]
		if !known {
			return nil
		}
		if _, of := in[packed]; of {
			*parts += len(b) / 8 // of which each is 8 bytes, where a part is many times that
			return nil
		}
		return count(b, in, parts)
	})
}

// each calls f for the fields of a message, with the bytes of those that have some.
func each(b []byte, f func(protowire.Number, []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("%w: %w", errMalformed, protowire.ParseError(n))
		}
		b = b[n:]
		var value []byte
		if kind == protowire.BytesType {
			value, n = protowire.ConsumeBytes(b)
		} else {
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", errMalformed, protowire.ParseError(n))
		}
		if err := f(field, value); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
