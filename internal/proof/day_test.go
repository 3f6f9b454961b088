package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"

	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/internal/scrape"
	"github.com/parascope/parascope/internal/ship"
	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/gateway"
)

// day is what was delivered of the made-up day, in a workspace of the local AMP.
type day struct {
	clusters []*madeup.Cluster
	interval time.Duration // of scrapes
	store    *dataplane.Store
	server   *httptest.Server
	now      atomic.Int64 // the clock of sender and receiver, in Unix nanoseconds
	samples  uint64
}

const workspace = "ws-00000000-0000-0000-0000-000000000000"

// newDay opens the local AMP's workspace by the day's clock.
func newDay(t *testing.T, dir string, interval time.Duration, clusters ...*madeup.Cluster) *day {
	t.Helper()
	d := &day{clusters: clusters, interval: interval}
	d.now.Store(midnight*1e9 + int64(begins*float64(time.Hour)))
	d.store = dataplane.New(dataplane.Options{Dir: dir, Now: d.clock, Logger: slog.New(slog.DiscardHandler),
		Find: func(*gateway.Request, string) (dataplane.Settings, error) {
			return dataplane.Settings{RetentionDays: 150, OutOfOrderWindow: time.Minute}, nil
		}})
	t.Cleanup(func() {
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	d.server = httptest.NewServer(d)
	t.Cleanup(d.server.Close)
	return d
}

func (d *day) clock() time.Time { return time.Unix(0, d.now.Load()).UTC() }

// ServeHTTP is the workspace's data plane, with answers dated by the day's clock, which
// the sender takes the receiver's time from.
func (d *day) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Date", d.clock().Format(http.TimeFormat))
	if err := d.serve(w, r, body); err != nil {
		refused, ok := errors.AsType[*gateway.Error](err)
		if !ok {
			refused = &gateway.Error{Status: http.StatusInternalServerError, Message: err.Error()}
		}
		http.Error(w, refused.Message, refused.Status)
	}
}

func (d *day) serve(w http.ResponseWriter, r *http.Request, body []byte) error {
	names := map[string]string{"/api/v1/remote_write": "RemoteWrite", "/api/v1/query": "QueryMetrics (POST)",
		"/api/v1/query_range": "QueryMetrics (range, POST)"}
	for _, op := range d.store.Operations() {
		if op.Name == names[r.URL.Path] {
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			return op.Serve(w, &gateway.Request{Request: r, Now: d.clock(), Body: body, Labels: map[string]string{"workspaceId": workspace}})
		}
	}
	return &gateway.Error{Status: http.StatusNotFound, Message: "no operation " + r.URL.Path}
}

// begins is the hour in which the clusters begin to be scraped: what was before is on no
// panel that is asked.
const begins = 7.5

// pass sends the day through scrape loop, queue and sender. Scraping runs in a bubble
// in which time is virtual; sending and receiving run outside, on the bubble's clock, which
// is held every ten minutes until all samples have been delivered.
func (d *day) pass(t *testing.T, hours float64) {
	t.Helper()
	o := ship.DefaultOptions()
	o.Dir, o.Registerer, o.Now = t.TempDir(), prometheus.NewRegistry(), d.clock
	opened := d.clock()
	o.Elapsed = func() time.Duration { return d.clock().Sub(opened) }
	sender, err := ship.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sender.Close(); err != nil {
			t.Error(err)
		}
	}()
	remote := "remote_write: [{url: " + d.server.URL + "/api/v1/remote_write, queue_config: {batch_send_deadline: 20ms, min_backoff: 5ms}}]\n"
	if err := sender.ApplyConfig(parseConfig(t, remote)); err != nil {
		t.Fatal(err)
	}
	ask, drained := make(chan struct{}), make(chan struct{})
	go d.drain(t, sender, ask, drained)
	synctest.Test(t, func(t *testing.T) {
		origin := time.Now()
		var all []*scraped
		for _, c := range d.clusters {
			all = append(all, d.scrape(t, c, origin, sender))
		}
		ticker := time.NewTicker(10 * time.Minute)
		defer ticker.Stop()
		for hour := begins; hour < hours; {
			<-ticker.C
			hour = begins + time.Since(origin).Hours()
			ask <- struct{}{}
			<-drained
			for _, s := range all {
				s.follow(hour)
			}
		}
		for _, s := range all {
			s.stop()
		}
	})
	close(ask)
	l := sender.Status().Total
	if d.samples = l.Taken; l.Taken == 0 || l.Delivered+l.Queued != l.Taken {
		t.Fatalf("the ledger is %+v: samples were lost", l)
	}
}

// drain waits for what is queued to be delivered, each time it is asked to.
func (d *day) drain(t *testing.T, sender *ship.Ship, ask <-chan struct{}, drained chan<- struct{}) {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for range ask {
		for range poll.C {
			if t.Context().Err() != nil || sender.Status().Total.Queued == 0 {
				break
			}
		}
		drained <- struct{}{}
	}
}

func parseConfig(t testing.TB, yaml string) *config.Config {
	t.Helper()
	c, err := config.Load(yaml, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scraped is a cluster that is being scraped.
type scraped struct {
	cluster *madeup.Cluster
	sets    chan map[string][]*targetgroup.Group
	manager *scrape.Manager
	server  *http.Server
	pipes   *pipes
	running sync.WaitGroup
}

func (d *day) scrape(t *testing.T, c *madeup.Cluster, origin time.Time, sender *ship.Ship) *scraped {
	s := &scraped{cluster: c, sets: make(chan map[string][]*targetgroup.Group), pipes: newPipes()}
	now := func() time.Time {
		passed := time.Since(origin)
		at := midnight*int64(time.Second) + int64(begins*float64(time.Hour)) + int64(passed)
		d.now.Store(max(d.now.Load(), at))
		return time.Unix(0, at)
	}
	s.server = &http.Server{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), Handler: http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		name, job, _ := strings.Cut(r.Host, ".")
		job, _, _ = strings.Cut(job, ":")
		hour := begins + time.Since(origin).Hours()
		for _, m := range c.Machines {
			if m.Name == name && m.Answers(hour) && m.Pages[job] != nil {
				w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
				w.Write(m.Pages[job].Text(hour))
				return
			}
		}
		http.Error(w, "no page", http.StatusServiceUnavailable)
	})}
	s.running.Go(func() { _ = s.server.Serve(s.pipes) })
	o := scrape.DefaultOptions()
	o.Registerer, o.Take, o.Dial, o.Host = prometheus.NewRegistry(), sender.Take, s.pipes.dial, c.Name
	o.Now, o.Elapsed = now, func() time.Duration { return time.Since(origin) }
	var err error
	if s.manager, err = scrape.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	// Pages of the head about the cluster keep their own labels: they are about other nodes.
	yaml := fmt.Sprintf("global: {scrape_interval: %s, scrape_timeout: 10s, external_labels: {cluster: %s}}\nscrape_configs:\n",
		d.interval, c.Name)
	for _, job := range jobsOf(c) {
		yaml += fmt.Sprintf("- {job_name: %s, honor_labels: %t}\n", job, job == "slurm" || job == "pcluster")
	}
	if err := s.manager.ApplyConfig(parseConfig(t, yaml)); err != nil {
		t.Fatal(err)
	}
	s.running.Go(func() {
		if err := s.manager.Run(s.sets); err != nil {
			t.Error(err)
		}
	})
	s.follow(begins)
	return s
}

// jobsOf are the scrape jobs of a cluster, in a fixed order.
func jobsOf(c *madeup.Cluster) (jobs []string) {
	for _, job := range []string{"node", both, "dcgm", "slurm", "pcluster", "head"} {
		for _, m := range c.Machines {
			if m.Pages[job] != nil {
				jobs = append(jobs, job)
				break
			}
		}
	}
	return jobs
}

// follow tells the manager which targets there are at an hour.
func (s *scraped) follow(hour float64) {
	sets := map[string][]*targetgroup.Group{}
	for _, job := range jobsOf(s.cluster) {
		group := &targetgroup.Group{Source: job}
		for _, m := range s.cluster.Machines {
			if m.Pages[job] == nil || !m.There(hour) {
				continue
			}
			l := model.LabelSet{model.AddressLabel: model.LabelValue(m.Name + "." + job + ":80")}
			for name, v := range m.TargetLabels(job) {
				l[model.LabelName(name)] = model.LabelValue(v)
			}
			group.Targets = append(group.Targets, l)
		}
		sets[job] = []*targetgroup.Group{group}
	}
	s.sets <- sets
}

func (s *scraped) stop() {
	s.manager.Stop()
	_ = s.server.Close()
	s.pipes.Close()
	close(s.sets)
	s.running.Wait()
}

// pipes is a listener whose connections are in memory, within the bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
