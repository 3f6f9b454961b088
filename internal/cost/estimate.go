package cost

import (
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/series"
)

// Range has a value for each assumption.
type Range[T any] struct {
	Low      T `json:"low"`
	Expected T `json:"expected"`
	High     T `json:"high"`
}

// At is the value of a level.
func (r Range[T]) At(l series.Level) T { return [...]T{r.Low, r.Expected, r.High}[l] }

// rangeOf computes the value of each level.
func rangeOf[T any](value func(series.Level) T) Range[T] {
	return Range[T]{value(series.Low), value(series.Expected), value(series.High)}
}

// Group is a number of nodes of one instance type.
type Group struct {
	Name  string     `json:"name"`
	Type  string     `json:"instanceType"`
	Nodes Range[int] `json:"nodes"` // that run on average over the month
	GPUs  int        `json:"gpusPerNode"`
	EFA   bool       `json:"efa"`
	// Series are those of one node.
	Series Range[int] `json:"seriesPerNode"`
	// Stock are those that stock exporters would have; 0 where the number of CPUs is unknown.
	Stock int `json:"stockSeriesPerNode"`

	compute bool // a node of a queue
	lustre  int
}

// machine is one of the group's nodes.
func (g Group) machine() series.Machine {
	m := series.MachineOf(g.Type, g.GPUs, g.EFA)
	m.LustreMounts = g.lustre
	return m
}

// Workload is what is measured, kept and looked at.
type Workload struct {
	Groups    []Group
	Queues    int
	Interval  time.Duration // between two scrapes of nodes and of the head
	Retention int           // days
	Editors   int           // people who sign in to Grafana within a month
	Viewers   int
	Without   []string // beginnings of names of families that are not sent
	Boards    []Board
	Rules     []Rule
}

// DefaultWorkload has what is not said otherwise.
func DefaultWorkload() Workload {
	return Workload{Interval: series.Interval, Retention: 150, Editors: 1, Queues: 1}
}

// Usage is what a month of a workload comes to.
type Usage struct {
	Series       int          `json:"series"`
	Samples      price.Number `json:"samplesPerMonth"`
	StorageGB    price.Number `json:"storageGB"` // once the retention time has passed
	QuerySamples price.Number `json:"querySamplesPerMonth"`
}

// families are the series of the whole workload.
func (w Workload) families(l series.Level) []series.Family {
	var all []series.Family
	c := series.Cluster{Partitions: max(w.Queues, 1), Users: max(w.Editors+w.Viewers, 1), Accounts: 1}
	for _, g := range w.Groups {
		n := g.Nodes.At(l)
		for _, f := range series.OfNode(g.machine(), l) {
			f.Series *= n
			all = append(all, f)
		}
		if g.compute {
			c.Nodes += n
			if g.GPUs > 0 {
				c.GPUPartitions++
				c.GPUNodes += n
				c.GPUs += n * g.GPUs
			}
		}
	}
	c.Jobs = c.Nodes
	all = append(all, series.OfCluster(c, l)...)
	kept := all[:0]
	for _, f := range all {
		if f.Series > 0 && !w.without(f.Name) {
			kept = append(kept, f)
		}
	}
	return kept
}

func (w Workload) without(name string) bool {
	for _, beginning := range w.Without {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}

// bytesPerSample is what AMP keeps of a sample: "typically 1 or 2 bytes"
// (aws.amazon.com/prometheus/pricing).
var bytesPerSample = Range[decimal.Decimal]{decimal.NewFromInt(1), decimal.New(15, -1), decimal.NewFromInt(2)}

// usage is what a month comes to under an assumption.
func (w Workload) usage(l series.Level) Usage {
	families := w.families(l)
	u := Usage{Series: series.Sum(families)}
	u.Samples = w.samples(families)
	months := decimal.NewFromInt(int64(w.Retention)).Mul(decimal.NewFromInt(24)).Div(decimal.NewFromInt(HoursPerMonth))
	u.StorageGB.Decimal = u.Samples.Mul(bytesPerSample.At(l)).Mul(months).Div(decimal.NewFromInt(1 << 30)).Round(3)
	u.QuerySamples.Decimal = w.queried(families, l).Round(0)
	return u
}

// samples are those of the families in a month.
func (w Workload) samples(families []series.Family) price.Number {
	counts := map[time.Duration]int{}
	for _, f := range families {
		counts[f.IntervalOf(w.Interval)] += f.Series
	}
	sum := decimal.Zero
	for interval, n := range counts {
		sum = sum.Add(decimal.NewFromInt(int64(n)).Mul(scrapesPerMonth(interval)))
	}
	return price.Number{Decimal: sum.Round(0)}
}

// Estimate is what a workload would cost in a region.
type Estimate struct {
	Region    string          `json:"region"`
	PricesOf  string          `json:"pricesOf"` // another region's, where a person chose so
	Interval  string          `json:"interval"`
	Retention int             `json:"retentionDays"`
	Groups    []Group         `json:"groups"`
	Usage     Range[Usage]    `json:"usage"`
	Bill      Range[Bill]     `json:"bill"`
	Stock     Alternative     `json:"stock"`
	WhatIf    []Alternative   `json:"whatIf"`
	Guide     []Comparison    `json:"guide"`
	Fleet     []InstanceHours `json:"instances"`
	Assumed   []string        `json:"assumptions"`
	Unknown   []string        `json:"unknown"` // what has no price, and what to do
}

// Alternative is another way to measure, by the expected numbers.
type Alternative struct {
	What    string        `json:"what"`
	Series  int           `json:"series"` // 0 where it is not known
	Samples price.Number  `json:"samplesPerMonth"`
	Dollars price.Dollars `json:"dollarsPerMonth"` // of AMP's ingestion alone
}

// InstanceHours are what the nodes themselves cost, beside which monitoring stands.
type InstanceHours struct {
	Type    string        `json:"instanceType"`
	Nodes   int           `json:"nodes"`
	Hourly  price.Dollars `json:"dollarsPerHour"` // of one; null where it is not known
	Monthly price.Dollars `json:"dollarsPerMonth"`
	Source  string        `json:"source"`
}

// Ask is what an estimate is made for.
type Ask struct {
	Stack    Stack
	PricesOf string // the region whose prices are taken; "": the stack's
	Workload Workload
}

// New estimates.
func New(l price.List, a Ask) Estimate {
	w := a.Workload
	a.Stack.Editors, a.Stack.Viewers = w.Editors, w.Viewers
	region := a.Stack.Region
	if a.PricesOf != "" {
		a.Stack.Region = a.PricesOf
	}
	for i := range w.Groups {
		g := &w.Groups[i]
		g.Series = rangeOf(func(l series.Level) int { return series.Sum(series.OfNode(g.machine(), l)) })
		g.Stock = stockSeries(l, *g)
	}
	e := Estimate{Region: region, PricesOf: a.PricesOf, Interval: model.Duration(w.Interval).String(), Retention: w.Retention,
		Groups: w.Groups,
		Usage:  rangeOf(w.usage)}
	e.Bill = rangeOf(func(level series.Level) Bill { return billOf(l, a.Stack, e.Usage.At(level)) })
	e.Stock = stock(l, a.Stack.Region, w)
	e.WhatIf = whatIf(l, a.Stack.Region, w)
	e.Guide = compare(l, a.Stack.Region, e)
	e.Fleet = fleet(l, a.Stack.Region, w.Groups)
	e.Assumed = assumptions(w)
	e.Unknown = unknown(a.Stack.Region, e)
	return e
}

// billOf is a month's bill: the stack at rest and what is used.
func billOf(l price.List, s Stack, u Usage) Bill {
	lines := AtRest(l, s).Lines
	region := s.Region
	lines = append(lines,
		LineOf(l, region, price.Samples, u.Samples.Decimal, "Prometheus, samples ingested"),
		LineOf(l, region, price.Storage, u.StorageGB.Decimal, "Prometheus, samples stored"),
		LineOf(l, region, price.Queries, u.QuerySamples.Decimal, "Prometheus, samples read by queries"))
	lines = append(lines, small(l, region)...)
	return Sum(region, lines)
}

// small are the parts of a stack that are hardly used: the programs in the bucket, the setup
// function and its log, e-mails of alerts.
func small(l price.List, region string) []Line {
	return []Line{
		LineOf(l, region, price.Objects, decimal.New(5, -2), "S3, 50 MB of programs that nodes install"),
		LineOf(l, region, price.Invocations, decimal.NewFromInt(100), "Lambda, the setup function's runs"),
		LineOf(l, region, price.Logs, decimal.New(1, -2), "CloudWatch, the setup function's log"),
		LineOf(l, region, price.EMails, decimal.NewFromInt(500), "SNS, 500 e-mails of alerts"),
	}
}

// unknown says what has no price, each once, with what to do.
func unknown(region string, e Estimate) []string {
	all := []string{}
	seen := map[string]bool{}
	say := func(text string) {
		if !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	for _, level := range series.Levels() {
		for _, line := range e.Bill.At(level).Unknown() {
			say(line.Source)
		}
	}
	for _, h := range e.Fleet {
		if !h.Hourly.IsKnown() {
			say(h.Source)
		}
	}
	if len(all) > 0 {
		all = append(all, NextStep(region)+"; --prices-of us-east-1 uses the prices of that region instead")
	}
	return all
}

// Count is a number for people, with three digits: 1.07 B.
func Count(n decimal.Decimal) string {
	for _, unit := range []struct {
		power int32
		name  string
	}{{12, " T"}, {9, " B"}, {6, " M"}, {3, " k"}} {
		if scaled := n.Shift(-unit.power); scaled.GreaterThanOrEqual(decimal.NewFromInt(1)) {
			return scaled.Round(int32(max(0, 3-len(scaled.Truncate(0).String())))).String() + unit.name
		}
	}
	return n.StringFixed(0)
}
