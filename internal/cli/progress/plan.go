package progress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/cost"
	"github.com/parascope/parascope/internal/stack"
	"github.com/parascope/parascope/internal/term"
)

// Of a plan so many changes are shown, and of a change so many properties; all that
// take something away are.
const (
	mostChanges    = 40
	mostProperties = 4
)

// describePlan says what CloudFormation is going to do, a line for each change, what
// takes something away at the end.
func describePlan(style term.Styler, changes []stack.Change) (lines []string) {
	count := map[string]int{}
	var kept, lost []stack.Change
	for _, c := range changes {
		count[c.Action]++
		if c.Destroys() {
			lost = append(lost, c)
		} else {
			kept = append(kept, c)
		}
	}
	lines = append(lines, fmt.Sprintf("  plan: %d to add, %d to change, %d to remove", count["Add"], count["Modify"], count["Remove"]))
	for i, c := range kept {
		if i == mostChanges {
			lines = append(lines, fmt.Sprintf("  … %d more", len(kept)-i))
			break
		}
		mark := style.Good("+")
		if c.Action != "Add" {
			mark = style.Bold("~")
		}
		lines = append(lines, "  "+mark+" "+describeChange(c))
	}
	for _, c := range lost {
		lines = append(lines, "  "+style.Bad("-")+" "+describeChange(c)+": "+loss(c))
	}
	return lines
}

// describeExpected is what the stack will cost, below its plan.
func describeExpected(c *cost.Bill) (lines []string) {
	if c == nil {
		return nil
	}
	lines = append(lines, "  cost: "+c.String())
	for _, l := range DescribeCost(*c) {
		lines = append(lines, "    "+l)
	}
	return lines
}

// DescribeCost is a line for each thing that is billed by the month.
func DescribeCost(c cost.Bill) (lines []string) {
	for _, l := range c.Lines {
		lines = append(lines, fmt.Sprintf("%8s  %s", l.Dollars, l.What))
	}
	if len(c.Unknown()) > 0 {
		lines = append(lines, cost.NextStep(c.Region))
	}
	return lines
}

// describeChange names the resource and what of it changes.
func describeChange(c stack.Change) string {
	text := c.LogicalID + " (" + c.Type + ")"
	if c.Caption != "" {
		text = c.Caption + " (" + c.LogicalID + ", " + c.Type + ")"
	}
	named := c.Properties
	if n := len(named); n > mostProperties {
		named = append(slices.Clone(named[:mostProperties]), fmt.Sprintf("%d more", n-mostProperties))
	}
	if len(named) > 0 {
		text += ": " + strings.Join(named, ", ")
	}
	return text
}

// loss says how a change takes something away.
func loss(c stack.Change) string {
	switch {
	case c.Action == "Remove":
		return "is removed"
	case c.Replacement == "Conditional":
		return "may be replaced"
	}
	return "is replaced"
}
