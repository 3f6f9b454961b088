package slurmstat_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/slurmstat"
	"github.com/parascope/parascope/internal/slurm"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func job(id, state string, restarts int, started, ended time.Duration) slurm.Job {
	j := slurm.Job{ID: id, RawID: id, Tasks: 1, Partitions: []string{"gpu", "cpu"}, State: state, Restarts: restarts, Eligible: noon}
	if started >= 0 {
		j.Start, j.NodeList = noon.Add(started), "n1"
	}
	if ended >= 0 {
		j.End = noon.Add(ended)
	}
	return j
}

func at(after time.Duration, jobs ...slurm.Job) *slurm.Snapshot {
	return &slurm.Snapshot{Time: noon.Add(after), Jobs: jobs}
}

// counters is the tracker's page without comments.
func counters(t *testing.T, tr *slurmstat.Tracker, s *slurm.Snapshot) string {
	t.Helper()
	var p page.Page
	tr.WritePage(&p, s)
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	var kept []string
	for line := range strings.Lines(string(p.Bytes())) {
		if !strings.HasPrefix(line, "#") && !strings.Contains(line, "_bucket") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestTrackerCountsEachJobOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "jobs.json")
	tr := slurmstat.NewTracker()
	const s, none = time.Second, time.Duration(-1)
	tr.Observe(at(0, job("1", "running", 0, 0, none), job("2", "pending", 0, none, none)))
	tr.Observe(at(60*s, job("1", "completed", 0, 0, 50*s), job("2", "running", 0, 30*s, none), job("3", "failed", 0, 20*s, 25*s),
		job("4", "cancelled", 0, none, 40*s)))
	if err := tr.Save(file); err != nil {
		t.Fatal(err)
	}
	tr, err := slurmstat.LoadTracker(file) // a restart
	if err != nil {
		t.Fatal(err)
	}
	// Job 2 lost its node: it is pending again, and runs a second time. The others are seen again.
	last := at(120*s, job("1", "completed", 0, 0, 50*s), job("2", "pending", 1, none, none), job("3", "failed", 0, 20*s, 25*s))
	tr.Observe(last)
	last = at(180*s, job("2", "running", 1, 150*s, none))
	tr.Observe(last)
	const want = `slurm_jobs_started_total{partition="gpu"} 3
slurm_jobs_finished_total{partition="gpu",state="cancelled"} 1
slurm_jobs_finished_total{partition="gpu",state="completed"} 1
slurm_jobs_finished_total{partition="gpu",state="failed"} 1
slurm_jobs_requeued_total{partition="gpu"} 1
slurm_jobs_missed_windows_total 0
slurm_job_wait_seconds_sum{partition="gpu"} 200
slurm_job_wait_seconds_count{partition="gpu"} 3
slurm_job_run_seconds_sum{partition="gpu"} 55
slurm_job_run_seconds_count{partition="gpu"} 2
`
	if got := counters(t, tr, last); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	tr.Observe(at(10 * time.Minute))
	if got := counters(t, tr, at(0)); !strings.Contains(got, "slurm_jobs_missed_windows_total 1") {
		t.Errorf("a window that was missed is not counted:\n%s", got)
	}
}

func TestTrackerCountsNodeSeconds(t *testing.T) {
	nodes := func(after time.Duration, state string) *slurm.Snapshot {
		return &slurm.Snapshot{Time: noon.Add(after), Nodes: []slurm.Node{{Name: "a", State: state}, {Name: "b", State: "down"}}}
	}
	tr := slurmstat.NewTracker()
	tr.Observe(nodes(0, "idle"))
	tr.Observe(nodes(60*time.Second, "mixed"))
	tr.Observe(nodes(90*time.Second, "mixed"))
	s := nodes(10*time.Minute, "mixed") // nobody saw the time before
	tr.Observe(s)
	got := counters(t, tr, s)
	for _, want := range []string{`{node="a",state="busy"} 30`, `{node="a",state="idle"} 60`, `{node="b",state="unavailable"} 90`} {
		if !strings.Contains(got, "slurm_node_state_seconds_total"+want+"\n") {
			t.Errorf("%s is missing in:\n%s", want, got)
		}
	}
}

func TestLoadTrackerRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := slurmstat.LoadTracker(filepath.Join(dir, "none")); err != nil {
		t.Errorf("no file: %v", err)
	}
	for name, text := range map[string]string{
		"half": `{"Version":1,"Sta`, "other version": `{"Version":9}`, "nulls": `{"Version":1,"Seen":null}`,
		"histogram": `{"Version":1,"Wait":{"a":{"Counts":[1]}}}`, "no histogram": `{"Version":1,"Run":{"a":null}}`,
	} {
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		tr, err := slurmstat.LoadTracker(file)
		if err == nil || tr == nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		tr.Observe(at(0, job("1", "running", 0, 0, -1))) // and it counts
	}
	if tr, err := slurmstat.LoadTracker(dir); err == nil || tr == nil {
		t.Errorf("a directory: %v", err)
	}
	pipe := filepath.Join(dir, "pipe") // which nobody writes to
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if tr, err := slurmstat.LoadTracker(pipe); err == nil || tr == nil {
		t.Errorf("a pipe: %v", err)
	}
}

// TestTrackerCountsWhatSacctKnows: jobs that ended while nobody looked are counted once, and
// the window is not missed.
func TestTrackerCountsWhatSacctKnows(t *testing.T) {
	const s, none = time.Second, time.Duration(-1)
	tr := slurmstat.NewTracker()
	tr.Observe(at(0, job("1", "running", 0, 0, none)))
	if _, found := tr.Gap(noon.Add(300 * s)); found {
		t.Error("a gap within MinJobAge")
	}
	later := at(900*s, job("3", "completed", 0, 800*s, 850*s)) // slurmctld remembers this one only
	if since, found := tr.Gap(later.Time); !found || !since.Equal(noon) {
		t.Errorf("gap since %s, %v", since, found)
	}
	later.Ended = []slurm.Job{
		job("1", "completed", 0, 0, 100*s), job("2", "failed", 0, 60*s, 90*s), job("3", "completed", 0, 800*s, 850*s),
	}
	later.EndedPart.Took = s
	tr.Observe(later)
	got := counters(t, tr, later)
	for _, want := range []string{
		`slurm_jobs_started_total{partition="gpu"} 2`, `slurm_jobs_finished_total{partition="gpu",state="completed"} 2`,
		`slurm_jobs_finished_total{partition="gpu",state="failed"} 1`, "slurm_jobs_missed_windows_total 0",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	tr.SetWindow(24 * time.Hour)
	if _, found := tr.Gap(noon.Add(12 * time.Hour)); found {
		t.Error("a gap within the cluster's own MinJobAge")
	}
}
