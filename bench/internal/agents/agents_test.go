package agents

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/config"

	"github.com/parascope/parascope/bench/internal/simulate"
)

// TestConfiguration: Prometheus' own parser takes what we write, with the targets
// that were asked for.
func TestConfiguration(t *testing.T) {
	task := Task{
		Dir: t.TempDir(), Fleet: "127.0.0.1:1234", Targets: simulate.New(3, 10, 5, time.Now).Targets(), Interval: 5 * time.Second,
		Endpoint: "http://127.0.0.1:1/workspaces/ws-bench/api/v1/remote_write", MetadataURL: "http://127.0.0.1:2",
	}
	for _, k := range All("/nowhere", "/nowhere/parascope") {
		if _, _, err := k.configure(task); err != nil {
			t.Fatal(err)
		}
		c, err := config.LoadFile(filepath.Join(task.Dir, "prometheus.yml"), true, promslog.NewNopLogger())
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		jobs, err := c.GetScrapeConfigs()
		if err != nil || len(jobs) != 2 {
			t.Errorf("%s: %d jobs, %v", k.Name, len(jobs), err)
		}
		if n := len(c.RemoteWriteConfigs); (n == 0) != (k.Name == VMAgent) {
			t.Errorf("%s: %d remote writes", k.Name, n)
		}
	}
	if _, _, err := (Kind{Name: "alloy"}).configure(task); err == nil {
		t.Error("an agent that nobody knows is configured")
	}
}

// TestUsage measures a process whose use is known: one that computes until it has
// used time, and one that only waits.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	busy := filepath.Join(dir, "busy")
	if err := os.WriteFile(busy, []byte("#!/bin/sh\nwhile :; do :; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
	p, err := Kind{Parascope, busy}.Start(Task{Dir: dir, Interval: time.Second, Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		u, err := p.Usage()
		if err != nil {
			t.Fatal(err)
		}
		if u.CPU >= 50*time.Millisecond {
			if u.PeakRSS < 100<<10 || u.PeakRSS > 100<<20 || u.Anon <= 0 || u.Anon > u.PeakRSS {
				t.Errorf("a shell has %d bytes resident at most, %d anonymous", u.PeakRSS, u.Anon)
			}
			break
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("a busy loop has used %s of CPU in 10 s", u.CPU)
		}
	}
	if err := p.Alive(); err != nil {
		t.Error(err)
	}
	if err := p.Kill(); err != nil {
		t.Error(err)
	}
	if err := p.Alive(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("after Kill: %v", err)
	}
}
