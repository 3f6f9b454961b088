package head

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// What a head is given in a soak: about 40,000 new series a minute.
const (
	soakTargets  = 100
	soakReplaced = soakTargets / 4 // every replaceEvery
	soakSeries   = 200             // of a page; half of them have other names every minute
	replaceEvery = 10 * time.Second
	reloadEvery  = time.Minute
	flapEvery    = 3 * time.Minute
	flapFor      = 20 * time.Second
	measureEvery = 30 * time.Second
)

// footprint is what a process takes.
type footprint struct {
	at                           time.Duration
	heap                         uint64 // bytes in use after a collection
	goroutines, descriptors, rss int
}

func (f footprint) String() string {
	return fmt.Sprintf("%5.1f min: heap %.1f MB, %d goroutines, %d descriptors, RSS %d MB", f.at.Minutes(), float64(f.heap)/1e6, f.goroutines,
		f.descriptors, f.rss>>20)
}

// whileSent reports whether the receiver did not fail at the time of the reading, or just before.
func (f footprint) whileSent() bool {
	into := (f.at + flapFor) % flapEvery
	return into > flapFor+measureEvery/2
}

// TestSoak runs a head for as long as SOAK says, beside targets that come and go, a
// receiver that fails now and then, and reloads. What the head takes at the end is what
// it took from the tenth minute on, or after a quarter of a shorter time.
func TestSoak(t *testing.T) {
	if file := os.Getenv(headConfig); file != "" {
		runChild(t, file)
		return
	}
	whole, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil {
		t.Skip("SOAK names no duration")
	}
	s := newSoak(t)
	began := time.Now()
	var all []footprint
	replace, reload, measure := time.NewTicker(replaceEvery), time.NewTicker(reloadEvery), time.NewTicker(min(measureEvery, whole/60))
	for time.Since(began) < whole {
		select {
		case <-replace.C:
			s.replace()
		case <-reload.C:
			s.reload()
		case <-measure.C:
			f := s.measure(time.Since(began))
			all = append(all, f)
			t.Log(f)
		case <-t.Context().Done():
			t.Fatal("interrupted")
		}
		s.refuse.Store(time.Since(began)%flapEvery > flapEvery-flapFor)
	}
	s.settle()
	compareFootprints(t, all, whole)
}

// compareFootprints holds the end against what was from the tenth minute on, over ten minutes;
// and the heap also over the three of which the tenth minute is the middle, in which the
// receiver fails once: without the reading at that moment, which is half of the others or
// is not, as no request happens to be under way. Means are compared: what is in use goes up and down with each
// minute's new names and with each replaced target. The counts of
// goroutines and descriptors are at times a quarter of what they are half a minute later, since
// idle connections are closed and opened again: the six readings of three minutes do not say
// how many there are.
func compareFootprints(t *testing.T, all []footprint, whole time.Duration) {
	cycle, flap := min(10*time.Minute, whole/4), min(flapEvery, whole/20)
	tenth := min(10*time.Minute, whole/6)
	between := func(from, to time.Duration, is func(footprint) bool) (some []footprint) {
		for _, f := range all {
			if f.at >= from && f.at < to && is(f) {
				some = append(some, f)
			}
		}
		return some
	}
	each := func(footprint) bool { return true }
	for what, windows := range map[string][2][]footprint{
		"ten minutes":  {between(cycle, 2*cycle, each), between(whole-cycle, whole+cycle, each)},
		"tenth minute": {between(tenth-flap/2, tenth+flap/2, footprint.whileSent), between(whole-flap, whole+cycle, footprint.whileSent)},
	} {
		before, after := windows[0], windows[1]
		for name, of := range map[string]func(footprint) int{
			"heap": func(f footprint) int { return int(f.heap) }, "goroutines": func(f footprint) int { return f.goroutines },
			"descriptors": func(f footprint) int { return f.descriptors },
		} {
			if what == "tenth minute" && name != "heap" {
				continue
			}
			was, is := mean(before, of), mean(after, of)
			t.Logf("%s, %s: %d, and %d at the end (%+.1f %%)", what, name, was, is, 100*(float64(is)/float64(was)-1))
			if was == 0 || is == 0 {
				t.Errorf("%s, %s: not measured", what, name)
			}
			if is > was+was/10 {
				t.Errorf("%s, %s grew from %d to %d", what, name, was, is)
			}
		}
	}
}

func mean(all []footprint, of func(footprint) int) int {
	sum := 0
	for _, f := range all {
		sum += of(f)
	}
	return sum / max(len(all), 1)
}

// soak is what is around the head.
type soak struct {
	t        *testing.T
	file     string // of the configuration
	targets  string // file that lists them
	address  string
	child    *exec.Cmd
	stdin    io.Closer
	first    int // number of the oldest target
	reloads  int
	fleet    *httptest.Server
	receiver *httptest.Server
	refuse   atomic.Bool
	arrived  atomic.Uint64
}

func newSoak(t *testing.T) *soak {
	dir := t.TempDir()
	s := &soak{t: t, file: filepath.Join(dir, "prometheus.yml"), targets: filepath.Join(dir, "targets.json"), address: freeAddress(t)}
	everywhere, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	s.fleet = httptest.NewUnstartedServer(http.HandlerFunc(servePage))
	_ = s.fleet.Listener.Close()
	s.fleet.Listener = everywhere
	s.fleet.Start()
	t.Cleanup(s.fleet.Close)
	s.receiver = httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(s.receiver.Close)
	s.list()
	s.configure()
	s.child = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSoak$", "-test.timeout=0")
	s.child.Env = append(os.Environ(), headConfig+"="+s.file, headAddress+"="+s.address)
	s.child.Stderr = os.Stderr
	if s.stdin, err = s.child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.child.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

// servePage serves a page with a half whose names are of this minute.
func servePage(w http.ResponseWriter, _ *http.Request) {
	b := bufio.NewWriter(w)
	defer b.Flush()
	now := time.Now()
	minute := now.Unix() / 60
	for i := range soakSeries / 2 {
		fmt.Fprintf(b, "soak_stays_total{device=\"device-%d\"} %d\n", i, now.UnixMilli())
		fmt.Fprintf(b, "soak_goes_total{device=\"device-%d\",minute=\"%d\"} %d\n", i, minute, now.UnixMilli())
	}
}

func (s *soak) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if s.refuse.Load() {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	raw, err := snappy.Decode(nil, body)
	var req prompb.WriteRequest
	if err != nil || req.Unmarshal(raw) != nil {
		http.Error(w, "no remote write", http.StatusTeapot)
		return
	}
	for _, ts := range req.Timeseries {
		s.arrived.Add(uint64(len(ts.Samples)))
	}
}

// list writes the targets: the fleet under addresses that are all this machine's.
func (s *soak) list() {
	port := s.fleet.Listener.Addr().(*net.TCPAddr).Port
	type group struct {
		Targets []string `json:"targets"`
	}
	var g group
	for i := range soakTargets {
		n := s.first + i
		g.Targets = append(g.Targets, fmt.Sprintf("127.%d.%d.%d:%d", 1+n>>14&0x7f, n>>7&0x7f, 1+n&0x7f, port))
	}
	text, err := json.Marshal([]group{g})
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(s.targets, text)
}

// put replaces a file at once.
func (s *soak) put(path string, text []byte) {
	fresh := filepath.Join(filepath.Dir(path), ".fresh")
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *soak) configure() {
	s.put(s.file, fmt.Appendf(nil, `
global: {scrape_interval: 5s, scrape_timeout: %ds, external_labels: {cluster: soak}}
scrape_configs:
  - job_name: nodes
    sample_limit: %d
    file_sd_configs: [{files: ["%s"]}]
remote_write:
  - url: %s/api/v1/remote_write
    name: soak
    write_relabel_configs: [{target_label: kept, replacement: "yes"}]
`, 4+s.reloads%2, 10_000+s.reloads, s.targets, s.receiver.URL))
}

func (s *soak) replace() {
	s.first += soakReplaced
	s.list()
}

func (s *soak) reload() {
	s.reloads++
	s.configure()
	if err := s.child.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

var (
	heapInUse = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	number    = func(name string) *regexp.Regexp { return regexp.MustCompile(`(?m)^` + name + ` (\S+)$`) }
)

// measure asks the head what it takes.
func (s *soak) measure(at time.Duration) footprint {
	profile, page := s.get("/debug/pprof/heap?gc=1&debug=1"), s.get("/metrics")
	f := footprint{at: at}
	if m := heapInUse.FindSubmatch(profile); m != nil {
		f.heap, _ = strconv.ParseUint(string(m[1]), 10, 64)
	}
	for name, to := range map[string]*int{"go_goroutines": &f.goroutines, "process_open_fds": &f.descriptors,
		"process_resident_memory_bytes": &f.rss} {
		if m := number(name).FindSubmatch(page); m != nil {
			v, _ := strconv.ParseFloat(string(m[1]), 64)
			*to = int(v)
		}
	}
	if f.heap == 0 || f.goroutines == 0 {
		s.t.Errorf("the head does not say what it takes: %.200q", page)
	}
	return f
}

func (s *soak) get(path string) []byte {
	resp, err := http.Get("http://" + s.address + path)
	if err != nil {
		s.t.Fatalf("the head does not answer: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

// settle ends the head when nothing waits any more, and holds its ledger against what
// arrived.
func (s *soak) settle() {
	s.refuse.Store(false)
	s.put(s.targets, []byte("[]"))
	type ledger struct {
		Taken, Delivered, Queued uint64
		Uncertain, Dropped       map[string]uint64
	}
	var d struct {
		Data struct{ Total ledger }
	}
	for range 300 {
		if err := json.Unmarshal(s.get("/api/v1/delivery"), &d); err != nil {
			s.t.Fatal(err)
		}
		if d.Data.Total.Queued == 0 && bytes.Contains(s.get("/api/v1/targets"), []byte(`"activeTargets":[]`)) {
			break
		}
		<-time.After(200 * time.Millisecond)
	}
	l := d.Data.Total
	s.t.Logf("%+v; %d arrived", l, s.arrived.Load())
	if l.Taken == 0 || l.Delivered != l.Taken || s.arrived.Load() != l.Delivered {
		s.t.Errorf("taken %d, delivered %d, arrived %d", l.Taken, l.Delivered, s.arrived.Load())
	}
	_ = s.stdin.Close()
	if err := s.child.Wait(); err != nil {
		s.t.Errorf("the head ended: %v", err)
	}
}
