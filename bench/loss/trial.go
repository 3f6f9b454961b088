package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
	"github.com/parascope/parascope/bench/internal/receive"
	"github.com/parascope/parascope/bench/internal/simulate"
)

// plan is how a trial goes: quiet, trouble, quiet, and then time to catch up
// without any new page.
type plan struct {
	Nodes    int
	Series   int // per node
	Interval time.Duration
	Before   time.Duration
	Trouble  time.Duration
	After    time.Duration
	Drain    time.Duration // at most
}

// defaultPlan makes about 46,000 samples: nine scrapes of five pages.
func defaultPlan() plan {
	return plan{Nodes: 5, Series: 1022, Interval: 5 * time.Second,
		Before: 16 * time.Second, Trouble: 15 * time.Second, After: 15 * time.Second, Drain: 90 * time.Second}
}

// fault is one kind of trouble. Both functions may be nil.
type fault struct {
	name  string
	begin func(*scene) error
	end   func(*scene) error
	// cuts is how often the agent is killed, or its connections are cut, while
	// requests are on their way: those may come twice.
	cuts int

	prepare  func(*scene) error // before the agent starts
	only     string             // the agent that it is for; empty: all
	fills    bool               // the agent's disk is full for a while
	repeats  bool               // requests of which a part is refused are sent again
	late     bool               // the last target is there from the trouble on
	unsigned bool               // requests to the receiver are not signed
}

// scene is what a fault can reach.
type scene struct {
	ctx      context.Context
	receiver *receive.Receiver
	metadata *receive.Metadata
	agent    *agents.Process
	restart  func() (*agents.Process, error)
	kills    []time.Time
	plan     plan

	task    *agents.Task
	cloud   *cloud
	over    time.Time // when the trouble ended
	closers []func() error
}

func (s *scene) close() (err error) {
	for _, f := range slices.Backward(s.closers) {
		err = errors.Join(err, f())
	}
	return err
}

func faults() []fault { return append(plainFaults(), troubles()...) }

// plainFaults are those of the receiver, of credentials and of the agent's process.
func plainFaults() []fault {
	answer := func(name string, a receive.Answer) fault {
		return fault{name: name,
			begin: func(s *scene) error { s.receiver.Set(a); return nil },
			end:   func(s *scene) error { s.receiver.Set(receive.Accept); return nil }}
	}
	return []fault{
		{name: "none"},
		answer("403", receive.Forbid),
		answer("429", receive.Throttle),
		answer("503", receive.Unavailable),
		answer("hang", receive.Hang),
		answer("reset", receive.Reset),
		{name: "kill in outage", cuts: 1, begin: killInOutage, end: func(s *scene) error { s.receiver.Set(receive.Accept); return nil }},
		{name: "three kills", cuts: 3, begin: killThrice},
		{name: "expiry", // 403 until the metadata service has new credentials, which is 15 s late
			begin: func(s *scene) error { return nil }, end: func(s *scene) error { s.metadata.Renew(); return nil }},
		{name: "restart", cuts: 1,
			begin: func(s *scene) error { return s.receiver.Down() }, end: func(s *scene) error { return s.receiver.Up() }},
	}
}

// killInOutage kills the agent when it has had two thirds of the outage to pile
// up samples.
func killInOutage(s *scene) error {
	s.receiver.Set(receive.Unavailable)
	if err := wait(s.ctx, s.plan.Trouble*2/3); err != nil {
		return err
	}
	return s.kill()
}

// killThrice kills the agent while all is well, at three points of the interval.
func killThrice(s *scene) error {
	for i := range 3 {
		if i > 0 {
			if err := wait(s.ctx, s.plan.Interval*4/3); err != nil {
				return err
			}
		}
		if err := s.kill(); err != nil {
			return err
		}
	}
	return nil
}

// kill ends the agent with SIGKILL and starts it again on what it left.
func (s *scene) kill() error {
	s.kills = append(s.kills, time.Now())
	if err := s.agent.Kill(); err != nil {
		return err
	}
	next, err := s.restart()
	if err != nil {
		return err
	}
	s.agent = next
	return nil
}

// trial is one agent in one kind of trouble.
type trial struct {
	plan   plan
	fault  fault
	agent  agents.Kind
	dir    string
	logger *slog.Logger
}

func (t trial) run(ctx context.Context) (_ result, err error) {
	fleet := simulate.New(t.plan.Nodes, t.plan.Series, 0, time.Now)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return result{}, fmt.Errorf("bind fleet: %w", err)
	}
	pages := &http.Server{Handler: fleet, ReadHeaderTimeout: 10 * time.Second}
	go pages.Serve(listener) // ends with Close
	defer func() { err = errors.Join(err, pages.Close()) }()

	expires := time.Hour
	if t.fault.name == "expiry" {
		expires = t.plan.Before
	}
	metadata, err := receive.NewMetadata(expires, time.Now)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, metadata.Close()) }()
	metadata.Late()
	o := receive.Options{Records: true, Authorized: metadata.Authorized, Logger: t.logger}
	if t.fault.unsigned {
		o.Authorized = nil
	}
	receiver, err := receive.New(o)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, receiver.Close()) }()

	task := agents.Task{
		Dir: t.dir, Fleet: listener.Addr().String(), Targets: fleet.Targets(), Interval: t.plan.Interval,
		Endpoint: receiver.URL(), MetadataURL: metadata.URL(), ContainerURL: metadata.ContainerURL(),
	}
	if t.fault.unsigned {
		task.MetadataURL, task.ContainerURL = "", ""
	}
	start := func() (*agents.Process, error) { return t.agent.Start(task) }
	s := &scene{ctx: ctx, receiver: receiver, metadata: metadata, restart: start, plan: t.plan, task: &task}
	defer func() { err = errors.Join(err, s.close()) }()
	if t.fault.prepare != nil {
		if err := t.fault.prepare(s); err != nil {
			return result{}, err
		}
	}
	if s.agent, err = start(); err != nil {
		return result{}, err
	}
	err = t.play(ctx, s, fleet)
	var full int
	if t.fault.fills && err == nil {
		full, err = s.agent.Metric(ctx, `parascope_delivery_samples_dropped_total{reason="disk"`)
	}
	err = errors.Join(err, s.agent.Stop(ctx))
	r := t.count(s.kills, fleet.Pages(), receiver.Report())
	r.full = full
	r.after(s.over.Add(t.plan.Interval), fleet.Pages(), receiver.Report(), t.plan.Interval/2)
	if targets := fleet.Targets(); t.fault.late && len(targets) > 0 {
		r.late = slices.ContainsFunc(fleet.Pages(), func(p simulate.Page) bool { return p.Instance == targets[len(targets)-1].Instance })
	}
	return r, err
}

// play is the plan: quiet, trouble, quiet, catching up.
func (t trial) play(ctx context.Context, s *scene, fleet *simulate.Fleet) error {
	if err := wait(ctx, t.plan.Before); err != nil {
		return err
	}
	over := time.After(t.plan.Trouble)
	if t.fault.begin != nil {
		if err := t.fault.begin(s); err != nil {
			return err
		}
	}
	select {
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.fault.end != nil {
		if err := t.fault.end(s); err != nil {
			return err
		}
	}
	s.over = time.Now()
	if err := wait(ctx, t.plan.After); err != nil {
		return err
	}
	fleet.Close()
	if err := s.agent.Alive(); err != nil {
		return err
	}
	return t.drain(ctx, s, fleet)
}

// drain waits until everything has arrived, but no longer than the plan says.
func (t trial) drain(ctx context.Context, s *scene, fleet *simulate.Fleet) error {
	limit := time.After(t.plan.Drain)
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		if t.count(s.kills, fleet.Pages(), s.receiver.Report()).lost == 0 {
			return nil
		}
		if queued, err := s.agent.Metric(ctx, "parascope_delivery_samples_queued"); t.fault.fills && err == nil && queued == 0 {
			return nil // what is missing then was dropped
		}
		select {
		case <-tick.C:
		case <-limit:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wait lets d pass.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
