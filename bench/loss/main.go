// Command loss shows what agents lose. It runs stock Prometheus in agent mode,
// vmagent and parascope head through trouble at the endpoint, and holds what
// arrived against the pages that they took. README.md beside it explains the
// table it prints.
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
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/parascope/parascope/bench/internal/agents"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench/loss:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("loss", flag.ContinueOnError)
	flags.SetOutput(stderr)
	peers := flags.String("peers", "", "`DIR` with the programs prometheus and vmagent")
	head := flags.String("head", "", "the program parascope-head (`FILE`)")
	work := flags.String("work", "", "`DIR` for the agents' data and logs; it is emptied")
	only := flags.String("faults", "", "run these only, separated by commas")
	onlyAgents := flags.String("agents", "", "run these only, separated by commas")
	atOnce := flags.Int("at-once", 9, "how many agents run at a time; each has a fleet and a receiver of its own")
	plan := defaultPlan()
	flags.DurationVar(&plan.Drain, "drain", plan.Drain, "how long after the last scrape an agent may go on sending")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *peers == "" || *head == "" || *work == "" {
		return errors.New("-peers, -head and -work are needed; bench/loss/run gives them")
	}
	var cases []trial
	for _, f := range faults() {
		for _, k := range agents.All(*peers, *head) {
			if chosen(*only, f.name) && chosen(*onlyAgents, k.Name) && (f.only == "" || f.only == k.Name) && f.except != k.Name {
				dir := filepath.Join(*work, strings.ReplaceAll(f.name, " ", "-")+"-"+k.Name)
				cases = append(cases, trial{plan: plan, fault: f, agent: k, dir: dir, logger: slog.New(slog.NewTextHandler(stderr, nil))})
			}
		}
	}
	if len(cases) == 0 {
		return errors.New("no agent and fault has that name")
	}
	results, err := runAll(ctx, cases, max(1, *atOnce), stderr)
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, table(results))
	text, complaints := verdict(results)
	for _, c := range complaints {
		fmt.Fprintln(stdout, c)
	}
	if len(complaints) > 0 {
		return fmt.Errorf("%d of the claims do not hold", len(complaints))
	}
	fmt.Fprintln(stdout, text)
	return nil
}

func chosen(list, name string) bool {
	if list == "" {
		return true
	}
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == name {
			return true
		}
	}
	return false
}

// runAll runs the trials, some at a time, and returns their results in order.
func runAll(ctx context.Context, cases []trial, atOnce int, progress io.Writer) ([]result, error) {
	results, errs := make([]result, len(cases)), make([]error, len(cases))
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	var print sync.Mutex
	for i, c := range cases {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			start := time.Now()
			results[i], errs[i] = c.run(ctx)
			if errs[i] != nil {
				errs[i] = fmt.Errorf("%s, %s: %w", c.agent.Name, c.fault.name, errs[i])
			}
			print.Lock()
			defer print.Unlock()
			fmt.Fprintf(progress, "%-12s %-18s %4.0fs  lost %d of %d\n", c.agent.Name, c.fault.name, time.Since(start).Seconds(), results[i].lost,
				results[i].taken)
		})
	}
	running.Wait()
	return results, errors.Join(errs...)
}
