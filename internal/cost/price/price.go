// Package price is the price list: what AWS charges for a unit in a region, with the
// source and the date of each price. What is not in it is unknown.
package price

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// Item is what a price is for.
type Item string

// What parascope's stack and its use are billed for.
const (
	Samples       Item = "amp.samples"
	Storage       Item = "amp.storage"
	Queries       Item = "amp.query"
	Editor        Item = "amg.editor"
	Viewer        Item = "amg.viewer"
	NATHours      Item = "nat.hours"
	NATTraffic    Item = "nat.traffic"
	AddressHours  Item = "eip.hours"
	Objects       Item = "s3.storage"
	Invocations   Item = "lambda.requests"
	Duration      Item = "lambda.duration"
	Logs          Item = "cloudwatch.logs"
	MetricData    Item = "cloudwatch.metric-data"
	EMails        Item = "sns.email"
	Disk          Item = "ebs.gp3"
	instancesBase      = "ec2."
)

// Instance is the hour of an instance type: Linux, on demand.
func Instance(instanceType string) Item { return Item(instancesBase + instanceType) }

// InstanceType is the instance type of an item that is one.
func (i Item) InstanceType() (string, bool) { return strings.CutPrefix(string(i), instancesBase) }

// Number is an exact number that JSON shows as one.
type Number struct{ decimal.Decimal }

// MarshalJSON writes the number without quotes.
func (n Number) MarshalJSON() ([]byte, error) { return []byte(n.String()), nil }

// Tier is the price of what is beyond From and not beyond the next tier's From.
type Tier struct {
	From    Number  `json:"from"` // units a month
	Dollars Dollars `json:"dollars"`
}

// Price is what a number of units costs by the month.
type Price struct {
	Item   Item   `json:"item"`
	Region string `json:"region"` // "" is every region that has no price of its own
	Unit   string `json:"unit"`
	Per    Number `json:"per"`   // how many units a tier's dollars pay
	Tiers  []Tier `json:"tiers"` // ascending, the first from 0
	Date   string `json:"date"`  // the day on which it was read or quoted, YYYY-MM-DD
	Source string `json:"source"`
}

// Of is the cost of a quantity within one month.
func (p Price) Of(quantity decimal.Decimal) Dollars {
	sum := Exactly(decimal.Zero)
	for i, tier := range p.Tiers {
		upTo := quantity
		if i+1 < len(p.Tiers) {
			upTo = decimal.Min(upTo, p.Tiers[i+1].From.Decimal)
		}
		if in := upTo.Sub(tier.From.Decimal); in.IsPositive() {
			sum = sum.Plus(tier.Dollars.Times(in.Div(p.Per.Decimal)))
		}
	}
	if len(p.Tiers) == 0 {
		return Dollars{}
	}
	return sum
}

// Type is an instance type that the list knows, with or without a price.
type Type struct {
	Name  string
	GPUs  int
	VCPUs int
}

type key struct {
	item   Item
	region string
}

// List is a price list.
type List struct {
	prices map[key]Price
	types  map[string]Type
}

// Find is the price of an item in a region: the region's own, or the one of every region.
func (l List) Find(item Item, region string) (Price, bool) {
	if p, ok := l.prices[key{item, region}]; ok {
		return p, true
	}
	p, ok := l.prices[key{item, ""}]
	return p, ok
}

// Of is the cost of a quantity of an item within one month, unknown where the list has no
// price for the region.
func (l List) Of(item Item, region string, quantity decimal.Decimal) Dollars {
	p, _ := l.Find(item, region)
	return p.Of(quantity)
}

// Type is an instance type of the list.
func (l List) Type(name string) (Type, bool) {
	t, ok := l.types[name]
	return t, ok
}

// copied is a map of the list's prices that may be changed.
func (l List) copied() map[key]Price {
	prices := map[key]Price{}
	maps.Copy(prices, l.prices)
	return prices
}

// With is the list with more prices, each in the place of an older one.
func (l List) With(more ...Price) List {
	if len(more) == 0 {
		return l
	}
	l.prices = l.copied()
	for _, p := range more {
		k := key{p.Item, p.Region}
		if has, ok := l.prices[k]; !ok || p.Date >= has.Date {
			l.prices[k] = p
		}
	}
	return l
}

// WithRate is the list with a rate that a person gives for an instance type: of a capacity
// block, a savings plan or a private offer. It holds in every region.
func (l List) WithRate(instanceType string, hourly Dollars) List {
	l.prices = l.copied()
	item := Instance(instanceType)
	maps.DeleteFunc(l.prices, func(k key, _ Price) bool { return k.item == item })
	l.prices[key{item, ""}] = Price{Item: item, Unit: "hour", Per: Number{decimal.NewFromInt(1)}, Source: RateSource,
		Tiers: []Tier{{Dollars: hourly}}}
	return l
}

// WithRates is WithRate for each text TYPE=DOLLARS.
func (l List) WithRates(texts []string) (List, error) {
	for _, text := range texts {
		name, dollars, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return l, fmt.Errorf("%.60q is not TYPE=DOLLARS", text)
		}
		hourly, err := ParseDollars(dollars)
		if err == nil && !hourly.IsKnown() {
			err = fmt.Errorf("%.60q has no amount", text)
		}
		if err != nil {
			return l, err
		}
		l = l.WithRate(name, hourly)
	}
	return l, nil
}

// RateSource is the source of a price that a person gave.
const RateSource = "--rate"

// InRegion are the prices that hold in a region, by item.
func (l List) InRegion(region string) []Price {
	items := map[Item]bool{}
	for k := range l.prices {
		items[k.item] = true
	}
	var all []Price
	for _, item := range slices.Sorted(maps.Keys(items)) {
		if p, ok := l.Find(item, region); ok {
			all = append(all, p)
		}
	}
	return all
}

// Regions are the regions of which the list has a price.
func (l List) Regions() []string {
	regions := map[string]bool{}
	for k := range l.prices {
		if k.region != "" {
			regions[k.region] = true
		}
	}
	return slices.Sorted(maps.Keys(regions))
}
