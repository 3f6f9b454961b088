// Package expectation serves how many samples a cluster is expected to send in a month, so
// that an alert can hold what it sends against that.
package expectation

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/priceseries"
	"github.com/parascope/parascope/internal/cost/series"
	"github.com/parascope/parascope/internal/slurm"
)

const (
	// month is 730 hours.
	month = 730 * time.Hour
	// beside are the machines that are measured and no nodes of Slurm's: the head node, and up
	// to three login nodes.
	beside     = 4
	besideType = "m7i.xlarge"
)

// Nodes are the cluster's as Slurm has them; read is false while they are not known.
type Nodes func() (all []slurm.Node, read bool)

// Collector collects the expectation.
type Collector struct {
	list     price.List // whose instance types say how many GPUs each has
	nodes    Nodes
	given    float64 // samples a month that a person expects; 0: follow the nodes
	expected *prometheus.Desc
}

// New makes a Collector; one goroutine or more may collect at once.
func New(l price.List, nodes Nodes, given float64) *Collector {
	return &Collector{list: l, nodes: nodes, given: given,
		expected: prometheus.NewDesc("parascope_cost_expected_samples_per_month",
			"Number of samples that the cluster is expected to send in 730 hours: the configured number, or an estimate from the running "+
				"nodes at the scrape intervals of parascope-head setup.",
			[]string{"source"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- c.expected }

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	if c.given > 0 {
		metrics <- prometheus.MustNewConstMetric(c.expected, prometheus.GaugeValue, c.given, "given")
		return
	}
	if all, read := c.nodes(); read {
		metrics <- prometheus.MustNewConstMetric(c.expected, prometheus.GaugeValue, c.samplesOf(all), "nodes")
	}
}

// samplesOf are all samples of a month of a cluster with these nodes, by the estimate's high level:
// those of kernels and drivers that have every family.
func (c *Collector) samplesOf(all []slurm.Node) float64 {
	cluster := series.Cluster{Users: 1, Accounts: 1}
	var partitions []string
	machines := map[series.Machine]int{series.MachineOf(besideType, 0, false): beside}
	for i := range all {
		n := &all[i]
		for _, p := range n.Partitions {
			if !slices.Contains(partitions, p) {
				partitions = append(partitions, p)
			}
		}
		if n.Has("powered_down") || n.Has("powering_down") {
			continue
		}
		m := c.machine(n)
		machines[m]++
		cluster.Nodes++
		if m.GPUs > 0 {
			cluster.GPUNodes++
			cluster.GPUs += m.GPUs
		}
	}
	cluster.Partitions, cluster.Jobs = max(len(partitions), 1), cluster.Nodes
	if cluster.GPUNodes > 0 {
		cluster.GPUPartitions = cluster.Partitions
	}
	sum := samples(series.OfCluster(cluster, series.High))
	for m, number := range machines {
		sum += float64(number) * samples(series.OfNode(m, series.High))
	}
	return sum
}

// samples are those of the families in a month.
func samples(families []series.Family) (sum float64) {
	for _, f := range families {
		sum += float64(f.Series) * float64(month/f.IntervalOf(series.Interval))
	}
	return sum
}

// machine is a node by its features; one whose type is not among them counts as one without GPUs.
func (c *Collector) machine(n *slurm.Node) series.Machine {
	name := besideType
	if types := priceseries.TypesOf([]slurm.Node{*n}); len(types) > 0 {
		name = types[0]
	}
	gpus := 0
	if t, ok := c.list.Type(name); ok {
		gpus = t.GPUs
	}
	return series.MachineOf(name, gpus, slices.Contains(n.Features, "efa"))
}
