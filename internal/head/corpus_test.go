package head

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
)

// maxHostileRSS bounds what a head takes beside all of these pages, in MB.
const maxHostileRSS = 200

const corpusInterval = 2 * time.Second

// TestHostileCorpus: pages that are gigantic, endless, packed or slow.
func TestHostileCorpus(t *testing.T) {
	if file := os.Getenv(headConfig); file != "" {
		runChild(t, file)
		return
	}
	scrapeBeside(t, hostilePages(), "", 0, 10, corpusInterval*3/2)
}

// TestOddCorpus: pages in odd encodings and formats, and histograms that are none, to jobs
// with and without the settings for histograms. Pages of messages have a head each: beside
// others there might be no memory to read them, and nothing would be shown.
func TestOddCorpus(t *testing.T) {
	const settings = "scrape_native_histograms: true, convert_classic_histograms_to_nhcb: true, always_scrape_classic_histograms: true"
	text := map[string]http.HandlerFunc{}
	for name, page := range oddPages() {
		if !strings.HasPrefix(name, "protobuf") {
			text[name] = page
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scrapeBeside(t, map[string]http.HandlerFunc{name: page}, settings, 0, 3, 3*corpusInterval) // several share the processors
		})
	}
	t.Run("text", func(t *testing.T) { scrapeBeside(t, text, settings, 0, 5, corpusInterval*3/2) })
}

// scrapeBeside runs a head as a process of its own, with a limit on its memory, beside
// pages that are meant to end it: it lives, takes no more than maxHostileRSS, scrapes the
// good targets at each interval, ends their series, and delivers all that it took. With
// settings there is a second job that has them. It ends when each good target has that many
// rounds of samples, none later than gap after the one before, in time that the machine had
// for it. Where other processes leave it no time, nothing can be said. churning targets are
// good ones with 1,000 series that are others at each scrape.
func scrapeBeside(t *testing.T, pages map[string]http.HandlerFunc, settings string, churning, rounds int, gap time.Duration) {
	var targets, goods []string
	for _, page := range pages {
		s := httptest.NewServer(page)
		t.Cleanup(s.CloseClientConnections)
		targets = append(targets, "'"+strings.TrimPrefix(s.URL, "http://")+"'")
	}
	good := 4 + churning
	for i := range good {
		series := 0
		if i < churning {
			series = 1000
		}
		s := httptest.NewServer(goodPage(series))
		t.Cleanup(s.Close)
		goods = append(goods, "'"+strings.TrimPrefix(s.URL, "http://")+"'")
	}
	r := &goodReceiver{times: map[string][]int64{}, turns: map[string]map[string]string{}}
	receiver := httptest.NewServer(r)
	t.Cleanup(receiver.Close)
	job := func(name, settings string, targets []string) string {
		return fmt.Sprintf("{job_name: %s, %s static_configs: [{targets: [%s]}]}", name, settings, strings.Join(targets, ", "))
	}
	jobs := []string{job("all", "", append(goods, targets...))}
	if settings != "" {
		jobs = append(jobs, job("more", settings+",", targets))
	}
	file := write(t, fmt.Sprintf("global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}\nscrape_configs: [%[2]s]\n"+
		"remote_write: [{url: '%[3]s'}]\n", corpusInterval, strings.Join(jobs, ", "), receiver.URL))
	address := freeAddress(t)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHostileCorpus$", "-test.timeout=5m")
	child.Env = append(os.Environ(), headConfig+"="+file, headAddress+"="+address)
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	m := &machine{pids: []int{os.Getpid(), child.Process.Pid}}
	for began := time.Now(); r.fewest(good) < rounds || r.ended() < rounds-2; { // all hostile pages have had their turns meanwhile
		if err := m.look(); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) > 3*time.Minute {
			enough := time.Duration(rounds+1) * gap
			if m.had > enough {
				t.Fatalf("the machine had %s for %d rounds, and the good targets have %d samples, and %d series that ended", m.had, rounds,
					r.fewest(good), r.ended())
			}
			t.Skipf("the machine had %s for this test in three minutes", m.had)
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("the good targets have %d samples, and %d series that ended", r.fewest(good), r.ended())
		case <-time.After(100 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", child.Process.Pid))
		if err != nil || bytes.Contains(status, []byte("State:\tZ")) {
			t.Fatalf("the head ended: %v, %v\n%.3000s", err, child.Wait(), out.String())
		}
	}
	if err := m.look(); err != nil {
		t.Fatal(err)
	}
	widest := r.widestGap(m)
	t.Logf("the machine had %s for this test, and %s between two samples of a good target at most", m.had, widest)
	if widest > gap {
		t.Errorf("two samples of a good target are %v apart", widest)
	}
	if odd := r.odd(); odd != "" {
		t.Errorf("a good target's series that was on one page only has %s", odd)
	}
	d, err := AskDelivery(t.Context(), address, "")
	if err != nil || d.Total.Lost() > 0 || d.Total.Doubtful() > 0 {
		t.Errorf("ledger %+v, %v", d.Total, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", child.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	_ = stdin.Close()
	if err := child.Wait(); err != nil {
		t.Fatalf("the head ended: %v\n%.3000s", err, out.String())
	}
	if len(peak) == 2 {
		kb, _ := strconv.Atoi(string(peak[1]))
		t.Logf("the head's memory had its peak at %d MB", kb/1024)
		if kb/1024 > maxHostileRSS && !raceDetector {
			t.Errorf("the head's memory had its peak at %d MB, %d are allowed", kb/1024, maxHostileRSS)
		}
	}
}

// goodPage shows a series that stays, one that has another name at each scrape, and so many
// more of the latter.
func goodPage(series int) http.HandlerFunc {
	var scrapes atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		n := scrapes.Add(1)
		b := fmt.Appendf(nil, "%sgood 1\nturn{n=\"%d\"} 1\n", strings.Repeat("# x\n", 100), n)
		for i := range series {
			b = fmt.Appendf(b, "churning{n=\"%d\",i=\"%d\",x=\"%032d\"} 1\n", n, i, i)
		}
		_, _ = w.Write(b)
	}
}

// goodReceiver keeps the timestamps of the good targets' samples, in milliseconds, and
// which samples arrived of the series that are on one page only.
type goodReceiver struct {
	mu    sync.Mutex
	times map[string][]int64           // by instance
	turns map[string]map[string]string // by instance and n: 1 for a sample, x for a marker
}

func (r *goodReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	raw, err := snappy.Decode(nil, body)
	var write prompb.WriteRequest
	if err != nil || write.Unmarshal(raw) != nil {
		http.Error(w, "no remote write", http.StatusTeapot)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ts := range write.Timeseries {
		name, instance, n := "", "", ""
		for _, l := range ts.Labels {
			switch l.Name {
			case "__name__":
				name = l.Value
			case "instance":
				instance = l.Value
			case "n":
				n = l.Value
			}
		}
		for _, s := range ts.Samples {
			switch name {
			case "good":
				r.times[instance] = append(r.times[instance], s.Timestamp)
			case "turn":
				if r.turns[instance] == nil {
					r.turns[instance] = map[string]string{}
				}
				r.turns[instance][n] += map[bool]string{false: "1", true: "x"}[value.IsStaleNaN(s.Value)]
			}
		}
	}
}

// fewest is how many samples the good targets have, each of n.
func (r *goodReceiver) fewest(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.times) < n {
		return 0
	}
	fewest := 1 << 30
	for _, times := range r.times {
		fewest = min(fewest, len(times))
	}
	return fewest
}

// ended is how many series that were on one page only have ended, the fewest of a target.
func (r *goodReceiver) ended() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	fewest := 1 << 30
	for _, all := range r.turns {
		n := 0
		for _, turn := range all {
			if turn == "1x" {
				n++
			}
		}
		fewest = min(fewest, n)
	}
	return fewest
}

// odd is a series that has other samples than one, and then perhaps a marker; empty: none.
func (r *goodReceiver) odd() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, all := range r.turns {
		for _, turn := range all {
			if turn != "1x" && turn != "1" {
				return turn
			}
		}
	}
	return ""
}

// widestGap is the longest time that the machine had between two samples of a target that follow each other.
func (r *goodReceiver) widestGap(m *machine) (widest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.times {
		slices.Sort(times)
		for i := 1; i < len(times); i++ {
			widest = max(widest, m.between(times[i-1], times[i]))
		}
	}
	return widest
}
