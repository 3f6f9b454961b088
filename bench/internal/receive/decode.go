package receive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// errWire says that bytes are no protobuf message of the expected kind.
var errWire = errors.New("not a remote write request")

// sample is one value of a series.
type sample struct {
	value     float64
	timestamp int64 // ms since the epoch
}

// label is a name and a value, as slices of the message.
type label struct{ name, value []byte }

// walk calls each for every field of a protobuf message: for a length-delimited
// one with its bytes, else with its number. The bytes are part of message.
func walk(message []byte, each func(field int, data []byte, number uint64) error) error {
	for len(message) > 0 {
		key, n := binary.Uvarint(message)
		if n <= 0 || key>>3 == 0 || key>>3 > math.MaxInt32 {
			return fmt.Errorf("%w: bad field key", errWire)
		}
		message = message[n:]
		var data []byte
		var number uint64
		switch key & 7 {
		case 0: // varint
			number, n = binary.Uvarint(message)
			if n <= 0 {
				return fmt.Errorf("%w: bad varint", errWire)
			}
			message = message[n:]
		case 1: // 64 bits
			if len(message) < 8 {
				return fmt.Errorf("%w: cut short", errWire)
			}
			number, message = binary.LittleEndian.Uint64(message), message[8:]
		case 2: // length-delimited
			length, n := binary.Uvarint(message)
			if n <= 0 || length > uint64(len(message)-n) {
				return fmt.Errorf("%w: cut short", errWire)
			}
			data, message = message[n:n+int(length)], message[n+int(length):]
		case 5: // 32 bits
			if len(message) < 4 {
				return fmt.Errorf("%w: cut short", errWire)
			}
			number, message = uint64(binary.LittleEndian.Uint32(message)), message[4:]
		default:
			return fmt.Errorf("%w: wire type %d", errWire, key&7)
		}
		if err := each(int(key>>3), data, number); err != nil {
			return err
		}
	}
	return nil
}

// Field numbers of prometheus.WriteRequest and what is in it (remote write 1.0).
const (
	requestTimeseries = 1
	seriesLabel       = 1
	seriesSample      = 2
	labelName         = 1
	labelValue        = 2
	sampleValue       = 1
	sampleTimestamp   = 2
)

// decode calls each for every series of a remote write 1.0 request. The slices
// are reused: each keeps nothing.
func decode(message []byte, each func(labels []label, samples []sample)) error {
	var labels []label
	var samples []sample
	return walk(message, func(field int, data []byte, _ uint64) error {
		if field != requestTimeseries {
			return nil // metadata
		}
		labels, samples = labels[:0], samples[:0]
		err := walk(data, func(field int, data []byte, _ uint64) error {
			switch field {
			case seriesLabel:
				l, err := decodeLabel(data)
				labels = append(labels, l)
				return err
			case seriesSample:
				s, err := decodeSample(data)
				samples = append(samples, s)
				return err
			}
			return nil // exemplars and histograms: the fleet has none
		})
		if err == nil {
			each(labels, samples)
		}
		return err
	})
}

func decodeLabel(message []byte) (l label, err error) {
	err = walk(message, func(field int, data []byte, _ uint64) error {
		switch field {
		case labelName:
			l.name = data
		case labelValue:
			l.value = data
		}
		return nil
	})
	return l, err
}

func decodeSample(message []byte) (s sample, err error) {
	err = walk(message, func(field int, _ []byte, number uint64) error {
		switch field {
		case sampleValue:
			s.value = math.Float64frombits(number)
		case sampleTimestamp:
			s.timestamp = int64(number)
		}
		return nil
	})
	return s, err
}

// staleBits are the float64 with which Prometheus ends a series.
const staleBits uint64 = 0x7ff0000000000002

func (s sample) stale() bool { return math.Float64bits(s.value) == staleBits }
