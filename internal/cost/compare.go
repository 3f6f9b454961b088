package cost

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/series"
)

// ingested is what the samples of the families cost, at the workload's interval.
func (w Workload) ingested(l price.List, region, what string, families []series.Family) Alternative {
	samples := w.samples(families)
	return Alternative{What: what, Series: series.Sum(families), Samples: samples, Dollars: l.Of(price.Samples, region, samples.Decimal)}
}

// intervals are those that are compared.
var intervals = []time.Duration{15 * time.Second, 30 * time.Second, time.Minute}

// whatIf are the same workload at other intervals, and without the largest groups of
// families.
func whatIf(l price.List, region string, w Workload) []Alternative {
	var all []Alternative
	families := w.families(series.Expected)
	for _, interval := range intervals {
		if interval != w.Interval {
			at := w
			at.Interval = interval
			all = append(all, at.ingested(l, region, "an interval of "+model.Duration(interval).String(), families))
		}
	}
	counts := map[string]int{}
	for _, f := range families {
		counts[stem(f.Name)] += f.Series
	}
	stems := make([]string, 0, len(counts))
	for s := range counts {
		if s != "" {
			stems = append(stems, s)
		}
	}
	slices.SortFunc(stems, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for _, s := range stems[:min(len(stems), 5)] {
		left := slices.DeleteFunc(slices.Clone(families), func(f series.Family) bool { return strings.HasPrefix(f.Name, s) })
		all = append(all, w.ingested(l, region, "without "+s+"*", left))
	}
	return all
}

// stem is the beginning of a family's name by which families are left out together:
// node_cpu_, DCGM_FI_PROF_, slurm_. Those that a scrape makes cannot be.
func stem(name string) string {
	parts := strings.SplitAfterN(name, "_", 4)
	switch {
	case strings.HasPrefix(name, "DCGM_FI_") && len(parts) > 3:
		return parts[0] + parts[1] + parts[2]
	case strings.HasPrefix(name, "slurm_"), strings.HasPrefix(name, "parallelcluster_"):
		return parts[0]
	case strings.HasPrefix(name, "node_"), strings.HasPrefix(name, "parascope_gpu_"):
		return parts[0] + parts[1]
	}
	return ""
}

// What stock exporters serve, by the measurements that user-facing documents quote: per CPU in
// node_exporter 1.12 with its default collectors, per card, per EFA device in AWS' exporter, per GPU
// in dcgm-exporter's default list.
const (
	stockNode    = 500
	stockCPU     = 21
	stockCard    = 35
	stockEFA     = 39
	stockGPU     = 25
	stockTargets = 3 // node_exporter, dcgm-exporter, EFA
)

// efaDevices are those of instance types that have several; others have one.
var efaDevices = map[string]int{
	"p4d.24xlarge": 4, "p4de.24xlarge": 4, "p5.48xlarge": 32, "p5e.48xlarge": 32, "p5en.48xlarge": 16, "p6-b200.48xlarge": 8,
}

// stockSeries is what stock exporters would have on a node; 0 where its CPUs are not known.
func stockSeries(l price.List, g Group) int {
	cpus := vCPUs(l, g.Type)
	if cpus == 0 {
		return 0
	}
	n := stockNode + stockCPU*cpus + len(scraped)
	if g.EFA {
		devices := max(efaDevices[g.Type], 1)
		n += stockCard*(devices-1) + stockEFA*devices + len(scraped)
	}
	if g.GPUs > 0 {
		n += stockGPU*g.GPUs + len(scraped)
	}
	return n
}

// scraped are the series that a scrape makes of each target.
var scraped = [...]string{"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
	"scrape_series_added"}

// vCPUs are those of an instance type: the list's, or by the size in its name, which is a
// multiple of xlarge with four. hpc7a's sizes say how many there are.
func vCPUs(l price.List, instanceType string) int {
	if t, ok := l.Type(instanceType); ok {
		return t.VCPUs
	}
	family, size, _ := strings.Cut(instanceType, ".")
	if strings.HasPrefix(family, "hpc") {
		return 0
	}
	switch size {
	case "nano", "micro", "small", "medium":
		return 0
	case "large":
		return 2
	case "xlarge":
		return 4
	}
	var times int
	if n, err := fmt.Sscanf(size, "%dxlarge", &times); n != 1 || err != nil || times > 200 {
		return 0
	}
	return 4 * times
}

// stock is the same cluster with stock exporters, at the workload's interval.
func stock(l price.List, region string, w Workload) Alternative {
	a := Alternative{What: "stock node_exporter, dcgm-exporter and EFA exporter"}
	for _, g := range w.Groups {
		if g.Stock == 0 && g.Nodes.Expected > 0 {
			a.What += ": the CPUs of " + g.Type + " are not known"
			return a
		}
		a.Series += g.Stock * g.Nodes.Expected
	}
	a.Samples.Decimal = decimal.NewFromInt(int64(a.Series)).Mul(scrapesPerMonth(w.Interval)).Round(0)
	a.Dollars = l.Of(price.Samples, region, a.Samples.Decimal)
	return a
}

// scrapesPerMonth is how often a target is read in a month.
func scrapesPerMonth(interval time.Duration) decimal.Decimal {
	milliseconds := decimal.NewFromInt(int64(interval / time.Millisecond))
	return decimal.NewFromInt(HoursPerMonth * 3600 * 1000).Div(milliseconds)
}

// Comparison is a figure of the guide, and what this list of prices comes to.
type Comparison struct {
	Guide string `json:"guide"`
	Here  string `json:"here"`
}

// guideNodes is the number of GPU nodes of which the guide speaks.
const guideNodes = 10

// compare puts the guide's figures beside the estimate's.
func compare(l price.List, region string, e Estimate) []Comparison {
	ten := DefaultWorkload()
	kind, gpus := "p5.48xlarge", 8
	for _, g := range e.Groups {
		if g.GPUs > 0 {
			kind, gpus = g.Type, g.GPUs
			break
		}
	}
	ten.Groups = []Group{{Type: kind, GPUs: gpus, EFA: true, Nodes: Range[int]{guideNodes, guideNodes, guideNodes}, compute: true}}
	families := ten.families(series.Expected)
	var here []string
	for _, interval := range intervals {
		ten.Interval = interval
		here = append(here, fmt.Sprintf("%s at %s", ten.ingested(l, region, "", families).Dollars, model.Duration(interval).String()))
	}
	all := []Comparison{{
		Guide: "Prometheus $10–30 for 10 GPU nodes",
		Here:  fmt.Sprintf("10 × %s, ingestion: %s; %s", kind, strings.Join(here, ", "), withinGuide(l, region, ten, families)),
	}}
	one, ten10 := decimal.NewFromInt(1), decimal.NewFromInt(10)
	all = append(all,
		Comparison{"Grafana $9–90", fmt.Sprintf("from %s for one editor to %s for ten editors; a viewer costs "+
			"%s", l.Of(price.Editor, region, one),
			l.Of(price.Editor, region, ten10), l.Of(price.Viewer, region, one))},
		Comparison{"total $60–80 for 1–5 users", fmt.Sprintf("expected %s, from %s to %s", e.Bill.Expected.Words(), e.Bill.Low.Words(),
			e.Bill.High.Words())})
	return append(all, Comparison{"about the same as self-hosting, or slightly more", selfHosted(l, region, e)})
}

// withinGuide says which interval brings the guide's nodes, with these families, into the guide's range.
func withinGuide(l price.List, region string, w Workload, families []series.Family) string {
	for w.Interval = 5 * time.Second; w.Interval <= 5*time.Minute; w.Interval += 5 * time.Second {
		amount, known := w.ingested(l, region, "", families).Dollars.Amount()
		if !known {
			return "the price is unknown"
		}
		if amount.LessThanOrEqual(decimal.NewFromInt(30)) {
			return "the cost is at most $30 with an interval of " + model.Duration(w.Interval).String()
		}
	}
	return "no interval up to 5m costs at most $30"
}

// selfHosted is a Prometheus and a Grafana on an instance of one's own, without the hours of
// those who run it.
func selfHosted(l price.List, region string, e Estimate) string {
	const host = "m5.large"
	disk := e.Usage.Expected.StorageGB.Add(decimal.NewFromInt(20)).Round(0)
	cost := l.Of(price.Instance(host), region, decimal.NewFromInt(HoursPerMonth)).Plus(l.Of(price.Disk, region, disk))
	if !cost.IsKnown() {
		return fmt.Sprintf("%s and %s GB of gp3: the price in %s is unknown", host, disk, region)
	}
	return fmt.Sprintf("%s for one %s and %s GB of gp3, without redundancy and without the work to operate it", cost, host, disk)
}

// fleet is what the nodes cost themselves.
func fleet(l price.List, region string, groups []Group) []InstanceHours {
	all := []InstanceHours{}
	for _, g := range groups {
		if g.GPUs == 0 {
			continue
		}
		h := InstanceHours{Type: g.Type, Nodes: g.Nodes.Expected, Source: fmt.Sprintf("no price of %s in %s is known: give --rate %s=DOLLARS",
			g.Type, region, g.Type)}
		if p, ok := l.Find(price.Instance(g.Type), region); ok {
			h.Hourly, h.Source = p.Of(decimal.NewFromInt(1)), described(p)
			h.Monthly = h.Hourly.Times(decimal.NewFromInt(int64(HoursPerMonth * h.Nodes)))
		}
		all = append(all, h)
	}
	return all
}

// assumptions are what the three columns differ in and rest on.
func assumptions(w Workload) []string {
	all := []string{
		fmt.Sprintf("a month has %d hours", HoursPerMonth),
		"nodes: low counts static nodes, expected adds half of the dynamic nodes, high counts all; --nodes run all month",
		"series: low excludes metrics that only some kernels or drivers have, high includes them all",
		fmt.Sprintf("storage: 1, 1.5 and 2 bytes per sample, kept for %d days", w.Retention),
		fmt.Sprintf("queries: each of %d people has a dashboard open for 15 minutes (low), 1 hour (expected) or 4 hours (high) on %d days "+
			"a month", w.Editors+w.Viewers, workingDays),
		"jobs: none in low, one per node in expected, two per node in high",
		"free tiers apply once to an organization, or to an account without one; taxes are not included",
	}
	if len(w.Rules) > 0 {
		all = append(all, fmt.Sprintf("%d rules are evaluated", len(w.Rules)))
	}
	return all
}
