package ship

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
)

// area are the series of a lane that the receiver refuses, and what waits of them apart
// (queue.Lane.Apart). The lane's goroutine works on it.
//
// A series comes here alone, when it was refused alone, or in a group, when there were
// no extra requests left to find out which of the group are refused. Groups are asked
// about as soon as there are, and split until each series is taken or stands alone.
// Those that do are asked about together, once a minute. What is taken goes out in
// order, and then its series is one like others again.
type area struct {
	lane *shipLane

	series  map[seriesID]*refused
	groups  []group // to be asked about, the first one next
	pools   [2]pool // of series that stand alone: refused for a limit, and for what they are
	most    int     // samples of a request; 0: as settings say
	failing bool    // the last request was not answered finally
	trimmed time.Duration
	strikes map[seriesID]int // refusals of single samples

	mu  sync.Mutex // of what Status reads
	now delivery.Refused
}

// refused is a series.
type refused struct {
	held    bool            // its samples go apart
	alone   bool            // it was refused standing alone
	never   bool            // for what it is, not for a limit
	reason  queue.Uncertain // of never
	settled uint64          // its samples before this running number are settled
	probed  uint64          // those before this one were in a request of which some was refused
	waits   int
	since   time.Time
	name    string
	why     string
}

// group are series that are asked about together.
type group struct {
	ids   []seriesID
	taken bool // the receiver took the last request: what is left of them follows
	from  queue.Cursor
}

// pool says when and how many of the series that stand alone are asked about next.
type pool struct {
	due  time.Duration
	size int // 0: all
	at   int // where the last ones ended
}

const (
	limited = 0
	never   = 1
	// probeEvery is how often a pool is asked about.
	probeEvery = time.Minute
	// maxRefused bounds the series of a lane that are remembered. Samples of further
	// ones are uncertain{limit}.
	maxRefused = 10_000
	// maxStrikes bounds the series whose single samples were refused.
	maxStrikes = 1000
	// strikesOut is how many samples in a row must be refused for what they are until
	// their series goes apart.
	strikesOut = 2
	// shownSeries is how many series the status names.
	shownSeries = 10
)

// held is how many series are held.
func (a *area) held() (n int) {
	for _, s := range a.series {
		if s.held {
			n++
		}
	}
	return n
}

func (a *area) has(id seriesID) bool {
	s := a.series[id]
	return s != nil && s.held
}

// knows reports whether all samples are of series that are held.
func (a *area) knows(all []point) bool {
	return !slices.ContainsFunc(all, func(p point) bool { return !a.has(p.series) })
}

// get returns a series, which is made if need be.
func (a *area) get(p point) *refused {
	s := a.series[p.series]
	if s == nil {
		s = &refused{}
		if a.series == nil {
			a.series = map[seriesID]*refused{}
		}
		a.series[p.series] = s
	}
	if s.name == "" && p.framed != nil {
		s.name = shown(p.framed)
	}
	return s
}

// note remembers samples that were put apart from the running number on.
func (a *area) note(r refusal, all []point, from uint64) {
	var fresh []seriesID
	end := a.lane.lane.ApartEnd()
	for _, p := range all {
		s := a.get(p)
		s.waits++
		if r.mixed {
			s.probed = end
		}
		if s.held {
			s.alone = s.alone || r.alone
			continue
		}
		s.held, s.alone, s.never, s.why, s.since = true, r.alone, false, r.why, a.lane.remote.wall()
		s.settled = max(s.settled, from)
		if !r.alone {
			fresh = append(fresh, p.series)
		}
	}
	if len(fresh) > 0 {
		a.groups = append(a.groups, group{ids: fresh})
	}
	if r.alone && a.pools[limited].due == 0 {
		a.pools[limited].due = a.lane.remote.ship.elapsed() + probeEvery
	}
}

// strike notes that a sample was refused for what it is, and stood alone. A series
// whose labels are refused, or that is refused again and again, is held: others then
// cost no extra requests.
func (a *area) strike(p point, answer receiver.Answer) {
	if len(a.strikes) >= maxStrikes || a.strikes == nil {
		a.strikes = map[seriesID]int{}
	}
	a.strikes[p.series]++
	if answer.Reason != queue.InvalidLabels && a.strikes[p.series] < strikesOut || a.held() >= maxRefused {
		return
	}
	delete(a.strikes, p.series)
	s := a.get(p)
	s.held, s.alone, s.never, s.reason, s.why, s.since = true, true, true, answer.Reason, answer.Text, a.lane.remote.wall()
	s.settled = max(s.settled, a.lane.lane.ApartEnd())
	if a.pools[never].due == 0 {
		a.pools[never].due = a.lane.remote.ship.elapsed() + probeEvery
	}
	a.publish()
}

// begin finds out what an earlier run left apart.
func (a *area) begin(l *shipLane) {
	a.lane = l
	if l.lane.ApartWaits() == 0 {
		l.lane.EndApart()
		return
	}
	for _, notes := range []bool{true, false} {
		err := a.each(func(e queue.ApartEntry) error {
			if e.Note != notes {
				return nil
			}
			if notes {
				a.readNote(e.Body)
				return nil
			}
			all, err := expandPoints(e.Body)
			for i, p := range all {
				if s := a.get(p); e.From+uint64(i) >= s.settled {
					s.waits++
				}
			}
			return err
		})
		if err != nil {
			l.remote.diskTrouble(err)
		}
	}
	var all []seriesID
	for id, s := range a.series {
		if s.held = s.waits > 0; s.held {
			s.since, s.why, s.probed = l.remote.wall(), "refused before the head was started", l.lane.ApartEnd()
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		l.lane.EndApart() // what should be there is not
		return
	}
	slices.Sort(all)
	a.groups = append(a.groups, group{ids: all})
	a.publish()
}

func (a *area) each(f func(queue.ApartEntry) error) error {
	for c := (queue.Cursor{}); ; {
		e, next, ok, err := a.lane.lane.Apart(c)
		if err != nil || !ok {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
		c = next
	}
}

// A note says of series up to which running number their samples are settled.
func writeNote(upTo map[seriesID]uint64) []byte {
	var b []byte
	for id, to := range upTo {
		b = binary.LittleEndian.AppendUint64(b, uint64(id))
		b = binary.LittleEndian.AppendUint64(b, to)
	}
	return b
}

func (a *area) readNote(b []byte) {
	for ; len(b) >= 16; b = b[16:] {
		s := a.get(point{series: seriesID(binary.LittleEndian.Uint64(b))})
		s.settled = max(s.settled, binary.LittleEndian.Uint64(b[8:]))
	}
}

// record makes a record of samples.
func record(all []point) (queue.Batch, []byte) {
	b := queue.Batch{Samples: uint32(len(all)), MinTime: all[0].millis, MaxTime: all[0].millis}
	var raw []byte
	for _, p := range all {
		b.MinTime, b.MaxTime = min(b.MinTime, p.millis), max(b.MaxTime, p.millis)
		raw = append(raw, p.framed...)
	}
	b.RawBytes = uint32(len(raw))
	buf := make([]byte, queue.HeaderBytes+s2.MaxEncodedLen(len(raw)))
	return b, buf[:queue.HeaderBytes+len(s2.EncodeSnappy(buf[queue.HeaderBytes:], raw))]
}

func expandPoints(body []byte) ([]point, error) {
	raw, err := s2.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	return points(raw)
}

// trim drops what waits apart while the lane holds too much, and what is from before
// millis; and lets go of what is settled.
func (a *area) trim(millis int64) {
	l := a.lane
	if l == nil {
		return // the lane waits for an older queue
	}
	for {
		e, _, ok, err := l.lane.Apart(queue.Cursor{})
		if err != nil {
			l.remote.diskTrouble(err)
			return
		}
		if !ok {
			break
		}
		if e.Note {
			l.lane.PassApart(e, queue.Outcome{})
			continue
		}
		all, err := expandPoints(e.Body)
		if err != nil {
			l.remote.diskTrouble(err)
		}
		var open []*refused
		o := queue.Outcome{}
		why := queue.TooOld
		over := l.lane.Over()
		if over {
			why = queue.QueueFull
		}
		for i, p := range all {
			number := e.From + uint64(i)
			s := a.series[p.series]
			switch {
			case s == nil || number < s.settled:
				continue
			case number < s.probed:
				o.Uncertain[queue.SeriesLimit]++
			default:
				o.Dropped[why]++
			}
			open = append(open, s)
		}
		if len(open) > 0 && !over && e.MaxTime >= millis {
			return
		}
		for _, s := range open {
			s.waits--
			s.settled = max(s.settled, e.From+uint64(e.Samples))
		}
		l.lane.PassApart(e, o)
		l.remote.outcome(o)
		a.publish()
	}
	if l.lane.ApartWaits() > 0 || l.lane.ApartBytes() > 0 {
		l.lane.EndApart()
	}
	for id, s := range a.series {
		if !s.held {
			delete(a.series, id)
		}
	}
}

// publish makes what Status reads.
func (a *area) publish() {
	var now delivery.Refused
	for _, s := range a.series {
		if !s.held {
			continue
		}
		now.Series++
		now.Samples += max(s.waits, 0)
		now.Named = append(now.Named, delivery.RefusedSeries{Series: s.name, Since: s.since.UTC(), Waiting: max(s.waits, 0), Text: s.why})
	}
	now.Trim(shownSeries)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = now
}

func (a *area) status() delivery.Refused {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}
