package slurmstat_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/slurmstat"
	"github.com/parascope/parascope/internal/slurm"
)

// versions are those of Slurm whose recorded output is in internal/slurm.
var versions = []string{"22.05.8", "23.11.10", "24.05.8", "24.11.6", "25.11.7"}

const recordings = "../../slurm/testdata"

func recorded(t testing.TB, version, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(recordings, version, file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var update = flag.Bool("update", false, "write the golden pages")

// jobsOfO is squeue's recorded output with other fields and a bar between them, which holds the
// same jobs.
func jobsOfO(t *testing.T) []slurm.Job {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(recordings, "24.11.6", "squeue-O.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "|")
		if len(f) < 20 {
			continue
		}
		// JobArrayID JobID - - Partition - User Account - State - Reason Nodes CPUs TRES - NodeList Submit Start
		fields := []string{f[0], f[1], f[4], f[6], f[7], f[9], f[11], f[12], f[13], f[14], f[16], f[17], f[17], f[18], "N/A", "0"}
		out.WriteString(strings.Join(fields, "\x1f") + "\x1f\n")
	}
	jobs, err := slurm.ParseJobs([]byte(out.String()), time.UTC)
	if err != nil || len(jobs) != 14 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	return jobs
}

func TestGoldenPages(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := slurm.Snapshot{Time: time.Date(2026, 11, 23, 14, 40, 0, 0, time.UTC)}
			var err error
			if s.Nodes, err = slurm.ParseNodes(recorded(t, version, "scontrol-show-nodes-o.txt"), time.UTC); err != nil {
				t.Fatal(err)
			}
			if s.Scheduler, err = slurm.ParseScheduler(recorded(t, version, "sdiag.txt")); err != nil {
				t.Fatal(err)
			}
			s.Jobs = jobsOfO(t)
			s.NodesPart.Took, s.JobsPart.Took, s.SchedulerPart.Took = 20*time.Millisecond, 10*time.Millisecond, 5*time.Millisecond
			var p page.Page
			slurmstat.WritePage(&p, &s, slurm.NewAllocations())
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", version, "page.metrics")
			if *update {
				if err := os.WriteFile(golden, p.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != string(p.Bytes()) {
				t.Errorf("the page is not %s; run the test with -update and look at the difference", golden)
			}
		})
	}
}

// TestCapacity: a job whose node EC2 refused is put back by Slurm, which lets it wait for two minutes and says
// BeginTime (recorded with Slurm 22.05). A job whose user chose the time does not wait for capacity.
func TestCapacity(t *testing.T) {
	const refused = "(Code:InsufficientInstanceCapacity)Failure when resuming nodes"
	job := func(id, partition, reason string, restarts int) slurm.Job {
		return slurm.Job{ID: id, RawID: id, Tasks: 1, State: "pending", Partitions: []string{partition}, Reason: reason, Restarts: restarts}
	}
	var p page.Page
	slurmstat.WritePage(&p, &slurm.Snapshot{Time: noon, Nodes: []slurm.Node{
		{Name: "a", State: "down", Flags: []string{"cloud"}, Partitions: []string{"gpu"}, Reason: refused},
		{Name: "b", State: "idle", Partitions: []string{"cpu"}},
	}, Jobs: []slurm.Job{
		job("1", "gpu", "BeginTime", 3), job("2", "gpu", "Resources", 0), job("3", "gpu", "BeginTime", 0), job("4", "cpu", "BeginTime", 1),
	}}, slurm.NewAllocations())
	for _, want := range []string{
		`slurm_queue_pending_reason{partition="gpu",reason="capacity"} 2`, `slurm_queue_pending_reason{partition="gpu",reason="begin_time"} 1`,
		`slurm_queue_pending_reason{partition="cpu",reason="begin_time"} 1`,
	} {
		if !strings.Contains(string(p.Bytes()), want+"\n") {
			t.Errorf("%s is missing in:\n%s", want, p.Bytes())
		}
	}
}
