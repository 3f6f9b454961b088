package slurm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

func TestRecordedAllocations(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			var gpus []string
			for record := range strings.SplitSeq(string(recorded(t, version, "scontrol-show-job-d.txt")), "\n\n") {
				for _, a := range slurm.ParseAllocations([]byte(record), []string{"gpu-st-p5-1", "gpu-st-p5-2"}) {
					gpus = append(gpus, fmt.Sprintf("%s %s %v", a.Node, a.GRES[0].Type, a.GRES[0].Indices))
				}
			}
			if want := "gpu-st-p5-1 h100 [0 1 2 3 4 5 6 7]"; !slices.Contains(gpus, want) {
				t.Errorf("%q, want %s among them", gpus, want)
			}
		})
	}
}

// TestAllocationsOfTheJobOnly holds that a job's name gives it no GPUs of other nodes.
func TestAllocationsOfTheJobOnly(t *testing.T) {
	const out = "JobId=1 JobName=x Nodes=b CPU_IDs=0 Mem=0 GRES=gpu:8(IDX:0-7) y NodeList=a JOB_GRES=gpu:2 " +
		"Nodes=a CPU_IDs=0-1 Mem=0 GRES=gpu:2(IDX:1,3) Comment=Nodes=a CPU_IDs=0 Mem=0 GRES=gpu:8(IDX:0-7)"
	got := slurm.ParseAllocations([]byte(out), []string{"a"})
	if len(got) != 1 || got[0].Node != "a" || !slices.Equal(got[0].GRES[0].Indices, []int{1, 3}) {
		t.Errorf("%+v", got)
	}
}

// TestAllocatedAlone: a job's GPUs are those of its nodes' lines only where nobody else can have any of them.
func TestAllocatedAlone(t *testing.T) {
	taken := time.Date(2026, 11, 29, 12, 0, 0, 500, time.UTC)
	const told, asked = "a [1 3], b [0]", "1 left"
	for name, c := range map[string]struct {
		change func(s *slurm.Snapshot)
		want   string
	}{
		"alone":                            {func(*slurm.Snapshot) {}, told},
		"another's CPUs":                   {func(s *slurm.Snapshot) { s.Nodes[1].CPUsAllocated++ }, asked},
		"began while the nodes were asked": {func(s *slurm.Snapshot) { s.Jobs[0].Start = taken.Truncate(time.Second) }, asked},
		"when is unknown":                  {func(s *slurm.Snapshot) { s.Jobs[0].Start = time.Time{} }, asked},
		"no indices":                       {func(s *slurm.Snapshot) { s.Nodes[0].GRESUsed[0].Indices = nil }, asked},
		"fewer indices than GPUs":          {func(s *slurm.Snapshot) { s.Nodes[0].GRESUsed[0].Count = 3 }, asked},
		"another one completes there":      {func(s *slurm.Snapshot) { s.Nodes[0].Flags = []string{"completing"} }, asked},
		"a node is not listed":             {func(s *slurm.Snapshot) { s.Nodes = s.Nodes[:1] }, asked},
		"a job is suspended": {func(s *slurm.Snapshot) {
			s.Jobs = append(s.Jobs, slurm.Job{RawID: "8", State: "suspended"})
		}, asked},
		"the node has none in use": {func(s *slurm.Snapshot) {
			s.Nodes[0].GRESUsed = []slurm.GRES{{Name: "gpu", Type: "h100"}}
		}, "b [0]"},
	} {
		t.Run(name, func(t *testing.T) {
			gpus := func(count int, indices ...int) []slurm.GRES {
				return []slurm.GRES{{Name: "gpu", Type: "h100", Count: count, Indices: indices}}
			}
			s := &slurm.Snapshot{Time: taken, Nodes: []slurm.Node{
				{Name: "a", State: "mixed", CPUsAllocated: 4, GRES: gpus(8), GRESUsed: gpus(2, 1, 3)},
				{Name: "b", State: "allocated", CPUsAllocated: 2, GRES: gpus(8), GRESUsed: gpus(1, 0)},
			}, Jobs: []slurm.Job{{RawID: "7", State: "running", NodeList: "a,b", CPUs: 6, Start: taken.Add(-time.Minute)}}}
			c.change(s)
			a := slurm.NewAllocations()
			left, _ := a.Update(t.Context(), slurm.Tools{Dir: t.TempDir(), Timeout: time.Minute}, s) // there is no scontrol to ask
			var got []string
			all, _ := a.Of(&s.Jobs[0])
			for _, one := range all {
				got = append(got, fmt.Sprint(one.Node, " ", one.GRES[0].Indices))
			}
			if left > 0 {
				got = append(got, fmt.Sprint(left, " left"))
			}
			if text := strings.Join(got, ", "); text != c.want && !(c.want == asked && strings.HasSuffix(text, "left")) {
				t.Errorf("%s, want %s", text, c.want)
			}
		})
	}
}
