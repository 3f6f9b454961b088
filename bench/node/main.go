package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/parascope/parascope/bench/internal/machine"
)

func main() {
	stock := flag.String("node_exporter", "", "path of node_exporter")
	ours := flag.String("parascope-node", "", "path of parascope-node, stripped")
	scrapes := flag.Int("scrapes", 200, "scrapes of each program on each machine")
	flag.Parse()
	if err := run(context.Background(), *stock, *ours, *scrapes); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// result is what one program costs on one machine.
type result struct {
	name                 string
	series, itself       int // of the machine, and about the page
	bytes                int
	milliseconds, memory float64 // CPU of one scrape; most resident MB
	first, spent         float64 // milliseconds from start to page, and of CPU in them
}

func run(ctx context.Context, stock, ours string, scrapes int) error {
	small := machine.Size{CPUs: 2, Cards: 1, Disks: 1}
	few := machine.Large
	few.CPUs = 2
	fmt.Printf("%-28s %5s %7s %6s %8s %10s %8s %9s %8s\n", "program", "CPUs", "series", "itself", "bytes", "ms/scrape",
		"RSS MB", "first ms", "CPU ms")
	results := map[string]result{}
	for _, m := range []struct {
		name string
		size machine.Size
	}{{"small", small}, {"2 CPUs, else large", few}, {"large", machine.Large}} {
		root, err := os.MkdirTemp("", "machine")
		if err != nil {
			return err
		}
		defer os.RemoveAll(root)
		if err := machine.Write(root, m.size, 0); err != nil {
			return err
		}
		for _, p := range []struct {
			name, path string
			args       []string
		}{
			{"node_exporter 1.12", stock, stockFlags},
			{"parascope-node", ours, nil},
			{"parascope-node, stock shape", ours, []string{"--full", "--cpu=each", "--device=each", "--max-series=0"}},
		} {
			n := scrapes
			if p.path == ours {
				n *= 10 // its CPU time has to be many of the kernel's steps of 10 ms
			}
			r, err := measure(ctx, p.name, p.path, root, n, p.args...)
			if err != nil {
				return err
			}
			fmt.Printf("%-28s %5d %7d %6d %8d %10.3f %8.1f %9.1f %8.1f\n", r.name, m.size.CPUs, r.series, r.itself, r.bytes,
				r.milliseconds, r.memory, r.first, r.spent)
			results[m.name+"/"+p.name] = r
		}
	}
	return judge(results, ours)
}

// starts is how often a program is started; the fastest counts, since other work on the
// machine only ever adds.
const starts = 5

func measure(ctx context.Context, name, program, root string, scrapes int, args ...string) (r result, err error) {
	first, spent := time.Hour, math.Inf(1)
	for range starts - 1 {
		e, err := start(ctx, name, program, root, args...)
		if err != nil {
			return r, err
		}
		first, spent = min(first, e.first), min(spent, e.spent)
		if err := e.stop(); err != nil {
			return r, err
		}
	}
	e, err := start(ctx, name, program, root, args...)
	if err != nil {
		return r, err
	}
	defer e.stop()
	first, spent = min(first, e.first), min(spent, e.spent)
	page, err := e.page()
	if err != nil {
		return r, err
	}
	if name == "parascope-node" && strings.Contains(page, "success{collector=\"cpu\"} 0") {
		return r, fmt.Errorf("%s does not read the tree", name)
	}
	for range scrapes / 10 { // warm
		if _, err := e.page(); err != nil {
			return r, err
		}
	}
	before, err := e.cpu()
	if err != nil {
		return r, err
	}
	for range scrapes {
		if page, err = e.page(); err != nil {
			return r, err
		}
	}
	after, err := e.cpu()
	if err != nil {
		return r, err
	}
	memory, err := e.memory()
	ours, itself := series(page)
	return result{
		name: name, series: ours, itself: itself, bytes: len(page), milliseconds: (after - before) / float64(scrapes) * 1000,
		memory: float64(memory) / (1 << 20), first: first.Seconds() * 1000, spent: spent * 1000,
	}, err
}

// judge prints each bound with what was measured. Times are reported, sizes and ratios
// are judged.
func judge(results map[string]result, program string) error {
	info, err := os.Stat(program)
	if err != nil {
		return err
	}
	ours, stock := results["large/parascope-node"], results["large/node_exporter 1.12"]
	missed := 0
	bound := func(what string, value, limit float64, judged bool) {
		verdict := "met"
		if value > limit {
			verdict = "MISSED"
			if judged {
				missed++
			}
		}
		fmt.Printf("%-64s %9.3f  bound %7.3f  %s\n", what, value, limit, verdict)
	}
	call, err := systemCall()
	if err != nil {
		return err
	}
	fmt.Printf("\na system call that does nothing: %.2f us of CPU on this machine\n", call)
	bound("CPU of a scrape, as a part of node_exporter's (large)", ours.milliseconds/stock.milliseconds, 0.05, true)
	bound("CPU of a scrape, ms (large)", ours.milliseconds, 1, false)
	bound("RSS, MB (large)", ours.memory, 20, true)
	bound("series of the machine (large)", float64(ours.series), 110, true)
	bound("program, MB stripped", float64(info.Size())/1e6, 10, true)
	bound("first page after start, ms (large)", ours.first, 50, false)
	bound("CPU until the first page, ms (large)", ours.spent, 50, false)
	if missed > 0 {
		return fmt.Errorf("%d bounds are missed", missed)
	}
	return nil
}
