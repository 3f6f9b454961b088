package slurmstat

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// Options of a Service.
type Options struct {
	Tools        slurm.Tools
	Shares       bool     // fair share as well, where there is accounting
	Logs         []string // files whose growth asks for a snapshot
	StateFile    string   // where counters and targets are kept across restarts; empty: they are not kept
	JobSeriesMax int      // series that say who has what
	NodePort     int      // of the node program's metrics
	GPUPort      int      // of its GPU metrics
	Watch        slurm.WatchOptions
	Logger       *slog.Logger
}

// DefaultOptions are those of a ParallelCluster head node.
func DefaultOptions() Options {
	return Options{
		Tools: slurm.DefaultTools(),
		Logs: []string{
			"/var/log/parallelcluster/slurm_resume.log", "/var/log/parallelcluster/slurm_suspend.log",
		},
		Shares: true, JobSeriesMax: 5000, NodePort: 9100, GPUPort: 9400, Watch: slurm.DefaultWatchOptions(),
		Logger: slog.New(slog.DiscardHandler),
	}
}

// Validate reports the first option that cannot work.
func (o Options) Validate() error {
	switch {
	case o.Tools.Timeout <= 0:
		return errors.New("the timeout of Slurm's commands must be positive")
	case o.JobSeriesMax < 0:
		return errors.New("the number of job series must not be negative")
	case o.NodePort < 1 || o.NodePort > 65535 || o.GPUPort < 1 || o.GPUPort > 65535:
		return errors.New("ports must be between 1 and 65535")
	case o.Logger == nil:
		return errors.New("slurmstat: Logger is required")
	}
	return nil
}

// Service takes snapshots of a cluster, and serves them as metrics and as targets.
type Service struct {
	o       Options
	watch   *slurm.Watch
	tracker *Tracker
	holders *slurm.Allocations
	state   controllerState // of take, which runs once at a time

	mu        sync.Mutex
	page      []byte
	taken     time.Time
	discovery slurm.Discovery
}

// NewService prepares a Service. What StateFile holds is read; what cannot be read of it is
// logged, and is as at a first start.
func NewService(o Options) (*Service, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Service{o: o, tracker: NewTracker(), holders: slurm.NewAllocations()}
	if o.StateFile != "" {
		before, err := LoadState(o.StateFile, time.Now())
		if err != nil {
			o.Logger.Warn("could not read all of the saved Slurm state", "err", err)
		}
		s.tracker, s.discovery, s.state.answered = before.Tracker, before.Targets, before.Answered
	}
	watch := o.Watch
	watch.Take = s.take
	var err error
	s.watch, err = slurm.NewWatch(watch)
	return s, err
}

// Run takes snapshots until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var following sync.WaitGroup
	following.Go(func() { slurm.FollowGrowth(ctx, s.watch.Ask, s.o.Logs...) })
	s.watch.Run(ctx)
	following.Wait()
}

// Snapshot is the latest one; its Time is zero before the first.
func (s *Service) Snapshot() slurm.Snapshot { return s.watch.Latest() }

// Fresh returns a snapshot that did not begin before t; see slurm.Watch.Since.
func (s *Service) Fresh(ctx context.Context, t time.Time) (slurm.Snapshot, error) {
	return s.watch.Since(ctx, t)
}

// Gone reports whether a compute node was taken away from its address, host:port, or has only just
// begun, by a snapshot that did not begin before since. It waits for one until ctx ends; then, and where slurmctld did
// not answer, what is known decides. The head's flow of samples waits for it, so that nobody
// is alarmed about a node that Slurm powers down.
func (s *Service) Gone(ctx context.Context, node, address string, since time.Time) bool {
	if !since.IsZero() {
		_, _ = s.Fresh(ctx, since) // without one the last list decides
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.discovery.Gone(node, host, time.Now())
}

// take takes one snapshot, and makes its page and targets.
func (s *Service) take(ctx context.Context) slurm.Snapshot {
	snap := slurm.Take(ctx, s.o.Tools, slurm.TakeOptions{Shares: s.o.Shares && s.state.Accounting, Now: time.Now})
	s.readController(ctx, &snap)
	if since, found := s.tracker.Gap(snap.Time); found && s.state.Accounting && snap.JobsRead() {
		s.o.Tools.TakeEnded(ctx, &snap, since, s.tracker.Known(), time.Now)
	}
	if ctx.Err() != nil {
		return snap
	}
	s.tracker.Observe(&snap)
	left, err := s.holders.Update(ctx, s.o.Tools, &snap)
	s.logFailures(&snap, err)
	var p page.Page
	WritePage(&p, &snap, s.holders)
	s.state.writePage(&p, &snap)
	if snap.JobsRead() {
		WriteHolders(&p, &snap, s.holders, left, HolderLimits{Series: s.o.JobSeriesMax})
	}
	s.tracker.WritePage(&p, &snap)
	p.Sample(snapshotInterval, s.watch.Interval().Seconds())
	if err := p.Err(); err != nil {
		s.o.Logger.Error("the metrics page of Slurm is incomplete", "err", err)
	}
	s.mu.Lock()
	s.page, s.taken = p.Bytes(), snap.Time
	s.discovery.Observe(&snap)
	now := State{s.tracker, s.discovery, s.state.answered}
	s.mu.Unlock()
	if s.o.StateFile != "" {
		if err := now.Save(s.o.StateFile); err != nil {
			s.o.Logger.Warn("could not save the job counters and targets of Slurm", "err", err)
		}
	}
	return snap
}

func (s *Service) logFailures(snap *slurm.Snapshot, err error) {
	for _, c := range commandParts(snap) {
		if c.part.Err != nil {
			s.o.Logger.Warn("a command of Slurm failed, or lines of its output could not be read; metrics are missing until it succeeds",
				"command", c.command, "err", c.part.Err)
		}
	}
	if err != nil {
		s.o.Logger.Warn("the GPUs of some jobs are not known yet", "err", err)
	}
}

// ServeMetrics answers with the metrics of the latest snapshot and its age; 503 before
// the first one.
func (s *Service) ServeMetrics(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	body, taken := s.page, s.taken
	_, listed := s.discovery.Targets()
	s.mu.Unlock()
	if taken.IsZero() {
		http.Error(w, "the first snapshot of Slurm is being taken", http.StatusServiceUnavailable)
		return
	}
	var age page.Page
	age.Sample(snapshotAge, time.Since(taken).Seconds())
	if !listed.IsZero() {
		age.Sample(targetsAge, time.Since(listed).Seconds())
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+len(age.Bytes()))) // it is not sent in chunks then
	for _, b := range [][]byte{body, age.Bytes()} {
		if _, err := w.Write(b); err != nil {
			return // the client went away
		}
	}
}

// group is an element of an answer of Prometheus' HTTP service discovery.
type group struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// ServeTargets answers Prometheus' HTTP service discovery with the compute nodes: all of them,
// or with ?gpu=1 those that have GPUs, on the port of the GPU metrics. Before the
// first snapshot the answer is 503, which leaves a Prometheus with the targets it has.
func (s *Service) ServeTargets(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	targets, updated := s.discovery.Targets()
	s.mu.Unlock()
	if updated.IsZero() {
		http.Error(w, "slurmctld has not answered yet", http.StatusServiceUnavailable)
		return
	}
	gpu := r.URL.Query().Get("gpu") == "1"
	port := s.o.NodePort
	if gpu {
		port = s.o.GPUPort
	}
	groups := []group{} // an empty list is JSON's [], not null
	for _, t := range targets {
		if gpu && !t.GPUs {
			continue
		}
		labels := map[string]string{"instance": t.Node, "node": t.Node, "node_type": "compute"}
		if t.Queue != "" {
			labels["queue"] = t.Queue
		}
		if t.ComputeResource != "" {
			labels["compute_resource"] = t.ComputeResource
		}
		groups = append(groups, group{[]string{net.JoinHostPort(t.Address, strconv.Itoa(port))}, labels})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(groups); err != nil {
		s.o.Logger.Debug("the client closed the connection before the targets were sent", "err", err)
	}
}
