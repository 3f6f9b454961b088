package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// apart are samples that a receiver refused for a limit, and that wait beside the
// lane's FIFO until it takes them: a log of records and of notes that say which of
// the samples before them are settled. What becomes of a sample there and of the rest
// of its entry is written with one slot: a kill counts no sample twice. One goroutine
// reads and writes it.
type apart struct {
	apartPosition
	dir      string
	segments []segment // oldest first; the last one is written
	file     *os.File
	buf      []byte
	failed   int    // reads at failedAt, one after the other
	failedAt Cursor // the last one
}

// apartPosition is the part of it in a slot, from byte 192, 8 bytes each.
type apartPosition struct {
	segment, offset       uint64 // of the front: what is before it is settled
	enqueued, consumed    uint64 // running numbers of the next sample to put apart, and of the front
	settled               uint64 // samples behind the front that are settled
	endSegment, endOffset uint64 // what is after it was never counted
}

const apartAt = 192

func (p *apartPosition) fields() []*uint64 {
	return []*uint64{&p.segment, &p.offset, &p.enqueued, &p.consumed, &p.settled, &p.endSegment, &p.endOffset}
}

// waiting is how many samples wait apart.
func (p *apartPosition) waiting() uint64 { return p.enqueued - p.consumed - p.settled }

func (p *apartPosition) valid() bool {
	return p.consumed <= p.enqueued && p.settled <= p.enqueued-p.consumed
}

// apartDir is in the lane's directory.
const apartDir = "apart"

// maxApartSegment bounds what a sample that waits long keeps on the disk with it.
const maxApartSegment = 1 << 20

// openApart finds out what waits apart: it lists files, and reads none. known says that
// the slot is to be believed.
func (l *Lane) openApart(at apartPosition, known bool) {
	a := &l.apart
	a.dir, a.apartPosition = filepath.Join(l.dir, apartDir), at
	all, err := listSegments(a.dir)
	if errors.Is(err, fs.ErrPermission) && os.Chmod(a.dir, 0o700) == nil { // ours, as in EnsureDir
		all, err = listSegments(a.dir)
	}
	if len(all) == 0 && err == nil {
		err = noDirectory(a.dir) // as a link to nothing, which has no segments
	}
	if err != nil && !errors.Is(err, errMissing) {
		l.setAside(a.dir, err)
	}
	for _, s := range all {
		path := segmentPath(a.dir, s.number)
		switch {
		case s.bad != nil:
			l.setAside(path, s.bad)
			continue
		case known && (s.number > at.endSegment || s.number < at.segment):
			l.diskNote(os.Remove(path)) // never counted, or settled
			continue
		case known && s.number == at.endSegment && s.size > int64(at.endOffset):
			s.size = int64(at.endOffset)
			l.diskNote(os.Truncate(path, s.size))
		}
		a.segments = append(a.segments, s)
		l.bytes += s.size
	}
	if !known && len(a.segments) > 0 {
		l.recountApart()
	}
}

// recountApart counts the samples apart whose slots are lost: all of them wait.
func (l *Lane) recountApart() {
	a := &l.apart
	first := true
	for c := (Cursor{}); ; {
		e, next, ok, err := l.Apart(c)
		if err != nil {
			continue // until it reads, or the segment is set aside
		}
		if !ok {
			return
		}
		if c = next; e.Note {
			continue
		}
		if first {
			a.consumed, first = e.From, false
		}
		a.enqueued = max(a.enqueued, e.From+uint64(e.Samples))
		a.endSegment, a.endOffset = next.segment, uint64(next.offset)
	}
}

// Cursor is a place among what waits apart; the zero one is its front.
type Cursor struct {
	segment uint64
	offset  int64
}

// ApartEntry is a record of samples that wait apart, or a note.
type ApartEntry struct {
	Batch
	From uint64 // running number of its first sample, or of the next one after a note
	Note bool
	Body []byte // valid until the next call

	next Cursor
}

// ApartWaits is how many samples wait apart.
func (l *Lane) ApartWaits() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apart.waiting()
}

// ApartBytes is how many bytes they have on disk, with those that are settled.
func (l *Lane) ApartBytes() (n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.apart.segments {
		n += s.size
	}
	return n
}

// Apart returns the record or note at or after c, and where the next one is; ok is
// false at the end. What is damaged is stepped over; it is counted when the front
// passes it. An error is about the disk, and another try may succeed. Only the lane's
// reader may call it and what changes what is apart.
func (l *Lane) Apart(c Cursor) (e ApartEntry, next Cursor, ok bool, err error) {
	for {
		e, next, ok, err = l.readApart(c)
		if failed := &l.apart.failedAt; err == nil {
			if next.segment == failed.segment && next.offset > failed.offset {
				l.apart.failed = 0
			}
			return e, next, ok, nil
		}
		if !l.giveUpApart(next, err) {
			return ApartEntry{}, next, false, err
		}
	}
}

// giveUpApart sets a segment aside that cannot be a file of the queue, or whose reads at c
// failed several times. It reports whether the segment was removed from the list.
func (l *Lane) giveUpApart(c Cursor, err error) bool {
	a := &l.apart
	if c.segment != a.failedAt.segment {
		a.failed = 0
	}
	a.failedAt = c
	if a.failed++; a.failed < readTries && !errors.Is(err, errNotOurs) {
		return false
	}
	a.failed = 0
	l.setAside(segmentPath(a.dir, c.segment), err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(a.segments); a.file != nil && a.segments[n-1].number == c.segment { // it is the one that is written
		l.diskNote(a.file.Close())
		a.file = nil
	}
	a.segments = slices.DeleteFunc(slices.Clone(a.segments), func(s segment) bool {
		if s.number == c.segment {
			l.bytes -= s.size
		}
		return s.number == c.segment
	})
	return true
}

// readApart is one try of Apart. After an error, next is where it was met.
func (l *Lane) readApart(c Cursor) (e ApartEntry, next Cursor, ok bool, err error) {
	a := &l.apart
	if c.segment == 0 {
		c = Cursor{a.segment, int64(a.offset)}
	}
	for _, s := range a.segments {
		if s.number < c.segment {
			continue
		}
		if s.number > c.segment {
			c = Cursor{s.number, 0}
		}
		f, err := l.openRead(segmentPath(a.dir, s.number))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return ApartEntry{}, c, false, fmt.Errorf("could not read the samples of refused series: %w", err)
		}
		for {
			h, at, found, err := findRecord(f, c.offset, s.size)
			if err != nil || !found {
				if err = errors.Join(err, f.Close()); err != nil {
					return ApartEntry{}, c, false, err
				}
				break
			}
			a.buf = slices.Grow(a.buf[:0], int(h.length))[:h.length]
			if err := readFull(f, a.buf, at+HeaderBytes); err != nil {
				return ApartEntry{}, c, false, errors.Join(err, f.Close())
			}
			c.offset = at + HeaderBytes + int64(h.length)
			if crc(a.buf) != h.bodyCRC {
				continue
			}
			e = ApartEntry{Batch: h.Batch, From: h.first, Note: h.kind == kindNote, Body: a.buf, next: c}
			return e, c, true, f.Close()
		}
	}
	return ApartEntry{}, c, false, nil
}

// DoneApart says what became of the entry that Peek returned, and puts the samples
// of a batch apart, which o leaves out. buf is HeaderBytes of room and the body. Where
// that cannot be written, lost is what becomes of those, and the error says why.
func (l *Lane) DoneApart(e Entry, o, lost Outcome, b Batch, buf []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.appendApart(b, kindSamples, buf)
	if err != nil {
		o.Add(lost)
	} else {
		l.apart.enqueued += uint64(b.Samples)
	}
	l.outcome.Add(o)
	l.move(e.segment, e.next, e.end)
	return err
}

// Settle says what became of samples that waited apart, o.Sum() of them; the note says
// which, for who reads it after a restart. After an error nothing has changed.
func (l *Lane) Settle(note []byte, o Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.appendApart(Batch{}, kindNote, append(make([]byte, HeaderBytes), note...)); err != nil {
		return err
	}
	l.outcome.Add(o)
	l.apart.settled += o.Sum()
	l.diskNote(l.store())
	return nil
}

// PassApart moves the front behind an entry: o says what became of those of its samples
// that were not settled. Damaged records before it are dropped{corrupted}.
func (l *Lane) PassApart(e ApartEntry, o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.apart
	if e.From > a.consumed { // records are missing; which of their samples were settled is not known
		missing := e.From - a.consumed
		lost := min(missing, a.waiting())
		o.Dropped[Corrupted] += lost
		a.consumed += missing
		a.settled -= min(missing-lost, a.settled)
	}
	if !e.Note && e.From == a.consumed {
		open := o.Sum() - min(o.Sum(), o.Dropped[Corrupted])
		a.consumed += uint64(e.Samples)
		a.settled -= min(uint64(e.Samples)-min(uint64(e.Samples), open), a.settled)
	}
	l.outcome.Add(o)
	l.moveApart(e.next)
}

// EndApart counts what should wait apart and is in no record, and begins anew: nothing
// is left to be read.
func (l *Lane) EndApart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.apart
	l.outcome.Dropped[Corrupted] += a.waiting()
	a.consumed, a.settled = a.enqueued, 0
	l.moveApart(Cursor{a.endSegment, int64(a.endOffset)})
}

// moveApart sets the front, writes it, and removes segments before it. The caller
// holds mu.
func (l *Lane) moveApart(to Cursor) {
	a := &l.apart
	a.segment, a.offset = to.segment, uint64(to.offset)
	empty := a.consumed == a.enqueued
	if empty && a.file != nil {
		l.diskNote(a.file.Close())
		a.file = nil
	}
	l.diskNote(l.store())
	for len(a.segments) > 0 {
		s := a.segments[0]
		if !empty && (s.number > to.segment || s.number == to.segment && (to.offset < s.size || len(a.segments) == 1)) {
			return
		}
		if err := os.Remove(segmentPath(a.dir, s.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.diskNote(fmt.Errorf("could not remove the samples of refused series: %w", err))
		}
		l.bytes -= s.size
		a.segments = a.segments[1:]
	}
}

// appendApart writes a record and brings it to the disk: the FIFO's slot, which is
// written next, gives the samples up there. The caller holds mu, and stores the slot.
func (l *Lane) appendApart(b Batch, kind uint32, buf []byte) error {
	a := &l.apart
	body := buf[HeaderBytes:]
	h := header{Batch: b, length: uint32(len(body)), bodyCRC: crc(body), queued: l.now().UnixMilli(), first: a.enqueued, kind: kind}
	h.put(buf)
	if a.file != nil && a.segments[len(a.segments)-1].size > min(l.segmentBytes, maxApartSegment) {
		l.diskNote(a.file.Close())
		a.file = nil
	}
	if a.file == nil {
		if err := l.beginApart(); err != nil {
			return err
		}
	}
	last := &a.segments[len(a.segments)-1]
	_, err := a.file.Write(buf)
	if err == nil {
		err = l.fsync(a.file)
	}
	if err != nil {
		err = errors.Join(fmt.Errorf("could not store samples of refused series: %w", err), a.file.Truncate(last.size), a.file.Close())
		a.file = nil // the next record goes to a new segment
		return err
	}
	last.size += int64(len(buf))
	l.bytes += int64(len(buf))
	a.endSegment, a.endOffset = last.number, uint64(last.size)
	return nil
}

func (l *Lane) beginApart() error {
	a := &l.apart
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return fmt.Errorf("could not store samples of refused series: %w", err)
	}
	number := max(a.endSegment, a.segment)
	if n := len(a.segments); n > 0 {
		number = max(number, a.segments[n-1].number)
	}
	for range namesTried {
		number++
		f, err := os.OpenFile(segmentPath(a.dir, number), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("could not store samples of refused series: %w", err)
		}
		a.file = f
		a.segments = append(a.segments, segment{number: number})
		return errors.Join(syncDir(a.dir), syncDir(l.dir))
	}
	return fmt.Errorf("could not store samples of refused series: %w", fs.ErrExist)
}

// ApartEnd is the running number of the next sample that is put apart.
func (l *Lane) ApartEnd() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apart.enqueued
}
