package costs

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/cost/price"
	"github.com/parascope/parascope/internal/cost/series"
	"github.com/parascope/parascope/internal/term"
)

// estimatePrinter writes an estimate for people, within a number of columns.
type estimatePrinter struct {
	w     io.Writer
	style term.Styler
	width int
}

// Below narrow columns, numbers stand under their label.
const (
	narrow      = 72
	numberWidth = 12
	widest      = 120
)

// printEstimate writes an estimate.
func printEstimate(w io.Writer, style term.Styler, width int, e cost.Estimate) {
	p := estimatePrinter{w, style, max(min(width, widest), 30)}
	prices := ""
	if e.PricesOf != "" {
		prices = ", at the prices of " + e.PricesOf
	}
	p.title("Estimate", fmt.Sprintf("a month in %s%s, scraped every %s, kept %d days", e.Region, prices, e.Interval, e.Retention))
	p.triple("", [3]string{"low", "expected", "high"})
	for _, g := range e.Groups {
		p.triple("nodes "+g.Name+kindOf(g), numbers(func(l series.Level) string { return fmt.Sprint(g.Nodes.At(l)) }))
		p.triple("  series per node", numbers(func(l series.Level) string { return fmt.Sprint(g.Series.At(l)) }))
	}
	usage := func(label string, of func(cost.Usage) string) {
		p.triple(label, numbers(func(l series.Level) string { return of(e.Usage.At(l)) }))
	}
	usage("total series", func(u cost.Usage) string { return fmt.Sprint(u.Series) })
	usage("samples per month", func(u cost.Usage) string { return cost.Count(u.Samples.Decimal) })
	usage("GB stored", func(u cost.Usage) string { return u.StorageGB.StringFixed(1) })
	usage("samples read by queries", func(u cost.Usage) string { return cost.Count(u.QuerySamples.Decimal) })
	fmt.Fprintln(w)
	for i, line := range e.Bill.Expected.Lines {
		p.triple(line.What, numbers(func(l series.Level) string { return e.Bill.At(l).Lines[i].Dollars.String() }))
	}
	p.triple(style.Bold("dollars per month"), numbers(func(l series.Level) string { return total(e.Bill.At(l)) }))
	p.beside(e)
}

// kindOf is a group's instance type, where its name is another.
func kindOf(g cost.Group) string {
	if g.Name == g.Type {
		return ""
	}
	return " (" + g.Type + ")"
}

// total is a bill's sum, short.
func total(b cost.Bill) string {
	if b.Total.IsKnown() {
		return b.Total.String()
	}
	if n, _ := b.AtLeast.Amount(); n.IsZero() {
		return b.Total.String()
	}
	return "≥ " + b.AtLeast.String()
}

func numbers(of func(series.Level) string) (three [3]string) {
	for i, l := range series.Levels() {
		three[i] = of(l)
	}
	return three
}

// beside writes what stands beside the estimate.
func (p estimatePrinter) beside(e cost.Estimate) {
	p.title("Ingestion", "expected cost per month; each further row changes one setting")
	p.triple("", [3]string{"series", "samples", "dollars"})
	expected := cost.Alternative{What: "expected (current settings)", Series: e.Usage.Expected.Series, Samples: e.Usage.Expected.Samples,
		Dollars: dollarsOf(e.Bill.Expected, "Prometheus, samples ingested")}
	for _, a := range slices.Concat([]cost.Alternative{expected}, e.WhatIf, []cost.Alternative{e.Stock}) {
		series := "unknown"
		if a.Series > 0 {
			series = fmt.Sprint(a.Series)
		}
		p.triple(a.What, [3]string{series, cost.Count(a.Samples.Decimal), a.Dollars.String()})
	}
	p.title("Guide", "figures published in the guide, and the same items at current prices")
	for _, c := range e.Guide {
		p.item(c.Guide + ": " + c.Here)
	}
	if len(e.Fleet) > 0 {
		p.title("Instances", "on-demand price or --rate; not part of the monitoring cost")
		for _, h := range e.Fleet {
			p.item(fmt.Sprintf("%d × %s: %s per hour each, %s per month (%s)", h.Nodes, h.Type, h.Hourly, h.Monthly, h.Source))
		}
	}
	p.title("Assumed", "")
	for _, text := range e.Assumed {
		p.item(text)
	}
	if len(e.Unknown) > 0 {
		p.title("Unknown", "")
		for _, text := range e.Unknown {
			p.item(text)
		}
	}
}

// dollarsOf is a line of a bill.
func dollarsOf(b cost.Bill, what string) price.Dollars {
	for _, l := range b.Lines {
		if l.What == what {
			return l.Dollars
		}
	}
	return price.Dollars{}
}

// title begins a part.
func (p estimatePrinter) title(title, text string) {
	if text != "" {
		text = ": " + text
	}
	for i, line := range term.Wrap(title+text, p.width) {
		if i == 0 {
			line = p.style.Bold(title) + strings.TrimPrefix(line, title)
			if title != "Estimate" {
				line = "\n" + line
			}
		}
		fmt.Fprintln(p.w, line)
	}
}

// item writes a text with a hanging indent.
func (p estimatePrinter) item(text string) {
	for i, line := range term.Wrap(text, p.width-2) {
		mark := "  "
		if i == 0 {
			mark = "- "
		}
		fmt.Fprintln(p.w, mark+line)
	}
}

// triple writes a label and three numbers.
func (p estimatePrinter) triple(label string, three [3]string) {
	indent := label[:len(label)-len(strings.TrimLeft(label, " "))]
	if p.width < narrow {
		for _, line := range term.Wrap(label, p.width-len(indent)) {
			fmt.Fprintln(p.w, indent+line)
		}
		fmt.Fprintln(p.w, strings.TrimRight(p.row("", 0, p.width/3, three), " "))
		return
	}
	room := min(p.width-3*numberWidth, 60)
	lines := term.Wrap(label, room-1-len(indent))
	if len(lines) == 0 {
		lines = []string{""}
	}
	fmt.Fprintln(p.w, p.row(indent+lines[0], room, numberWidth, three))
	for _, line := range lines[1:] {
		fmt.Fprintln(p.w, indent+line)
	}
}

// row puts a label and numbers into columns. Colours take none.
func (p estimatePrinter) row(label string, room, each int, three [3]string) string {
	var b strings.Builder
	b.WriteString(label + strings.Repeat(" ", max(0, room-term.Columns(label))))
	for _, n := range three {
		b.WriteString(strings.Repeat(" ", max(1, each-utf8.RuneCountInString(n))) + n)
	}
	return b.String()
}
