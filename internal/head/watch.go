package head

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/mwitkow/go-conntrack"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/parascope/parascope/internal/awserr"
	remote "github.com/parascope/parascope/internal/receiver"
)

// Discovery is a service discovery that fails. The targets that it found before are
// still scraped.
type Discovery struct {
	Mechanism string    `json:"mechanism"` // such as ec2
	Jobs      []string  `json:"jobs"`
	Since     time.Time `json:"since"`
	Why       string    `json:"why"`

	last time.Time // error
}

// watch knows which discoveries fail, and makes the clients of those that ask AWS
// anew: Prometheus' keep the credentials that they began with, also when a shared
// credentials file has others.
type watch struct {
	now  func() time.Time
	wait func(ctx context.Context, d time.Duration) // before a client is made anew
	most int64                                      // bytes of AWS' answers until targets are found

	mu      sync.Mutex
	jobs    map[string]discovery.Configs
	failing map[discovery.Config]*Discovery
}

func newWatch() *watch {
	return &watch{now: time.Now, wait: pause, most: maxDescribed, failing: map[discovery.Config]*Discovery{}}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// over returns the configurations with their discoveries under watch.
func (w *watch) over(jobs map[string]discovery.Configs) map[string]discovery.Configs {
	all := map[string]discovery.Configs{}
	for job, configs := range jobs {
		all[job] = discovery.Configs{}
		for _, c := range configs {
			if _, static := c.(discovery.StaticConfig); !static {
				c = &watched{c, w}
			}
			all[job] = append(all[job], c)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = all
	return all
}

// status returns the discoveries that fail, those that have for the longest first.
func (w *watch) status() (all []Discovery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, d := range w.failing {
		one := *d
		for job, configs := range w.jobs {
			if slices.ContainsFunc(configs, func(other discovery.Config) bool { return reflect.DeepEqual(other, c) }) {
				one.Jobs = append(one.Jobs, job)
			}
		}
		slices.Sort(one.Jobs)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Discovery) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Mechanism, b.Mechanism))
	})
	return all
}

// watched is a discovery's configuration. The manager compares configurations, so
// that it has nothing that differs after a reload.
type watched struct {
	discovery.Config
	watch *watch
}

// NewDiscoverer makes a discoverer that is watched.
func (c *watched) NewDiscoverer(o discovery.DiscovererOptions) (discovery.Discoverer, error) {
	r := &running{config: c, options: o, failed: make(chan struct{}, 1), logger: o.Logger,
		known: map[string]*targetgroup.Group{}}
	r.allowed.most = c.watch.most
	r.options.Logger = slog.New(&listening{o.Logger.Handler(), r})
	if c.Name() == "http" {
		r.options.HTTPClientOptions = append(slices.Clone(o.HTTPClientOptions), boundedClient(maxDiscovered)...)
	}
	if files, ok := c.Config.(*file.SDConfig); ok {
		r.inner = newFiles(files, r.options)
		return r, nil
	}
	var err error
	r.inner, err = c.Config.NewDiscoverer(r.options)
	return r, err
}

// running is a discoverer that is watched.
type running struct {
	config  *watched
	options discovery.DiscovererOptions
	inner   discovery.Discoverer
	failed  chan struct{}                 // it logged an error
	known   map[string]*targetgroup.Group // of the mechanism file, by source
	logged  errorsOfMinute
	logger  *slog.Logger // of what is no failure of the discoverer
	wrong   string       // with the targets found last, in the log
	allowed allowance    // of a mechanism that asks AWS
}

// asksAWS are the mechanisms whose clients keep credentials.
var asksAWS = []string{"aws", "ec2", "ecs", "elasticache", "lightsail", "msk", "rds"}

// answersWithin is how long a mechanism that asks AWS may be silent beyond its interval: its
// client has no timeout. Listing a large account and the SDK's own retries take part of it.
const answersWithin = 2 * time.Minute

// interval is how often the mechanism asks.
func (c *watched) interval() time.Duration {
	if v := reflect.Indirect(reflect.ValueOf(c.Config)); v.Kind() == reflect.Struct {
		if f := v.FieldByName("RefreshInterval"); f.IsValid() && f.Type() == reflect.TypeFor[model.Duration]() && f.Int() > 0 {
			return time.Duration(f.Int())
		}
	}
	return time.Minute // the default of all of them
}

// How long it is until a client that failed is made anew.
const (
	leastRenewal = 5 * time.Second
	mostRenewal  = time.Minute
)

// Run runs the discoverer until ctx ends; one that asks AWS and fails is made anew.
func (r *running) Run(ctx context.Context, out chan<- []*targetgroup.Group) {
	defer r.config.watch.forget(r.config)
	renew := slices.Contains(asksAWS, r.config.Name())
	config := r.config.Config
	if renew {
		config = r.prepare(ctx)
	}
	wait := leastRenewal
	for {
		inner, cancel := context.WithCancel(ctx)
		if renew {
			r.allowed.read.Store(0)
			inner = conntrack.WithDialer(inner, r.allowed.dial)
		}
		found, done := make(chan []*targetgroup.Group), make(chan struct{})
		go func() {
			defer close(done)
			r.inner.Run(inner, found)
		}()
		ok, again := r.follow(inner, found, done, out, renew)
		cancel()
		<-done
		if ctx.Err() != nil || !again {
			return
		}
		if ok {
			wait = leastRenewal
		}
		r.config.watch.wait(ctx, wait)
		wait = min(2*wait, mostRenewal)
		if next, err := config.NewDiscoverer(r.options); err != nil {
			r.config.watch.fail(r.config, err.Error())
		} else {
			r.inner = next
		}
	}
}

// follow passes on what is found, until the discoverer is to be made anew or ends. ok
// says that something was found.
func (r *running) follow(ctx context.Context, found <-chan []*targetgroup.Group, done <-chan struct{},
	out chan<- []*targetgroup.Group, renew bool) (ok, again bool) {
	silent := r.config.interval() + answersWithin
	answers := time.NewTimer(silent)
	defer answers.Stop()
	for {
		select {
		case groups := <-found:
			ok = true
			r.allowed.read.Store(0)
			answers.Reset(silent)
			if groups = r.take(groups); groups == nil || !r.news(groups) {
				continue
			}
			select {
			case out <- groups:
			case <-ctx.Done():
				return ok, false
			}
		case <-r.failed:
			if renew {
				return ok, true
			}
		case <-answers.C:
			if renew {
				r.config.watch.fail(r.config, fmt.Sprintf("no answer within %s", silent))
				return ok, true
			}
		case <-done:
			return ok, false
		case <-ctx.Done():
			return ok, false
		}
	}
}

// news reports whether the groups are to be passed on. Files are read again at each change
// of their directory, in which the head's own log may be: what is the same must not be
// the cause of a line there.
func (r *running) news(groups []*targetgroup.Group) bool {
	if r.config.Name() != "file" {
		return true
	}
	news := false
	for _, g := range groups {
		switch old := r.known[g.Source]; {
		case len(g.Targets) == 0:
			news = news || old != nil
			delete(r.known, g.Source)
		case !reflect.DeepEqual(old, g):
			news = true
			r.known[g.Source] = g
		}
	}
	return news
}

func (w *watch) fail(c *watched, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.failing[c]
	if d == nil {
		d = &Discovery{Mechanism: c.Name(), Since: w.now().UTC()}
		w.failing[c] = d
	}
	d.last, d.Why = w.now(), awserr.Public(remote.PublicText(why))
	if len(d.Why) > 500 {
		d.Why = d.Why[:500] + "…"
	}
}

// roundTakes is for how long after an error a success is of the same round: one of several
// files may be read.
const roundTakes = time.Second

func (w *watch) succeed(c *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.failing[c]; d != nil && w.now().Sub(d.last) >= roundTakes {
		delete(w.failing, c)
	}
}

func (w *watch) forget(c *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.failing, c)
}

// errorsOfMinute are the errors that were logged in a minute: each of them once, and a
// hundred at most.
type errorsOfMinute struct {
	mu    sync.Mutex
	began time.Time
	texts map[string]bool
}

const mostErrors = 100

// first reports whether an error is to be logged.
func (e *errorsOfMinute) first(now time.Time, record slog.Record) bool {
	text := record.Message
	record.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	if since := now.Sub(e.began); since >= time.Minute || since < 0 || e.texts == nil {
		e.began, e.texts = now, map[string]bool{}
	}
	if e.texts[text] || len(e.texts) >= mostErrors {
		return false
	}
	e.texts[text] = true
	return true
}

// listening passes on a discoverer's log, and notes what it says of failures: its
// interface has no other way to tell.
type listening struct {
	slog.Handler
	to *running
}

func (l *listening) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || l.Handler.Enabled(ctx, level)
}

func (l *listening) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError {
		why := record.Message
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "err" || a.Key == "error" {
				why = fmt.Sprintf("%s: %s", record.Message, a.Value)
			}
			return true
		})
		l.to.config.watch.fail(l.to.config, why)
		select {
		case l.to.failed <- struct{}{}:
		default:
		}
	}
	if !l.Handler.Enabled(ctx, record.Level) || record.Level >= slog.LevelError && !l.to.logged.first(l.to.config.watch.now(), record) {
		return nil
	}
	public := slog.NewRecord(record.Time, record.Level, record.Message, record.PC)
	record.Attrs(func(a slog.Attr) bool {
		if text := a.Value.String(); remote.PublicText(text) != text {
			a.Value = slog.StringValue(remote.PublicText(text))
		}
		public.AddAttrs(a)
		return true
	})
	return l.Handler.Handle(ctx, public)
}

func (l *listening) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &listening{l.Handler.WithAttrs(attrs), l.to}
}

func (l *listening) WithGroup(name string) slog.Handler {
	return &listening{l.Handler.WithGroup(name), l.to}
}
