package series

import (
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/device"
	"github.com/parascope/parascope/internal/collect/gpu"
	"github.com/parascope/parascope/internal/collect/node"
	"github.com/parascope/parascope/internal/collect/page"
)

// Family is one family of metrics and how many series of it there are.
type Family struct {
	Page   string `json:"page"` // which it is read from: node, gpu, slurm, parallelcluster, head
	Name   string `json:"name"`
	Series int    `json:"series"`
}

// The pages.
const (
	NodePage            = "node"
	GPUPage             = "gpu"
	SlurmPage           = "slurm"
	ParallelClusterPage = "parallelcluster"
	HeadPage            = "head"
)

// OfNode are the series of one node, those that scraping makes among them.
func OfNode(m Machine, l Level) []Family {
	var all []Family
	all = appendPage(all, NodePage, append(node.Collectors(), device.Collectors()...), m, l)
	if m.GPUs > 0 {
		all = appendPage(all, GPUPage, gpu.Collectors(gpu.DefaultOptions()), m, l)
	}
	return all
}

// Sum is how many series families have together.
func Sum(all []Family) (n int) {
	for _, f := range all {
		n += f.Series
	}
	return n
}

// appendPage appends the families of the collectors of a page, of the page itself, and those
// that a scrape adds for each target.
func appendPage(all []Family, name string, collectors []page.Collector, m Machine, l Level) []Family {
	reporting := 0
	for _, c := range collectors {
		found := 0
		for _, f := range c.Families {
			if n := copies(c.Name, f, m, l); n > 0 {
				all = append(all, Family{name, f.Name, n})
				found += n
			}
		}
		if found > 0 {
			reporting++
		}
	}
	for _, own := range ownFamilies {
		switch {
		case own.eachCollector:
			all = append(all, Family{name, own.name, reporting})
		case name == NodePage: // the page of GPUs leaves what is the program's to it
			all = append(all, Family{name, own.name, 1})
		}
	}
	if name == NodePage {
		for _, family := range installFamilies {
			all = append(all, Family{name, family, 1})
		}
	}
	return append(all, ofTarget(name)...)
}

// installFamilies are what the install unit of a node says about itself (internal/cluster/install/install.sh).
var installFamilies = []string{
	"node_textfile_mtime_seconds", "node_textfile_scrape_error", "parascope_install_failed_attempts", "parascope_install_info",
	"parascope_install_last_attempt_timestamp_seconds", "parascope_install_ok",
}

// ownFamilies are what a page says about its own making.
var ownFamilies = []struct {
	name          string
	eachCollector bool
}{
	{"parascope_build_info", false}, {"process_cpu_seconds_total", false}, {"process_resident_memory_bytes", false},
	{"node_scrape_collector_duration_seconds", true}, {"node_scrape_collector_success", true},
}

// ofTarget are the series that a scrape makes of each target.
func ofTarget(name string) []Family {
	var all []Family
	for _, f := range []string{
		"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added",
	} {
		all = append(all, Family{name, f, 1})
	}
	return all
}

// Sizes of labels whose values the collectors know beforehand.
const (
	cpuModes         = 8
	xidClasses       = 3
	driverFailures   = 6
	lustreOperations = 3
)

// copies is how many series of a family a machine has.
func copies(collector string, f *page.Family, m Machine, l Level) int {
	switch {
	case f.Full, f.Failed, f.Needs == page.NeedsFlag:
		return 0
	case collector == "gpu":
		return copiesOfGPU(f, m, l)
	}
	switch collector {
	case "cpu":
		if slices.Contains(f.Labels, "mode") {
			return cpuModes
		}
	case "pressure":
		return pick(l, 0, 1, 1)
	case "netdev":
		return 1 + one(m.EFA)
	case "filesystem":
		if f.Needs == page.NeedsLocalFiles {
			return 1 + m.LustreMounts
		}
		return 1 + m.LustreMounts + m.NFSMounts
	case "diskstats":
		return m.Volumes + one(m.InstanceStore)
	case "thermal":
		return 2 * one(m.Metal)
	case "efa":
		return copiesOfEFA(f, m, l)
	case "nvme":
		if slices.Contains(f.Labels, "volume_id") {
			return m.Volumes
		}
		return one(m.InstanceStore && len(f.Labels) > 0)
	case "lustre":
		if slices.Contains(f.Labels, "operation") {
			return lustreOperations * m.LustreMounts
		}
		return m.LustreMounts
	case "nfs":
		if slices.Contains(f.Labels, "server") {
			return m.NFSServers
		}
		return one(m.NFSServers > 0)
	}
	return 1
}

// copiesOfEFA is a family's number on nodes with EFA, where most are sums over all devices.
// Not every driver has all.
func copiesOfEFA(f *page.Family, m Machine, l Level) int {
	switch {
	case !m.EFA:
		return 0
	case f.Needs == page.NeedsNitro4:
		return pick(l, 0, one(m.Nitro4), 1)
	case f.Needs == page.NeedsKernelVerbs:
		return pick(l, 0, 0, 1)
	case strings.HasPrefix(f.Source, "/sys/class/infiniband/*/hw_counters/"):
		return pick(l, 0, 1, 1)
	}
	return 1
}

func copiesOfGPU(f *page.Family, m Machine, l Level) int {
	each := slices.Contains(f.Labels, "gpu")
	has := func(label string) bool { return slices.Contains(f.Labels, label) }
	switch {
	case each && has("class"):
		return xidClasses * m.GPUs
	case each && has("xid"):
		return pick(l, 0, 0, m.GPUs)
	case each && has("reason"):
		return 0 // of a GPU that cannot be read, which has nothing else then
	case f.Needs == page.NeedsGPM:
		return pick(l, one(m.Profiles), one(m.Profiles), 1) * m.GPUs
	case strings.Contains(f.Name, "_NVLINK_"):
		return one(m.NVLink) * m.GPUs
	case each:
		return m.GPUs
	case f.Name == "parascope_gpu_driver_failures_total":
		return driverFailures
	case has("reason") && !has("source"):
		return pick(l, 0, 2, 3)
	}
	return 1
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
