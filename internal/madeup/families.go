package madeup

import (
	"fmt"
	"slices"

	"github.com/parascope/parascope/internal/collect"
	"github.com/parascope/parascope/internal/collect/gpu"
	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/pcluster"
	"github.com/parascope/parascope/internal/collect/slurmstat"
)

// Family is a family as a collector of ours prints it.
type Family struct{ *page.Family }

// counts reports whether its samples grow. Names that node_exporter writes untyped are
// counters as well, but for these.
func (f Family) counts() bool {
	return f.Type == page.Counter || f.Type == page.Untyped || f.Type == "histogram"
}

// Families are all of our collectors' by name, and those of the head's own page.
type Families map[string]*page.Family

func OurFamilies() Families {
	all := Families{}
	full := gpu.DefaultOptions()
	full.Full = true
	for _, c := range slices.Concat(collect.NodeCollectors(), collect.GPUCollectors(full)) {
		for _, f := range c.Families {
			all[f.Name] = f
		}
	}
	for _, f := range slices.Concat(slurmstat.Families(), pcluster.Families(), ownFamilies()) {
		all[f.Name] = f
	}
	return all
}

// ownFamilies are on pages about the pages themselves; TestOwnFamilies holds them against
// the documents.
func ownFamilies() []*page.Family {
	count := func(name string, labels ...string) *page.Family {
		return &page.Family{Name: name, Type: page.Counter, Labels: labels}
	}
	gauge := func(name string, labels ...string) *page.Family {
		return &page.Family{Name: name, Type: page.Gauge, Labels: labels}
	}
	return []*page.Family{
		gauge("parascope_build_info", "version", "revision"), gauge("node_scrape_collector_success", "collector"),
		gauge("parascope_node_series_left_out", "family"), gauge("parascope_instance_price_dollars_per_hour", "instance_type"),
		count("parascope_delivery_samples_taken_total"), count("parascope_delivery_samples_delivered_total"),
		gauge("parascope_delivery_samples_queued"), count("parascope_delivery_samples_uncertain_total", "reason"),
		count("parascope_delivery_samples_dropped_total", "reason"), gauge("parascope_delivery_oldest_sample_timestamp_seconds"),
		gauge("parascope_delivery_queue_bytes"), gauge("parascope_delivery_queue_max_bytes"), gauge("parascope_delivery_refused_series"),
		count("parascope_delivery_requests_total", "code"),
	}
}

// Of is the family of a name.
func (f Families) Of(name string) Family {
	if f[name] == nil {
		panic(fmt.Sprintf("no collector prints %s", name))
	}
	return Family{f[name]}
}
