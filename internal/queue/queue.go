// Package queue keeps samples on disk from the moment they are taken until it is
// known what became of them. It holds bodies of remote write requests, or pieces
// of such bodies, and knows nothing of what is in them or where they go.
//
// # Shape
//
// A queue is a directory. It has a fixed number of lanes, each a FIFO of records
// in append-only segment files; whoever keeps a series in one lane keeps its
// order. One writer appends to a lane (Append) and one reader takes from it (Peek,
// Done); both may work at the same time.
//
//	positions                               two slots a lane, 512 bytes each
//	lane-00/00000000000000000001.segment    records, one after the other
//	lane-00/00000000000000000002.segment
//	lane-01/…
//
// A record is a 64-byte header with its own checksum and a body with another
// (record.go). Each header says how many samples its lane had been given before
// it. That running number is what makes the ledger exact: when records are lost,
// the gap between two numbers is how many samples went with them.
//
// A slot says up to where a lane was read, and what became of all samples before
// that (positions.go). The two slots are written in turn, so that one is whole at
// any moment.
//
// # Guarantees
//
//   - Append returns after write(2): a record is then safe from a kill -9 of the
//     process. Done writes a slot before the next entry is sent, so a kill makes
//     at most the entry in flight of each lane be sent twice.
//   - Sync, which the owner calls every second, brings what is not yet sent to the
//     disk: power loss costs at most what the second before it took, and what was
//     sent in that second is sent again. What is lost and had a slot written is
//     counted as dropped{corrupted}.
//   - Recovery keeps every record that is intact. A torn tail is cut: its samples
//     were never taken. What is damaged in the middle is stepped over, by looking
//     for the next intact header, and counted.
//   - Taken = Delivered + Queued + Uncertain + Dropped, in every Ledger.
//
// # What waits apart
//
// Samples that the receiver refused for a limit leave the FIFO for a log beside it
// (apart.go), so that those behind them need not wait: lane-00/apart/….segment. The
// same slot says where both stand. The log is small or empty, but whoever reads it
// reads all of it.
//
// # Limits
//
// A lane that holds more than its share of Options.MaxBytes says so (Over); its
// reader then drops from the front until it fits. It may exceed the share by what
// arrives during one request. What cannot be written is counted as dropped{disk},
// and the next record is tried in a new segment.
package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// Options configure a queue. All are needed; DefaultOptions has them.
type Options struct {
	Lanes        int
	MaxBytes     int64 // on disk, over all lanes
	SegmentBytes int64 // at most; segments are smaller where MaxBytes is small
	Now          func() time.Time
	Logger       *slog.Logger
}

// MaxLanes is how many lanes a queue can have.
const MaxLanes = 64

// DefaultOptions are those of a queue with one lane that logs nothing. MaxBytes
// holds, at 25 bytes a sample, ten thousand samples a second for more than four
// hours: AMP takes samples for one hour.
func DefaultOptions() Options {
	return Options{Lanes: 1, MaxBytes: 4 << 30, SegmentBytes: 8 << 20, Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
}

// Validate returns an error that says what Open does not accept.
func (o Options) Validate() error {
	if o.Lanes > MaxLanes {
		return fmt.Errorf("queue: %d lanes requested, the maximum is %d", o.Lanes, MaxLanes)
	}
	if o.Lanes < 1 || o.MaxBytes < 1 || o.SegmentBytes < 1 {
		return fmt.Errorf("queue: %d lanes, %d bytes, segments of %d bytes: each must be at least 1", o.Lanes, o.MaxBytes, o.SegmentBytes)
	}
	if o.Now == nil || o.Logger == nil {
		return errors.New("queue: Now and Logger must be set")
	}
	return nil
}

// Queue is an open queue.
type Queue struct {
	dir       string
	lanes     []*Lane
	positions *positions
	logger    *slog.Logger
	closeOnce func() error

	asideMu sync.Mutex
	aside   Aside
}

// Open opens the queue in dir, creating it if it is not there. It must have been
// made with the same number of lanes: whoever opens it knows, by the directory's
// name or otherwise. What cannot be a file of the queue, or cannot be read, is set
// aside; its samples count as dropped{corrupted}.
func Open(dir string, o Options) (*Queue, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	share := o.MaxBytes / int64(o.Lanes)
	o.SegmentBytes = min(o.SegmentBytes, max(share/8, 64<<10))
	q := &Queue{dir: dir, logger: o.Logger}
	q.findAside(o.Lanes)
	q.closeOnce = sync.OnceValue(q.close)
	if aside, why, err := EnsureDir(dir); err != nil {
		return nil, fmt.Errorf("could not create queue: %w", err)
	} else if aside != "" {
		q.noteAside(aside, why, "what waited in it is not sent, and the delivery counts restart at 0")
	}
	var err error
	if q.positions, err = openPositions(filepath.Join(dir, positionsFile), o.Lanes, q.setPositionsAside); err != nil {
		return nil, err
	}
	for i := range o.Lanes {
		l, err := q.openLane(i, share, o)
		if err != nil {
			return nil, errors.Join(err, q.Close())
		}
		q.lanes = append(q.lanes, l)
	}
	return q, nil
}

// setAside renames a file of the queue that cannot be read, and says why. Where that is
// not possible it stays and is not read.
func (q *Queue) setAside(path string, why error) {
	as, err := SetAside(path)
	if err == nil {
		q.noteAside(as, why, samplesDropped)
		return
	}
	q.logger.Error("could not move the unreadable queue file aside; it is kept and not read: "+samplesDropped, "path", path,
		"err", errors.Join(why, err))
	q.countAside(path)
}

// samplesDropped is what setting a lane or a segment aside costs: its samples are missed.
const samplesDropped = "its samples are counted as dropped with reason corrupted"

// setPositionsAside does so with the positions: no sample is lost by that.
func (q *Queue) setPositionsAside(path string, why error) error {
	as, err := SetAside(path)
	if err != nil {
		return err
	}
	q.noteAside(as, why, "the samples that wait are kept, and the delivery counts restart at 0; what was sent last is sent again")
	return nil
}

func (q *Queue) noteAside(as string, why error, effect string) {
	q.logger.Error("moved an unreadable queue file aside: "+effect, "moved_to", as, "err", why)
	q.countAside(as)
}

func (q *Queue) countAside(as string) {
	q.asideMu.Lock()
	defer q.asideMu.Unlock()
	q.aside.Add(Aside{[]string{as}, 1})
}

// findAside looks for what earlier runs set aside.
func (q *Queue) findAside(lanes int) {
	dirs := []string{q.dir}
	for i := range lanes {
		lane := filepath.Join(q.dir, laneDir(i))
		dirs = append(dirs, lane, filepath.Join(lane, apartDir))
	}
	for _, dir := range dirs {
		found, err := AsideIn(dir)
		if err != nil {
			q.logger.Warn("files that were set aside earlier are not in the status", "err", err)
		}
		q.aside.Add(found)
	}
}

func laneDir(i int) string { return fmt.Sprintf("lane-%02d", i) }

// Lane returns lane i, from 0.
func (q *Queue) Lane(i int) *Lane { return q.lanes[i] }

// Lanes is how many there are.
func (q *Queue) Lanes() int { return len(q.lanes) }

// Ledger returns what became of the samples of all lanes, at one instant.
func (q *Queue) Ledger() Ledger {
	var sum Ledger
	q.locked(func(l *Lane) { sum.Add(l.ledger()) })
	return sum
}

// Limit sets how many bytes on disk the lanes may hold together, from now on.
func (q *Queue) Limit(bytes int64) {
	for _, l := range q.lanes {
		l.share.Store(bytes / int64(len(q.lanes)))
	}
}

// Bytes is how many bytes the lanes hold on disk.
func (q *Queue) Bytes() (n int64) {
	q.locked(func(l *Lane) { n += l.bytes })
	return n
}

// Status is what a queue holds, at one instant.
type Status struct {
	Ledger   Ledger
	Bytes    int64     // on disk
	Apart    uint64    // samples that wait apart, of those that are queued
	Oldest   time.Time // of the samples that wait; zero if none does or their record could not be read yet
	Newest   time.Time // of the samples that were taken since the queue was opened
	DiskErr  error     // why the last write failed; nil once one succeeded
	TornTail int64     // bytes cut when the queue was opened
	Aside    Aside
}

// Status returns what the queue holds.
func (q *Queue) Status() Status {
	var s Status
	q.asideMu.Lock()
	s.Aside = q.aside
	q.asideMu.Unlock()
	q.locked(func(l *Lane) {
		s.Ledger.Add(l.ledger())
		s.Bytes += l.bytes
		s.Apart += l.apart.waiting()
		s.TornTail += l.torn
		if !l.oldest.IsZero() && l.consumed < l.enqueued && (s.Oldest.IsZero() || l.oldest.Before(s.Oldest)) {
			s.Oldest = l.oldest
		}
		if l.newest.After(s.Newest) {
			s.Newest = l.newest
		}
		if l.diskErr != nil {
			s.DiskErr = l.diskErr
		}
	})
	return s
}

// locked calls f for every lane while none of them can change.
func (q *Queue) locked(f func(*Lane)) {
	for _, l := range q.lanes {
		l.mu.Lock()
	}
	for _, l := range q.lanes {
		f(l)
	}
	for _, l := range q.lanes {
		l.mu.Unlock()
	}
}

// Empty reports whether nothing waits but what waits apart.
func (q *Queue) Empty() bool {
	empty := true
	q.locked(func(l *Lane) { empty = empty && l.consumed == l.enqueued })
	return empty
}

// Sync brings to the disk what is not sent yet, and the positions. What was sent
// already needs no disk: a queue that is drained as fast as it fills costs one
// fsync.
func (q *Queue) Sync() error {
	var errs []error
	for _, l := range q.lanes {
		errs = append(errs, l.sync())
	}
	errs = append(errs, q.positions.sync())
	return errors.Join(errs...)
}

// Close brings everything to the disk and closes the files. Nobody may use the
// lanes any more. Further calls return what the first one returned.
func (q *Queue) Close() error { return q.closeOnce() }

func (q *Queue) close() error {
	var errs []error
	for _, l := range q.lanes {
		errs = append(errs, l.close())
	}
	errs = append(errs, q.positions.close())
	return errors.Join(errs...)
}
