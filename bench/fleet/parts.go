package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
	"github.com/parascope/parascope/bench/internal/receive"
)

// What is promised of parascope head, as ratios in one run.
const (
	maxCPUOfVMAgent    = 1.0
	maxRSSOfPrometheus = 0.6
	minDrainOfLive     = 5.0
	// Cost per sample may differ by this factor between the smallest and the
	// largest fleet and still be called linear: start-up weighs on a small one.
	maxGrowth = 1.5
)

// cost runs all agents side by side.
func (b bench) cost(ctx context.Context) (err error) {
	s, err := b.open("cost", b.nodes, b.interval, receive.Accept, b.kinds...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	profile := b.startPerf(ctx, s)
	if err := wait(ctx, b.duration); err != nil {
		return err
	}
	fmt.Fprintf(b.stdout, "\n%d GPU nodes, %d samples every %s, %s from start, side by side:\n\n", b.nodes, perScrape(b.nodes), b.interval,
		b.duration)
	fmt.Fprintf(b.stdout, "| agent | CPU-s | peak RSS, MB | anonymous at the end, MB | samples delivered | CPU-s per million samples |\n"+
		"|---|---:|---:|---:|---:|---:|\n")
	all := map[string]figures{}
	for _, p := range s.players {
		f, err := p.measure()
		if err != nil {
			return err
		}
		all[f.agent] = f
		fmt.Fprintf(b.stdout, "| %s | %.2f | %.0f | %.0f | %d | %.2f |\n", f.agent, f.usage.CPU.Seconds(), f.megabytes(),
			float64(f.usage.Anon)/1e6, f.samples, f.perMillion().Seconds())
	}
	if err := <-profile; err != nil {
		fmt.Fprintln(b.progress, "no profile:", err)
	}
	ours, vmagent, prometheus := all[agents.Parascope], all[agents.VMAgent], all[agents.Prometheus]
	cpu := ours.usage.CPU.Seconds() / vmagent.usage.CPU.Seconds()
	rss := ours.megabytes() / prometheus.megabytes()
	fmt.Fprintf(b.stdout, "\nparascope: CPU %.2f × vmagent (limit %.1f), %.2f × Prometheus; RSS %.2f × Prometheus (limit %.1f), %.2f × "+
		"vmagent\n",
		cpu, maxCPUOfVMAgent, ours.usage.CPU.Seconds()/prometheus.usage.CPU.Seconds(), rss, maxRSSOfPrometheus,
		ours.megabytes()/vmagent.megabytes())
	var errs []error
	if cpu > maxCPUOfVMAgent {
		errs = append(errs, fmt.Errorf("CPU is %.2f × vmagent, over %.1f", cpu, maxCPUOfVMAgent))
	}
	if rss > maxRSSOfPrometheus {
		errs = append(errs, fmt.Errorf("RSS is %.2f × Prometheus, over %.1f", rss, maxRSSOfPrometheus))
	}
	return errors.Join(errs...)
}

// startPerf samples parascope's stacks for the length of the part, when asked to.
// The channel gives its end.
func (b bench) startPerf(ctx context.Context, s *stage) <-chan error {
	done := make(chan error, 1)
	if b.perf == "" {
		done <- nil
		return done
	}
	i := slices.IndexFunc(s.players, func(p player) bool { return p.kind.Name == agents.Parascope })
	seconds := strconv.Itoa(max(1, int(b.duration.Seconds())-5))
	cmd := exec.CommandContext(ctx, "perf", "record", "-q", "-F", "499", "-g", "-o", b.perf, "-p", strconv.Itoa(s.players[i].process.PID()),
		"--", "sleep", seconds)
	go func() {
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("perf record: %w: %s", err, out)
		}
		done <- err
	}()
	return done
}

// scale runs parascope alone on fleets of growing size.
func (b bench) scale(ctx context.Context) error {
	fmt.Fprintf(b.stdout, "\nparascope alone, %s each:\n\n| nodes | CPU-s | peak RSS, MB | samples delivered | CPU-s per million samples | "+
		"RSS per node, MB |\n|---:|---:|---:|---:|---:|---:|\n", b.step)
	var all []figures
	for _, n := range b.sizes {
		f, err := b.alone(ctx, n)
		if err != nil {
			return err
		}
		all = append(all, f)
		fmt.Fprintf(b.stdout, "| %d | %.2f | %.0f | %d | %.2f | %.2f |\n", n, f.usage.CPU.Seconds(), f.megabytes(), f.samples,
			f.perMillion().Seconds(), f.megabytes()/float64(n))
	}
	first, last := all[0], all[len(all)-1]
	if growth := last.perMillion().Seconds() / first.perMillion().Seconds(); growth > maxGrowth {
		return fmt.Errorf("a sample costs %.2f times as much with %d nodes as with %d", growth, b.sizes[len(b.sizes)-1], b.sizes[0])
	}
	return nil
}

func (b bench) alone(ctx context.Context, nodes int) (_ figures, err error) {
	s, err := b.open(fmt.Sprint("scale-", nodes), nodes, b.interval, receive.Accept, b.kinds[len(b.kinds)-1])
	if err != nil {
		return figures{}, err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := wait(ctx, b.step); err != nil {
		return figures{}, err
	}
	return s.players[0].measure()
}

// hurry is how much faster than live the backlog piles up.
const hurry = 15

// backlog lets samples pile up behind a receiver that answers 503, then lets
// them through while scraping goes on at the live rate.
func (b bench) backlog(ctx context.Context) (err error) {
	s, err := b.open("backlog", b.nodes, b.interval/hurry, receive.Unavailable, b.kinds[len(b.kinds)-1])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	p := s.players[0]
	if err := wait(ctx, b.hour/hurry); err != nil {
		return err
	}
	if err := p.process.Reconfigure(b.interval); err != nil {
		return err
	}
	piled := 0
	for _, page := range s.fleet.Pages() {
		piled += page.Samples
	}
	before, err := p.measure()
	if err != nil {
		return err
	}
	p.receiver.Set(receive.Accept)
	open := time.Now()
	took, err := p.awaitSamples(ctx, piled, open)
	if err != nil {
		return err
	}
	after, err := p.measure()
	if err != nil {
		return err
	}
	live := float64(perScrape(b.nodes)) / b.interval.Seconds()
	rate := float64(p.receiver.Samples()) / took.Seconds()
	fmt.Fprintf(b.stdout, "\nbacklog of %d samples (%.0f min of live data): drained in %.1f s, %.0f samples/s = %.1f × the live rate (limit "+
		"%.0f); CPU-s %.1f, peak RSS %.0f MB before, %.0f MB after\n",
		piled, float64(piled)/live/60, took.Seconds(), rate, rate/live, minDrainOfLive, (after.usage.CPU - before.usage.CPU).Seconds(),
		before.megabytes(), after.megabytes())
	if rate < minDrainOfLive*live {
		return fmt.Errorf("the backlog drains at %.1f × the live rate, under %.0f", rate/live, minDrainOfLive)
	}
	return nil
}

// drainTimeout ends the wait for an agent that has lost its backlog.
const drainTimeout = 15 * time.Minute

// awaitSamples waits until the receiver has n samples and returns how long after
// open that was.
func (p player) awaitSamples(ctx context.Context, n int, open time.Time) (time.Duration, error) {
	limit := time.After(drainTimeout)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.receiver.Samples() >= n {
			return time.Since(open), nil
		}
		select {
		case <-tick.C:
		case <-limit:
			return 0, fmt.Errorf("%d of %d samples arrived within %s; the rest of the backlog is lost or stuck", p.receiver.Samples(), n,
				drainTimeout)
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
