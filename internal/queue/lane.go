package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Lane is a FIFO of records. One goroutine may append while another one reads.
type Lane struct {
	dir          string
	number       int
	share        atomic.Int64 // bytes on disk that it may hold
	segmentBytes int64
	now          func() time.Time
	logger       *slog.Logger
	positions    *positions
	fsync        func(*os.File) error
	openRead     func(path string) (*os.File, error)
	more         chan struct{}  // holds a value when something was appended
	siblings     func() []*Lane // all lanes of the queue, which share the disk
	setAside     func(path string, why error)

	mu       sync.Mutex // of everything below but the reader's own
	position            // where the reader is, what was queued and what became of it
	segments []segment  // oldest first; the last one is written if file is open
	file     *os.File
	bytes    int64 // of all segments
	punched  int64 // of the first one, given back to the disk
	unsynced bool  // file or its name are not on the disk yet
	oldest   time.Time
	newest   time.Time
	diskErr  error
	torn     int64
	stored   uint64 // enqueued, as the newest slot has it
	slot     [slotBytes]byte
	apart    apart

	reading       *os.File // the reader's own while something waits
	readingNumber uint64
	failed        int // reads, one after the other
	body          []byte
}

// ledger is the lane's; the caller holds mu. What was refused was taken too, but
// has no running number.
func (l *Lane) ledger() Ledger {
	queued := l.enqueued - l.consumed + l.apart.waiting()
	return Ledger{Taken: l.outcome.Sum() + queued, Queued: queued, Outcome: l.outcome}
}

// More holds a value when something may have been appended since it was read.
func (l *Lane) More() <-chan struct{} { return l.more }

// Over reports whether the lane holds more than its share of the disk.
func (l *Lane) Over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes > l.share.Load()
}

// Append takes the samples of one request. buf is HeaderBytes of room, which
// Append fills in, and the body. An error is about the disk; the samples are
// counted as taken and dropped then.
func (l *Lane) Append(b Batch, buf []byte) error {
	body := buf[HeaderBytes:]
	h := header{Batch: b, length: uint32(len(body)), bodyCRC: crc(body), queued: l.now().UnixMilli()}
	l.mu.Lock()
	defer l.mu.Unlock()
	h.first = l.enqueued
	h.put(buf)
	l.newest = later(l.newest, time.UnixMilli(b.MaxTime))
	if l.diskErr = l.writeOrMakeRoom(buf); l.diskErr != nil {
		return errors.Join(l.diskErr, l.refuse(Disk, uint64(b.Samples)))
	}
	if l.consumed == l.enqueued {
		l.oldest = h.oldest()
	}
	l.enqueued += uint64(b.Samples)
	select {
	case l.more <- struct{}{}:
	default:
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Refuse counts samples as taken and dropped that are not worth a record.
func (l *Lane) Refuse(why Dropped, samples uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refuse(why, samples)
}

func (l *Lane) refuse(why Dropped, samples uint64) error {
	l.outcome.Dropped[why] += samples
	return l.store()
}

// store writes the lane's next slot; the caller holds mu.
func (l *Lane) store() error {
	l.generation++
	l.stored = l.enqueued
	l.position.apart = l.apart.apartPosition
	return l.positions.store(l.number, l.position, l.slot[:])
}

// writeOrMakeRoom writes a record. Where that fails, the lanes of the queue give
// back what they sent already, and it tries once more: on a full disk that is the
// room there is.
func (l *Lane) writeOrMakeRoom(buf []byte) error {
	err := l.write(buf)
	if err == nil {
		return nil
	}
	freed := l.shed()
	for _, other := range l.siblings() {
		// Who holds its lock works, and needs what it has.
		if other != l && other.mu.TryLock() {
			freed = other.shed() || freed
			other.mu.Unlock()
		}
	}
	if !freed {
		return err
	}
	return l.write(buf)
}

// shed gives back the room of what was sent: all segments of a lane in which nothing
// waits, else the beginning of the first one. It reports whether there was any. The
// caller holds mu. The reader does not touch its file while nothing waits: it
// opens one after it saw, under mu, that something does.
func (l *Lane) shed() bool {
	if len(l.segments) == 0 {
		return false
	}
	if first := l.segments[0]; l.consumed < l.enqueued {
		if l.position.segment != first.number || l.position.offset <= l.punched {
			return false
		}
		l.punched = l.position.offset
		return punch(segmentPath(l.dir, first.number), l.position.offset) == nil
	}
	if l.file != nil {
		l.diskNote(l.endSegment())
	}
	for _, s := range l.segments {
		l.remove(s)
	}
	l.position.segment, l.position.offset = l.segments[len(l.segments)-1].number, l.segments[len(l.segments)-1].size
	l.segments = nil
	l.diskNote(l.store())
	return true
}

// remove takes a segment that was sent off the disk. A file that is open keeps its
// room there: whoever reads it lets go of it. The caller holds mu.
func (l *Lane) remove(s segment) {
	if l.reading != nil && l.readingNumber == s.number {
		l.diskNote(l.reading.Close())
		l.reading = nil
	}
	if err := os.Remove(segmentPath(l.dir, s.number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.diskNote(fmt.Errorf("could not remove a delivered queue segment: %w", err))
	}
	l.bytes -= s.size
	l.punched = 0
}

// write puts a record at the end of the last segment, or of a new one.
func (l *Lane) write(buf []byte) error {
	if l.file != nil && l.segments[len(l.segments)-1].size+int64(len(buf)) > l.segmentBytes {
		if err := l.endSegment(); err != nil {
			l.logger.Warn("could not sync queue segment", "lane", l.dir, "err", err)
		}
	}
	if l.file == nil {
		if err := l.begin(); err != nil {
			return err
		}
	}
	last := &l.segments[len(l.segments)-1]
	n, err := l.file.Write(buf)
	if err == nil {
		last.size += int64(n)
		l.bytes += int64(n)
		l.unsynced = true
		return nil
	}
	// Half a record must not lie in front of a whole one. Where it cannot be cut
	// off, the next record goes to the next segment all the same.
	err = errors.Join(fmt.Errorf("could not write to queue: %w", err), l.file.Truncate(last.size), l.endSegment())
	if last.size == 0 {
		err = errors.Join(err, os.Remove(segmentPath(l.dir, last.number)))
		l.segments = l.segments[:len(l.segments)-1]
	}
	return err
}

// namesTried bounds how many names of segments are stepped over that are there.
const namesTried = 100

// begin opens the next segment. A lane never writes to one that it did not begin
// itself: what a crash left behind stays as it is until it is read.
func (l *Lane) begin() error {
	number := l.position.segment
	if n := len(l.segments); n > 0 {
		number = l.segments[n-1].number
	}
	for range namesTried {
		number++
		f, err := os.OpenFile(segmentPath(l.dir, number), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue // what could not be removed, or is not ours
		}
		if err != nil {
			return fmt.Errorf("could not write to queue: %w", err)
		}
		l.file = f
		l.segments = append(l.segments, segment{number: number})
		return nil
	}
	return fmt.Errorf("could not write to queue: %w", fs.ErrExist)
}

// endSegment closes the segment that is written. What is not on the disk yet and
// not sent yet is brought there first. The caller holds mu.
func (l *Lane) endSegment() error {
	f := l.file
	l.file = nil
	var err error
	if l.unsynced && l.consumed < l.enqueued {
		err = errors.Join(l.fsync(f), syncDir(l.dir))
	}
	l.unsynced = false
	return errors.Join(err, f.Close())
}

// sync brings the last segment to the disk, unless all of it was sent. Records may
// be appended meanwhile; it speaks of those before.
func (l *Lane) sync() error {
	l.mu.Lock()
	f, needed, size := l.file, l.unsynced && l.consumed < l.enqueued, int64(0)
	if needed && f != nil {
		size = l.segments[len(l.segments)-1].size
	}
	if l.enqueued != l.stored {
		// A slot with the newest running number lets a loss be counted.
		l.diskNote(l.store())
	}
	l.mu.Unlock()
	if !needed || f == nil {
		return nil
	}
	err := l.fsync(f)
	if err == nil {
		err = syncDir(l.dir)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != f {
		return nil // endSegment synced it meanwhile, and its error was told
	}
	if err != nil {
		return fmt.Errorf("could not sync queue: %w", err)
	}
	l.unsynced = l.segments[len(l.segments)-1].size > size
	return nil
}

func (l *Lane) diskNote(err error) {
	if err != nil {
		l.diskErr = err
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (l *Lane) close() error {
	err := l.sync()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		err = errors.Join(err, l.endSegment())
	}
	for _, f := range []**os.File{&l.reading, &l.apart.file} {
		if *f != nil {
			err = errors.Join(err, (*f).Close())
			*f = nil
		}
	}
	return err
}
