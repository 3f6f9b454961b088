package collect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/collect/device"
	"github.com/parascope/parascope/internal/collect/gpu"
	"github.com/parascope/parascope/internal/collect/jobs"
	"github.com/parascope/parascope/internal/collect/node"
	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/collect/textfile"
)

// NodeCollectors are the collectors of the page on port 9100, in the order in which
// --max-series serves them.
func NodeCollectors() []page.Collector {
	return slices.Concat(node.Collectors(), device.Collectors(), []page.Collector{jobs.Collector, textfile.Collector})
}

// GPUCollectors are the collectors of the page on port 9400.
func GPUCollectors(o gpu.Options) []page.Collector { return gpu.Collectors(o) }

// allGPU is GPUCollectors with all of their families.
func allGPU() []page.Collector {
	o := gpu.DefaultOptions()
	o.Full = true
	return GPUCollectors(o)
}

// own is what a page says about its own making.
var own = page.Collector{
	Name:     "the page itself",
	Families: []*page.Family{buildInfo, processCPU, processMemory, scrapeDuration, scrapeSuccess, seriesLeftOut},
}

// Explain describes each collector and its families, as text for a terminal.
func Explain() string {
	var b strings.Builder
	for _, c := range append(append(NodeCollectors(), allGPU()...), own) {
		fmt.Fprintf(&b, "%s\n", c.Name)
		if len(c.Sources) > 0 {
			fmt.Fprintf(&b, "  reads %s\n", strings.Join(c.Sources, ", "))
		}
		if c.Privilege != "" {
			fmt.Fprintf(&b, "  needs %s\n", c.Privilege)
		}
		for _, f := range c.Families {
			fmt.Fprintf(&b, "  %s\n      %s, %s, from %s%s\n      %s\n", signature(f), f.Type, unitOf(f), f.Source, where(f), f.Help)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Markdown describes the same as tables, for docs/metrics.md.
func Markdown() string {
	var b strings.Builder
	for _, c := range append(append(NodeCollectors(), allGPU()...), own) {
		fmt.Fprintf(&b, "### %s\n\n", c.Name)
		if len(c.Sources) > 0 {
			fmt.Fprintf(&b, "Reads %s. ", strings.Join(quoted(c.Sources), ", "))
		}
		if c.Privilege != "" {
			fmt.Fprintf(&b, "Needs %s.", c.Privilege)
		} else if len(c.Sources) > 0 {
			b.WriteString("No privileges are required.")
		}
		b.WriteString("\n\n| metric | type | unit | labels | source | where | meaning |\n|---|---|---|---|---|---|---|\n")
		for _, f := range c.Families {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", f.Name, f.Type, unitOf(f), strings.Join(f.Labels, ", "),
				cell(f.Source), cell(whereOf(f)), cell(f.Help))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func signature(f *page.Family) string {
	if len(f.Labels) == 0 {
		return f.Name
	}
	return f.Name + "{" + strings.Join(f.Labels, ",") + "}"
}

func unitOf(f *page.Family) string {
	if f.Unit == "" {
		return "1"
	}
	return f.Unit
}

func where(f *page.Family) string {
	if w := whereOf(f); w != "" {
		return " (" + w + ")"
	}
	return ""
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func quoted(names []string) []string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = "`" + n + "`"
	}
	return q
}

func whereOf(f *page.Family) string {
	switch {
	case !f.Full:
		return f.Where
	case f.Where == "":
		return "with --full"
	}
	return f.Where + "; with --full"
}
