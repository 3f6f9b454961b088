package slurm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

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
