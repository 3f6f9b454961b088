// Package cost says what monitoring costs: before anything is deployed, as an estimate
// from what would be measured, and after, from what AWS and the head have counted. Every
// amount comes from package price, and is unknown where that has no price.
package cost

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/stack"
)

// HoursPerMonth are those that AWS reckons with in its own examples.
const HoursPerMonth = 730

// Line is a part of a bill, by the month.
type Line struct {
	What    string        `json:"what"`
	Dollars price.Dollars `json:"dollarsPerMonth"` // null where the price is not known
	Source  string        `json:"source"`          // of the price, with its date; why there is none
	// Monthly is billed for the whole month, however much of it is over.
	Monthly bool `json:"-"`
}

// Bill is what a month costs.
type Bill struct {
	Region string        `json:"region"`
	Lines  []Line        `json:"lines"`
	Total  price.Dollars `json:"totalDollarsPerMonth"` // null where a line is not known
	// AtLeast is the sum of the lines that are known.
	AtLeast price.Dollars `json:"atLeastDollarsPerMonth"`
}

// Sum adds lines up.
func Sum(region string, lines []Line) Bill {
	zero := price.Exactly(decimal.Zero)
	b := Bill{Region: region, Lines: lines, Total: zero, AtLeast: zero}
	for _, l := range lines {
		b.Total = b.Total.Plus(l.Dollars)
		if l.Dollars.IsKnown() {
			b.AtLeast = b.AtLeast.Plus(l.Dollars)
		}
	}
	return b
}

// Words are the total: "$45.50", or "at least $9.00" where a price is unknown.
func (b Bill) Words() string {
	if b.Total.IsKnown() {
		return b.Total.String()
	}
	return "at least " + b.AtLeast.String()
}

// String is a bill of a stack at rest in words.
func (b Bill) String() string {
	if len(b.Lines) == 0 {
		return "no cost before metrics are sent"
	}
	text := fmt.Sprintf("%s a month before metrics are sent, at the prices of %s", b.Words(), b.Region)
	if n := len(b.Unknown()); n > 0 {
		text += fmt.Sprintf("; %d of %d prices are unknown", n, len(b.Lines))
	}
	return text
}

// Grows reports whether b bills what before does not, or more.
func (b Bill) Grows(before Bill) bool {
	return len(b.Lines) > len(before.Lines) || b.AtLeast.Exceeds(before.AtLeast)
}

// Unknown are the lines without a price.
func (b Bill) Unknown() []Line {
	var all []Line
	for _, l := range b.Lines {
		if !l.Dollars.IsKnown() {
			all = append(all, l)
		}
	}
	return all
}

// NextStep is what to do about prices that are not known in a region.
func NextStep(region string) string {
	return fmt.Sprintf("'parascope cost prices --refresh --region %s' gets the prices from AWS", region)
}

// LineOf makes a line of a quantity of an item.
func LineOf(l price.List, region string, item price.Item, quantity decimal.Decimal, what string) Line {
	p, ok := l.Find(item, region)
	if !ok {
		return Line{What: what, Source: fmt.Sprintf("no price of %s in %s is known", item, region)}
	}
	made := Line{What: what, Dollars: p.Of(quantity), Source: described(p)}
	if !made.Dollars.IsKnown() {
		made.Source = fmt.Sprintf("no price of %s in %s is known beyond the free tier", item, region)
	}
	return made
}

// described is a price with its source in one line: "$0.045 per hour; Price List, 2026-08-01".
func described(p price.Price) string {
	var tiers []string
	for _, t := range p.Tiers {
		text := t.Dollars.Exact()
		if amount, known := t.Dollars.Amount(); known && amount.IsZero() {
			text = "free"
		}
		if t.From.IsPositive() {
			text += " beyond " + Count(t.From.Decimal)
		}
		tiers = append(tiers, text)
	}
	text := fmt.Sprintf("%s per %s; %s", strings.Join(tiers, ", "), Per(p), p.Source)
	if p.Date != "" {
		text += ", " + p.Date
	}
	return text
}

// Per is the quantity that a price pays: "hour", "10 M samples".
func Per(p price.Price) string {
	if p.Per.Equal(decimal.NewFromInt(1)) {
		return p.Unit
	}
	return Count(p.Per.Decimal) + " " + p.Unit
}

// Stack is an infrastructure stack of which there is a bill.
type Stack struct {
	Region     string
	Parameters map[string]string // of the template, those that are not given at their defaults
	Editors    int               // editors and admins who sign in within a month
	Viewers    int
}

// OfStack is AtRest by the prices that this program carries.
func OfStack(s Stack) (Bill, error) {
	l, err := price.Shipped()
	if err != nil {
		return Bill{}, err
	}
	return AtRest(l, s), nil
}

// AtRest is what the stack costs by the month before any metric is sent and before anything
// is looked at: what comes on top is an Estimate.
func AtRest(l price.List, s Stack) Bill {
	hours := decimal.NewFromInt(HoursPerMonth)
	var lines []Line
	if s.Parameters["ExistingVPC"] == "" {
		lines = append(lines,
			LineOf(l, s.Region, price.NATHours, hours, "NAT gateway for the compute nodes' internet access, without traffic"),
			LineOf(l, s.Region, price.AddressHours, hours, "public IPv4 address of the NAT gateway"))
	}
	if stack.MonitoringOf(s.Parameters).HasGrafana() {
		lines = append(lines, licences(l, s)...)
	}
	return Sum(s.Region, lines)
}

// licences are Grafana's, of which AWS bills one editor's at least.
func licences(l price.List, s Stack) []Line {
	what := "Grafana, at least one editor"
	if s.Editors > 1 {
		what = fmt.Sprintf("Grafana, %d admins and editors", s.Editors)
	}
	lines := []Line{LineOf(l, s.Region, price.Editor, decimal.NewFromInt(int64(max(s.Editors, 1))), what)}
	if s.Viewers > 0 {
		what := fmt.Sprintf("Grafana, %d viewers", s.Viewers)
		lines = append(lines, LineOf(l, s.Region, price.Viewer, decimal.NewFromInt(int64(s.Viewers)), what))
	}
	for i := range lines {
		lines[i].Monthly = true
	}
	return lines
}
