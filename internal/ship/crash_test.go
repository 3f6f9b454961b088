package ship

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
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
	"github.com/parascope/parascope/internal/sample"
)

// The tests below kill a real process: this test binary, run again as a head's
// way out that scrapes by itself. It is told what to do by its environment.
const (
	childDir    = "SHIP_CHILD_DIR"
	childConfig = "SHIP_CHILD_CONFIG"
	childLimit  = "SHIP_CHILD_FILE_LIMIT" // bytes that a file may have
	childUser   = "SHIP_CHILD_USER"       // id of the user to become
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
	if user := os.Getenv(childUser); user != "" {
		id, err := strconv.Atoi(user)
		if err != nil {
			return err
		}
		if err := syscall.Setuid(id); err != nil {
			return err
		}
	}
	pages, err := os.OpenFile(filepath.Join(dir, pagesFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer pages.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	c, err := config.Load(yaml, logger)
	if err != nil {
		return err
	}
	o := DefaultOptions()
	o.Dir, o.Logger, o.Registerer, o.Lanes = dir, logger, prometheus.NewRegistry(), 4
	s, err := Open(ctx, o)
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
		var p sample.Page
		now := time.Now().UnixMilli()
		for i := range series[target] {
			p.Samples = append(p.Samples, encode(&p, series[target][i], now, float64(i)))
		}
		if _, err := pages.Write([]byte("(")); err != nil {
			return err
		}
		s.Take(&p)
		if _, err := pages.Write([]byte(")")); err != nil {
			return err
		}
	}
}

// pagesFile has a "(" for each page that was about to be committed, and a ")" for
// each that was.
const pagesFile = "pages"

// appended returns how many samples were taken at least, and at most: a kill may
// come between.
func appended(t *testing.T, dir string) (least, most uint64) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, pagesFile))
	if err != nil {
		t.Fatal(err)
	}
	return uint64(bytes.Count(b, []byte(")")) * childSeries), uint64(bytes.Count(b, []byte("(")) * childSeries)
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

// TestRandomFaults kills the sender, mistreats it at random and lets its disk be
// full. In the end the ledger says what was appended; what it does not call dropped
// is at the receiver, once or more, in order; and no more comes twice than was in
// flight when a process ended, or when an answer was lost.
func TestRandomFaults(t *testing.T) {
	d, seed := soak(t)
	t.Logf("SEED=%d repeats this", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newSink(t)
	dir := t.TempDir()
	yaml := strings.Replace(remoteWrite(s), "remote_timeout: 30s", "remote_timeout: 300ms", 1)
	end := time.Now().Add(d)
	const lanes = 4
	ends, kills := 0, 0
	var unanswered atomic.Int64 // samples that were kept and whose answer was lost
	for ; time.Now().Before(end); ends++ {
		limit := ""
		if rng.IntN(4) == 0 {
			limit = "20000"
		}
		p := run(t, dir, yaml, limit)
		for range 1 + rng.IntN(4) {
			s.answerWith(randomFault(rng, &unanswered))
			await(t, "the fault has lasted", after(time.Duration(50+rng.IntN(250))*time.Millisecond))
		}
		if rng.IntN(4) == 0 {
			p.ledger("") // it has started, and ends as it should
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
	// On a busy machine a stop is over before all is sent: the rest is queued, and
	// answers to some of it may not have been read.
	least, most := l.Delivered+l.Doubtful(), l.Taken-l.Lost()
	if got := uint64(s.distinct()); l.Lost() != l.Dropped[queue.Disk] || !l.Balanced() || least+l.Queued != most || got < least || got > most {
		t.Errorf("ledger %+v, receiver has %d distinct samples", l, got)
	}
	if least, most := appended(t, dir); l.Taken < least || l.Taken > most {
		t.Errorf("ledger %+v, and %d to %d samples were appended", l, least, most)
	}
	if most := ends*lanes*slices.Max(s.batches) + int(unanswered.Load()); s.duplicates > most {
		t.Errorf("%d samples came twice, and at most %d were in flight when it ended %d times or when answers were lost", s.duplicates, most,
			ends)
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
func randomFault(rng *rand.Rand, unanswered *atomic.Int64) func(http.ResponseWriter, *http.Request, int) bool {
	codes := []int{401, 403, 404, 429, 500, 503, 302}
	code, kind, every := codes[rng.IntN(len(codes))], rng.IntN(8), int64(1+rng.IntN(4))
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, samples int) bool {
		if kind == 0 || n.Add(1)%every != 0 {
			return true
		}
		switch kind {
		case 1: // the answer is lost, and the samples are kept
			unanswered.Add(int64(samples))
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				conn.Close()
			}
			return true
		case 2: // hangs
			<-r.Context().Done()
			return false
		case 3: // says that it refuses some, and keeps what it had before
			http.Error(w, "err: out-of-order sample", http.StatusBadRequest)
			return true
		case 4: // takes small requests only
			if samples <= 20 {
				return true
			}
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return false
		default:
			http.Error(w, "trouble", code)
			return false
		}
	}
}

// TestReadOnlyDirectory: the queue's directories may not be written to, by a
// process that is not root. It lives, counts what it cannot keep, and recovers.
func TestReadOnlyDirectory(t *testing.T) {
	s := newSink(t)
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		const nobody = 65534
		t.Setenv(childUser, strconv.Itoa(nobody))
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	p := run(t, dir, remoteWrite(s), "")
	await(t, "samples arrive", func() bool { return s.distinct() > childSeries })
	p.end(syscall.SIGTERM)
	lanes, err := filepath.Glob(filepath.Join(dir, "remote-*", "*", "lane-*"))
	if err != nil || len(lanes) != 4 {
		t.Fatalf("lanes: %v, %v", lanes, err)
	}
	mode := func(m os.FileMode) {
		t.Helper()
		for _, lane := range lanes {
			if err := os.Chmod(lane, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	mode(0o555)
	defer mode(0o755)
	p = run(t, dir, remoteWrite(s), "")
	await(t, "samples are dropped for the disk", func() bool { return p.ledger("").Dropped[queue.Disk] > 10*childSeries })
	mode(0o755)
	before := p.ledger("")
	await(t, "samples are delivered again", func() bool { return p.ledger("").Delivered > before.Delivered+10*childSeries })
	p.end(syscall.SIGTERM)
	report, err := queue.Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	l := report.Queues[0].Ledger
	least, most := appended(t, dir)
	if l.Taken < least || l.Taken > most || l.Taken != l.Delivered+l.Dropped[queue.Disk]+l.Queued || l.Delivered != uint64(s.distinct()) {
		t.Errorf("ledger %+v; receiver has %d; %d to %d were appended", l, s.distinct(), least, most)
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
