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
