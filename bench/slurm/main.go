// Command slurm measures what a head spends on the snapshots of a large cluster. See README.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sizes of the clusters; the first is the base that the others' costs are above, the last
// the one that the limits are for.
var sizes = []cluster{{10, 20}, {250, 5000}, {500, 10000}, {1000, 20000}}

const configuration = `global: {scrape_interval: 1h}
scrape_configs: [{job_name: none, static_configs: []}]
remote_write: [{url: "http://127.0.0.1:9/api/v1/remote_write"}]
`

// measured is what a head with one cluster took.
type measured struct {
	cluster
	snapshots   int
	cpu         float64       // seconds for each snapshot
	rss         float64       // MB
	scrape      time.Duration // median
	scrapeCPU   float64       // seconds of the head's for each scrape
	series      int
	bytes       int
	nodeSeries  int // largest number of a node's series but those of jobs
	jobNodes    int
	gpus        int
	otherSeries int
}

func main() {
	head := flag.String("head", "", "`PATH` of parascope-head")
	length := flag.Duration("for", 3*time.Minute, "how long each head runs")
	flag.Parse()
	if err := run(*head, *length); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(head string, length time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results := make([]measured, len(sizes))
	errs := make([]error, len(sizes))
	var running sync.WaitGroup
	for i, c := range sizes {
		running.Go(func() { results[i], errs[i] = measure(ctx, head, c, length) })
	}
	running.Wait()
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("%d nodes: %w", sizes[i].nodes, err)
		}
	}
	return judge(results)
}

// measure runs a head with a cluster, and asks for its page at the end.
func measure(ctx context.Context, head string, c cluster, length time.Duration) (measured, error) {
	m := measured{cluster: c}
	dir, err := os.MkdirTemp("", "bench-slurm-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	tools := filepath.Join(dir, "bin")
	if err := os.Mkdir(tools, 0o700); err != nil {
		return m, err
	}
	if err := c.writeTools(tools); err != nil {
		return m, err
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte(configuration), 0o600); err != nil {
		return m, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return m, err
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(ctx, head, "--config.file="+config, "--storage.agent.path="+filepath.Join(dir, "data"),
		"--slurm.bin-dir="+tools, "--web.listen-address="+address)
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		return m, err
	}
	defer func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	}()
	url := "http://" + address + "/slurm/metrics"
	if err := m.watch(ctx, url, cmd.Process.Pid, length); err != nil {
		return m, fmt.Errorf("%w\n%s", err, log.String())
	}
	return m, m.ask(ctx, url, cmd.Process.Pid)
}

// ask asks for the page a hundred times: a scrape takes less than the kernel's unit of CPU time.
func (m *measured) ask(ctx context.Context, url string, pid int) error {
	const scrapes = 100
	before, _, err := usage(pid)
	if err != nil {
		return err
	}
	var times []time.Duration
	for range scrapes {
		began := time.Now()
		text, err := get(ctx, url)
		if err != nil {
			return err
		}
		times = append(times, time.Since(began))
		m.count(text)
	}
	after, _, err := usage(pid)
	slices.Sort(times)
	m.scrape, m.scrapeCPU = times[len(times)/2], (after-before)/scrapes
	return err
}

// watch waits for the first snapshot, and then counts those that come within a time, and
// what the process spends meanwhile: on them, and on a page each 10 s.
func (m *measured) watch(ctx context.Context, url string, pid int, length time.Duration) error {
	end, tick := time.NewTimer(length), time.NewTicker(10*time.Second)
	defer end.Stop()
	defer tick.Stop()
	last, before := "", 0.0
	err := fmt.Errorf("less than two snapshots within %s", length)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			if m.snapshots == 0 {
				return err
			}
			_, m.rss, err = usage(pid)
			return err
		case <-tick.C:
		}
		text, asked := get(ctx, url)
		if asked != nil {
			err = asked
			continue
		}
		_, taken, _ := strings.Cut(text, "\nslurm_snapshot_timestamp_seconds ")
		taken, _, _ = strings.Cut(taken, "\n")
		switch {
		case last == "":
			if before, _, err = usage(pid); err != nil {
				return err
			}
			err = fmt.Errorf("less than two snapshots within %s", length)
		case taken != last:
			m.snapshots++
			after, _, asked := usage(pid) // from one snapshot to another: what follows is a part of the next
			if asked != nil {
				return asked
			}
			m.cpu = (after - before) / float64(m.snapshots)
		}
		last = taken
	}
}

func get(ctx context.Context, url string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s", answer.Status)
	}
	return string(body), err
}

// usage is a process' CPU seconds, its children's not among them, and its peak memory in MB.
func usage(pid int) (cpu, rss float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	for _, field := range fields[11:13] { // user, system
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, 0, err
		}
		cpu += ticks / 100
	}
	text, err = os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ = strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return cpu, kb / 1024, err
}

// count counts a page's series by what they are about.
func (m *measured) count(text string) {
	m.series, m.bytes, m.jobNodes, m.gpus, m.otherSeries, m.nodeSeries = 0, len(text), 0, 0, 0, 0
	nodes := map[string]int{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		m.series++
		switch _, node, ofNode := strings.Cut(line, `node="`); {
		case strings.HasPrefix(line, "slurm_gpu_job{"):
			m.gpus++
		case strings.HasPrefix(line, "slurm_node_job{"):
			m.jobNodes++
		case ofNode:
			node, _, _ = strings.Cut(node, `"`)
			nodes[node]++
			m.nodeSeries = max(m.nodeSeries, nodes[node])
		default:
			m.otherSeries++
		}
	}
}

// judge prints the table and says what is above a limit that does not depend on the machine.
func judge(results []measured) error {
	fmt.Println("| nodes | GPUs | jobs | snapshots | CPU s a snapshot | peak RSS MB | scrape ms | CPU ms a scrape | page kB | series | " +
		"most of a node | other |")
	fmt.Println("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	for i := range results {
		r := &results[i]
		fmt.Printf("| %d | %d | %d | %d | %.3f | %.0f | %.1f | %.1f | %d | %d | %d | %d |\n", r.nodes, r.nodes*8, r.jobs, r.snapshots, r.cpu,
			r.rss, float64(r.scrape.Microseconds())/1000, r.scrapeCPU*1000, r.bytes/1000, r.series, r.nodeSeries, r.otherSeries)
	}
	base, half, full := results[0], results[len(results)-2], results[len(results)-1]
	fmt.Printf("\n%d nodes: CPU of a snapshot %.3f s more than with %d (aim 0.3), %.0f MB more (aim 60), a scrape %.1f ms, "+
		"%.1f ms of CPU (aim 5); %.2f times the CPU of %d nodes\n", full.nodes, full.cpu-base.cpu, base.nodes, full.rss-base.rss,
		float64(full.scrape.Microseconds())/1000, full.scrapeCPU*1000, (full.cpu-base.cpu)/(half.cpu-base.cpu), half.nodes)
	for _, r := range results {
		if most := 16*r.nodes*9/10 + r.jobNodes + r.gpus + 600; r.series > most {
			return fmt.Errorf("%d nodes have %d series; at most %d", r.nodes, r.series, most)
		}
	}
	if full.nodeSeries > 16 {
		return fmt.Errorf("a node has %d series; at most 16", full.nodeSeries)
	}
	return nil
}
