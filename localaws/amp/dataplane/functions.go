package dataplane

import (
	"maps"

	"github.com/prometheus/prometheus/promql/parser"
)

// functions are those of AMP's engine, which is older than ours: what is newer there is
// none, and holt_winters has its old name.
func functions() map[string]*parser.Function {
	all := maps.Clone(parser.Functions)
	smoothing := *all["double_exponential_smoothing"]
	smoothing.Experimental = false
	all["holt_winters"] = &smoothing
	return all
}

// Parser reads PromQL as the workspaces take it.
func Parser() parser.Parser { return parser.NewParser(parser.Options{Functions: functions()}) }

// CheckRule holds the expression of a rule against what a query may ask.
func CheckRule(text string) error { return checkQuery(text, 0, 0) }

// notEnabled names the first thing in an expression that AMP's engine does not evaluate,
// though ours does.
func notEnabled(node parser.Node) string {
	switch n := node.(type) {
	case *parser.Call:
		if n.Func.Name == "first_over_time" {
			return "function \"first_over_time\""
		}
	case *parser.VectorSelector:
		if n.Smoothed {
			return "modifier \"smoothed\""
		}
		if n.Anchored {
			return "modifier \"anchored\""
		}
	}
	for child := range parser.ChildrenIter(node) {
		if name := notEnabled(child); name != "" {
			return name
		}
	}
	return ""
}
