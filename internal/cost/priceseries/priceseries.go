// Package priceseries serves the prices of a cluster's instance types as metrics, so that
// dashboards can turn GPU-hours into dollars.
package priceseries

import (
	"regexp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/slurm"
)

// maxTypes bounds the series: features of nodes come from outside.
const maxTypes = 100

// Collector collects the prices of the instance types that a cluster has now.
type Collector struct {
	list   price.List
	region string
	types  func() []string

	dollars, known, gpus *prometheus.Desc
}

// New makes a Collector for a region. types is asked at each scrape; one goroutine or more
// may collect at once.
func New(l price.List, region string, types func() []string) *Collector {
	return &Collector{
		list: l, region: region, types: types,
		dollars: prometheus.NewDesc("parascope_instance_price_dollars_per_hour",
			"Hourly price of the instance type: Linux on-demand or --cost.rate; absent if unknown.",
			[]string{"instance_type", "region", "source"}, nil),
		known: prometheus.NewDesc("parascope_instance_price_known",
			"1 if the price of the instance type in the cluster's region is known, 0 if the price is "+
				"unknown.", []string{"instance_type", "region"}, nil),
		gpus: prometheus.NewDesc("parascope_instance_gpus", "Number of NVIDIA GPUs of an instance of this type.", []string{"instance_type"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.dollars, c.known, c.gpus} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	types := c.types()
	for _, name := range types[:min(len(types), maxTypes)] {
		known := 0.0
		if p, ok := c.list.Find(price.Instance(name), c.region); ok {
			if hourly, ok := p.Of(decimal.NewFromInt(1)).Amount(); ok {
				source := "on_demand"
				if p.Source == price.RateSource {
					source = "rate"
				}
				known = 1
				metrics <- prometheus.MustNewConstMetric(c.dollars, prometheus.GaugeValue, hourly.InexactFloat64(), name, c.region, source)
			}
		}
		metrics <- prometheus.MustNewConstMetric(c.known, prometheus.GaugeValue, known, name, c.region)
		if t, ok := c.list.Type(name); ok {
			metrics <- prometheus.MustNewConstMetric(c.gpus, prometheus.GaugeValue, float64(t.GPUs), name)
		}
	}
}

// typePattern is what an instance type looks like among a node's features.
var typePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,20}\.[a-z0-9-]{1,20}$`)

// TypesOf are the instance types of nodes, which ParallelCluster writes among their
// features: "dynamic,p5.48xlarge,gpu-nodes,efa,gpu". Each stands there once.
func TypesOf(nodes []slurm.Node) []string {
	var all []string
	for i := range nodes {
		for _, f := range nodes[i].Features {
			if typePattern.MatchString(f) && !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	slices.Sort(all)
	return all
}
