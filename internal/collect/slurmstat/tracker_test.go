package slurmstat_test

import (
	"path/filepath"
	"strings"
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
	if err := (&slurmstat.State{Tracker: tr}).Save(file); err != nil {
		t.Fatal(err)
	}
	state, err := slurmstat.LoadState(file, noon.Add(61*s)) // a restart
	if err != nil {
		t.Fatal(err)
	}
	tr = state.Tracker
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

// counted asserts lines of a tracker's page.
func counted(t *testing.T, tr *slurmstat.Tracker, want ...string) {
	t.Helper()
	got := counters(t, tr, at(0))
	for _, line := range want {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%q is missing in:\n%s", line, got)
		}
	}
}

// TestTrackerCountsTasks: tasks of an array that end before they begin stand in one line of squeue, as they did while they were
// pending. Each counts, and once.
func TestTrackerCountsTasks(t *testing.T) {
	const s, none = time.Second, time.Duration(-1)
	array := func(state string, tasks int, ended time.Duration) slurm.Job {
		j := job("7", state, 0, none, ended)
		j.ID, j.Tasks = "7_[2-5]", tasks
		return j
	}
	tr := slurmstat.NewTracker()
	tr.Observe(at(0, array("pending", 4, none)))
	tr.Observe(at(60*s, array("cancelled", 4, 50*s), job("8", "cancelled", 0, 10*s, 50*s)))
	tr.Observe(at(120*s, array("cancelled", 4, 50*s), job("8", "cancelled", 0, 10*s, 50*s)))
	counted(t, tr, `slurm_jobs_started_total{partition="gpu"} 1`, `slurm_jobs_finished_total{partition="gpu",state="cancelled"} 5`,
		`slurm_job_run_seconds_count{partition="gpu"} 1`)
	again := at(900*s, array("pending", 4, none)) // sacct tells it of another array
	again.Ended, again.EndedPart.Took = []slurm.Job{array("cancelled", 3, 600*s)}, s
	again.Ended[0].RawID = "9"
	tr.Observe(again)
	counted(t, tr, `slurm_jobs_finished_total{partition="gpu",state="cancelled"} 8`)
}

// TestTrackerCountsEachRunOnce: the runs of a job count once, whether squeue shows them, sacct lists them, both, or neither
// and the restart count tells that they were.
func TestTrackerCountsEachRunOnce(t *testing.T) {
	const s, none = time.Second, time.Duration(-1)
	running := func(restarts int, started time.Duration) slurm.Job {
		return job("4", "running", restarts, started, none)
	}
	for name, c := range map[string]struct {
		squeue, sacct      []slurm.Job // 900 s later
		started, requeued  string
		completed, another string
	}{
		"squeue": {squeue: []slurm.Job{running(2, 800*s)}, started: "2", requeued: "2"},
		"sacct": {sacct: []slurm.Job{job("4", "requeued", 0, 0, 400*s), job("4", "completed", 1, 500*s, 600*s)}, started: "1",
			requeued: "1", completed: "1"},
		"both": {squeue: []slurm.Job{running(1, 500*s)}, sacct: []slurm.Job{job("4", "requeued", 0, 0, 400*s)}, started: "1",
			requeued: "1"},
		"both, the same run": {squeue: []slurm.Job{job("4", "completed", 1, 500*s, 880*s)},
			sacct: []slurm.Job{job("4", "requeued", 0, 0, 400*s), job("4", "completed", 1, 500*s, 880*s)}, started: "1", requeued: "1",
			completed: "1"},
		"neither, two are gone": {squeue: []slurm.Job{job("4", "pending", 3, none, none)}, started: "2", requeued: "3"},
	} {
		tr := slurmstat.NewTracker()
		tr.Observe(at(0, running(0, 0))) // the first snapshot: not counted
		later := at(900*s, c.squeue...)
		later.Ended, later.EndedPart.Took = c.sacct, s
		tr.Observe(later)
		tr.Observe(at(960*s, c.squeue...))
		got := counters(t, tr, at(0))
		want := `slurm_jobs_started_total{partition="gpu"} ` + c.started + "\n"
		if c.completed != "" {
			want += `slurm_jobs_finished_total{partition="gpu",state="completed"} ` + c.completed + "\n"
		}
		want += `slurm_jobs_requeued_total{partition="gpu"} ` + c.requeued + "\n"
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

// TestSacctOfAJobThatIsRemembered: sacct lists the last runs of a job that slurmctld has forgotten, as if they were its first.
func TestSacctOfAJobThatIsRemembered(t *testing.T) {
	const s, none = time.Second, time.Duration(-1)
	stamp := func(after time.Duration) string { return noon.Add(after).Format("2006-01-02T15:04:05") }
	run := func(state string, started, ended time.Duration) string {
		return strings.Join([]string{"4", "4", "gpu,cpu", "u", "a", state, "1", "1", "cpu=1", "n1", stamp(0), stamp(0), stamp(started),
			stamp(ended)},
			"\x1f") + "\n"
	}
	tr := slurmstat.NewTracker()
	tr.Observe(at(0))
	tr.Observe(at(60*s, job("4", "running", 2, 30*s, none)))
	counted(t, tr, `slurm_jobs_started_total{partition="gpu"} 3`, `slurm_jobs_requeued_total{partition="gpu"} 2`)
	later := at(900 * s)
	var err error
	later.Ended, err = slurm.ParseEnded([]byte(run("NODE_FAIL", 30*s, 100*s)+run("COMPLETED", 200*s, 300*s)), noon.Add(60*s), later.Time,
		time.UTC,
		tr.Known(), nil)
	if err != nil {
		t.Fatal(err)
	}
	later.EndedPart.Took = s
	tr.Observe(later)
	counted(t, tr, `slurm_jobs_started_total{partition="gpu"} 4`, `slurm_jobs_requeued_total{partition="gpu"} 3`,
		`slurm_jobs_finished_total{partition="gpu",state="completed"} 1`)
	if got := counters(t, tr, at(0)); strings.Contains(got, "node_fail") {
		t.Errorf("a run that another one followed is the end of its job:\n%s", got)
	}
}
