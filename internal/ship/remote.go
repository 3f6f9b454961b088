package ship

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/config"

	"github.com/parascope/parascope/internal/delivery"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/queue"
	"github.com/parascope/parascope/internal/receiver"
	"github.com/parascope/parascope/internal/refused"
)

// remote is one remote_write with its queue. It outlives reloads, and its
// configuration: what it still has when the section is gone stays until it is
// too old.
type remote struct {
	ship       *Ship
	id         string // name of its directory
	fresh      bool   // its directory was made with it
	uncounted  bool   // a directory of it was set aside with its counts
	logger     *slog.Logger
	settings   atomic.Pointer[settings]
	configured atomic.Bool
	clock      *receiver.Clock
	pace       *receiver.Pace
	size       *receiver.Size
	extra      *refused.Extra
	lifts      refused.Lifts
	accepted   atomic.Uint64 // requests that were answered 2xx
	health     delivery.Health
	traffic    delivery.Traffic
	seen       atomic.Pointer[queue.Outcome] // as of the last tick

	queues []*queue.Queue // the last one takes samples; the others are drained first
	taking []sync.Mutex   // one a lane of the last queue, held while it takes
	aside  queue.Aside    // beside what the queues have
	closed atomic.Bool    // nothing is taken any more
	hurry  chan struct{}  // closed when lanes are to send without waiting for more
	spare  chan []byte    // room for a record

	nameMu sync.Mutex // of name and url, which a reload may change, of aside, and of areas
	name   string
	url    string
	areas  []*refused.Area // of all lanes, made by start

	cancel  context.CancelFunc
	running sync.WaitGroup
}

const remotePrefix = "remote-"

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

// remoteID is what a queue is found by again: the section's name, or else its
// URL. Queue, position and ledger belong to it.
func remoteID(c *config.RemoteWriteConfig) string {
	if c.Name == "" {
		return remotePrefix + "url-" + digest(c.URL.String())
	}
	if plainName.MatchString(c.Name) && !queue.IsAside(c.Name) {
		return remotePrefix + "name-" + c.Name
	}
	return remotePrefix + "name-" + digest(c.Name)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

// openRemote opens the queues in the remote's directory: those that earlier runs
// left with another number of lanes, and with live the one that takes samples.
func (s *Ship) openRemote(id string, live bool) (_ *remote, err error) {
	r := &remote{
		ship: s, id: id, name: id, logger: s.logger.With("remote", id),
		clock: receiver.NewClock(s.wall, s.elapsed), pace: receiver.NewPace(s.elapsed),
		size: receiver.NewSize(s.elapsed), extra: refused.NewExtra(s.elapsed),
	}
	// Until a configuration names it, a remote only ages.
	r.settings.Store(&settings{ageLimit: receiverAgeLimit})
	defer func() {
		if err != nil {
			next := "free space on the disk of " + s.options.Dir + ", and mount it writable"
			if errors.Is(err, fs.ErrPermission) {
				next = "let the user of the head read and write the file or directory that is named: chown it where it belongs to another " +
					"user, as after a start as root, or remove its attribute with chattr -i"
			}
			err = hint.New(hint.Failure, errors.Join(err, r.close()), next)
		}
	}()
	dir := filepath.Join(s.options.Dir, id)
	if err := r.ensureDir(dir); err != nil {
		return nil, err
	}
	generations, err := queue.Generations(dir)
	if err != nil {
		return nil, err
	}
	if n := len(generations); live && (n == 0 || generations[n-1].Lanes != s.options.Lanes) {
		g := queue.Generation{Number: 1, Lanes: s.options.Lanes}
		if n > 0 {
			g.Number = generations[n-1].Number + 1
		}
		generations = append(generations, g)
	}
	for _, g := range generations {
		if err := r.ensureDir(filepath.Join(dir, g.Dir())); err != nil {
			return nil, err
		}
	}
	r.findAside(dir)
	var before queue.Outcome
	for _, g := range generations {
		o := queue.DefaultOptions()
		o.Lanes, o.MaxBytes, o.Now, o.Logger = g.Lanes, s.options.MaxBytes, s.wall, r.logger
		q, err := queue.Open(filepath.Join(dir, g.Dir()), o)
		if err != nil {
			return nil, fmt.Errorf("could not open queue of %s: %w", id, err)
		}
		r.queues = append(r.queues, q)
		before.Add(q.Ledger().Outcome)
	}
	r.seen.Store(&before)
	r.closed.Store(!live)
	r.hurry, r.spare = make(chan struct{}), make(chan []byte, 1)
	if live {
		r.taking = make([]sync.Mutex, s.options.Lanes)
	}
	return r, nil
}

// ensureDir makes a directory of the remote or of a queue. One that cannot be read is a loss
// that has no count.
func (r *remote) ensureDir(path string) error {
	aside, why, err := queue.EnsureDir(path)
	if err != nil {
		return fmt.Errorf("could not create queue: %w", err)
	}
	if aside != "" {
		r.lostUncounted()
		r.logger.Error("moved an unreadable queue directory aside: an unknown number of samples in it is not sent, and the delivery counts "+
			"restart at 0", "moved_to", aside, "err", why)
	}
	return nil
}

func (r *remote) lostUncounted() {
	r.uncounted = true
	r.health.Loss(r.wall(), queue.Corrupted.String())
}

// findAside looks for what was set aside of the remote, beside what is in its queues.
func (r *remote) findAside(dir string) {
	own, err := queue.AsideOf(dir)
	inside, insideErr := queue.AsideIn(dir)
	if err = errors.Join(err, insideErr); err != nil {
		r.logger.Warn("files that were set aside earlier are not in the status", "err", err)
	}
	own.Add(inside)
	r.aside = own
}

// configure puts settings in force, from the next attempt on.
func (r *remote) configure(set *settings) {
	r.nameMu.Lock()
	r.url = receiver.PublicURL(set.config.URL.URL)
	r.name = cmp.Or(set.config.Name, receiver.PublicURL(set.config.URL.URL))
	r.nameMu.Unlock()
	r.settings.Swap(set).close()
	r.configured.Store(true)
	if err := r.remember(); err != nil {
		r.logger.Warn("could not save the remote write's name with its queue", "err", err)
	}
}

// noteFile keeps, for whoever finds the queue later, what it belonged to.
const noteFile = "remote_write.json"

type note struct {
	Name string `json:"name"`
	URL  string `json:"url"` // without secrets
}

func (r *remote) remember() error {
	name, address := r.label()
	b, err := json.Marshal(note{name, address})
	if err != nil {
		return fmt.Errorf("could not save the remote write's name: %w", err)
	}
	path := filepath.Join(r.ship.options.Dir, r.id, noteFile)
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		as, err := queue.SetAside(path)
		if err != nil {
			return err
		}
		r.nameMu.Lock()
		r.aside.Add(queue.Aside{Paths: []string{as}, Total: 1})
		r.nameMu.Unlock()
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// recall names a remote that no configuration names.
func (r *remote) recall() {
	b, err := queue.ReadSmall(filepath.Join(r.ship.options.Dir, r.id, noteFile))
	var n note
	if err != nil || json.Unmarshal(b, &n) != nil {
		return // its directory's name stands
	}
	r.nameMu.Lock()
	defer r.nameMu.Unlock()
	r.name, r.url = public(n.Name), public(n.URL) // earlier versions kept the query
}

// public is the text, without the secrets of the URL that it is.
func public(text string) string {
	if u, err := url.Parse(text); err == nil && (u.Host != "" || strings.Contains(text, "@")) {
		return receiver.PublicURL(u)
	}
	return text
}

// label is how people know it.
func (r *remote) label() (name, address string) {
	r.nameMu.Lock()
	defer r.nameMu.Unlock()
	return r.name, r.url
}

// start sends from all queues, the oldest first: a series that moved to another
// lane must not overtake itself.
func (r *remote) start(ctx context.Context) {
	ctx, r.cancel = context.WithCancel(ctx)
	r.shareLimit()
	ready := make(chan struct{})
	close(ready)
	key := 0
	var areas []*refused.Area
	defer func() {
		r.nameMu.Lock()
		defer r.nameMu.Unlock()
		r.areas = areas
	}()
	for i, q := range r.queues {
		once := i < len(r.queues)-1
		before, drained := ready, make(chan struct{})
		var lanes sync.WaitGroup
		for n := range q.Lanes() {
			l := &shipLane{remote: r, lane: q.Lane(n), key: key}
			key++
			lanes.Add(1)
			l.drained = sync.OnceFunc(lanes.Done)
			areas = append(areas, &l.refused)
			done := l.drained
			r.running.Go(func() {
				defer done()
				if l.await(ctx, before) {
					l.run(ctx, once)
				}
			})
		}
		r.running.Go(func() {
			lanes.Wait()
			close(drained)
		})
		ready = drained
	}
	if r.taking != nil {
		r.running.Go(func() { r.sendMetadata(ctx) })
	}
}

// shareLimit gives each queue what the newer ones leave of the limit on bytes, so
// that the oldest samples are dropped first.
func (r *remote) shareLimit() {
	left := r.ship.options.MaxBytes
	for _, q := range slices.Backward(r.queues) {
		q.Limit(left)
		left = max(left-q.Bytes(), 0)
	}
}

// stop ends sending and closes the queues. takeNothing comes first.
func (r *remote) stop() error {
	r.cancel()
	r.running.Wait()
	return r.close()
}

// close closes the queues, which nobody uses.
func (r *remote) close() error {
	var first error
	for _, q := range r.queues {
		if err := q.Close(); err != nil && first == nil {
			first = fmt.Errorf("could not close queue of %s: %w", r.id, err)
		}
	}
	r.settings.Load().close()
	return first
}

// empty reports whether nothing waits.
func (r *remote) empty() bool {
	for _, q := range r.queues {
		if !q.Empty() {
			return false
		}
	}
	return true
}

func (r *remote) wall() time.Time { return r.ship.wall() }

// bad notes trouble. The log is told when it begins; what goes on is in the
// status and the metrics.
func (r *remote) bad(lane int, a receiver.Answer) {
	t := delivery.Trouble{Time: r.wall(), Code: a.Code, Text: a.Text, Next: a.Next(), NoCredentials: a.Unsigned}
	if r.health.Bad(lane, t) {
		r.logger.Warn("samples are delayed", said("code", a.Code, "answer", a.Text, "next", t.Next)...)
	}
}

// good notes a 2xx, and tells when that ends trouble.
func (r *remote) good(lane int) {
	now := r.wall()
	r.over("samples are delivered again", r.health.Good(lane, now), now)
}

// answered notes another final answer.
func (r *remote) answered(lane int) {
	r.over("the receiver answers again", r.health.Calm(lane), r.wall())
}

// calm notes that a lane sends nothing now: what it had was dropped, or it may not
// send. Its last trouble is over then, and no success.
func (r *remote) calm(lane int) {
	r.over("sending has stopped", r.health.Calm(lane), r.wall())
}

func (r *remote) over(what string, since, now time.Time) {
	if !since.IsZero() {
		r.logger.Info(what, "after", now.Sub(since).Round(time.Second).String())
	}
}

// outcome looks for what a person must hear of.
func (r *remote) outcome(o queue.Outcome) {
	if o.Sum() == o.Delivered {
		return
	}
	now := r.wall()
	if why, dropped := o.WorstDrop(queue.Outcome{}); dropped {
		r.health.Loss(now, why.String())
	}
	if !r.health.Tell(now) {
		return
	}
	whole := queue.Ledger{Taken: o.Sum(), Outcome: o}
	b, err := whole.MarshalJSON()
	if err != nil {
		b = []byte(err.Error())
	}
	what := "samples are uncertain: the receiver refused them, or did not answer"
	if whole.Lost() > 0 {
		what = "samples were dropped"
	}
	r.logger.Error(what, said("batch", string(b), "last_refusal", r.health.Refusal())...)
}

// said are the pairs of a line of the log without those that have no value.
func said(pairs ...any) (all []any) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" && pairs[i+1] != 0 {
			all = append(all, pairs[i:i+2]...)
		}
	}
	return all
}

// diskFailed notes that samples could not be queued, and were dropped.
func (r *remote) diskFailed(err error) {
	now := r.wall()
	r.health.Loss(now, queue.Disk.String())
	if r.health.Tell(now) {
		r.logger.Error("could not write to the queue's disk; samples that cannot be queued are dropped and counted", "err", err)
	}
}

// diskTrouble notes that the queue's disk fails: nothing is dropped by that, unless the
// power fails, too.
func (r *remote) diskTrouble(err error) {
	now := r.wall()
	r.health.Disk(now, err.Error())
	if r.health.Tell(now) {
		r.logger.Error("the queue's disk fails; no samples are dropped by that", "err", err)
	}
}
