// Package ship takes the samples that the head scraped to the workspaces, and
// knows of each one what became of it.
//
// # The way of a sample
//
// Whoever scrapes encodes a series' labels once, external labels among them, and
// hands over a page of samples that refer to them (package sample, Take). For each
// remote write they go through write_relabel_configs and into the bytes of remote
// write 1.0 (sheet.go, wire.go). The samples of each lane, which the hash of their
// labels names, are compressed and written to its queue on disk (take.go, package
// queue): from then on they count as taken. One goroutine a
// lane reads the queue, joins what was written to requests of the right size,
// signs, sends, and says what became of them (lane.go): one request in flight a
// lane, so that a series keeps its order from end to end.
//
// # What an answer means
//
// 2xx: delivered. A 400 refuses some samples of a batch: they are isolated, so that
// they cost themselves only (isolate.go), and then are uncertain, or wait apart until a
// limit is lifted (apart.go, probe.go). 413: requests become smaller. Everything else,
// and no answer at all: the samples stay and are sent again, after a wait that doubles,
// at the time Retry-After names, at the rate the receiver was found to accept, with
// credentials that are fetched anew when they were refused (package receiver).
//
// Samples end without an answer when they are older than the receiver takes, when
// the queue outgrew its limit, and when the disk fails: each is counted with its
// reason. docs/delivery.md says all this for operators.
package ship

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/sample"
	"github.com/parascope/parascope/internal/ship/dirlock"
)

const (
	// flushTimeout bounds how long Close sends what is left: it is safe on disk, and
	// whoever stops a head waits.
	flushTimeout = time.Second
	// tick is how often the queues are synced to the disk: what power loss costs.
	tick = time.Second
	// sweep is how often what relabelling makes of series is forgotten.
	sweep = 10 * time.Minute
	// spareSheets are kept with their buffers, of 1 MB for a page of 6,000 series:
	// few pages are taken at the same time. A sync.Pool would let go of them at
	// each collection.
	spareSheets = 2
)

// Options are what a Ship is made of. All are needed; DefaultOptions lacks Dir and
// Registerer.
type Options struct {
	Dir             string // of the queues
	Lanes           int    // of each remote write
	MaxBytes        int64  // on disk, of each remote write
	MaxRequestBytes int    // of a request before compression
	Logger          *slog.Logger
	Registerer      prometheus.Registerer
	// Metadata is what targets say of their metrics now, each piece once.
	Metadata func() []sample.Metadata
	// Now is the machine's clock, which may be set while we run, and Elapsed one
	// that only runs.
	Now     func() time.Time
	Elapsed func() time.Duration
}

// DefaultOptions are those for AMP, with the system's clocks, no log and no
// metadata. The lanes are enough to keep a receiver busy that is 100 ms away: 80
// requests a second. AMP's quota of 1 MB for a request does not say whether it
// counts before or after compression.
func DefaultOptions() Options {
	began := time.Now()
	return Options{
		Lanes: 8, MaxBytes: queue.DefaultOptions().MaxBytes, MaxRequestBytes: 1 << 20,
		Logger: slog.New(slog.DiscardHandler), Metadata: func() []sample.Metadata { return nil },
		Now: time.Now, Elapsed: func() time.Duration { return time.Since(began) },
	}
}

// Validate returns an error that says what Open does not accept.
func (o Options) Validate() error {
	if o.Lanes < 1 || o.MaxBytes < 1 || o.MaxRequestBytes < 1 {
		return fmt.Errorf("ship: %d lanes, %d bytes on disk, requests of %d bytes: each must be at least 1", o.Lanes, o.MaxBytes,
			o.MaxRequestBytes)
	}
	if o.Logger == nil || o.Registerer == nil || o.Metadata == nil || o.Now == nil || o.Elapsed == nil {
		return errors.New("ship: Logger, Registerer, Metadata, Now and Elapsed must be set")
	}
	return nil
}

// Ship is the way out.
type Ship struct {
	options Options
	logger  *slog.Logger
	wall    func() time.Time
	elapsed func() time.Duration
	sheets  chan *sheet // that are not in use
	unlock  func() error

	closeOnce func() error

	mu      sync.RWMutex
	remotes []*remote // in the order of the configuration, then those that it does not name
	live    []*remote // those that take samples

	ctx    context.Context
	cancel context.CancelFunc
	ticker sync.WaitGroup
}

// Open opens the queues in o.Dir, and begins to age what no configuration names.
// A directory that another process has open is an error with hint.Busy. Nothing
// is sent before ApplyConfig. ctx gives values only; Close ends everything.
func Open(ctx context.Context, o Options) (*Ship, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Ship{options: o, logger: o.Logger, wall: o.Now, elapsed: o.Elapsed, sheets: make(chan *sheet, spareSheets)}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, hint.New(hint.BadInput, fmt.Errorf("could not create queue directory: %w", err),
			"give --storage.agent.path a writable directory")
	}
	s.closeOnce = sync.OnceValue(s.close)
	var err error
	if s.unlock, err = dirlock.Take(o.Dir); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.openLeftBehind(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := o.Registerer.Register(delivery.Collector{Status: s.Status}); err != nil {
		return nil, errors.Join(fmt.Errorf("could not register delivery metrics: %w", err), s.Close())
	}
	s.ticker.Go(s.tick)
	return s, nil
}

// openLeftBehind opens what earlier runs left; ApplyConfig says which of them
// still have a section.
func (s *Ship) openLeftBehind() error {
	entries, err := os.ReadDir(s.options.Dir)
	if err != nil {
		return fmt.Errorf("could not list queues: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), remotePrefix) || queue.IsAside(e.Name()) {
			continue
		}
		if err := s.age(e.Name()); err != nil {
			s.logger.Error("could not open the queue of an earlier run; its samples are kept", "queue", e.Name(), "err", err)
		}
	}
	return nil
}

// ApplyConfig sends as the configuration's remote_write says from now on. A
// section that is there already, by name or else by URL, keeps its queue; what a
// section that is gone still has waits until it is too old. An error changes
// nothing.
func (s *Ship) ApplyConfig(c *config.Config) error {
	ids, sets, err := newSets(s.ctx, c)
	if err != nil {
		closeSets(sets)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	live, err := s.takingRemotes(ids)
	if err != nil {
		closeSets(sets)
		return err
	}
	for i, r := range live {
		sets[ids[i]].maxBytes = s.options.MaxRequestBytes
		sets[ids[i]].tell(r.logger, c.GlobalConfig.ExternalLabels)
		r.configure(sets[ids[i]])
	}
	all := slices.Clone(live)
	for _, r := range s.remotes {
		if sets[r.id] != nil {
			continue
		}
		if r.configured.Swap(false) {
			r.logger.Warn("remote_write was removed from the configuration; its queued samples are kept until they are too old")
		}
		r.takeNothing()
		all = append(all, r)
	}
	s.remotes, s.live = all, live
	return nil
}

// takingRemotes returns the remotes with the ids, in a state that takes samples.
// When one of them cannot be opened, what was there before is there again. The
// caller holds mu.
func (s *Ship) takingRemotes(ids []string) ([]*remote, error) {
	var all, opened []*remote
	for _, id := range ids {
		i := slices.IndexFunc(s.remotes, func(r *remote) bool { return r.id == id })
		if i >= 0 && slices.Contains(s.live, s.remotes[i]) {
			all = append(all, s.remotes[i])
			continue
		}
		var aging *remote
		if i >= 0 {
			aging = s.remotes[i]
		}
		r, err := s.reopen(id, aging)
		if err != nil {
			for _, r := range opened {
				err = errors.Join(err, s.giveBack(r))
			}
			return nil, err
		}
		all, opened = append(all, r), append(opened, r)
	}
	for _, r := range opened {
		var before queue.Ledger
		for _, q := range r.queues {
			before.Add(q.Ledger())
		}
		r.traffic.Start(s.elapsed(), before.Taken, before.Delivered)
		s.replace(r)
		r.start(s.ctx)
	}
	return all, nil
}

// reopen opens a remote to take samples, whose directory another one may have
// open to age what is in it.
func (s *Ship) reopen(id string, aging *remote) (*remote, error) {
	if aging == nil {
		_, err := os.Stat(filepath.Join(s.options.Dir, id))
		r, openErr := s.openRemote(id, true)
		if openErr == nil {
			r.fresh = os.IsNotExist(err)
		}
		return r, openErr
	}
	if err := aging.stop(); err != nil {
		return nil, errors.Join(err, s.age(id))
	}
	r, err := s.openRemote(id, true)
	if err != nil {
		return nil, errors.Join(err, s.age(id))
	}
	if aging.uncounted {
		r.lostUncounted()
	}
	return r, nil
}

// giveBack closes a remote that was opened to take samples and is not to.
func (s *Ship) giveBack(r *remote) error {
	err := r.close()
	if r.fresh {
		return errors.Join(err, os.RemoveAll(filepath.Join(s.options.Dir, r.id)))
	}
	return errors.Join(err, s.age(r.id))
}

// age opens a remote that no configuration names.
func (s *Ship) age(id string) error {
	r, err := s.openRemote(id, false)
	if err != nil {
		return err
	}
	r.recall()
	s.replace(r)
	r.start(s.ctx)
	return nil
}

// replace puts a remote in the place of the one with its id, or at the end. Others
// read the list that was there. The caller holds mu, or is alone.
func (s *Ship) replace(r *remote) {
	s.remotes = slices.Clone(s.remotes)
	if i := slices.IndexFunc(s.remotes, func(o *remote) bool { return o.id == r.id }); i >= 0 {
		s.remotes[i] = r
		return
	}
	s.remotes = append(s.remotes, r)
}

// Check reports what ApplyConfig would refuse about the configuration's
// remote_write sections, and notes the keys that are not heeded as they stand.
func Check(ctx context.Context, c *config.Config) (notes []string, err error) {
	ids, sets, err := newSets(ctx, c)
	defer closeSets(sets)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		name := cmp.Or(sets[id].config.Name, receiver.PublicURL(sets[id].config.URL.URL))
		for _, n := range sets[id].notes() {
			notes = append(notes, fmt.Sprintf("remote_write %s, %s: %s", name, n.key, n.why))
		}
	}
	return notes, nil
}

// closeSets gives back what settings hold that are not put in force.
func closeSets(sets map[string]*settings) {
	for _, set := range sets {
		set.close()
	}
}

// newSets makes the settings of each remote_write section, by its remote's id; ids
// has their order.
func newSets(ctx context.Context, c *config.Config) (ids []string, sets map[string]*settings, err error) {
	sets = map[string]*settings{}
	for _, rw := range c.RemoteWriteConfigs {
		id := remoteID(rw)
		for n := 2; sets[id] != nil; n++ { // sections without names for one URL, as Prometheus takes them
			if reflect.DeepEqual(sets[id].config, rw) {
				return nil, sets, hint.New(hint.BadInput, fmt.Errorf("two identical remote_write sections for %s", receiver.PublicURL(rw.URL.URL)),
					"delete one of the two sections")
			}
			id = fmt.Sprintf("%s-%d", remoteID(rw), n)
		}
		set, err := newSettings(ctx, c, rw)
		if err != nil {
			return nil, sets, err
		}
		sets[id] = set
		ids = append(ids, id)
	}
	return ids, sets, nil
}

func (s *Ship) liveRemotes() []*remote {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.live
}

func (s *Ship) allRemotes() []*remote {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.remotes
}

// tick syncs the queues, measures rates and forgets what relabelling made.
func (s *Ship) tick() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	swept := s.elapsed()
	for {
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
		for _, r := range s.allRemotes() {
			r.tick(s.elapsed())
		}
		if now := s.elapsed(); now-swept > sweep {
			swept = now
			for _, r := range s.liveRemotes() {
				r.settings.Load().forget()
			}
		}
	}
}

func (r *remote) tick(now time.Duration) {
	var sum queue.Ledger
	r.shareLimit()
	for _, q := range r.queues {
		if err := q.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			r.diskTrouble(err)
		}
		sum.Add(q.Ledger())
	}
	r.traffic.Tick(now, sum.Taken, sum.Delivered)
	// Some losses have no batch that could tell of them: what was too old when it
	// was scraped, what could not be written, what is damaged on disk.
	if why, dropped := sum.WorstDrop(*r.seen.Swap(&sum.Outcome)); dropped {
		r.health.Loss(r.wall(), why.String())
	}
}

// Close takes nothing more, sends what it can within a second (flushTimeout), and closes the
// queues. What is left is sent after the next start. Further calls return what the
// first one returned.
func (s *Ship) Close() error { return s.closeOnce() }

func (s *Ship) close() error {
	for _, r := range s.liveRemotes() {
		r.takeNothing()
	}
	s.drain()
	s.cancel()
	s.ticker.Wait()
	var errs []error
	for _, r := range s.allRemotes() {
		errs = append(errs, r.stop())
	}
	return errors.Join(append(errs, s.unlock())...)
}

// drain waits until all that can be sent is sent.
func (s *Ship) drain() {
	deadline := time.NewTimer(flushTimeout)
	defer deadline.Stop()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for slices.ContainsFunc(s.liveRemotes(), func(r *remote) bool { return !r.empty() && !r.health.Failing() }) {
		select {
		case <-poll.C:
		case <-deadline.C:
			return
		}
	}
}
