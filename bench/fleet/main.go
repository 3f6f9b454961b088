// Command fleet measures what agents cost: CPU and memory of stock Prometheus in
// agent mode, vmagent and parascope head on the same simulated fleet at the same
// time; how parascope's cost grows with the fleet; and how fast it catches up
// after an outage. README.md beside it says how to read the figures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench/fleet:", err)
		os.Exit(1)
	}
}

// Series of a GPU node's two stock pages.
const (
	nodeSeries = 5975
	gpuSeries  = 200
)

// bench is what is measured, and where.
type bench struct {
	kinds    []agents.Kind
	work     string
	nodes    int
	interval time.Duration
	duration time.Duration
	sizes    []int         // fleets of the scaling part
	step     time.Duration // how long each of them runs
	hour     time.Duration // how much live data the backlog is
	perf     string        // file for the CPU profile; "" for none
	stdout   io.Writer
	progress io.Writer
	logger   *slog.Logger
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	peers := flags.String("peers", "", "`DIR` with the programs prometheus and vmagent")
	head := flags.String("head", "", "the program parascope-head (`FILE`)")
	parts := flags.String("parts", "cost,scale,backlog", "which parts to run")
	sizes := flags.String("sizes", "10,40,160", "numbers of nodes of the scaling part")
	b := bench{stdout: stdout, progress: stderr, logger: slog.New(slog.NewTextHandler(stderr, nil))}
	flags.StringVar(&b.work, "work", "", "`DIR` for the agents' data and logs")
	flags.IntVar(&b.nodes, "nodes", 40, "GPU nodes")
	flags.DurationVar(&b.interval, "interval", 15*time.Second, "scrape interval")
	flags.DurationVar(&b.duration, "for", 120*time.Second, "how long the agents run side by side")
	flags.DurationVar(&b.step, "step", 60*time.Second, "how long each fleet of the scaling part runs")
	flags.DurationVar(&b.hour, "backlog", time.Hour, "how much live data piles up in the outage; it is scraped 15 times as fast")
	flags.StringVar(&b.perf, "perf", "", "record parascope's CPU with perf into `FILE` during the first part")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *peers == "" || *head == "" || b.work == "" {
		return errors.New("-peers, -head and -work are needed; bench/fleet/run gives them")
	}
	for s := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return fmt.Errorf("-sizes: %q is not a number of nodes", s)
		}
		b.sizes = append(b.sizes, n)
	}
	b.kinds = agents.All(*peers, *head)
	var errs []error
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"cost", b.cost}, {"scale", b.scale}, {"backlog", b.backlog}} {
		if !strings.Contains(","+*parts+",", ","+part.name+",") {
			continue
		}
		// One part's limit being passed is no reason to hide the others' figures.
		if err := part.run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part.name, err))
		}
	}
	return errors.Join(errs...)
}
