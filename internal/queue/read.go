package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Entry is what is at the front of a lane: a record, or several that follow each
// other and make one request together. Batch speaks of all of them.
type Entry struct {
	Batch
	Bodies [][]byte // of the records; valid until the next Peek

	end     uint64 // running number after them
	segment uint64
	next    int64 // offset after them
}

// Waiting is how many samples wait.
func (l *Lane) Waiting() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.enqueued - l.consumed
}

// Peek returns what is to be sent next; ok is false when nothing waits. Records
// are put together while they have at most the given number of samples, and of
// bytes before compression; a single one may have more. It steps over what is damaged and counts it. An error is about the disk, and
// another try may succeed. Only one goroutine may call Peek and Done.
func (l *Lane) Peek(samples, rawBytes uint32) (e Entry, ok bool, err error) {
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
		var h header
		var at int64
		found := false
		if err == nil {
			h, at, found, err = findRecord(f, l.position.offset, s.size)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if l.giveUp(s.number, err) {
				continue
			}
			return Entry{}, false, err
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
		if h.kind != kindSamples || h.first < l.position.consumed || h.end() > enqueued {
			l.advance(s.number, next, l.position.consumed) // not where it belongs
			continue
		}
		if h.first > l.position.consumed {
			l.advance(s.number, at, h.first)
		}
		l.body = l.body[:0]
		intact, err := l.readBody(f, h, at)
		if err != nil {
			if l.giveUp(s.number, err) {
				continue
			}
			return Entry{}, false, err
		}
		if !intact {
			l.advance(s.number, next, h.end())
			continue
		}
		l.mu.Lock()
		l.oldest = h.oldest()
		l.mu.Unlock()
		e = Entry{Batch: h.Batch, end: h.end(), segment: s.number, next: next}
		l.failed = 0
		lengths := l.join(&e, f, s.size, enqueued, samples, rawBytes)
		rest := l.body
		for _, n := range append([]int{int(h.length)}, lengths...) {
			e.Bodies = append(e.Bodies, rest[:n])
			rest = rest[n:]
		}
		return e, true, nil
	}
}

// readBody puts a record's body at the end of l.body, and reports whether it is
// what its header says; if not, it is not there.
func (l *Lane) readBody(f *os.File, h header, at int64) (bool, error) {
	start := len(l.body)
	l.body = slices.Grow(l.body, int(h.length))[:start+int(h.length)]
	if err := readFull(f, l.body[start:], at+HeaderBytes); err != nil {
		return false, err
	}
	if crc(l.body[start:]) != h.bodyCRC {
		l.body = l.body[:start]
		return false, nil
	}
	return true, nil
}

// join adds to e the records that follow it, while they fit. It returns the
// lengths of their bodies. What is damaged ends it, and is seen to when it is at
// the front; so is what cannot be read.
func (l *Lane) join(e *Entry, f *os.File, size int64, enqueued uint64, samples, rawBytes uint32) (lengths []int) {
	for e.Samples < samples {
		h, at, found, err := findRecord(f, e.next, size)
		if err != nil || !found || at != e.next || h.kind != kindSamples || h.first != e.end || h.end() > enqueued ||
			uint64(e.Samples)+uint64(h.Samples) > uint64(samples) || uint64(e.RawBytes)+uint64(h.RawBytes) > uint64(rawBytes) {
			break
		}
		intact, err := l.readBody(f, h, at)
		if err != nil || !intact {
			break
		}
		e.Samples += h.Samples
		e.Histograms += h.Histograms
		e.RawBytes += h.RawBytes
		e.MinTime, e.MaxTime = min(e.MinTime, h.MinTime), max(e.MaxTime, h.MaxTime)
		e.end, e.next = h.end(), at+HeaderBytes+int64(h.length)
		lengths = append(lengths, int(h.length))
	}
	return lengths
}

// giveUp sets a segment aside that cannot be a file of the queue, or that could not be
// read several times. It reports whether the reader goes on without it.
func (l *Lane) giveUp(number uint64, err error) bool {
	if l.failed++; l.failed < readTries && !errors.Is(err, errNotOurs) {
		return false
	}
	l.failed = 0
	l.setAside(segmentPath(l.dir, number), err)
	l.mu.Lock()
	l.segments = slices.DeleteFunc(l.segments, func(s segment) bool {
		if s.number == number {
			l.bytes -= s.size
		}
		return s.number == number
	})
	if n := len(l.segments); l.file != nil && (n == 0 || l.segments[n-1].number <= number) {
		l.diskNote(l.endSegment()) // it was the one that is written
	}
	l.mu.Unlock()
	l.advance(number+1, 0, l.position.consumed)
	return true
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
		l.remove(s)
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
			return nil, fmt.Errorf("could not read queue segment: %w", err)
		}
		l.reading = nil
	}
	f, err := l.openRead(segmentPath(l.dir, number))
	if err != nil {
		return nil, fmt.Errorf("could not read queue segment: %w", err)
	}
	l.reading, l.readingNumber = f, number
	return f, nil
}
