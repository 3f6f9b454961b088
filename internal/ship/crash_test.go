package ship

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/parascope/parascope/internal/queue"
)

// The tests below kill a real process: this test binary, run again as a head's
// way out that scrapes by itself. It is told what to do by its environment.
const (
	childDir    = "SHIP_CHILD_DIR"
	childConfig = "SHIP_CHILD_CONFIG"
	childLimit  = "SHIP_CHILD_FILE_LIMIT" // bytes that a file may have
)

const (
	childSeries   = 120
	childTargets  = 3
	childInterval = 20 * time.Millisecond
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir, os.Getenv(childConfig), os.Getenv(childLimit)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child scrapes until it is told to end, and prints the ledger when stdin asks.
func child(dir, yaml, limit string) error {
	if limit != "" {
		n, err := strconv.ParseUint(limit, 10, 64)
		if err != nil {
			return err
		}
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: 1 << 40}); err != nil {
			return err
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	c, err := config.Load(yaml, logger)
	if err != nil {
		return err
	}
	s, err := Open(ctx, Options{
		Dir: dir, Logger: logger, Registerer: prometheus.NewRegistry(), Lanes: 4,
		Metadata: func() []Metadata { return nil },
	})
	if err != nil {
		return err
	}
	if err := s.ApplyConfig(c); err != nil {
		return err
	}
	go answerLedger(s)
	tick := time.NewTicker(childInterval)
	defer tick.Stop()
	var series [childTargets][childSeries]labels.Labels
	for target := range series {
		for i := range series[target] {
			series[target][i] = labels.FromStrings("__name__", fmt.Sprint("metric_", i), "instance", fmt.Sprint("node-", target))
		}
	}
	for target := 0; ; target = (target + 1) % childTargets {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return s.Close()
		}
		var p Page
		now := time.Now().UnixMilli()
		for i := range series[target] {
			s.add(&p, series[target][i], now, float64(i))
		}
		s.Take(&p)
	}
}

// answerLedger prints a line of JSON for each line it reads. "unlimited" lifts
// the limit on files.
func answerLedger(s *Ship) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "unlimited" {
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40}); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		b, err := json.Marshal(s.Status().Total)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		fmt.Println(string(b))
	}
}

// process is a running child.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func run(t *testing.T, dir, yaml, limit string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childConfig+"="+yaml, childLimit+"="+limit)
	cmd.Stderr = &lineLog{t}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t, cmd, in, bufio.NewScanner(out)}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			p.end(syscall.SIGKILL)
		}
	})
	return p
}

// lineLog shows a child's log when the test fails.
type lineLog struct{ t *testing.T }

func (l *lineLog) Write(b []byte) (int, error) {
	l.t.Logf("child: %s", strings.TrimSpace(string(b)))
	return len(b), nil
}

// ledger asks the child.
func (p *process) ledger(line string) queue.Ledger {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		p.t.Fatal(err)
	}
	if !p.out.Scan() {
		p.t.Fatalf("child gave no answer: %v", p.out.Err())
	}
	var l queue.Ledger
	if err := json.Unmarshal(p.out.Bytes(), &l); err != nil {
		p.t.Fatal(err)
	}
	if !l.Balanced() {
		p.t.Errorf("ledger is not balanced: %s", p.out.Bytes())
	}
	return l
}

func (p *process) end(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil && sig != syscall.SIGKILL {
		p.t.Errorf("child after %s: %v", sig, err)
	}
}

// soak is how long the random test runs, and with which seed. SOAK=10m makes it
// long, SEED=n repeats a failure.
func soak(t *testing.T) (time.Duration, uint64) {
	t.Helper()
	d, seed := 4*time.Second, uint64(time.Now().UnixNano())
	if text := os.Getenv("SOAK"); text != "" {
		long, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		d = long
	}
	if text := os.Getenv("SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = given
	}
	return d, seed
}

// TestRandomFaults kills the sender and mistreats it at random. In the end each
// sample that was taken is at the receiver, once or more, in order; the ledger
// says the same number; and what comes twice is what was in flight when the
// process was killed, or when its answer was lost.
func TestRandomFaults(t *testing.T) {
	d, seed := soak(t)
	t.Logf("SEED=%d repeats this", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newSink(t)
	dir := t.TempDir()
	yaml := strings.Replace(remoteWrite(s), "remote_timeout: 2s", "remote_timeout: 300ms", 1)
	end := time.Now().Add(d)
	kills := 0
	for time.Now().Before(end) {
		p := run(t, dir, yaml, "")
		for range 1 + rng.IntN(4) {
			s.answerWith(randomFault(rng))
			await(t, "the fault has lasted", after(time.Duration(50+rng.IntN(250))*time.Millisecond))
		}
		if rng.IntN(4) == 0 {
			p.end(syscall.SIGTERM)
		} else {
			p.end(syscall.SIGKILL)
			kills++
		}
	}
	s.answerWith(nil)
	p := run(t, dir, yaml, "")
	var l queue.Ledger
	await(t, "the backlog is sent", func() bool {
		l = p.ledger("")
		return l.Taken > 0 && l.Queued < 5*childSeries
	})
	p.end(syscall.SIGTERM)
	report, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	l = report.Queues[0].Ledger
	t.Logf("%s, %d kills: %+v, receiver has %d, %d twice", d, kills, l, s.distinct(), s.duplicates)
	if l.Taken != l.Delivered || l.Delivered != uint64(s.distinct()) {
		t.Errorf("ledger %+v, receiver has %d distinct samples", l, s.distinct())
	}
	if s.outOfOrder != 0 {
		t.Errorf("%d samples out of order", s.outOfOrder)
	}
}

// TestKillSendsTwiceWhatWasInFlight: and nothing more, whatever the receiver had
// acknowledged before.
func TestKillSendsTwiceWhatWasInFlight(t *testing.T) {
	s := newSink(t)
	dir := t.TempDir()
	const kills, lanes = 5, 4
	for range kills {
		n := s.distinct()
		p := run(t, dir, remoteWrite(s), "")
		await(t, "samples arrive", func() bool { return s.distinct() > n+20*childSeries })
		p.end(syscall.SIGKILL)
	}
	p := run(t, dir, remoteWrite(s), "")
	await(t, "the backlog is sent", func() bool { return p.ledger("").Queued < 5*childSeries })
	p.end(syscall.SIGTERM)
	if most := kills * lanes * slices.Max(s.batches); s.duplicates > most || s.outOfOrder > 0 {
		t.Errorf("%d samples came twice, want at most %d; %d out of order", s.duplicates, most, s.outOfOrder)
	}
}

func after(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().After(end) }
}

// randomFault is one way in which a receiver misbehaves, or none. A share of the
// requests is spared.
func randomFault(rng *rand.Rand) func(http.ResponseWriter, *http.Request, int) bool {
	codes := []int{401, 403, 404, 429, 500, 503, 302}
	code, kind, every := codes[rng.IntN(len(codes))], rng.IntN(6), int64(1+rng.IntN(4))
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if kind == 0 || n.Add(1)%every != 0 {
			return true
		}
		switch kind {
		case 1: // the answer is lost, and the samples are kept
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				conn.Close()
			}
			return true
		case 2: // hangs
			<-r.Context().Done()
			return false
		default:
			http.Error(w, "trouble", code)
			return false
		}
	}
}

// TestDiskFull: a process whose files cannot grow lives, counts what it cannot
// keep, and recovers when they can.
func TestDiskFull(t *testing.T) {
	s := newSink(t)
	s.answerWith(always(503, "down"))
	dir := t.TempDir()
	p := run(t, dir, remoteWrite(s), "20000")
	var l queue.Ledger
	await(t, "samples are dropped for the disk", func() bool {
		l = p.ledger("")
		return l.Dropped[queue.Disk] > 0
	})
	if l.Queued == 0 {
		t.Errorf("ledger %+v: what fitted should wait", l)
	}
	before := p.ledger("unlimited")
	s.answerWith(nil)
	await(t, "samples are delivered again", func() bool {
		l = p.ledger("")
		return l.Delivered > before.Queued+10*childSeries
	})
	p.end(syscall.SIGTERM)
	report, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	l = report.Queues[0].Ledger
	if !l.Balanced() || l.Delivered != uint64(s.distinct()) || l.Taken != l.Delivered+l.Dropped[queue.Disk] || s.outOfOrder != 0 {
		t.Errorf("ledger %+v; receiver has %d, %d out of order", l, s.distinct(), s.outOfOrder)
	}
}
