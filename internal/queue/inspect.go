package queue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// Report is what a directory of queues holds, as read from its files alone. In a
// head that runs, it is already history.
type Report struct {
	Dir    string        `json:"dir"`
	Queues []QueueReport `json:"queues"`
	// Unreadable says which directories cannot be read, and why.
	Unreadable []string `json:"unreadable,omitempty"`
	// Aside are paths of what a head set aside: the first ones of AsideFiles.
	Aside      []string `json:"set_aside,omitempty"`
	AsideFiles int      `json:"set_aside_files,omitempty"`
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
// A queue is known by its name or by its lanes: its positions may be damaged or gone.
func Inspect(dir string) (Report, error) {
	r := Report{Dir: dir, Queues: []QueueReport{}}
	var aside Aside
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == dir:
			return err
		case err != nil:
			r.Unreadable = append(r.Unreadable, err.Error())
			return nil
		case path != dir && IsAside(d.Name()):
			aside.Add(Aside{[]string{path}, 1})
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.IsDir():
			return nil
		}
		lanes, err := lanesIn(path)
		if err != nil {
			return nil // WalkDir comes again with it
		}
		if lanes == 0 {
			return nil
		}
		q := inspectQueue(path, lanes, &aside)
		if q.Path, err = filepath.Rel(dir, path); err != nil {
			return err
		}
		r.Queues = append(r.Queues, q)
		return fs.SkipDir
	})
	if err != nil {
		return Report{}, fmt.Errorf("could not inspect queues: %w", err)
	}
	r.Aside, r.AsideFiles = aside.Paths, aside.Total
	return r, nil
}

var queueName = regexp.MustCompile(`^[0-9]{4,}-lanes-([1-9][0-9]?)$`)

// lanesIn returns how many lanes the queue in dir has, by its name, its positions and
// what stands in the places of lanes; 0 if it is no queue.
func lanesIn(dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	if m := queueName.FindStringSubmatch(filepath.Base(dir)); m != nil {
		n, err = strconv.Atoi(m[1])
		if n > MaxLanes {
			n = 0
		}
	}
	for _, e := range entries {
		var i int
		if _, err := fmt.Sscanf(e.Name(), "lane-%d", &i); err == nil && e.Name() == laneDir(i) && i < MaxLanes {
			n = max(n, i+1)
		}
	}
	info, statErr := os.Lstat(filepath.Join(dir, positionsFile))
	if n > 0 && statErr == nil && info.Mode().IsRegular() && info.Size() <= MaxLanes*2*slotBytes {
		n = max(n, int(info.Size())/(2*slotBytes))
	}
	return n, err
}

func inspectQueue(dir string, lanes int, aside *Aside) QueueReport {
	q := QueueReport{Lanes: []LaneReport{}}
	note := func(err error) {
		if err != nil {
			q.Unreadable = append(q.Unreadable, err.Error())
		}
	}
	f, err := openRegular(filepath.Join(dir, positionsFile), os.O_RDONLY, maxSmallFile)
	if err == nil {
		defer f.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		note(err)
	}
	p := &positions{file: f}
	found, err := AsideIn(dir)
	note(err)
	aside.Add(found)
	for i := range lanes {
		path := filepath.Join(dir, laneDir(i))
		l, unreadable := inspectLane(path, i, p)
		q.Unreadable = append(q.Unreadable, unreadable...)
		for _, d := range []string{path, filepath.Join(path, apartDir)} {
			if found, err := AsideIn(d); err == nil { // what cannot be listed is named already
				aside.Add(found)
			}
		}
		q.Lanes = append(q.Lanes, l)
		q.Ledger.Add(l.Ledger)
	}
	return q
}

var errMissing = errors.New("the directory is missing")

// noDirectory says why a directory is none.
func noDirectory(path string) error {
	info, err := os.Stat(path) // a link to a directory is one
	if _, linkErr := os.Lstat(path); errors.Is(linkErr, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", path, errMissing)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return fmt.Errorf("%s is not a directory", path)
	}
	return err
}

func inspectLane(dir string, number int, p *positions) (l LaneReport, unreadable []string) {
	note := func(err error) {
		if err != nil {
			unreadable = append(unreadable, err.Error())
		}
	}
	at, found, err := p.load(number)
	note(err)
	l = LaneReport{Lane: number, Positions: found}
	var segments, apart []segment
	if err = noDirectory(dir); err == nil {
		segments, err = listSegments(dir)
	}
	note(err)
	for i, s := range segments {
		if s.bad != nil {
			note(s.bad)
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
			note(err)
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
	if noDirectory(dir) == nil {
		if err = noDirectory(filepath.Join(dir, apartDir)); err == nil {
			apart, err = listSegments(filepath.Join(dir, apartDir))
		}
		if !errors.Is(err, errMissing) {
			note(err)
		}
	}
	for _, s := range apart {
		if s.bad != nil {
			note(s.bad)
			continue
		}
		l.Bytes += s.size
	}
	l.Apart = at.apart.waiting()
	queued += l.Apart
	l.Ledger = Ledger{Taken: at.outcome.Sum() + queued, Queued: queued, Outcome: at.outcome}
	return l, unreadable
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
