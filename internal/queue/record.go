package queue

import (
	"encoding/binary"
	"hash/crc32"
	"time"
)

// HeaderBytes is the size of a record's header. Whoever builds a record leaves
// that much room before the body, so that both go to the disk in one write.
const HeaderBytes = 64

// maxBody bounds what a header may claim, and with it what a reader allocates.
const maxBody = 64 << 20

// magic begins each record; its last digit is the version of the format.
const magic = 0x31515350 // "PSQ1"

// Batch describes the samples of one request body.
type Batch struct {
	Samples    uint32 // floats and histograms
	Histograms uint32 // of them
	MinTime    int64  // of the samples, milliseconds since the epoch
	MaxTime    int64
	RawBytes   uint32 // of the body before compression
}

// header stands before each body, little-endian:
//
//	 0  4  "PSQ1"
//	 4  4  CRC-32C of bytes 8 to 63
//	 8  4  length of the body
//	12  4  CRC-32C of the body
//	16  8  number of samples that the lane was given before this record
//	24  4  samples in the body, floats and histograms
//	28  4  histograms among them
//	32  8  oldest sample, milliseconds since the epoch
//	40  8  newest sample, milliseconds since the epoch
//	48  8  when it was queued, milliseconds since the epoch
//	56  4  length of the body before compression
//	60  4  kind: 0 samples, 1 a note about samples that wait apart
type header struct {
	Batch
	length  uint32
	bodyCRC uint32
	first   uint64
	queued  int64
	kind    uint32
}

const (
	kindSamples = 0
	kindNote    = 1
)

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func (h *header) put(b []byte) {
	le := binary.LittleEndian
	le.PutUint32(b[0:], magic)
	le.PutUint32(b[8:], h.length)
	le.PutUint32(b[12:], h.bodyCRC)
	le.PutUint64(b[16:], h.first)
	le.PutUint32(b[24:], h.Samples)
	le.PutUint32(b[28:], h.Histograms)
	le.PutUint64(b[32:], uint64(h.MinTime))
	le.PutUint64(b[40:], uint64(h.MaxTime))
	le.PutUint64(b[48:], uint64(h.queued))
	le.PutUint32(b[56:], h.RawBytes)
	le.PutUint32(b[60:], h.kind)
	le.PutUint32(b[4:], crc(b[8:HeaderBytes]))
}

// parseHeader reads a header; ok is false if b does not begin with an intact one.
func parseHeader(b []byte) (h header, ok bool) {
	le := binary.LittleEndian
	if len(b) < HeaderBytes || le.Uint32(b) != magic || le.Uint32(b[4:]) != crc(b[8:HeaderBytes]) {
		return header{}, false
	}
	h = header{
		Batch: Batch{
			Samples: le.Uint32(b[24:]), Histograms: le.Uint32(b[28:]),
			MinTime: int64(le.Uint64(b[32:])), MaxTime: int64(le.Uint64(b[40:])), RawBytes: le.Uint32(b[56:]),
		},
		length: le.Uint32(b[8:]), bodyCRC: le.Uint32(b[12:]), first: le.Uint64(b[16:]), queued: int64(le.Uint64(b[48:])),
		kind: le.Uint32(b[60:]),
	}
	return h, h.length <= maxBody && (h.Samples > 0 || h.kind == kindNote)
}

func (h *header) oldest() time.Time { return time.UnixMilli(h.MinTime) }

// end is the running number after the record.
func (h *header) end() uint64 { return h.first + uint64(h.Samples) }
