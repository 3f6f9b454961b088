package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"

	"github.com/parascope/parascope/bench/internal/agents"
)

// TestMain is the tests, or one of two small agents: one that keeps what is not
// accepted, and one that drops what is refused, as stock Prometheus does.
func TestMain(m *testing.M) {
	if kind := os.Getenv("BENCH_AGENT"); kind != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := serve(ctx, kind, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestTrial plays the whole of it with agents whose losses are known.
func TestTrial(t *testing.T) {
	short := plan{Nodes: 2, Series: 20, Interval: 200 * time.Millisecond, Before: 700 * time.Millisecond, Trouble: 800 * time.Millisecond,
		After: 500 * time.Millisecond, Drain: 2 * time.Second}
	dir := t.TempDir()
	var running sync.WaitGroup // all at once: a trial is mostly waiting
	for _, f := range plainFaults() {
		for _, agent := range []string{"keeps", "drops"} {
			name := strings.ReplaceAll(f.name, " ", "-") + "-" + agent
			program := filepath.Join(dir, name)
			script := "#!/bin/sh\nBENCH_AGENT=" + agent + " exec " + os.Args[0] + " \"$@\"\n"
			if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			tr := trial{plan: short, fault: f, agent: agents.Kind{Name: agents.Parascope, Program: program}, dir: program + ".d",
				logger: slog.New(slog.DiscardHandler)}
			running.Go(func() { judgeTrial(t, tr, name, agent) })
		}
	}
	running.Wait()
}

// judgeTrial runs a trial until its figures are those of its agent. On a busy machine too little
// happens in the time of a plan, and what is on its way when it ends counts as lost: then the
// trial is run again with twice the time. An agent that behaves otherwise never passes.
func judgeTrial(t *testing.T, tr trial, name, agent string) {
	// Neither of the two keeps anything over a kill.
	loses := tr.fault.name == "kill in outage" || agent == "drops" && slices.Contains([]string{"403", "429", "expiry"}, tr.fault.name)
	dir := tr.dir
	for attempt := range 6 {
		tr.dir = dir + strconv.Itoa(attempt)
		got, err := tr.run(t.Context())
		if err != nil || got.outOfOrder > 0 || got.duplicates > 0 {
			t.Errorf("%s: %+v, %v", name, got, err)
			return
		}
		if got.taken >= 100 && got.lost >= 0 && (tr.fault.cuts >= 3 || loses == (got.lost > 0)) {
			return
		}
		t.Logf("%s: lost %d of %d; once more with twice the time", name, got.lost, got.taken)
		p := &tr.plan
		p.Before, p.Trouble, p.After, p.Drain = 2*p.Before, 2*p.Trouble, 2*p.After, 2*p.Drain
	}
	t.Errorf("%s: never lost what it should (%t)", name, loses)
}

var (
	targetLine   = regexp.MustCompile(`targets: \["(.*?)"\].*__metrics_path__: "(.*?)", instance: "(.*?)"`)
	intervalLine = regexp.MustCompile(`scrape_interval: (.*)`)
	urlLine      = regexp.MustCompile(`url: (.*)`)
)

// serve is a small agent: one request per page, in order.
func serve(ctx context.Context, kind string, args []string) error {
	config, err := os.ReadFile(strings.TrimPrefix(args[0], "--config.file="))
	if err != nil {
		return err
	}
	interval, err := time.ParseDuration(intervalLine.FindStringSubmatch(string(config))[1])
	if err != nil {
		return err
	}
	url := urlLine.FindStringSubmatch(string(config))[1]
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var queue [][]byte
	for {
		for _, m := range targetLine.FindAllStringSubmatch(string(config), -1) {
			if page, err := scrape(ctx, "http://"+m[1]+m[2], m[3]); err == nil {
				queue = append(queue, page)
			}
		}
		for len(queue) > 0 {
			status, err := deliver(ctx, url, queue[0])
			if err != nil || status >= 500 || status >= 400 && kind == "keeps" {
				break
			}
			queue = queue[1:]
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func scrape(ctx context.Context, url, instance string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	now := time.Now().UnixMilli()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %w", resp.Status, err)
	}
	var out prompb.WriteRequest
	for line := range strings.Lines(string(body)) {
		i := strings.LastIndexByte(strings.TrimSpace(line), ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[i:]), 64)
		if err != nil {
			return nil, err
		}
		out.Timeseries = append(out.Timeseries, prompb.TimeSeries{
			Labels:  []prompb.Label{{Name: "__name__", Value: line[:i]}, {Name: "instance", Value: instance}},
			Samples: []prompb.Sample{{Value: v, Timestamp: now}},
		})
	}
	raw, err := out.Marshal()
	return snappy.Encode(nil, raw), err
}

func deliver(ctx context.Context, url string, body []byte) (int, error) {
	token, err := sessionToken(ctx)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header = http.Header{"Content-Encoding": {"snappy"}, "X-Prometheus-Remote-Write-Version": {"0.1.0"},
		"Authorization": {"AWS4-HMAC-SHA256 …"}, "X-Amz-Security-Token": {token}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func sessionToken(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT")+"/container-credentials", nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var c struct{ Token string }
	err = json.NewDecoder(resp.Body).Decode(&c)
	return c.Token, err
}
