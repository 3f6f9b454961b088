package slurm

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
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

// Update asks for running jobs on nodes with GPUs that are not known, at most 20 of them,
// and forgets those that run no more. It returns how many are left to ask for.
func (a *Allocations) Update(ctx context.Context, t Tools, s *Snapshot) (left int, err error) {
	withGPUs := map[string]bool{}
	for i := range s.Nodes {
		withGPUs[s.Nodes[i].Name] = slices.ContainsFunc(s.Nodes[i].GRES, func(g GRES) bool { return g.Name == "gpu" })
	}
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
		if expandErr != nil || !slices.ContainsFunc(nodes, func(n string) bool { return withGPUs[n] }) {
			a.known[key] = nil
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
