package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Report is what a directory of queues holds, as read from its files alone. In a
// head that runs, it is already history.
type Report struct {
	Dir    string        `json:"dir"`
	Queues []QueueReport `json:"queues"`
}

// QueueReport is one queue of a Report.
type QueueReport struct {
	Path   string       `json:"path"` // below the report's directory
	Lanes  []LaneReport `json:"lanes"`
	Ledger Ledger       `json:"ledger"`
	// Unreadable says what of the files cannot be read, and why.
	Unreadable []string `json:"unreadable,omitempty"`
}

// LaneReport is what a lane's files say.
type LaneReport struct {
	Lane       int       `json:"lane"`
	Positions  bool      `json:"positions"` // an intact slot was found
	Ledger     Ledger    `json:"ledger"`
	Segments   int       `json:"segments"`
	Bytes      int64     `json:"bytes"`
	Records    int       `json:"records"`         // intact, not sent yet
	Samples    uint64    `json:"samples"`         // in them
	Histograms uint64    `json:"histograms"`      // among the samples
	RawBytes   uint64    `json:"raw_bytes"`       // of the bodies before compression
	Apart      uint64    `json:"apart,omitempty"` // samples that wait apart: they were refused for a limit
	Damaged    int       `json:"damaged"`         // records whose body does not match its checksum
	Missing    uint64    `json:"missing"`         // samples that were queued and are in no intact record
	TornTail   int64     `json:"torn_tail"`       // bytes after the last whole record
	Oldest     time.Time `json:"oldest,omitzero"`
	Newest     time.Time `json:"newest,omitzero"`
}

// Inspect reads all queues under dir, checking every record, and changes nothing.
// A queue is known by its lanes' directories: its positions may be damaged or gone.
func Inspect(dir string) (Report, error) {
	r := Report{Dir: dir, Queues: []QueueReport{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		lanes, err := lanesIn(path)
		if err != nil || lanes == 0 {
			return err
		}
		q, err := inspectQueue(path, lanes)
		if err != nil {
			return err
		}
		if q.Path, err = filepath.Rel(dir, path); err != nil {
			return err
		}
		r.Queues = append(r.Queues, q)
		return fs.SkipDir
	})
	if err != nil {
		return Report{}, fmt.Errorf("could not inspect queues: %w", err)
	}
	return r, nil
}

// lanesIn returns how many lanes have a directory in dir.
func lanesIn(dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		var i int
		if _, err := fmt.Sscanf(e.Name(), "lane-%d", &i); err == nil && e.IsDir() && e.Name() == laneDir(i) && i < MaxLanes {
			n = max(n, i+1)
		}
	}
	return n, nil
}

func inspectQueue(dir string, lanes int) (QueueReport, error) {
	q := QueueReport{Lanes: []LaneReport{}}
	f, err := openRegular(filepath.Join(dir, positionsFile), os.O_RDONLY, maxSmallFile)
	switch {
	case err == nil:
		defer f.Close()
	case !errors.Is(err, fs.ErrNotExist):
		q.Unreadable = append(q.Unreadable, err.Error())
	}
	p := &positions{file: f}
	for i := range lanes {
		l, unreadable, err := inspectLane(filepath.Join(dir, laneDir(i)), i, p)
		if err != nil {
			return QueueReport{}, err
		}
		q.Unreadable = append(q.Unreadable, unreadable...)
		q.Lanes = append(q.Lanes, l)
		q.Ledger.Add(l.Ledger)
	}
	return q, nil
}

func inspectLane(dir string, number int, p *positions) (l LaneReport, unreadable []string, err error) {
	at, found, err := p.load(number)
	if err != nil {
		return LaneReport{}, nil, err
	}
	l = LaneReport{Lane: number, Positions: found}
	segments, err := listSegments(dir)
	if err != nil {
		unreadable = append(unreadable, err.Error())
	}
	for i, s := range segments {
		if s.bad != nil {
			unreadable = append(unreadable, s.bad.Error())
			continue
		}
		l.Segments++
		l.Bytes += s.size
		if s.number < at.segment {
			continue
		}
		from := int64(0)
		if s.number == at.segment {
			from = min(at.offset, s.size)
		}
		end, err := l.inspectSegment(segmentPath(dir, s.number), from, s.size, &at)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a head that runs has sent it meanwhile
		}
		if err != nil {
			unreadable = append(unreadable, err.Error())
			continue
		}
		if i == len(segments)-1 {
			l.TornTail = s.size - end
		}
	}
	queued := at.enqueued - at.consumed
	if l.Samples < queued {
		l.Missing = queued - l.Samples
	}
	apart, err := listSegments(filepath.Join(dir, apartDir))
	if err != nil {
		unreadable = append(unreadable, err.Error())
	}
	for _, s := range apart {
		if s.bad != nil {
			unreadable = append(unreadable, s.bad.Error())
			continue
		}
		l.Bytes += s.size
	}
	l.Apart = at.apart.waiting()
	queued += l.Apart
	l.Ledger = Ledger{Taken: at.outcome.Sum() + queued, Queued: queued, Outcome: at.outcome}
	return l, unreadable, nil
}

// inspectSegment walks the records after offset and returns where the last one
// ends.
func (l *LaneReport) inspectSegment(path string, offset, size int64, at *position) (int64, error) {
	f, err := openRegular(path, os.O_RDONLY, maxSegment)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		h, start, found, err := findRecord(f, offset, size)
		if err != nil || !found {
			return offset, err
		}
		offset = start + HeaderBytes + int64(h.length)
		if h.first < at.consumed {
			continue
		}
		if !l.Positions && at.enqueued == 0 {
			at.base, at.consumed = h.first, h.first // its slots are lost: the counts begin here
		}
		at.enqueued = max(at.enqueued, h.end())
		body := make([]byte, h.length)
		if err := readFull(f, body, start+HeaderBytes); err != nil {
			return 0, err
		}
		if crc(body) != h.bodyCRC {
			l.Damaged++
			continue
		}
		l.Records++
		l.Samples += uint64(h.Samples)
		l.Histograms += uint64(h.Histograms)
		l.RawBytes += uint64(h.RawBytes)
		if l.Oldest.IsZero() || h.oldest().Before(l.Oldest) {
			l.Oldest = h.oldest().UTC()
		}
		l.Newest = later(l.Newest, time.UnixMilli(h.MaxTime).UTC())
	}
}
