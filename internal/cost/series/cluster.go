package series

import (
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/pcluster"
	"github.com/parascope/parascope/internal/collect/slurmstat"
)

// Cluster is what of a cluster makes series of Slurm and ParallelCluster.
type Cluster struct {
	Nodes      int // that run, head and login nodes not among them
	GPUNodes   int
	GPUs       int
	Partitions int
	// GPUPartitions are those with GPUs.
	GPUPartitions int
	Users         int // with jobs, and with accounts
	Accounts      int
	Jobs          int // that run at once
}

// headSeries is how many series a head's own page has with the configuration that 'parascope-head setup'
// writes: some for each job and discovery. The test bed had 257 (TestEstimate), a head with two jobs 165.
var headSeries = [...]int{Low: 160, Expected: 257, High: 320}

// Intervals between two scrapes in the configuration that 'parascope-head setup' writes
// (internal/headnode). SlowInterval is of the pages about Slurm and ParallelCluster.
const (
	Interval     = 30 * time.Second
	SlowInterval = time.Minute
)

// IntervalOf is the interval of the page that a family is read from, where the other pages have
// the given one.
func (f Family) IntervalOf(others time.Duration) time.Duration {
	if f.Page == SlurmPage || f.Page == ParallelClusterPage {
		return SlowInterval
	}
	return others
}

// OfCluster are the series of the head's pages about the cluster and about itself.
func OfCluster(c Cluster, l Level) []Family {
	var all []Family
	for _, f := range slurmstat.Families() {
		if n := copiesOfSlurm(f, c, l); n > 0 {
			all = append(all, Family{SlurmPage, f.Name, n})
		}
	}
	all = append(all, ofTarget(SlurmPage)...)
	for _, f := range pcluster.Families() {
		if n := copiesOfParallelCluster(f, c, l); n > 0 {
			all = append(all, Family{ParallelClusterPage, f.Name, n})
		}
	}
	all = append(all, ofTarget(ParallelClusterPage)...)
	return append(append(all, Family{HeadPage, "its own", headSeries[l]}), ofTarget(HeadPage)...)
}

// Sizes of labels of Slurm's metrics.
const (
	nodeStates      = 3  // that a partition's nodes are in, and idle
	resourceStates  = 4  // allocated, idle, other, total
	nodeClasses     = 4  // of a node's time
	endStates       = 4  // that jobs of a partition have ended in
	jobStates       = 3  // that jobs of a partition are in
	reasons         = 3  // why they wait
	histogramSeries = 12 // ten buckets, sum and count
	operations      = 19 // that slurmctld answers, on each of the recorded clusters
	slurmCommands   = 5
)

func copiesOfSlurm(f *page.Family, c Cluster, l Level) int {
	has := func(label string) bool { return slices.Contains(f.Labels, label) }
	switch {
	case has("device"):
		return pick(l, 0, min(c.GPUs, c.GPUs*9/10), c.GPUs)
	case has("node") && has("job_id"):
		return pick(l, 0, max(c.Jobs, c.Nodes*9/10), 2*max(c.Jobs, c.Nodes))
	case has("job_id"):
		return pick(l, 0, c.Jobs, 2*c.Jobs)
	case has("node") && has("gres"):
		return c.GPUNodes
	case strings.HasPrefix(f.Name, "slurm_reservation_"), strings.HasPrefix(f.Name, "slurm_license_"):
		return pick(l, 0, 0, 2) // few clusters have any
	case strings.Contains(f.Name, "_drain_"):
		return pick(l, 0, 0, (c.Nodes+9)/10)
	case has("node") && has("state"):
		return pick(l, 1, 2, nodeClasses) * c.Nodes
	case has("node"):
		return c.Nodes
	case has("gres"):
		return resourceStates * min(c.GPUPartitions, c.Partitions)
	case f.Type == "histogram":
		return histogramSeries * c.Partitions
	case has("partition"):
		return c.Partitions * ofPartition(f)
	case has("account") && has("user"):
		return pick(l, 0, 0, c.Users)
	case has("user"):
		return c.Users
	case has("account"):
		return c.Accounts
	case has("operation"):
		return pick(l, operations/2, operations, 2*operations)
	case has("command"):
		return slurmCommands
	case f.Name == "slurm_gpus_utilization":
		return one(c.GPUNodes > 0)
	}
	return 1
}

// ofPartition is how many series a partition has of a family.
func ofPartition(f *page.Family) int {
	switch {
	case f.Name == "slurm_partition_nodes":
		return nodeStates
	case f.Name == "slurm_partition_jobs":
		return jobStates
	case slices.Contains(f.Labels, "reason"):
		return reasons
	case f.Type == page.Counter && slices.Contains(f.Labels, "state"):
		return endStates
	case slices.Contains(f.Labels, "state"):
		return resourceStates
	}
	return 1
}

// copiesOfParallelCluster counts families of events as absent, until there was one.
func copiesOfParallelCluster(f *page.Family, c Cluster, l Level) int {
	switch {
	case slices.Contains(f.Labels, "queue"), slices.Contains(f.Labels, "instance_type"):
		return pick(l, 0, 0, c.Partitions)
	case slices.Contains(f.Labels, "file"):
		return 9
	}
	return 1
}
