package queue

import (
	"fmt"
	"os"
	"path/filepath"
)

// openLane finds out where a lane stands. It reads one slot and walks the headers
// of one segment, whatever the size of the backlog.
func (q *Queue) openLane(number int, share int64, o Options) (*Lane, error) {
	dir := filepath.Join(q.dir, laneDir(number))
	if aside, why, err := EnsureDir(dir); err != nil {
		return nil, fmt.Errorf("could not create queue lane: %w", err)
	} else if aside != "" {
		q.noteAside(aside, why, samplesDropped)
	}
	l := &Lane{
		dir: dir, number: number, segmentBytes: o.SegmentBytes, now: o.Now, logger: o.Logger, positions: q.positions,
		fsync: (*os.File).Sync, openRead: openToRead, more: make(chan struct{}, 1),
		siblings: func() []*Lane { return q.lanes }, setAside: q.setAside,
	}
	l.share.Store(share)
	at, found, err := q.positions.load(number)
	if err != nil {
		return nil, err
	}
	all, err := listSegments(dir)
	if err != nil {
		return nil, err
	}
	l.position, l.stored = at, at.enqueued
	for _, s := range all {
		if s.bad != nil {
			q.setAside(segmentPath(dir, s.number), s.bad)
			continue
		}
		if s.number < at.segment {
			// It was read; the process ended before it could be removed.
			if err := os.Remove(segmentPath(dir, s.number)); err != nil {
				o.Logger.Warn("could not remove a delivered queue segment; the file is kept", "err", err)
			}
			continue
		}
		l.segments = append(l.segments, s)
	}
	l.cutTail()
	if !found && len(l.segments) > 0 {
		l.beginAt(l.segments[0])
	}
	for _, s := range l.segments {
		l.bytes += s.size
	}
	l.openApart(at.apart, found)
	if l.consumed < l.enqueued {
		l.more <- struct{}{}
	}
	if l.torn > 0 {
		o.Logger.Warn("removed incomplete data from the end of the queue; its samples were never counted as taken", "lane", dir, "bytes", l.torn)
	}
	return l, nil
}

// cutTail finds the end of the last whole record, cuts what is after it and so
// learns how many samples were queued. Where a slot knew of more, those are
// missed, and counted, when the reader comes to the end.
func (l *Lane) cutTail() {
	for i := len(l.segments) - 1; i >= 0; i-- {
		s := &l.segments[i]
		path := segmentPath(l.dir, s.number)
		last, end, err := lastRecord(path, s.size)
		if err != nil {
			// Its reader tries again, and sets it aside in the end.
			l.logger.Error("could not read queue segment to its end", "segment", path, "err", err)
		} else if end < s.size {
			l.torn += s.size - end
			if err := os.Truncate(path, end); err != nil {
				l.diskErr = fmt.Errorf("could not truncate queue segment: %w", err)
			}
			s.size = end
		}
		if end > 0 {
			l.enqueued = max(l.enqueued, last.end())
			return
		}
	}
}

// beginAt starts the ledger at the first record that is there: both slots are
// lost, and with them what became of the samples before it.
func (l *Lane) beginAt(s segment) {
	h, found, err := firstRecord(segmentPath(l.dir, s.number), s.size)
	if err != nil {
		l.logger.Error("could not read the first record of the queue segment", "err", err)
	}
	l.position.segment = s.number
	if found {
		l.base, l.consumed = h.first, h.first
		if h.first > 0 {
			l.logger.Error("the lane's position is lost: its delivery counts restart at 0", "lane", l.dir, "samples_before", h.first)
		}
	} else {
		l.base, l.consumed = l.enqueued, l.enqueued
	}
}
