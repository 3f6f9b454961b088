package slurm

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Target is a compute node that can be scraped.
type Target struct {
	Node, Queue, ComputeResource string
	Address                      string // an IP address, or a name that the head node resolves
	GPUs                         bool   // it has generic resources of that name
}

// nodeName is how ParallelCluster names nodes: QUEUE-st-RESOURCE-N for static nodes, -dy- for
// dynamic ones. Neither a queue nor a compute resource has -st- or -dy- in its name.
var nodeName = regexp.MustCompile(`^(.+)-(?:st|dy)-(.+)-\d+$`)

// SplitNodeName returns the queue and the compute resource in a node's name; empty where the
// name is not one of ParallelCluster's.
func SplitNodeName(name string) (queue, resource string) {
	if m := nodeName.FindStringSubmatch(name); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

// Targets are the nodes of a snapshot that have an instance which runs slurmd: nodes become
// targets when they register and stop being targets when they are powering down.
func Targets(nodes []Node) []Target {
	var all []Target
	for i := range nodes {
		n := &nodes[i]
		if !scrapable(n) {
			continue
		}
		t := Target{Node: n.Name, Address: n.Address}
		if t.Address == "" {
			t.Address = n.Name
		}
		t.Queue, t.ComputeResource = SplitNodeName(n.Name)
		if t.Queue == "" && len(n.Partitions) > 0 {
			t.Queue = n.Partitions[0]
		}
		t.GPUs = slices.ContainsFunc(n.GRES, func(g GRES) bool { return g.Name == "gpu" })
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b Target) int { return strings.Compare(a.Node, b.Node) })
	return all
}

// scrapable reports whether the node has registered and is not on its way out. A node that
// does not respond, or is down, is still one: that is when its absence must show.
func scrapable(n *Node) bool {
	for _, flag := range []string{"powered_down", "powering_down", "powering_up"} {
		if n.Has(flag) {
			return false
		}
	}
	return !n.SlurmdStart.IsZero()
}

// Discovery keeps the list of targets: the last one stays while slurmctld does not answer.
type Discovery struct {
	targets []Target
	updated time.Time
}

// Observe takes the targets of a snapshot whose nodes could be read.
func (d *Discovery) Observe(s *Snapshot) {
	if s.NodesRead() {
		d.targets, d.updated = Targets(s.Nodes), s.Time
	}
}

// Targets returns the targets, and when they were last known to be right.
func (d *Discovery) Targets() ([]Target, time.Time) { return d.targets, d.updated }
