package head

import (
	"bytes"
	"compress/gzip"
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
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// hostilePages are answers that are meant to end, stall or fill a head.
func hostilePages() map[string]http.HandlerFunc {
	packed := func(unit string, n int) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for range n {
			_, _ = io.WriteString(w, unit)
		}
		_ = w.Close()
		return b.Bytes()
	}
	long := strings.Repeat("x", 1<<20)
	text := func(encoding string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			if encoding != "" {
				w.Header().Set("Content-Encoding", encoding)
			}
			_, _ = w.Write(body)
		}
	}
	endless := func(unit string, pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for n := 0; r.Context().Err() == nil; n++ {
				if _, err := fmt.Fprintf(w, unit, n); err != nil {
					return
				}
				if pause > 0 {
					w.(http.Flusher).Flush()
					<-time.After(pause)
				}
			}
		}
	}
	numbered := func(n int, unit string) []byte {
		var b bytes.Buffer
		for i := range n {
			fmt.Fprintf(&b, unit, i)
		}
		return b.Bytes()
	}
	return map[string]http.HandlerFunc{
		"label of 2^24 bytes": text("gzip", packed("evil{x=\""+strings.Repeat(long, 16)+"\"} 1\n", 1)),
		"label of 12 MB":      text("gzip", packed("evil{x=\""+strings.Repeat(long, 12)+"\"} 1\n", 1)),
		"bomb":                text("gzip", packed(long, 512)),
		"bomb of lines":       text("gzip", packed(strings.Repeat("# x\n", 1<<16), 2000)),
		"no gzip":             text("gzip", []byte("a 1\n")),
		"twice packed":        text("gzip, gzip", packed("a 1\n", 1000)),
		"series without end":  endless("a%d 1\n", 0),
		"slow":                endless("a%d 1\n", 100*time.Millisecond),
		"many series":         text("", numbered(1_000_000, "a%d 1\n")),
		"many labels":         text("", append(append([]byte("a{"), numbered(100_000, "l%d=\"x\",")...), "} 1\n"...)),
		"many texts":          text("", numbered(300_000, "# HELP a%d Help.\n")),
		"zeros":               text("", make([]byte, 8<<20)),
		"quotes":              text("", []byte(strings.Repeat("\"", 4<<20)+"\n")),
		"half a protobuf page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.google.protobuf")
			_, _ = w.Write([]byte("\xff\xff\xff\xff\x7f"))
		},
	}
}

// maxHostileRSS bounds what a head takes beside all of these pages, in MB.
const maxHostileRSS = 200

// TestHostileCorpus runs a head as a process of its own, with a limit on its memory,
// beside pages that are meant to end it: it lives, takes no more than maxHostileRSS,
// scrapes the good targets at each interval, and delivers all that it took.
func TestHostileCorpus(t *testing.T) {
	if file := os.Getenv(headConfig); file != "" {
		runChild(t, file)
		return
	}
	const interval = 2 * time.Second
	var targets []string
	for _, page := range hostilePages() {
		s := httptest.NewServer(page)
		t.Cleanup(s.CloseClientConnections)
		targets = append(targets, "'"+strings.TrimPrefix(s.URL, "http://")+"'")
	}
	const good = 4
	for range good {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("# x\n", 100)+"good 1\n")
		}))
		t.Cleanup(s.Close)
		targets = append(targets, "'"+strings.TrimPrefix(s.URL, "http://")+"'")
	}
	r := &goodReceiver{times: map[string][]int64{}}
	receiver := httptest.NewServer(r)
	t.Cleanup(receiver.Close)
	file := write(t, fmt.Sprintf("global: {scrape_interval: %[1]s, scrape_timeout: %[1]s}\nscrape_configs: [{job_name: all, "+
		"static_configs: [{targets: [%[2]s]}]}]\nremote_write: [{url: '%[3]s'}]\n", interval, strings.Join(targets, ", "), receiver.URL))
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
	const rounds = 10
	for r.fewest(good) < rounds { // all hostile pages have had their turns meanwhile
		select {
		case <-t.Context().Done():
			t.Fatalf("the good targets have %d samples", r.fewest(good))
		case <-time.After(100 * time.Millisecond):
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", child.Process.Pid))
		if err != nil || bytes.Contains(status, []byte("State:\tZ")) {
			t.Fatalf("the head ended: %v, %v\n%.3000s", err, child.Wait(), out.String())
		}
	}
	if gap := r.widestGap(); gap > interval*3/2 {
		t.Errorf("two samples of a good target are %v apart", gap)
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
		if kb/1024 > maxHostileRSS {
			t.Errorf("the head's memory had its peak at %d MB, %d are allowed", kb/1024, maxHostileRSS)
		}
	}
}

// goodReceiver keeps the timestamps of the good targets' samples, in milliseconds.
type goodReceiver struct {
	mu    sync.Mutex
	times map[string][]int64 // by instance
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
		name, instance := "", ""
		for _, l := range ts.Labels {
			switch l.Name {
			case "__name__":
				name = l.Value
			case "instance":
				instance = l.Value
			}
		}
		for _, s := range ts.Samples {
			if name == "good" {
				r.times[instance] = append(r.times[instance], s.Timestamp)
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

// widestGap is the longest time between two samples of a target that follow each other.
func (r *goodReceiver) widestGap() (widest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.times {
		slices.Sort(times)
		for i := 1; i < len(times); i++ {
			widest = max(widest, time.Duration(times[i]-times[i-1])*time.Millisecond)
		}
	}
	return widest
}
