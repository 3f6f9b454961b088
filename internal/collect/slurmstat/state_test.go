package slurmstat_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/slurmstat"
	"github.com/parascope/parascope/internal/slurm"
)

func TestLoadStateRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := slurmstat.LoadState(filepath.Join(dir, "none"), noon); err != nil {
		t.Errorf("no file: %v", err)
	}
	for name, text := range map[string]string{
		"half": `{"Version":2,"Sta`, "other version": `{"Version":9}`, "nulls": `{"Version":2,"Seen":null}`,
		"histogram": `{"Version":2,"Wait":{"a":{"Counts":[1]}}}`, "no histogram": `{"Version":2,"Run":{"a":null}}`,
	} {
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := slurmstat.LoadState(file, noon)
		if err == nil || s.Tracker == nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s.Tracker.Observe(at(0, job("1", "running", 0, 0, -1))) // and it counts
	}
	if s, err := slurmstat.LoadState(dir, noon); err == nil || s.Tracker == nil {
		t.Errorf("a directory: %v", err)
	}
	pipe := filepath.Join(dir, "pipe") // which nobody writes to
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := slurmstat.LoadState(pipe, noon); err == nil || s.Tracker == nil {
		t.Errorf("a pipe: %v", err)
	}
}

// TestTargetsInAStateFile: targets that slurmctld cannot have returned are refused; what was counted is there nonetheless.
func TestTargetsInAStateFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	tr := slurmstat.NewTracker()
	tr.Observe(at(0))
	tr.Observe(at(60*time.Second, job("1", "running", 0, 0, -1)))
	good := slurm.Target{Node: "q-st-r-1", Queue: "q", ComputeResource: "r", Address: "10.0.0.7", GPUs: true}
	with := func(change func(*slurm.Target)) []slurm.Target {
		other := slurm.Target{Node: "q-st-r-2", Address: "fd00::2"}
		change(&other)
		return []slurm.Target{good, other}
	}
	for name, c := range map[string]struct {
		targets []slurm.Target
		listed  time.Duration // before they are read
		want    int
		fails   bool
	}{
		"good":             {with(func(*slurm.Target) {}), time.Hour, 2, false},
		"old":              {with(func(*slurm.Target) {}), 25 * time.Hour, 0, false},
		"of the future":    {with(func(*slurm.Target) {}), -time.Second, 0, true},
		"without a name":   {with(func(t *slurm.Target) { t.Node = "" }), 0, 0, true},
		"twice":            {with(func(t *slurm.Target) { t.Node = good.Node }), 0, 0, true},
		"with a path":      {with(func(t *slurm.Target) { t.Address = "10.0.0.7/x?" }), 0, 0, true},
		"with credentials": {with(func(t *slurm.Target) { t.Address = "u@10.0.0.7" }), 0, 0, true},
		"with a newline":   {with(func(t *slurm.Target) { t.Queue = "a\nb" }), 0, 0, true},
		"with a long name": {with(func(t *slurm.Target) { t.ComputeResource = strings.Repeat("a", 256) }), 0, 0, true},
		"too many":         {make([]slurm.Target, 1<<16+1), 0, 0, true},
	} {
		if err := (&slurmstat.State{Tracker: tr}).Save(file); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var saved map[string]any
		if err := json.Unmarshal(b, &saved); err != nil {
			t.Fatal(err)
		}
		saved["Targets"], saved["Listed"] = c.targets, noon.Add(-c.listed)
		if b, err = json.Marshal(saved); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := slurmstat.LoadState(file, noon)
		all, listed := s.Targets.Targets()
		if (err != nil) != c.fails || len(all) != c.want || (c.want > 0) != listed.Equal(noon.Add(-c.listed)) {
			t.Errorf("%s: %d targets of %s, %v", name, len(all), listed, err)
		}
		counted(t, s.Tracker, `slurm_jobs_started_total{partition="gpu"} 1`)
	}
}

// TestRestartWithoutSlurmctld: a head that is restarted while slurmctld is down has the targets that it had and says how old
// they are and when slurmctld answered.
func TestRestartWithoutSlurmctld(t *testing.T) {
	s, dir := service(t)
	run := func(s *slurmstat.Service) (page string, code int, targets string) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		if _, err := s.Fresh(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		_, page = ask(t, s.ServeMetrics, "/")
		code, targets = ask(t, s.ServeTargets, "/")
		cancel()
		<-ended
		return page, code, targets
	}
	before, _, targets := run(s)
	if err := os.WriteFile(filepath.Join(dir, "down"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"squeue", "sdiag"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := slurmstat.DefaultOptions()
	o.Tools.Dir, o.Tools.Timeout = dir, time.Hour
	o.StateFile, o.Logs = filepath.Join(dir, "jobs.json"), nil
	again, err := slurmstat.NewService(o)
	if err != nil {
		t.Fatal(err)
	}
	if code, text := ask(t, again.ServeTargets, "/"); code != http.StatusOK || text != targets {
		t.Errorf("before the first snapshot: %d %s\nwant %s", code, text, targets)
	}
	after, code, text := run(again)
	if code != http.StatusOK || text != targets || len(targets) < 100 {
		t.Errorf("%d %s\nwant %s", code, text, targets)
	}
	if value(t, after, "slurm_controller_up") != 0 {
		t.Error("slurmctld is up")
	}
	if was, is := value(t, before, "slurm_controller_last_answer_timestamp_seconds"),
		value(t, after, "slurm_controller_last_answer_timestamp_seconds"); was != is {
		t.Errorf("slurmctld answered at %v, before the restart it said %v", is, was)
	}
	if listed, began := value(t, after, "slurm_targets_age_seconds"), value(t, after, "slurm_snapshot_age_seconds"); listed <= began {
		t.Errorf("the targets are %v s old, the snapshot that failed %v s", listed, began)
	}
}
