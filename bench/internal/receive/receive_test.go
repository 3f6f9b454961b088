package receive

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/golang/snappy"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/bench/internal/simulate"
)

func open(t *testing.T, o Options) *Receiver {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// series is one with the samples of the given timestamps; their value is 1e9 plus
// the timestamp, as a sequence is.
func series(name, instance string, timestamps ...int64) prompb.TimeSeries {
	ts := prompb.TimeSeries{Labels: []prompb.Label{{Name: "__name__", Value: name}, {Name: "instance", Value: instance}}}
	for _, at := range timestamps {
		ts.Samples = append(ts.Samples, prompb.Sample{Value: 1e9 + float64(at), Timestamp: at})
	}
	return ts
}

// send delivers one request and returns the answer's status.
func send(t *testing.T, r *Receiver, change func(*http.Request), all ...prompb.TimeSeries) (int, error) {
	t.Helper()
	raw, err := (&prompb.WriteRequest{Timeseries: all}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.URL(), bytes.NewReader(snappy.Encode(nil, raw)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	if change != nil {
		change(req)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func TestCounting(t *testing.T) {
	r := open(t, Options{Records: true})
	for _, request := range [][]prompb.TimeSeries{
		{series(simulate.SequenceMetric, "a", 10), series("x", "a", 10), series("up", "a", 10), series("scrape_duration_seconds", "a", 10)},
		{series("x", "a", 30)},
		{series("x", "a", 20), series("x", "b", 20)}, // a is out of order
		{series("x", "a", 10), series("x", "b", 20)}, // both have come before
	} {
		if status, err := send(t, r, nil, request...); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	want := Report{
		Moments:    map[Moment]int{{"a", 10}: 2, {"a", 20}: 1, {"a", 30}: 1, {"b", 20}: 1},
		Sequences:  map[Moment]int{{"a", 10}: 10},
		Duplicates: 2, DuplicateRequests: 1, OutOfOrder: 1, Statuses: map[int]int{200: 4}, MaxInFlight: 1,
	}
	if diff := cmp.Diff(want, r.Report()); diff != "" {
		t.Error(diff)
	}
	if n := r.Report().Arrived(); n != 5 {
		t.Errorf("%d arrived, want 5", n)
	}
}

func TestTrouble(t *testing.T) {
	r := open(t, Options{Records: true})
	one := series("x", "a", 1)
	for answer, want := range map[Answer]int{Forbid: 403, Throttle: 429, Unavailable: 503, Accept: 200} {
		r.Set(answer)
		if status, err := send(t, r, nil, one); status != want {
			t.Errorf("%s: %d %v", answer, status, err)
		}
	}
	r.Set(Reset)
	if status, err := send(t, r, nil, one); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %d %v", status, err)
	}
	r.Set(Hang)
	done := make(chan error, 1)
	go func() {
		_, err := http.Post(r.URL(), "", bytes.NewReader(nil))
		done <- err
	}()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for hanging := false; !hanging; {
		r.mu.Lock()
		hanging = r.inFlight == 1
		r.mu.Unlock()
		select {
		case <-tick.C:
		case err := <-done:
			t.Fatalf("did not hang: %v", err)
		case <-deadline:
			t.Fatal("the request never came")
		}
	}
	r.Set(Accept)
	if err := <-done; !errors.Is(err, io.EOF) {
		t.Errorf("hang: %v, want EOF", err)
	}
	if err := r.Down(); err != nil {
		t.Fatal(err)
	}
	if status, err := send(t, r, nil, one); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("down: %d %v", status, err)
	}
	if err := r.Up(); err != nil {
		t.Fatal(err)
	}
	if status, err := send(t, r, nil, series("x", "a", 2)); status != 200 {
		t.Errorf("up again: %d %v", status, err)
	}
	if n := r.Report().Arrived(); n != 2 {
		t.Errorf("%d arrived, want the two that were accepted", n)
	}
}

func TestOnlyAMPsProtocol(t *testing.T) {
	r := open(t, Options{})
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"remote write 1": {nil, 200},
		"remote write 2": {func(r *http.Request) { r.Header.Set("X-Prometheus-Remote-Write-Version", "2.0.0") }, 415},
		"zstd":           {func(r *http.Request) { r.Header.Set("Content-Encoding", "zstd") }, 415},
		"another path":   {func(r *http.Request) { r.URL.Path += "/" }, 404},
		"no snappy":      {func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte("x"))), 1 }, 400},
		"over 1 MB": {func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, 1<<20+1))), 1<<20+1
		}, 413},
	} {
		if status, err := send(t, r, c.change, series("x", "a", 1, 2, 3)); status != c.want {
			t.Errorf("%s: %d %v, want %d", name, status, err, c.want)
		}
	}
	if r.Samples() != 3 {
		t.Errorf("%d samples, want 3", r.Samples())
	}
}

// TestExpiry: the SDK's default chain finds the credentials, and the receiver
// takes them until they end; while the service is late there are no others.
func TestExpiry(t *testing.T) {
	var ahead atomic.Int64 // of the real clock
	m, err := NewMetadata(time.Minute, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
		"AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", m.URL())
	status := func() int {
		cfg, err := config.LoadDefaultConfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := cfg.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := open(t, Options{Authorized: m.Authorized})
		got, err := send(t, r, func(req *http.Request) {
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.AccessKeyID+"/…")
			req.Header.Set("X-Amz-Security-Token", c.SessionToken)
		}, series("x", "a", 1))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := status(); got != 200 {
		t.Errorf("fresh: %d", got)
	}
	m.Late()
	ahead.Store(int64(61 * time.Second))
	if got := status(); got != 403 {
		t.Errorf("expired and late: %d, want 403", got)
	}
	m.Renew()
	if got := status(); got != 200 {
		t.Errorf("renewed: %d", got)
	}
	r := open(t, Options{Authorized: m.Authorized})
	if got, err := send(t, r, nil, series("x", "a", 1)); got != 403 {
		t.Errorf("unsigned: %d %v", got, err)
	}
}

// TestRefuse: what is refused is not counted, and the rest of its request is.
func TestRefuse(t *testing.T) {
	r := open(t, Options{Records: true})
	r.Refuse(func(metric string) string {
		if metric == "bad" {
			return "no"
		}
		return ""
	})
	status, err := send(t, r, nil, series("good", "a", 1), series("bad", "a", 1), series(simulate.ExtraPrefix+"1", "a", 1))
	if err != nil || status != http.StatusBadRequest || r.Report().Arrived() != 1 {
		t.Errorf("status %d, %v, %d arrived; want 400 and 1", status, err, r.Report().Arrived())
	}
	r.Refuse(nil)
	if status, err := send(t, r, nil, series("bad", "a", 1)); err != nil || status != http.StatusOK || r.Report().Arrived() != 2 {
		t.Errorf("status %d, %v, %d arrived; want 200 and 2", status, err, r.Report().Arrived())
	}
}
