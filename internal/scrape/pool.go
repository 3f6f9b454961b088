package scrape

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"strings"
	"time"

	config_util "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	promscrape "github.com/prometheus/prometheus/scrape"

	"github.com/parascope/parascope/internal/scrape/connections"
	"github.com/parascope/parascope/internal/scrape/rules"
)

// pool is a job. The manager's mu guards it.
type pool struct {
	manager *Manager
	config  *config.ScrapeConfig
	client  *http.Client
	conns   *connections.Set        // of client
	sockets map[string]*http.Client // by the path of a unix socket
	loops   map[uint64]*loop        // by the target's identity
	ended   map[uint64]*loop        // that were stopped and may still scrape
	dropped int                     // targets that relabelling dropped
}

func newPool(m *Manager, c *config.ScrapeConfig) (*pool, error) {
	p := &pool{manager: m, loops: map[uint64]*loop{}, ended: map[uint64]*loop{}}
	return p, p.configure(c)
}

// configure puts a configuration in force, for loops that are started from now
// on. An error changes nothing.
func (p *pool) configure(c *config.ScrapeConfig) error {
	if _, err := config.ToEscapingScheme(c.MetricNameEscapingScheme, c.MetricNameValidationScheme); err != nil {
		return fmt.Errorf("metric_name_escaping_scheme: %w", err)
	}
	conns := connections.New(p.manager.options.Dial)
	client, err := config_util.NewClientFromConfig(c.HTTPClientConfig, c.JobName, config_util.WithDialContextFunc(conns.Dial))
	if err != nil {
		return fmt.Errorf("could not create HTTP client: %w", err)
	}
	connections.BoundHeaders(client)
	p.config, p.client, p.conns, p.sockets = c, client, conns, map[string]*http.Client{}
	p.manager.metrics.targetLimit.WithLabelValues(c.JobName).Set(float64(c.TargetLimit))
	return nil
}

func (p *pool) closeIdle() {
	p.client.CloseIdleConnections()
	for _, c := range p.sockets {
		c.CloseIdleConnections()
	}
}

// clientOf returns the client for a target. Connections through a unix socket
// must not be taken for those to the host of the target's URL.
func (p *pool) clientOf(full labels.Labels) (*http.Client, error) {
	path := full.Get(promscrape.UnixSocketLabel)
	if path == "" {
		return p.client, nil
	}
	if c := p.sockets[path]; c != nil {
		return c, nil
	}
	dial := config_util.WithDialContextFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	})
	c, err := config_util.NewClientFromConfig(p.config.HTTPClientConfig, p.config.JobName, dial)
	if err != nil {
		return nil, fmt.Errorf("could not create HTTP client for %s: %w", path, err)
	}
	connections.BoundHeaders(c)
	p.sockets[path] = c
	return c, nil
}

// closeSockets closes the clients of sockets that no target has any more.
func (p *pool) closeSockets() {
	used := map[*http.Client]bool{}
	for _, loops := range []map[uint64]*loop{p.loops, p.ended} {
		for _, l := range loops {
			used[l.client] = true
		}
	}
	for path, c := range p.sockets {
		if !used[c] {
			c.CloseIdleConnections()
			delete(p.sockets, path)
		}
	}
}

// found is a target that discovery found and relabelling kept.
type found struct {
	target *Target
	labels labels.Labels // all of them, for what the target does not tell
	id     uint64        // of all of them and the URL; the moment of the scrapes depends on it
	same   uint64        // of what makes the target the same one: its labels and its URL
}

// find makes targets of what discovery found. Of equal ones it keeps the first.
func (p *pool) find(groups []*targetgroup.Group) (all []found) {
	p.dropped = 0
	failed := p.manager.metrics.syncFailed.WithLabelValues(p.config.JobName)
	seen := map[uint64]bool{}
	b := labels.NewBuilder(labels.EmptyLabels())
	for _, g := range groups {
		for i, own := range g.Targets {
			var f *found
			var err error
			if panicked := guard(func() { f, err = p.populate(b, g, own) }); panicked != nil {
				b, err = labels.NewBuilder(labels.EmptyLabels()), panicked
			}
			if err != nil {
				p.manager.logger.Error("could not scrape target", "scrape_pool", p.config.JobName,
					"group", brief(errors.New(g.String())), "instance", i, "err", brief(err))
				failed.Inc()
				continue
			}
			if f == nil {
				p.dropped++
				continue
			}
			if running := p.loops[f.same]; running != nil {
				running.target.SetScrapeConfig(p.config, own, g.Labels) // for who asks what was discovered
			}
			if !seen[f.same] {
				seen[f.same] = true
				all = append(all, *f)
			}
		}
	}
	return all
}

// populate makes a target, or nil where relabelling drops it.
func (p *pool) populate(b *labels.Builder, g *targetgroup.Group, own model.LabelSet) (*found, error) {
	full, err := promscrape.PopulateLabels(b, p.config, own, g.Labels)
	if err != nil {
		return nil, err
	}
	t := promscrape.NewTarget(full, p.config, own, g.Labels)
	if !hasPublic(t) {
		return nil, nil
	}
	id, same := identify(t, full)
	return &found{t, full, id, same}, nil
}

func hasPublic(t *Target) (some bool) {
	t.LabelsRange(func(labels.Label) { some = true })
	return some
}

// identify names a target by all its labels and its URL, in the same way after a
// restart, and by those that its series have and its URL: with another interval or
// timeout it is the same target.
func identify(t *Target, full labels.Labels) (id, same uint64) {
	public := labels.NewScratchBuilder(full.Len())
	full.Range(func(l labels.Label) {
		if !strings.HasPrefix(l.Name, model.ReservedLabelPrefix) || l.Name == promscrape.UnixSocketLabel {
			public.Add(l.Name, l.Value)
		}
	})
	address := t.URL().String()
	hash := func(ls labels.Labels) uint64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%016d%s", ls.Hash(), address)
		return h.Sum64()
	}
	return hash(full), hash(public.Labels())
}

// sync starts loops for targets that are new and stops those of targets that are
// gone.
func (p *pool) sync(groups []*targetgroup.Group) {
	began := time.Now()
	all := p.find(groups)
	here := map[uint64]bool{}
	var fresh []*loop
	for _, f := range all {
		here[f.same] = true
		running := p.loops[f.same]
		if running != nil && running.id == f.id {
			continue
		}
		var l *loop
		if running != nil { // it is to be scraped in another way
			l = p.succeed(running, f, true)
		} else {
			l = p.newLoop(f, nil)
			if gone := p.ended[f.same]; gone != nil {
				l.after = gone.done // it may still scrape, and there is one scrape at a time
			}
		}
		p.loops[f.same] = l
		fresh = append(fresh, l)
	}
	for same, l := range p.ended {
		if isClosed(l.done) {
			delete(p.ended, same)
		}
	}
	for same, l := range p.loops {
		if !here[same] {
			l.cancel()
			p.ended[same] = l
			delete(p.loops, same)
		}
	}
	p.closeSockets()
	metrics, job := p.manager.metrics, p.config.JobName
	metrics.targets.WithLabelValues(job).Set(float64(len(all)))
	p.limit()
	for _, l := range fresh {
		p.manager.running.Go(l.run)
	}
	metrics.syncSeconds.WithLabelValues(job).Observe(time.Since(began).Seconds())
	metrics.syncs.WithLabelValues(job).Inc()
}

// limit makes every scrape fail while there are too many targets.
func (p *pool) limit() {
	var err error
	if n := len(p.loops); p.config.TargetLimit > 0 && n > int(p.config.TargetLimit) {
		p.manager.metrics.exceededTargetLimit.Inc()
		err = fmt.Errorf("target_limit exceeded (number of targets: %d, limit: %d)", n, p.config.TargetLimit)
	}
	for _, l := range p.loops {
		l.refuse(err)
	}
}

func (p *pool) newLoop(f found, c *cache) *loop {
	m := p.manager
	l := &loop{found: f, manager: m, config: p.config, external: m.external, seed: m.seed, phase: f.id, cache: c,
		done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancel(m.ctx)
	if c == nil {
		l.cache = newCache(m.seeds)
	}
	f.target.SetMetadataStore(l.cache.metadata)
	var err error
	if l.client, err = p.clientOf(f.labels); err != nil {
		l.broken = err
	}
	l.conns, l.address = p.conns, connections.Address(f.target.URL())
	l.conns.Use(l.address)
	l.configure()
	return l
}

// reload puts another configuration of the job in force: every loop is followed
// by one with the new settings. It takes over what the old one knows of its series
// unless the configuration may make others of them; then the old one marks its
// own stale, as those of a target that is gone.
func (p *pool) reload(c *config.ScrapeConfig, sameLabels bool) error {
	began := time.Now()
	metrics := p.manager.metrics
	metrics.reloads.Inc()
	keeps := sameLabels && rules.SameSeries(p.config, c)
	old := *p
	if err := p.configure(c); err != nil {
		metrics.reloadsFailed.Inc()
		return err
	}
	relearn := keeps && !rules.SameLimits(old.config, c)
	for same, l := range p.loops {
		p.loops[same] = p.succeed(l, l.found, keeps)
		p.loops[same].relearn = keeps && (relearn || l.relearn)
	}
	p.limit()
	for _, l := range p.loops {
		p.manager.running.Go(l.run)
	}
	old.closeIdle()
	metrics.reloadSeconds.WithLabelValues(c.ScrapeInterval.String()).Observe(time.Since(began).Seconds())
	return nil
}

// succeed returns a loop that takes the place of another one, with what that knows of
// its series if it keeps that.
func (p *pool) succeed(l *loop, f found, keeps bool) *loop {
	var kept *cache
	if keeps {
		kept = l.cache
		l.succeeded.Store(true)
	}
	next := p.newLoop(f, kept)
	next.after, next.relearn = l.done, keeps && l.relearn
	if f.labels.Get(model.ScrapeIntervalLabel) == l.labels.Get(model.ScrapeIntervalLabel) {
		next.phase = l.phase // another timeout leaves no gap
	}
	l.cancel()
	return next
}

// stop ends the job. Its loops mark their series stale.
func (p *pool) stop() {
	for _, l := range p.loops {
		l.cancel()
	}
	p.closeIdle()
	p.manager.metrics.forget(p.config.JobName)
}

func (p *pool) targets() []*Target {
	all := make([]*Target, 0, len(p.loops))
	for _, l := range p.loops {
		all = append(all, l.target)
	}
	return all
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
