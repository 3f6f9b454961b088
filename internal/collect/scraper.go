package collect

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
)

const (
	// readingDeadline bounds one collector's reading where the collector has no
	// deadline of its own.
	readingDeadline = 3 * time.Second
	// pageDeadline bounds the reading of all, below Prometheus' 10 s for a scrape.
	pageDeadline = 8 * time.Second
	// absentAgain is how long a collector of something that the machine does not have
	// is left alone.
	absentAgain = time.Minute
)

var (
	errHung         = errors.New("the previous read has not finished")
	errDeadline     = errors.New("did not finish in time")
	errPageDeadline = errors.New("earlier collectors used up the time limit of the scrape")
)

// Scraper reads collectors and makes pages of them. Its methods may be called
// concurrently: callers that come while a page is being read get that page.
type Scraper struct {
	env       page.Env
	maxSeries int
	units     []*unit
	worker    *worker

	reading chan struct{} // holds one token; whoever has it reads
	mu      sync.Mutex    // guards flights, free and each flight's refs
	flights []*flight
	free    [][]byte

	process *process  // nil if the page says nothing about it
	own     page.Page // what the scraper says itself
	leftOut []leftOut // of the page before
}

// unit is a collector with what it has read.
type unit struct {
	page.Collector
	page    page.Page   // the worker's while running
	running atomic.Bool // a worker is in it, perhaps a given-up one
	reader  page.Reader // the worker's

	err      error // of the last reading
	took     time.Duration
	lastOK   bool
	absentAt time.Time // when ErrAbsent was said; zero otherwise
}

// flight is a page that is being read or delivered. Callers share it.
type flight struct {
	set  uint64
	done chan struct{}
	body []byte
	refs int // callers that hold it; guarded by Scraper.mu
}

// NewScraper makes a Scraper of the collectors, at most 64. maxSeries bounds a page's
// series; 0 is no bound.
func NewScraper(env page.Env, maxSeries int, collectors []page.Collector) *Scraper {
	env.Reserved = reserved(collectors)
	s := &Scraper{env: env, maxSeries: maxSeries, reading: make(chan struct{}, 1)}
	s.reading <- struct{}{}
	for _, c := range collectors {
		u := &unit{Collector: c, lastOK: true}
		u.page.Full = env.Full
		s.units = append(s.units, u)
	}
	return s
}

// reserved are the names that the collectors and the page itself use.
func reserved(collectors []page.Collector) map[string]bool {
	names := map[string]bool{}
	for _, c := range append(slices.Clone(collectors), own) {
		for _, f := range c.Families {
			names[f.Name] = true
		}
	}
	return names
}

// Names are the collectors' names in their order.
func (s *Scraper) Names() []string {
	names := make([]string, len(s.units))
	for i, u := range s.units {
		names[i] = u.Name
	}
	return names
}

// all is the set of every collector.
func (s *Scraper) all() uint64 { return 1<<len(s.units) - 1 }

// Set is the set of the named collectors.
func (s *Scraper) Set(names []string) (set uint64, err error) {
	for _, name := range names {
		i := slices.IndexFunc(s.units, func(u *unit) bool { return u.Name == name || u.Also == name && name != "" })
		if i < 0 {
			return 0, fmt.Errorf("there is no collector %q", name)
		}
		set |= 1 << i
	}
	return set, nil
}

// Page calls use with the page of the collectors in set. The bytes are valid until
// use returns.
func (s *Scraper) Page(set uint64, use func([]byte)) {
	f, own := s.join(set)
	if own {
		<-s.reading
		s.read(f)
		s.mu.Lock()
		s.flights = slices.DeleteFunc(s.flights, func(other *flight) bool { return other == f })
		s.mu.Unlock()
		s.reading <- struct{}{}
		close(f.done)
	} else {
		<-f.done
	}
	defer s.release(f)
	use(f.body)
}

// join returns the page that is being read of the same collectors, or will be. own says
// that there was none and the caller reads the one that it is given.
func (s *Scraper) join(set uint64) (f *flight, own bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.flights {
		if f.set == set {
			f.refs++
			return f, false
		}
	}
	f = &flight{set: set, done: make(chan struct{}), refs: 1}
	if n := len(s.free); n > 0 {
		f.body, s.free = s.free[n-1][:0], s.free[:n-1]
	}
	s.flights = append(s.flights, f)
	return f, true
}

// maxFree is how many pages' memory is kept between scrapes.
const maxFree = 2

func (s *Scraper) release(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.refs--; f.refs == 0 && len(s.free) < maxFree {
		s.free = append(s.free, f.body)
	}
}

// read has the worker read the collectors of f's set and puts their samples together.
func (s *Scraper) read(f *flight) {
	start := s.env.Now()
	for i, u := range s.units {
		if f.set&(1<<i) != 0 {
			s.readUnit(u, start)
		}
	}
	s.assemble(f)
}

func (s *Scraper) readUnit(u *unit, start time.Time) {
	now := s.env.Now()
	left := pageDeadline - now.Sub(start)
	switch {
	case u.running.Load():
		u.err = errHung
	case errors.Is(u.err, page.ErrAbsent) && now.Sub(u.absentAt) < absentAgain && !now.Before(u.absentAt):
		return
	case left <= 0:
		u.page.Reset()
		u.err = errPageDeadline
	default:
		s.work(u, min(left, deadlineOf(u)))
	}
	u.took = s.env.Now().Sub(now)
	if errors.Is(u.err, page.ErrAbsent) {
		u.absentAt = now
	}
	s.note(u)
}

func deadlineOf(u *unit) time.Duration {
	if u.Deadline > 0 {
		return u.Deadline
	}
	return readingDeadline
}

// work has the worker read u and waits for it at most for the given time. A worker
// that does not come back is given up: it ends by itself when its reading does.
func (s *Scraper) work(u *unit, wait time.Duration) {
	if s.worker == nil {
		s.worker = newWorker(s.env)
	}
	u.running.Store(true)
	w := s.worker
	w.in <- u
	w.timer.Reset(wait)
	select {
	case u.err = <-w.out:
		w.timer.Stop()
	case <-w.timer.C:
		close(w.in)
		s.worker = nil
		u.err = errDeadline
	}
}

// note logs when a collector begins to fail and when it succeeds again.
func (s *Scraper) note(u *unit) {
	ok := u.err == nil || errors.Is(u.err, page.ErrAbsent)
	if ok != u.lastOK {
		if ok {
			s.env.Logger.Info("collector succeeds again", "collector", u.Name)
		} else {
			s.env.Logger.Warn("collector failed; it is retried at each scrape", "collector", u.Name, "err", u.err)
		}
	}
	u.lastOK = ok
}

// Close closes the readers. No Page may be under way or follow.
func (s *Scraper) Close() error {
	var errs []error
	if s.worker != nil {
		close(s.worker.in)
		s.worker = nil
	}
	for _, u := range s.units {
		if !u.running.Load() && u.reader != nil {
			errs = append(errs, u.reader.Close())
			u.reader = nil
		}
	}
	if s.process != nil {
		errs = append(errs, s.process.close())
	}
	return errors.Join(errs...)
}

// worker reads collectors in a goroutine of its own, so that one that hangs can be
// given up. It waits on in between readings.
type worker struct {
	env   page.Env
	in    chan *unit
	out   chan error
	timer *time.Timer
}

func newWorker(env page.Env) *worker {
	w := &worker{env: env, in: make(chan *unit), out: make(chan error, 1), timer: time.NewTimer(time.Hour)}
	go w.run()
	return w
}

func (w *worker) run() {
	for u := range w.in {
		err := u.readOnce(w.env)
		u.running.Store(false)
		w.out <- err // has room: the scraper takes one before it gives the next
	}
}

// drop closes the reader and forgets it; the next reading opens another.
func (u *unit) drop() {
	r := u.reader
	u.reader = nil
	defer func() { recover() }() // it has panicked before
	if r != nil {
		r.Close()
	}
}

// readOnce opens the collector if need be and reads it into u.page.
func (u *unit) readOnce(env page.Env) (err error) {
	u.page.Reset()
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the collector panicked: %v", cause)
			u.drop() // its state may be half of one
		}
		if err != nil {
			u.page.Reset()
		}
	}()
	if u.reader == nil {
		env.Logger = env.Logger.With(slog.String("collector", u.Name))
		if u.reader, err = u.Open(env); err != nil {
			u.reader = nil
			return err
		}
	}
	if err := u.reader.Read(&u.page); err != nil {
		return err
	}
	return u.page.Err()
}
