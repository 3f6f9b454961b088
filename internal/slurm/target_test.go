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
			var d slurm.Discovery
			d.Observe(&slurm.Snapshot{Time: noon, Nodes: nodes})
			all, _ := d.Targets()
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

// TestTargetsOfACutOutput: nodes behind the place where scontrol's output ends stay targets, until a whole
// output has none of them.
func TestTargetsOfACutOutput(t *testing.T) {
	node := func(name string) slurm.Node {
		return slurm.Node{Name: name, Address: "10.0.0.7", State: "idle", SlurmdStart: noon}
	}
	d := &slurm.Discovery{}
	for _, c := range []struct {
		s    slurm.Snapshot
		want string
	}{
		{slurm.Snapshot{Nodes: []slurm.Node{node("q-dy-cr-1"), node("q-dy-cr-2")}}, "q-dy-cr-1 q-dy-cr-2"},
		{slurm.Snapshot{Nodes: []slurm.Node{node("q-dy-cr-1")}, NodesPart: slurm.Part{Err: errors.New("1 line could not be read")}},
			"q-dy-cr-1 q-dy-cr-2"},
		{slurm.Snapshot{Nodes: []slurm.Node{node("q-dy-cr-3")}, NodesPart: slurm.Part{Err: errors.New("1 line could not be read")}},
			"q-dy-cr-1 q-dy-cr-2 q-dy-cr-3"},
		{slurm.Snapshot{Nodes: []slurm.Node{node("q-dy-cr-1")}}, "q-dy-cr-1"},
	} {
		d.Observe(&c.s)
		if all, _ := d.Targets(); names(all) != c.want {
			t.Errorf("targets %s, want %s", names(all), c.want)
		}
	}
}

// TestGone: a target that does not answer is down, unless the cluster took its node away.
func TestGone(t *testing.T) {
	observe := func(part slurm.Part, nodes ...slurm.Node) *slurm.Discovery {
		d := &slurm.Discovery{}
		d.Observe(&slurm.Snapshot{Time: noon, Nodes: nodes, NodesPart: part})
		return d
	}
	node := func(address string, flags ...string) slurm.Node {
		return slurm.Node{Name: "q-dy-cr-1", Address: address, State: "idle", Flags: flags, SlurmdStart: noon}
	}
	down := node("10.0.0.7", "cloud", "not_responding")
	down.State = "down"
	young := node("10.0.0.7", "cloud")
	young.SlurmdStart = noon.Add(8 * time.Minute)
	for _, c := range []struct {
		name          string
		d             *slurm.Discovery
		node, address string
		want          bool
	}{
		{"it is idle", observe(slurm.Part{}, node("10.0.0.7", "cloud")), "q-dy-cr-1", "10.0.0.7", false},
		{"it is down", observe(slurm.Part{}, down), "q-dy-cr-1", "10.0.0.7", false},
		{"it is to be powered down when its job ends", observe(slurm.Part{}, node("10.0.0.7", "power_down")), "q-dy-cr-1", "10.0.0.7", false},
		{"it is powering down", observe(slurm.Part{}, node("10.0.0.7", "cloud", "powering_down")), "q-dy-cr-1", "10.0.0.7", true},
		{"it is powered down", observe(slurm.Part{}, node("q-dy-cr-1", "cloud", "powered_down")), "q-dy-cr-1", "10.0.0.7", true},
		{"its next instance boots", observe(slurm.Part{}, node("10.0.0.8", "cloud", "powering_up")), "q-dy-cr-1", "10.0.0.7", true},
		{"another instance has its name", observe(slurm.Part{}, node("10.0.0.8", "cloud")), "q-dy-cr-1", "10.0.0.7", true},
		{"its address is a name", observe(slurm.Part{}, node("q-dy-cr-1", "cloud")), "q-dy-cr-1", "10.0.0.7", false},
		{"it is not a node any more", observe(slurm.Part{}, node("10.0.0.7")), "old-dy-cr-1", "10.0.0.9", true},
		{"its line could not be read", observe(slurm.Part{Err: errors.New("a bad line")}, node("10.0.0.7")), "old-dy-cr-1", "10.0.0.9", false},
		{"it is the head node", observe(slurm.Part{}, node("10.0.0.7")), "ip-10-0-0-1", "10.0.0.1", false},
		{"its slurmd has just begun", observe(slurm.Part{}, young), "q-dy-cr-1", "10.0.0.7", true},
		{"nothing is known yet", &slurm.Discovery{}, "q-dy-cr-1", "10.0.0.7", false},
	} {
		if got := c.d.Gone(c.node, c.address, noon.Add(10*time.Minute)); got != c.want {
			t.Errorf("%s: gone %t, want %t", c.name, got, c.want)
		}
	}
}

// TestDiscoveryAfterARestartOfSlurmctld: it does not know when slurmd started, until the node
// registers again.
func TestDiscoveryAfterARestartOfSlurmctld(t *testing.T) {
	var d slurm.Discovery
	node := slurm.Node{Name: "q-dy-cr-1", Address: "10.0.0.7", State: "idle", SlurmdStart: noon}
	next := slurm.Node{Name: "q-dy-cr-2", Address: "10.0.0.8", State: "idle"}
	d.Observe(&slurm.Snapshot{Time: noon, Nodes: []slurm.Node{node, next}})
	node.SlurmdStart = time.Time{}
	d.Observe(&slurm.Snapshot{Time: noon.Add(time.Minute), Nodes: []slurm.Node{node, next}})
	if all, _ := d.Targets(); names(all) != "q-dy-cr-1" {
		t.Errorf("targets %q, want the one that had registered", names(all))
	}
	node.Address = "10.0.0.9"
	d.Observe(&slurm.Snapshot{Time: noon.Add(2 * time.Minute), Nodes: []slurm.Node{node, next}})
	if all, _ := d.Targets(); len(all) != 0 {
		t.Errorf("targets %q, of an instance that has not registered", names(all))
	}
}

// TestTargetsFromElsewhere: a list is taken as a whole, or not at all.
func TestTargetsFromElsewhere(t *testing.T) {
	for name, good := range map[string]bool{"q-dy-r-1": true, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false, "": false,
		"a/b": false, "a b": false, "n1\n": false} {
		var d slurm.Discovery
		err := d.Restore([]slurm.Target{{Node: "n0", Address: "10.0.0.9"}, {Node: name, Address: "10.0.0.1"}}, time.Time{})
		taken, _ := d.Targets()
		if (err == nil) != good || len(taken) != map[bool]int{true: 2}[good] {
			t.Errorf("%q: %v, %d targets", name, err, len(taken))
		}
	}
}
