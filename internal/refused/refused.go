// Package refused keeps the series of a lane that its receiver refuses, and asks about
// them until it takes them, so that others need not wait.
package refused

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/wire"
)

// Lane is what an Area needs of the lane that it belongs to.
type Lane struct {
	Queue      *queue.Lane
	Elapsed    func() time.Duration // a clock that is never set
	Wall       func() time.Time
	Configured func() bool                 // whether requests may be made
	Oldest     func() int64                // what is from before it is too old, Unix milliseconds
	Limit      func() (samples, bytes int) // of a request
	MaxBackoff func() time.Duration
	Extra      func(k Kind, n int) bool // takes n extra requests, if they may be made
	Pace       time.Duration            // of offers
	Lifts      *Lifts                   // of the remote write
	// Post makes a request, unless it returns false; Retry notes an answer that is not
	// final, and waits; Good notes a 2xx, and Answered another final answer.
	Post     func(ctx context.Context, body []byte, samples int) (receiver.Answer, int, bool)
	Retry    func(ctx context.Context, a receiver.Answer, epoch, samples int)
	Good     func()
	Answered func()
	// Doubt, Outcome, DiskTrouble and DiskFailed tell people.
	Doubt       func(a receiver.Answer, series string)
	Outcome     func(queue.Outcome)
	DiskTrouble func(error)
	DiskFailed  func(error)
}

// Area are the series of a lane that the receiver refuses, and what waits of them apart
// (queue.Lane.Apart). The lane's goroutine works on it; Status may be called by all.
//
// A series comes here alone, when it was refused alone, or in a group, when there were
// no extra requests left to find out which of the group are refused. Groups are asked
// about as soon as there are, and split until each series is taken or stands alone;
// meanwhile what comes of them is offered (offer.go).
// Those that stand alone are asked about together, once a minute. What is taken goes out in
// order, and then its series is one like others again.
type Area struct {
	Lane

	series  map[wire.SeriesID]*refused
	groups  []group // to be asked about, the first one next
	pools   [2]pool // of series that stand alone: refused for a limit, and for what they are
	most    int     // samples of a request; 0: as settings say
	failing bool    // the last request was not answered finally
	trimmed time.Duration
	strikes map[wire.SeriesID]strike // refusals of single samples

	offers    []numbered // of this round, that are to be made
	offerDue  time.Duration
	askedAt   time.Duration // when something older was refused before an offer
	offered   queue.Cursor  // what is before it needs not be offered
	searches  bool          // a group was asked about just now
	starved   bool          // the next offer waits until extra requests may be made
	partial   bool          // the receiver was seen to store what it accepts of a request
	lifts     uint64        // that are heeded
	flushedAt time.Duration

	mu  sync.Mutex // of what Status reads
	now delivery.Refused
}

// Refusal is a part of a request that the receiver refused for a limit, or for reasons
// that are not known.
type Refusal struct {
	Raw   []byte // series, uncompressed
	Why   string
	Alone bool // its series was refused standing alone
	Mixed bool // it was in a request of which some was refused, or without an answer: the receiver may have it
	Limit bool // the words were those of a limit: the receiver stored the rest of the request
}

// refused is a series.
type refused struct {
	held    bool            // its samples go apart
	alone   bool            // it was refused standing alone
	never   bool            // for what it is, not for a limit
	reason  queue.Uncertain // of never
	blamed  bool            // of never: it was named, or refused by itself, when it was last asked about
	settled uint64          // its samples before this running number are settled
	probed  uint64          // those before this one were in a request of which some was refused, or that had no answer
	tried   uint64          // those before this one were sent while it was in a group
	waits   int
	since   time.Time
	name    string
	why     string
}

// group are series that are asked about together.
type group struct {
	ids   []wire.SeriesID
	taken bool // the receiver took the last request: what is left of them follows
	from  queue.Cursor

	refused bool   // some of them are
	flushed bool   // a limit was lifted: all that waits is sent, whatever the receiver has
	after   uint64 // of flushed: samples before this running number were sent, and refused in part
}

// pool says when and how many of the series that stand alone are asked about next.
type pool struct {
	due   time.Duration
	size  int             // 0: all
	last  wire.SeriesID   // that was asked about
	left  int             // how many are asked about without waiting, as others were taken
	taken bool            // some of those that were asked about since then were taken
	again bool            // the next request follows from the last answer: it is one that searches
	rest  []wire.SeriesID // of never: those that the last request left out, and that are asked about now
}

// strike is how many samples of a series were refused, and when the last one was.
type strike struct {
	n  int
	at time.Duration
}

const (
	limited = 0
	never   = 1
	// idle is how often what waits is looked at.
	idle = time.Second
	// ProbeEvery is how often a pool is asked about.
	ProbeEvery = time.Minute
	// maxRefused bounds the series of a lane that are remembered. Samples of further
	// ones are uncertain{limit}.
	maxRefused = 10_000
	// maxStrikes bounds the series whose single samples were refused.
	maxStrikes = 1000
	// strikesOut is how many samples must be refused for what they are until their
	// series goes apart, each within strikesLast of the one before.
	strikesOut  = 2
	strikesLast = 10 * time.Minute
	// ShownSeries is how many series the status names.
	ShownSeries = 10
)

// Failing reports whether the last request was not answered finally.
func (a *Area) Failing() bool { return a.failing }

// Held is how many series are held.
func (a *Area) Held() (n int) {
	for _, s := range a.series {
		if s.held {
			n++
		}
	}
	return n
}

// Has reports whether a series is held.
func (a *Area) Has(id wire.SeriesID) bool {
	s := a.series[id]
	return s != nil && s.held
}

// knows reports whether all samples are of series that are held.
func (a *Area) knows(all []wire.Point) bool {
	return !slices.ContainsFunc(all, func(p wire.Point) bool { return !a.Has(p.Series) })
}

// get returns a series, which is made if need be.
func (a *Area) get(p wire.Point) *refused {
	s := a.series[p.Series]
	if s == nil {
		s = &refused{}
		if a.series == nil {
			a.series = map[wire.SeriesID]*refused{}
		}
		a.series[p.Series] = s
	}
	if s.name == "" && p.Framed != nil {
		s.name = wire.Shown(p.Framed)
	}
	return s
}

// note remembers samples that were put apart from the running number on.
func (a *Area) note(r Refusal, all []wire.Point, from uint64) {
	var fresh []wire.SeriesID
	end := a.Queue.ApartEnd()
	for _, p := range all {
		s := a.get(p)
		s.waits++
		if r.Mixed {
			s.probed, s.tried = end, end
		}
		if s.held {
			s.alone = s.alone || r.Alone
			continue
		}
		s.held, s.alone, s.never, s.why, s.since = true, r.Alone, false, r.Why, a.Wall()
		s.settled = max(s.settled, from)
		if !r.Alone {
			fresh = append(fresh, p.Series)
		}
	}
	if len(fresh) > 0 {
		if len(a.undecided()) == 0 {
			a.offerDue = a.Elapsed() + a.Pace // these samples were sent just now
		}
		a.groups = append(a.groups, group{ids: fresh, refused: true})
		a.partial = a.partial || r.Limit
	}
	if r.Alone && a.pools[limited].due == 0 {
		a.pools[limited].due = a.Elapsed() + ProbeEvery
	}
}

// Strike notes that a sample was refused for what it is, and stood alone. A series
// whose labels are refused, or that is refused again and again, is held: others then
// cost no extra requests.
func (a *Area) Strike(p wire.Point, answer receiver.Answer) {
	if len(a.strikes) >= maxStrikes || a.strikes == nil {
		a.strikes = map[wire.SeriesID]strike{}
	}
	last, now := a.strikes[p.Series], a.Elapsed()
	if now-last.at >= strikesLast {
		last.n = 0
	}
	a.strikes[p.Series] = strike{last.n + 1, now}
	if answer.Reason != queue.InvalidLabels && last.n+1 < strikesOut || a.Held() >= maxRefused {
		return
	}
	delete(a.strikes, p.Series)
	s := a.get(p)
	s.held, s.alone, s.never, s.reason, s.why, s.since = true, true, true, answer.Reason, answer.Text, a.Wall()
	s.blamed = answer.Reason == queue.InvalidLabels
	s.settled = max(s.settled, a.Queue.ApartEnd())
	if a.pools[never].due == 0 {
		a.pools[never].due = a.Elapsed() + ProbeEvery
	}
	a.publish()
}

// Begin finds out what an earlier run left apart. An error is about the disk: it is to be
// called again.
func (a *Area) Begin(l Lane) error {
	a.Lane, a.series, a.groups = l, nil, nil
	if a.Queue.ApartWaits() == 0 {
		a.Queue.EndApart()
		return nil
	}
	for _, notes := range []bool{true, false} {
		end, err := a.each(func(e queue.ApartEntry) error {
			if e.Note != notes {
				return nil
			}
			if notes {
				a.readNote(e.Body)
				return nil
			}
			all, err := expandPoints(e.Body)
			if err != nil {
				a.DiskTrouble(err)
			}
			for i, p := range all {
				if s := a.get(p); e.From+uint64(i) >= s.settled {
					s.waits++
				}
			}
			return nil
		})
		if a.offered = end; err != nil {
			return err
		}
	}
	var all []wire.SeriesID
	for id, s := range a.series {
		if s.held = s.waits > 0; s.held {
			s.since, s.why, s.probed = a.Wall(), "refused before the head was started", a.Queue.ApartEnd()
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		a.Queue.EndApart() // what should be there is not
		return nil
	}
	slices.Sort(all)
	a.groups = append(a.groups, group{ids: all})
	a.publish()
	return nil
}

// each reads all that waits apart, and returns where it ends.
func (a *Area) each(f func(queue.ApartEntry) error) (queue.Cursor, error) {
	for c := (queue.Cursor{}); ; {
		e, next, ok, err := a.Queue.Apart(c)
		if err != nil || !ok {
			return c, err
		}
		if err := f(e); err != nil {
			return c, err
		}
		c = next
	}
}

// A note says of series up to which running number their samples are settled.
func writeNote(upTo map[wire.SeriesID]uint64) []byte {
	var b []byte
	for id, to := range upTo {
		b = binary.LittleEndian.AppendUint64(b, uint64(id))
		b = binary.LittleEndian.AppendUint64(b, to)
	}
	return b
}

func (a *Area) readNote(b []byte) {
	for ; len(b) >= 16; b = b[16:] {
		s := a.get(wire.Point{Series: wire.SeriesID(binary.LittleEndian.Uint64(b))})
		s.settled = max(s.settled, binary.LittleEndian.Uint64(b[8:]))
	}
}

// record makes a record of samples.
func record(all []wire.Point) (queue.Batch, []byte) {
	b := queue.Batch{Samples: uint32(len(all)), MinTime: all[0].Millis, MaxTime: all[0].Millis}
	var raw []byte
	for _, p := range all {
		b.MinTime, b.MaxTime = min(b.MinTime, p.Millis), max(b.MaxTime, p.Millis)
		raw = append(raw, p.Framed...)
	}
	b.RawBytes = uint32(len(raw))
	buf := make([]byte, queue.HeaderBytes+s2.MaxEncodedLen(len(raw)))
	return b, buf[:queue.HeaderBytes+len(s2.EncodeSnappy(buf[queue.HeaderBytes:], raw))]
}

func expandPoints(body []byte) ([]wire.Point, error) {
	raw, err := s2.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	return wire.Points(raw)
}

// Trim drops what waits apart while the lane holds too much, and what is from before
// millis; and lets go of what is settled.
func (a *Area) Trim(millis int64) {
	if a.Queue == nil {
		return // the lane waits for an older queue
	}
	for {
		e, _, ok, err := a.Queue.Apart(queue.Cursor{})
		if err != nil {
			a.DiskTrouble(err)
			return
		}
		if !ok {
			break
		}
		if e.Note {
			a.Queue.PassApart(e, queue.Outcome{})
			continue
		}
		all, err := expandPoints(e.Body)
		if err != nil {
			a.DiskTrouble(err)
		}
		var open []*refused
		o := queue.Outcome{}
		why := queue.TooOld
		over := a.Queue.Over()
		if over {
			why = queue.QueueFull
		}
		for i, p := range all {
			number := e.From + uint64(i)
			s := a.series[p.Series]
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
		a.Queue.PassApart(e, o)
		a.Outcome(o)
		a.publish()
	}
	if a.Queue.ApartWaits() > 0 || a.Queue.ApartBytes() > 0 {
		a.Queue.EndApart()
	}
	for id, s := range a.series {
		if !s.held {
			delete(a.series, id)
		}
	}
}

// publish makes what Status reads.
func (a *Area) publish() {
	var now delivery.Refused
	for _, s := range a.series {
		if !s.held {
			continue
		}
		now.Series++
		now.Samples += max(s.waits, 0)
		now.Named = append(now.Named, delivery.RefusedSeries{Series: s.name, Since: s.since.UTC(), Waiting: max(s.waits, 0), Text: s.why})
	}
	now.Trim(ShownSeries)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = now
}

// Status is what is refused now.
func (a *Area) Status() delivery.Refused {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// Put ends an entry some of whose samples are to wait apart; o is what became of the
// others, and what is returned of all that do not wait. Where they cannot be kept, those
// that the receiver may have are uncertain.
func (a *Area) Put(e queue.Entry, o queue.Outcome, parts []Refusal) queue.Outcome {
	var all []wire.Point
	from := a.Queue.ApartEnd()
	type mark struct {
		Refusal
		points []wire.Point
	}
	var marks []mark
	var lost queue.Outcome // of those that cannot be kept
	for _, r := range parts {
		some, err := wire.Points(r.Raw)
		if err != nil {
			a.DiskTrouble(err) // its checksum was right, so this is a fault of ours
		}
		if room := maxRefused - a.Held(); !a.knows(some) && room < len(some) {
			o.Uncertain[queue.SeriesLimit] += uint64(len(some))
			continue
		}
		if r.Mixed {
			lost.Uncertain[queue.SeriesLimit] += uint64(len(some))
		} else {
			lost.Dropped[queue.Disk] += uint64(len(some))
		}
		all = append(all, some...)
		marks = append(marks, mark{r, some})
	}
	if len(all) == 0 {
		a.Queue.Done(e, o)
		return o
	}
	b, buf := record(all)
	if err := a.Queue.DoneApart(e, o, lost, b, buf); err != nil {
		tell := a.DiskTrouble
		if lost.Dropped[queue.Disk] > 0 {
			tell = a.DiskFailed
		}
		tell(err)
		o.Add(lost)
		return o
	}
	for _, m := range marks {
		a.note(m.Refusal, m.points, from)
	}
	a.publish()
	return o
}
