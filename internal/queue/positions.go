package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

const (
	positionsFile = "positions"
	slotBytes     = 512        // a disk's sector: written whole or not at all
	slotMagic     = 0x31505350 // "PSP1"
	uncertainAt   = 64
	droppedAt     = 128
	furtherAt     = 248 // Uncertain from further on
	further       = 8
)

// position is where a lane stands: the content of a slot, little-endian:
//
//	  0  4  "PSP1"
//	  4  4  CRC-32C of bytes 8 to 511
//	  8  8  generation; the slot with the higher one counts
//	 16  8  segment that is read
//	 24  8  offset in it of the next record
//	 32  8  running number at which the counters began, 0 unless both slots were lost once
//	 40  8  running number of the next sample to send
//	 48  8  running number of the next sample to queue
//	 56  8  delivered
//	 64 64  uncertain, by reason (Uncertain), the first 8
//	128 64  dropped, by reason (Dropped)
//	192 56  what waits apart (apartPosition)
//	248 64  uncertain, the next 8
//	312 200 0
type position struct {
	generation uint64
	segment    uint64
	offset     int64
	base       uint64
	consumed   uint64
	enqueued   uint64
	outcome    Outcome
	apart      apartPosition
}

func (p *position) put(b []byte) {
	clear(b)
	le := binary.LittleEndian
	le.PutUint32(b, slotMagic)
	for i, v := range []uint64{p.generation, p.segment, uint64(p.offset), p.base, p.consumed, p.enqueued, p.outcome.Delivered} {
		le.PutUint64(b[8+8*i:], v)
	}
	for i, v := range p.outcome.Uncertain {
		le.PutUint64(b[uncertainOffset(i):], v)
	}
	for i, v := range p.outcome.Dropped {
		le.PutUint64(b[droppedAt+8*i:], v)
	}
	for i, v := range p.apart.fields() {
		le.PutUint64(b[apartAt+8*i:], *v)
	}
	le.PutUint32(b[4:], crc(b[8:slotBytes]))
}

// uncertainOffset is where a slot has the counter of an Uncertain.
func uncertainOffset(reason int) int {
	if reason < further {
		return uncertainAt + 8*reason
	}
	return furtherAt + 8*(reason-further)
}

func parsePosition(b []byte) (p position, ok bool) {
	le := binary.LittleEndian
	if len(b) < slotBytes || le.Uint32(b) != slotMagic || le.Uint32(b[4:]) != crc(b[8:slotBytes]) {
		return position{}, false
	}
	u := func(i int) uint64 { return le.Uint64(b[i:]) }
	p = position{generation: u(8), segment: u(16), offset: int64(u(24)), base: u(32), consumed: u(40), enqueued: u(48)}
	p.outcome.Delivered = u(56)
	for i := range p.outcome.Uncertain {
		p.outcome.Uncertain[i] = u(uncertainOffset(i))
	}
	for i := range p.outcome.Dropped {
		p.outcome.Dropped[i] = u(droppedAt + 8*i)
	}
	for i, v := range p.apart.fields() {
		*v = u(apartAt + 8*i)
	}
	return p, p.apart.valid() && p.base <= p.consumed && p.consumed <= p.enqueued && p.offset >= 0 &&
		p.outcome.Sum()+p.apart.waiting() >= p.consumed-p.base
}

// positions is the file of all lanes' slots.
type positions struct {
	file  *os.File // nil: there is none, for who only reads
	dirty atomic.Bool
}

// openPositions opens the file, or makes it at its full size: to overwrite it
// later needs no room on the disk. A file of another size is made anew, with the
// slots that are there: a lane that has none begins at its first record. So is one that
// may be read and not written. What cannot be read is given to aside.
func openPositions(path string, lanes int, aside func(string, error) error) (*positions, error) {
	want := lanes * 2 * slotBytes
	slots, err := ReadSmall(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if aside(path, fmt.Errorf("could not read queue positions file: %w", err)) != nil {
			return nil, fmt.Errorf("could not open queue positions file: %w", err)
		}
	}
	isWhole := len(slots) == want
	slots = append(slots[:min(len(slots), want)], make([]byte, max(want-len(slots), 0))...)
	if !isWhole {
		if err := makePositions(path, slots); err != nil {
			return nil, fmt.Errorf("could not create queue positions file: %w", err)
		}
	}
	f, err := openRegular(path, os.O_RDWR, maxSmallFile)
	if errors.Is(err, fs.ErrPermission) && makePositions(path, slots) == nil { // a copy may be written
		f, err = openRegular(path, os.O_RDWR, maxSmallFile)
	}
	if err != nil {
		return nil, fmt.Errorf("could not open queue positions file: %w", err)
	}
	return &positions{file: f}, nil
}

// makePositions writes the file as a whole or not at all, also when the disk is
// full or the power fails.
func makePositions(path string, slots []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), positionsFile+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(slots)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

// load returns the lane's newest intact slot.
func (p *positions) load(lane int) (newest position, found bool, err error) {
	b := make([]byte, 2*slotBytes)
	if p.file == nil {
		return position{}, false, nil
	}
	if err := readFull(p.file, b, int64(lane)*2*slotBytes); err != nil {
		return position{}, false, fmt.Errorf("could not read queue positions file: %w", err)
	}
	for _, slot := range [][]byte{b[:slotBytes], b[slotBytes:]} {
		if at, ok := parsePosition(slot); ok && (!found || at.generation > newest.generation) {
			newest, found = at, true
		}
	}
	return newest, found, nil
}

// store writes the lane's slot that is not the newest one.
func (p *positions) store(lane int, at position, buf []byte) error {
	at.put(buf)
	p.dirty.Store(true)
	if _, err := p.file.WriteAt(buf[:slotBytes], int64(lane)*2*slotBytes+int64(at.generation%2)*slotBytes); err != nil {
		return fmt.Errorf("could not write queue positions file: %w", err)
	}
	return nil
}

func (p *positions) sync() error {
	if !p.dirty.Swap(false) {
		return nil
	}
	if err := p.file.Sync(); err != nil {
		p.dirty.Store(true)
		return fmt.Errorf("could not sync queue positions file: %w", err)
	}
	return nil
}

func (p *positions) close() error {
	if p == nil {
		return nil
	}
	return errors.Join(p.sync(), p.file.Close())
}
