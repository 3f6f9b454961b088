package slurm_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/slurm"
)

func names(all []slurm.Target) string {
	var n []string
	for _, t := range all {
		n = append(n, t.Node)
	}
	return strings.Join(n, " ")
}

func TestRecordedTargets(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			nodes, err := slurm.ParseNodes(recorded(t, version, "scontrol-show-nodes-o.txt"), time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			all := slurm.Targets(nodes)
			// Not among them: dynamic nodes that are powered down or have not registered, and
			// gpu-st-p5-4, which is powering down. Nodes that are down or do not respond are.
			want := "gpu-st-p5-1 gpu-st-p5-2 gpu-st-p5-3 queue1-st-c5n-1 queue1-st-c5n-2 queue1-st-c5n-3 queue1-st-c5n-4"
			if names(all) != want {
				t.Errorf("%s, want %s", names(all), want)
			}
			i := slices.IndexFunc(all, func(x slurm.Target) bool { return x.Node == "gpu-st-p5-2" })
			if x := all[max(i, 0)]; x.Queue != "gpu" || x.ComputeResource != "p5" || x.Address != "10.0.2.12" || !x.GPUs {
				t.Errorf("%+v", x)
			}
		})
	}
}

func TestDiscoveryKeepsTheLastList(t *testing.T) {
	var d slurm.Discovery
	node := slurm.Node{Name: "gpu-large-dy-p5-en-12", Address: "10.0.0.7", State: "idle", SlurmdStart: noon}
	d.Observe(&slurm.Snapshot{Time: noon, Nodes: []slurm.Node{node}})
	d.Observe(&slurm.Snapshot{Time: noon.Add(time.Minute), NodesPart: slurm.Part{Err: errors.New("slurmctld is down")}})
	all, at := d.Targets()
	if len(all) != 1 || all[0].Queue != "gpu-large" || all[0].ComputeResource != "p5-en" || !at.Equal(noon) {
		t.Errorf("%+v at %s", all, at)
	}
	d.Observe(&slurm.Snapshot{Time: noon.Add(2 * time.Minute)}) // it answers: there are no nodes
	if all, _ := d.Targets(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}
