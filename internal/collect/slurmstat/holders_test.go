package slurmstat_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/slurmstat"
	"github.com/parascope/parascope/internal/slurm"
)

// TestHolders asks a real process in place of scontrol.
func TestHolders(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho asked $5 >>" + dir + "/asked\n" +
		`echo "JobId=$5 JOB_GRES=gpu:2 Nodes=g[1-2] CPU_IDs=0-1 Mem=0 GRES=gpu:h100:2(IDX:1,3)"` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "scontrol"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s := &slurm.Snapshot{
		Nodes: []slurm.Node{{Name: "g1", GRES: []slurm.GRES{{Name: "gpu", Count: 8}}}, {Name: "c1"}},
		Jobs: []slurm.Job{
			{ID: "7_1", RawID: "9", Tasks: 1, State: "running", NodeList: "g[1-2]", Nodes: 2, User: "alice", Account: "x",
				Partitions: []string{"gpu"},
				Start:      noon},
			{ID: "10", RawID: "10", Tasks: 1, State: "running", NodeList: "c1", Nodes: 1, User: "bob", Start: noon.Add(time.Second)},
			{ID: "11", RawID: "11", Tasks: 1, State: "pending"},
		},
	}
	a := slurm.NewAllocations()
	for range 2 { // the second time nothing is asked
		if left, err := a.Update(t.Context(), slurm.Tools{Dir: dir, Timeout: time.Hour, MaxOutput: 1 << 20}, s); left != 0 || err != nil {
			t.Fatal(left, err)
		}
	}
	if asked, err := os.ReadFile(filepath.Join(dir, "asked")); string(asked) != "asked 9\n" {
		t.Errorf("%q, %v", asked, err)
	}
	write := func(limit int) string {
		var p page.Page
		slurmstat.WriteHolders(&p, s, a, 0, slurmstat.HolderLimits{Series: limit})
		if err := p.Err(); err != nil {
			t.Fatal(err)
		}
		return string(p.Bytes())
	}
	for _, want := range []string{
		`slurm_node_job{node="g2",job_id="7_1",user="alice",account="x",partition="gpu"} 1`,
		`slurm_gpu_job{node="g2",device="nvidia3",job_id="7_1",user="alice",account="x",partition="gpu"} 1`,
		`slurm_node_job{node="c1",job_id="10",user="bob",account="",partition=""} 1`,
		`slurm_job_nodes{job_id="7_1"} 2`, `slurm_job_series_left_out 0`,
	} {
		if !strings.Contains(write(100), want+"\n") {
			t.Errorf("%s is missing in:\n%s", want, write(100))
		}
	}
	if got := write(9); strings.Contains(got, `job_id="10"`) || !strings.Contains(got, "slurm_job_series_left_out 4\n") {
		t.Errorf("with room for one job:\n%s", got)
	}
	// A job that runs no more is forgotten: its number may come back.
	s.Jobs = s.Jobs[1:]
	if _, err := a.Update(t.Context(), slurm.Tools{}, s); err != nil {
		t.Error(err)
	}
	if _, known := a.Of(&slurm.Job{RawID: "9"}); known {
		t.Error("a job that ended is still known")
	}
}
