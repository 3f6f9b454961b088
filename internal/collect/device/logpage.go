package device

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The log page in which an NVMe device of EC2 counts. It is vendor specific; both
// kinds of device have the same offsets after the magic number.
const (
	logPageID   = 0xD0
	logPageSize = 4096

	ebsMagic           = 0x3C23B510 // 64 bits
	instanceStoreMagic = 0xEC2C0D7E // 32 bits, before 32 reserved ones
)

// Offsets in the log page: little-endian 64-bit numbers of microseconds.
const (
	offsetVolumeIOPS         = 56 // EBS only
	offsetVolumeThroughput   = 64 // EBS only
	offsetInstanceIOPS       = 72
	offsetInstanceThroughput = 80
	logPageHeader            = 96
)

// errNoLogPage says that a device answered with something that is not the log page.
var errNoLogPage = errors.New("the data is not an NVMe log page of Amazon EBS or of an instance store")

// limits are the times, in microseconds since the device was attached, for which
// demand was higher than a limit.
type limits struct {
	ebs                bool // a volume of EBS, otherwise an instance-store disk
	volumeIOPS         uint64
	volumeThroughput   uint64
	instanceIOPS       uint64 // of an instance-store disk: the disk's own limit
	instanceThroughput uint64
}

// decodeLogPage returns the limits in a log page. The error is errNoLogPage where
// the magic number is neither of the two.
func decodeLogPage(b []byte) (limits, error) {
	if len(b) < logPageHeader {
		return limits{}, fmt.Errorf("the log page has %d bytes, fewer than its header's %d: %w", len(b), logPageHeader, errNoLogPage)
	}
	at := func(offset int) uint64 { return binary.LittleEndian.Uint64(b[offset:]) }
	l := limits{instanceIOPS: at(offsetInstanceIOPS), instanceThroughput: at(offsetInstanceThroughput)}
	switch {
	case at(0) == ebsMagic:
		l.ebs, l.volumeIOPS, l.volumeThroughput = true, at(offsetVolumeIOPS), at(offsetVolumeThroughput)
	case binary.LittleEndian.Uint32(b) == instanceStoreMagic:
	default:
		return limits{}, fmt.Errorf("unknown magic number %#x: %w", at(0), errNoLogPage)
	}
	return l, nil
}
