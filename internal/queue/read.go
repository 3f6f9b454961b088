package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Entry is a record at the front of a lane.
type Entry struct {
	Batch
	Body   []byte // valid until the next Peek
	Queued time.Time

	end     uint64 // running number after it
	segment uint64
	next    int64 // offset after it
}

// Peek returns the record that is to be sent next; ok is false when none waits.
// It steps over what is damaged and counts it. An error is about the disk, and
// another try may succeed. Only one goroutine may call Peek and Done.
func (l *Lane) Peek() (e Entry, ok bool, err error) {
	for {
		s, last, enqueued := l.front()
		if enqueued == 0 {
			return Entry{}, false, nil
		}
		if s.number == 0 {
			// No segment is left, but samples are: their files were removed.
			l.advance(l.position.segment, 0, enqueued)
			continue
		}
		f, err := l.open(s.number)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Entry{}, false, err
		}
		var h header
		var at int64
		found := false
		if err == nil {
			if h, at, found, err = findRecord(f, l.position.offset, s.size); err != nil {
				return Entry{}, false, err
			}
		}
		switch {
		case !found && last:
			l.advance(s.number, s.size, enqueued)
			continue
		case !found:
			l.advance(s.number+1, 0, l.position.consumed)
			continue
		}
		next := at + HeaderBytes + int64(h.length)
		if h.first < l.position.consumed || h.end() > enqueued {
			l.advance(s.number, next, l.position.consumed) // not where it belongs
			continue
		}
		if h.first > l.position.consumed {
			l.advance(s.number, at, h.first)
		}
		if cap(l.body) < int(h.length) {
			l.body = make([]byte, h.length)
		}
		body := l.body[:h.length]
		if err := readFull(f, body, at+HeaderBytes); err != nil {
			return Entry{}, false, err
		}
		if crc(body) != h.bodyCRC {
			l.advance(s.number, next, h.end())
			continue
		}
		l.mu.Lock()
		l.oldest = h.oldest()
		l.mu.Unlock()
		return Entry{Batch: h.Batch, Body: body, Queued: time.UnixMilli(h.queued), end: h.end(), segment: s.number, next: next}, true, nil
	}
}

// front returns the segment to read from, whether it is the last one, and the
// running number at its end as of now, 0 if nothing waits. It sets the
// position's offset to where the segment is to be read.
func (l *Lane) front() (s segment, last bool, enqueued uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consumed == l.enqueued {
		return segment{}, false, 0
	}
	for i, s := range l.segments {
		if s.number < l.position.segment {
			continue
		}
		if s.number > l.position.segment {
			l.position.segment, l.position.offset = s.number, 0
		}
		return s, i == len(l.segments)-1, l.enqueued
	}
	return segment{}, true, l.enqueued
}

// advance moves the position without a record having been read; the samples up
// to the running number consumed are lost on disk.
func (l *Lane) advance(number uint64, offset int64, consumed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if lost := consumed - l.consumed; lost > 0 {
		l.logger.Error("samples are damaged or missing on disk", "lane", l.dir, "segment", number, "samples", lost)
		l.outcome.Dropped[Corrupted] += lost
	}
	l.move(number, offset, consumed)
}

// Done says what became of the record that Peek returned, and moves on.
func (l *Lane) Done(e Entry, o Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcome.Add(o)
	l.move(e.segment, e.next, e.end)
}

// move sets the position, writes it, and removes segments that are read. The
// caller holds mu and has counted the samples.
func (l *Lane) move(number uint64, offset int64, consumed uint64) {
	l.position.segment, l.position.offset, l.consumed = number, offset, consumed
	l.diskNote(l.store())
	for len(l.segments) > 0 {
		s := l.segments[0]
		written := l.file != nil && len(l.segments) == 1
		if s.number > number || s.number == number && offset < s.size || written {
			return
		}
		if err := os.Remove(segmentPath(l.dir, s.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.diskNote(fmt.Errorf("remove segment that was sent: %w", err))
		}
		l.bytes -= s.size
		l.segments = l.segments[1:]
	}
}

// open returns the segment's file, opened for reading once.
func (l *Lane) open(number uint64) (*os.File, error) {
	if l.reading != nil && l.readingNumber == number {
		return l.reading, nil
	}
	if l.reading != nil {
		if err := l.reading.Close(); err != nil {
			return nil, fmt.Errorf("read segment: %w", err)
		}
		l.reading = nil
	}
	f, err := os.Open(segmentPath(l.dir, number))
	if err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	l.reading, l.readingNumber = f, number
	return f, nil
}
