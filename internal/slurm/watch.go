package slurm

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// WatchOptions say how often a Watch takes a snapshot.
type WatchOptions struct {
	Take     func(context.Context) Snapshot
	Interval time.Duration // between the starts of two snapshots
	Starting time.Duration // likewise, while instances boot: no log says when a node registers
	Soonest  time.Duration // between two, when one is asked for
	Slow     time.Duration // a snapshot that takes longer, as the one before it did, doubles the interval
	Longest  time.Duration // of the interval; below MinJobAge (300 s), or finished jobs are missed
}

// DefaultWatchOptions leave Take to the caller.
func DefaultWatchOptions() WatchOptions {
	return WatchOptions{Interval: time.Minute, Starting: 7 * time.Second, Soonest: 5 * time.Second, Slow: 5 * time.Second,
		Longest: 4 * time.Minute}
}

// Validate reports the first option that cannot work.
func (o WatchOptions) Validate() error {
	switch {
	case o.Take == nil:
		return errors.New("slurm: Take must be set")
	case o.Soonest <= 0 || o.Starting < o.Soonest || o.Interval < o.Starting || o.Longest < o.Interval:
		return errors.New("slurm: Soonest, Starting, Interval and Longest must be positive and in that order")
	case o.Slow <= 0:
		return errors.New("slurm: Slow must be positive")
	}
	return nil
}

// Watch keeps the latest snapshot of a cluster, for all who read it.
type Watch struct {
	o   WatchOptions
	ask chan struct{} // holds a request for a snapshot that has not begun

	mu       sync.Mutex
	latest   Snapshot
	interval time.Duration
	slow     bool          // the latest took longer than Slow
	taken    chan struct{} // closed when the next snapshot is there
}

// NewWatch returns a Watch that takes snapshots while Run runs.
func NewWatch(o WatchOptions) (*Watch, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Watch{o: o, ask: make(chan struct{}, 1), interval: o.Interval, taken: make(chan struct{})}, nil
}

// Run takes a snapshot at once and then one at each interval, until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-w.ask: // this one answers it
		default:
		}
		began := time.Now()
		s := w.o.Take(ctx)
		if ctx.Err() != nil {
			return // the commands were ended: that is not a state of the cluster
		}
		w.keep(s)
		if !w.wait(ctx, began) {
			return
		}
	}
}

// share is the part of the time that slurmctld spends on us at most while instances boot, as a
// divisor.
const share = 20

// keep makes s the latest, and the interval longer while slurmctld is slow, or shorter while
// instances boot. One slow answer alone makes it no longer than usual: a slurmctld that starts lets those
// wait who ask first, and nodes that registered meanwhile are to be seen soon.
func (w *Watch) keep(s Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.slow
	w.slow = s.Took() > w.o.Slow
	switch took := s.Took(); {
	case w.slow && before:
		w.interval = min(2*max(w.interval, w.o.Interval), w.o.Longest)
	case w.slow:
		w.interval = max(w.interval, w.o.Interval)
	case slices.ContainsFunc(s.Nodes, booting):
		w.interval = min(max(w.o.Starting, share*took), w.o.Interval)
	default:
		w.interval = w.o.Interval
	}
	w.latest = s
	close(w.taken)
	w.taken = make(chan struct{})
}

// booting reports whether the node has an instance that has not registered yet.
func booting(n Node) bool { return n.Has("powering_up") && n.Address != "" && n.Address != n.Name }

// wait returns when the next snapshot is due: after the interval, or when one was asked
// for and Soonest has passed. A slow slurmctld is not asked more often on request.
func (w *Watch) wait(ctx context.Context, began time.Time) bool {
	interval := w.Interval()
	timer := time.NewTimer(time.Until(began.Add(interval)))
	defer timer.Stop()
	asked := w.ask
	if interval > w.o.Interval {
		asked = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-asked:
	}
	timer.Reset(time.Until(began.Add(w.o.Soonest)))
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Ask asks for a snapshot soon. It does not wait for it.
func (w *Watch) Ask() {
	select {
	case w.ask <- struct{}{}:
	default: // one is asked for already
	}
}

// Latest returns the latest snapshot; its Time is zero before the first one.
func (w *Watch) Latest() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest
}

// Interval is the current interval between two snapshots.
func (w *Watch) Interval() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.interval
}

// Since returns a snapshot that did not begin before t: the latest one, or the next one, which it
// asks and waits for until ctx ends.
func (w *Watch) Since(ctx context.Context, t time.Time) (Snapshot, error) {
	for {
		w.mu.Lock()
		latest, taken := w.latest, w.taken
		w.mu.Unlock()
		if !latest.Time.IsZero() && !latest.Time.Before(t) {
			return latest, nil
		}
		w.Ask()
		select {
		case <-ctx.Done():
			return Snapshot{}, ctx.Err()
		case <-taken:
		}
	}
}
