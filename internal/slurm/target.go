package slurm

import (
	"cmp"
	"fmt"
	"net/netip"
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

// Discovery keeps the list of targets: nodes become targets when they register, and stop being
// targets when they are powering down. The last list stays while slurmctld does not answer.
type Discovery struct {
	targets []Target
	nodes   map[string]observed
	all     bool // nodes are all of the cluster's
	updated time.Time
}

// maxTargets bounds a list of targets from elsewhere: Slurm has 65,536 nodes at most.
const maxTargets = 1 << 16

// targetName is what the parts of a target are made of: names and IP addresses, no port, path or blank. Their
// length is checked apart: a pattern that counts up to 255 is large, and each program would make it when it starts.
var targetName = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

const maxTargetName = 255 // bytes

// Restore takes a list of targets that was known at a time, as Targets returned it. It stays until slurmctld answers.
// A list that Targets cannot have returned is refused as a whole.
func (d *Discovery) Restore(targets []Target, updated time.Time) error {
	if len(targets) > maxTargets {
		return fmt.Errorf("%d targets are more than %d", len(targets), maxTargets)
	}
	nodes := make(map[string]observed, len(targets))
	for _, t := range targets {
		for _, name := range []string{t.Node, t.Address, cmp.Or(t.Queue, "-"), cmp.Or(t.ComputeResource, "-")} {
			if len(name) > maxTargetName || !targetName.MatchString(name) {
				return fmt.Errorf("%.100q is not part of a target", name)
			}
		}
		if _, twice := nodes[t.Node]; twice {
			return fmt.Errorf("target %s is there twice", t.Node)
		}
		nodes[t.Node] = observed{address: t.Address, target: true}
	}
	d.targets, d.nodes, d.all, d.updated = targets, nodes, false, updated
	return nil
}

// observed is what the list was made of.
type observed struct {
	address string
	began   time.Time // its slurmd; zero: unknown
	target  bool
	leaving bool
}

// Observe takes the targets of a snapshot whose nodes could be read. Where lines could not be read, nodes
// that are missing stay what they were: an output that is cut off must not end the targets behind the cut.
func (d *Discovery) Observe(s *Snapshot) {
	if !s.NodesRead() {
		return
	}
	before, targets := d.nodes, d.targets
	d.targets, d.nodes, d.all, d.updated = nil, map[string]observed{}, s.NodesPart.Err == nil, s.Time
	for i := range s.Nodes {
		n := &s.Nodes[i]
		k := observed{address: cmp.Or(n.Address, n.Name), began: n.SlurmdStart, leaving: leaving(n)}
		// A slurmctld that was restarted does not know when slurmd started until the node registers again.
		was := before[n.Name]
		k.target = !k.leaving && (!n.SlurmdStart.IsZero() || was.target && was.address == k.address)
		d.nodes[n.Name] = k
		if k.target {
			d.targets = append(d.targets, target(n, k.address))
		}
	}
	if !d.all {
		for _, t := range targets {
			if _, read := d.nodes[t.Node]; !read {
				d.targets = append(d.targets, t)
			}
		}
		for name, was := range before {
			if _, read := d.nodes[name]; !read {
				d.nodes[name] = was
			}
		}
	}
	slices.SortFunc(d.targets, func(a, b Target) int { return strings.Compare(a.Node, b.Node) })
}

func target(n *Node, address string) Target {
	t := Target{Node: n.Name, Address: address}
	t.Queue, t.ComputeResource = SplitNodeName(n.Name)
	if t.Queue == "" && len(n.Partitions) > 0 {
		t.Queue = n.Partitions[0]
	}
	t.GPUs = slices.ContainsFunc(n.GRES, func(g GRES) bool { return g.Name == "gpu" })
	return t
}

// leaving reports whether the node has no instance, or one that comes or goes. A node that does
// not respond, or is down, has one: that is when its absence must show.
func leaving(n *Node) bool {
	return n.Has("powered_down") || n.Has("powering_down") || n.Has("powering_up")
}

// Targets returns the targets, and when they were last known to be right.
func (d *Discovery) Targets() ([]Target, time.Time) { return d.targets, d.updated }

// settles is how long after its slurmd a node may begin to serve metrics: what serves them is
// installed while the node boots, and jobs do not wait for it. The install script makes its
// fifth attempt about then.
const settles = 3 * time.Minute

// Gone reports whether a compute node is not to be measured at an address by the last list that is
// known: it powers down, has another instance by now, is not a node of the cluster any more,
// or has only just begun.
func (d *Discovery) Gone(node, address string, now time.Time) bool {
	k, is := d.nodes[node]
	if !is {
		queue, _ := SplitNodeName(node)
		return d.all && queue != ""
	}
	return k.leaving || now.Sub(k.began) < settles || isIP(k.address) && isIP(address) && k.address != address
}

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
