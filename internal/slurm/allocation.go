package slurm

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// MaxJobNodes bounds the nodes of one job.
const MaxJobNodes = 4096

const maxAsked = 20 // jobs that are asked for in one snapshot

// Allocation is what a running job has of a node's generic resources.
type Allocation struct {
	Node string
	GRES []GRES // with indices
}

// allocationLine is a job's share of some nodes in "scontrol -d show job".
var allocationLine = regexp.MustCompile(`(?:^|\s)Nodes=(\S+) CPU_IDs=\S* Mem=\S* GRES=(\S*)`)

// ParseAllocations reads what "scontrol -d -o show job ID" says of a job that runs on nodes.
// Text that users choose is in the output too: only nodes of the job count, and each once.
func ParseAllocations(out []byte, nodes []string) []Allocation {
	var all []Allocation
	left := map[string]bool{}
	for _, n := range nodes {
		left[n] = true
	}
	for _, m := range allocationLine.FindAllSubmatch(out, -1) {
		names, err := ExpandHosts(string(m[1]), MaxJobNodes)
		gres := parseGRES(string(m[2]))
		if err != nil || len(gres) == 0 {
			continue
		}
		for _, name := range names {
			if left[name] {
				left[name] = false
				all = append(all, Allocation{Node: name, GRES: gres})
			}
		}
	}
	return all
}

// Allocations remembers which GPUs each running job has. Slurm tells it for one job at a
// time, and it does not change while the job runs, so each job is asked for once.
type Allocations struct {
	known map[string][]Allocation // by id and restart count
}

// NewAllocations knows no job.
func NewAllocations() *Allocations { return &Allocations{known: map[string][]Allocation{}} }

// Of returns what a running job has; false if it is not known yet.
func (a *Allocations) Of(j *Job) ([]Allocation, bool) {
	all, known := a.known[j.Key()]
	return all, known
}

// Key tells the runs of all jobs apart: a job that is requeued keeps its number.
func (j *Job) Key() string { return fmt.Sprintf("%s/%d", j.RawID, j.Restarts) }

// Update finds out what running jobs on nodes with GPUs have that are not known: from the nodes where
// they tell, else it asks for at most 20 of the jobs. It forgets those that run no more, and returns
// how many are left to ask for.
func (a *Allocations) Update(ctx context.Context, t Tools, s *Snapshot) (left int, err error) {
	nodesByName := make(map[string]*Node, len(s.Nodes))
	for i := range s.Nodes {
		nodesByName[s.Nodes[i].Name] = &s.Nodes[i]
	}
	suspended := slices.ContainsFunc(s.Jobs, func(j Job) bool { return j.State == "suspended" })
	running := map[string]bool{}
	asked := 0
	for i := range s.Jobs {
		j := &s.Jobs[i]
		if j.State != "running" && j.State != "completing" && j.State != "suspended" {
			continue
		}
		key := j.Key()
		running[key] = true
		if _, known := a.known[key]; known {
			continue
		}
		nodes, expandErr := ExpandHosts(j.NodeList, MaxJobNodes)
		if expandErr != nil || !slices.ContainsFunc(nodes, func(n string) bool { return hasGPUs(nodesByName[n]) }) {
			a.known[key] = nil
			continue
		}
		if all, alone := allocatedAlone(s, j, nodes, nodesByName); alone && !suspended {
			a.known[key] = all
			continue
		}
		if asked == maxAsked || err != nil {
			left++
			continue
		}
		asked++
		var out []byte
		if out, err = t.run(ctx, "scontrol", "-d", "-o", "show", "job", j.RawID); err != nil {
			left++
			continue
		}
		a.known[key] = ParseAllocations(out, nodes)
	}
	if s.JobsRead() {
		maps.DeleteFunc(a.known, func(key string, _ []Allocation) bool { return !running[key] })
	}
	return left, err
}

func hasGPUs(n *Node) bool {
	return n != nil && slices.ContainsFunc(n.GRES, func(g GRES) bool { return g.Name == "gpu" })
}

// allocatedAlone returns what a job has where its nodes' own lines tell: it has all of their allocated
// CPUs, so that nobody else has anything there, and it began before the nodes were listed. Of a job that is
// suspended the CPUs are free and the GPUs are not: then lines of nodes tell nothing.
func allocatedAlone(s *Snapshot, j *Job, names []string, nodes map[string]*Node) (all []Allocation, alone bool) {
	if j.State != "running" || j.Start.IsZero() || !j.Start.Before(s.Time.Truncate(time.Second)) {
		return nil, false
	}
	cpus := 0
	for _, name := range names {
		n := nodes[name]
		if n == nil || n.State != "allocated" && n.State != "mixed" || n.Has("completing") {
			return nil, false
		}
		cpus += n.CPUsAllocated
		var gres []GRES
		for _, g := range n.GRESUsed {
			if g.Count == 0 {
				continue
			}
			if len(g.Indices) != g.Count {
				return nil, false
			}
			gres = append(gres, g)
		}
		if len(gres) > 0 {
			all = append(all, Allocation{Node: name, GRES: gres})
		}
	}
	return all, cpus > 0 && cpus == j.CPUs
}

// DeviceName is the name of the device file of a GPU's index in gres.conf, where ParallelCluster
// lists /dev/nvidia0 and so on in order.
func DeviceName(index int) string { return fmt.Sprintf("nvidia%d", index) }

// Partition is the first of the job's partitions: the one that a running job is in.
func (j *Job) Partition() string {
	if len(j.Partitions) == 0 {
		return ""
	}
	return strings.TrimSpace(j.Partitions[0])
}
