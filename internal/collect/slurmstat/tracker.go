package slurmstat

import (
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

// jobWindow is how long slurmctld remembers a finished job by default (MinJobAge). Jobs
// that began and ended between two snapshots further apart than this may be missing.
const jobWindow = 300 * time.Second

const maxTracked = 200_000 // jobs that are remembered as counted

// Outcome says how jobs of a partition ended.
type Outcome struct{ Partition, State string }

// Buckets of the histograms of wait and run times, in seconds.
var timeBuckets = []float64{10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 72 * 3600}

// Histogram counts durations in buckets; Counts has one more for what is above the last.
type Histogram struct {
	Counts []uint64
	Sum    float64
}

func (h *Histogram) observe(seconds float64) {
	if h.Counts == nil {
		h.Counts = make([]uint64, len(timeBuckets)+1)
	}
	i := 0
	for i < len(timeBuckets) && seconds > timeBuckets[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += seconds
}

// Tracker counts what happens to jobs and how long nodes are in a state, from one snapshot
// to the next. Its numbers survive a restart by State.
type Tracker struct {
	window time.Duration // how long slurmctld remembers a finished job
	last   time.Time
	state  trackerState
}

// trackerState is what is saved.
type trackerState struct {
	Version  int
	Last     time.Time
	Started  map[string]uint64 // by partition
	Finished map[string]map[string]uint64
	Requeued map[string]uint64
	Wait     map[string]*Histogram
	Run      map[string]*Histogram
	Missed   uint64
	Nodes    map[string]map[string]float64 // seconds by node and class of state
	Seen     map[string]seenJob            // by the number of the job or task
	Classes  map[string]string             // of each node, in the last snapshot
}

// seenJob is what was counted of a job.
type seenJob struct {
	At       int64 // last seen, Unix seconds
	Restarts int
	Runs     int   // that have begun
	Start    int64 `json:",omitempty"` // of the run with this number of restarts, Unix seconds; 0 before it begins
	Finished bool  `json:",omitempty"` // that run has ended
}

const trackerVersion = 2

// NewTracker returns a tracker that has seen nothing.
func NewTracker() *Tracker {
	return &Tracker{window: jobWindow, state: trackerState{
		Version: trackerVersion, Started: map[string]uint64{}, Finished: map[string]map[string]uint64{}, Requeued: map[string]uint64{},
		Wait: map[string]*Histogram{}, Run: map[string]*Histogram{}, Nodes: map[string]map[string]float64{},
		Seen: map[string]seenJob{}, Classes: map[string]string{},
	}}
}

// finished are the states in which a job has ended.
var finished = map[string]bool{
	"completed": true, "cancelled": true, "failed": true, "timeout": true, "node_fail": true, "out_of_memory": true,
	"preempted": true, "boot_fail": true, "deadline": true, "revoked": true,
}

// Observe counts the difference between the last snapshot and s. Jobs that a first snapshot
// finds are remembered and not counted: when they began is unknown to this program.
func (t *Tracker) Observe(s *slurm.Snapshot) {
	if s.JobsRead() {
		t.observeJobs(s)
	}
	if s.NodesRead() {
		t.observeNodes(s)
	}
}

// SetWindow says how long slurmctld remembers a finished job.
func (t *Tracker) SetWindow(minJobAge time.Duration) { t.window = minJobAge }

// Gap returns since when nobody looked, where jobs that have ended since then may be
// forgotten by slurmctld at a time.
func (t *Tracker) Gap(at time.Time) (since time.Time, found bool) {
	return t.state.Last, !t.state.Last.IsZero() && at.Sub(t.state.Last) > t.window
}

func (t *Tracker) observeJobs(s *slurm.Snapshot) {
	first := t.state.Last.IsZero()
	if _, found := t.Gap(s.Time); found && (s.EndedPart == (slurm.Part{}) || s.EndedPart.Err != nil) {
		t.state.Missed++
	}
	for _, jobs := range [][]slurm.Job{s.Ended, s.Jobs} {
		t.observeList(s, jobs, first)
	}
	for key, seen := range t.state.Seen {
		// A job that slurmctld has forgotten does not come back under its number.
		if s.Time.Unix()-seen.At > int64(2*max(t.window, jobWindow)/time.Second) {
			delete(t.state.Seen, key)
		}
	}
	t.state.Last = s.Time
}

// Known returns what is remembered of jobs: their numbers, restart counts and when their last runs began.
func (t *Tracker) Known() []slurm.Job {
	all := make([]slurm.Job, 0, len(t.state.Seen))
	for id, seen := range t.state.Seen {
		j := slurm.Job{RawID: id, Restarts: seen.Restarts}
		if seen.Start != 0 {
			j.Start = time.Unix(seen.Start, 0)
		}
		all = append(all, j)
	}
	return all
}

func (t *Tracker) observeList(s *slurm.Snapshot, jobs []slurm.Job, first bool) {
	for i := range jobs {
		j := &jobs[i]
		if j.State == "pending" && j.Restarts == 0 {
			continue // nothing of it can be counted yet
		}
		seen, known := t.state.Seen[j.RawID]
		if !known && len(t.state.Seen) >= maxTracked {
			continue
		}
		seen.At = s.Time.Unix()
		t.count(j, &seen, first)
		t.state.Seen[j.RawID] = seen
	}
}

// count counts what is new about a job, whichever of squeue and sacct tells it. With first, it only remembers it. Each restart
// ended a run, also one that began and ended between two snapshots.
func (t *Tracker) count(j *slurm.Job, seen *seenJob, first bool) {
	if j.Restarts < seen.Restarts {
		return // an earlier run
	}
	was := *seen
	part := j.Partition()
	ended := finished[j.State]
	began := j.State != "pending" && !j.Start.IsZero() && (!ended || j.NodeList != "")
	if j.Restarts > was.Restarts {
		*seen = seenJob{At: was.At, Restarts: j.Restarts, Runs: was.Runs}
	}
	seen.Runs = max(seen.Runs, j.Restarts)
	if began {
		seen.Runs, seen.Start = j.Restarts+1, j.Start.Unix()
	}
	isEnd := ended && !seen.Finished
	seen.Finished = seen.Finished || ended
	if first {
		return
	}
	if n := seen.Restarts - was.Restarts; n > 0 {
		t.state.Requeued[part] += uint64(n)
	}
	if n := seen.Runs - was.Runs; n > 0 {
		t.state.Started[part] += uint64(n)
		if wait := j.Start.Sub(j.Eligible); began && !j.Eligible.IsZero() && wait >= 0 {
			histogram(t.state.Wait, part).observe(wait.Seconds())
		}
	}
	if isEnd {
		if t.state.Finished[part] == nil {
			t.state.Finished[part] = map[string]uint64{}
		}
		t.state.Finished[part][j.State] += uint64(max(j.Tasks, 1)) // of an array that ended before they began, all
		if run := j.End.Sub(j.Start); began && run >= 0 {
			histogram(t.state.Run, part).observe(run.Seconds())
		}
	}
}

func histogram(all map[string]*Histogram, part string) *Histogram {
	if all[part] == nil {
		all[part] = &Histogram{}
	}
	return all[part]
}

// classOf is the class of a node's state whose seconds are counted.
func classOf(state string) string {
	switch state {
	case NodeAllocated, NodeMixed, NodeCompleting:
		return "busy"
	case NodeIdle, NodePlanned, NodeReserved:
		return "idle"
	case NodePoweredDown, NodePoweringDown, NodePoweringUp:
		return "power_saving"
	}
	return "unavailable"
}

// observeNodes adds the time since the last snapshot to the class that each node was in
// then. A gap of more than jobWindow is put down to no class: nobody saw it.
func (t *Tracker) observeNodes(s *slurm.Snapshot) {
	elapsed := s.Time.Sub(t.last)
	if t.last.IsZero() || elapsed < 0 || elapsed > jobWindow {
		elapsed = 0
	}
	classes := make(map[string]string, len(s.Nodes))
	for i := range s.Nodes {
		n := &s.Nodes[i]
		classes[n.Name] = classOf(ClassifyNode(n))
		if class, known := t.state.Classes[n.Name]; known && elapsed > 0 {
			if t.state.Nodes[n.Name] == nil {
				t.state.Nodes[n.Name] = map[string]float64{}
			}
			t.state.Nodes[n.Name][class] += elapsed.Seconds()
		}
	}
	for name := range t.state.Nodes { // nodes that are configured no more, unless they are among the lines that could not be read
		if classes[name] == "" && s.NodesPart.Err == nil {
			delete(t.state.Nodes, name)
		}
	}
	t.state.Classes, t.last = classes, s.Time
}

// valid reports whether a state that was read can be counted on.
func (s *trackerState) valid() bool {
	for _, all := range []map[string]*Histogram{s.Wait, s.Run} {
		for _, h := range all {
			if h == nil || len(h.Counts) != len(timeBuckets)+1 {
				return false
			}
		}
	}
	for _, seen := range s.Seen {
		if seen.Restarts < 0 || seen.Runs < 0 {
			return false
		}
	}
	return s.Version == trackerVersion && s.Started != nil && s.Finished != nil && s.Requeued != nil && s.Wait != nil && s.Run != nil &&
		s.Nodes != nil && s.Seen != nil && s.Classes != nil
}
