package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

var (
	strs      = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`)
	variable  = regexp.MustCompile(`\$\{[^}]*\}|\$\w+|\[\[\w+(?::\w+)?\]\]`)
	inSpan    = regexp.MustCompile(`\[\s*(?:\$\{[^}]*\}|\$\w+)`)
	inStep    = regexp.MustCompile(`:\s*(?:\$\{[^}]*\}|\$\w+)\s*\]`)
	inOffset  = regexp.MustCompile(`offset\s+(?:\$\{[^}]*\}|\$\w+)`)
	inGroup   = regexp.MustCompile(`(by|without|on|ignoring)\s*\(\s*(?:\$\{[^}]*\}|\$\w+)\s*\)`)
	asSecond  = regexp.MustCompile(`(?:\$\{[^}]*\}|\$\w+)([smhd])\b`)
	inBracket = regexp.MustCompile(`\[\[\w+(?::\w+)?\]\]`)
)

// settled puts something that parses in the place of a dashboard's variables.
func settled(expr string) string {
	expr = strs.ReplaceAllStringFunc(expr, func(s string) string { return variable.ReplaceAllString(s, "x") })
	expr = inBracket.ReplaceAllString(expr, "1")
	expr = asSecond.ReplaceAllString(expr, "1$1")
	expr = inSpan.ReplaceAllString(expr, "[5m")
	expr = inStep.ReplaceAllString(expr, ":1m]")
	expr = inOffset.ReplaceAllString(expr, "offset 5m")
	expr = inGroup.ReplaceAllString(expr, "$1 (instance)")
	return variable.ReplaceAllString(expr, "1")
}

// Expr finds what is wrong with one query of PromQL. where names it in findings; each kind
// is found once for a metric.
func Expr(where, expr string, known Catalog) []Finding {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(settled(expr))
	if err != nil {
		return []Finding{{where, Unreadable, "the query cannot be parsed: " + err.Error(), "correct the query; Explore in Grafana shows the " +
			"position of the error"}}
	}
	l := &linter{where: where, known: known}
	parser.Inspect(parsed, func(n parser.Node, path []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			l.selector(n)
		case *parser.Call:
			l.call(n)
		case *parser.BinaryExpr:
			l.division(n)
		case *parser.AggregateExpr:
			l.aggregation(n, path)
		}
		return nil
	})
	return l.found
}

type linter struct {
	where string
	known Catalog
	found []Finding
}

func (l *linter) add(k Kind, next, format string, args ...any) {
	f := Finding{l.where, k, fmt.Sprintf(format, args...), next}
	if !slices.Contains(l.found, f) {
		l.found = append(l.found, f)
	}
}

// nameOf is a selector's metric, empty where a pattern or a variable chooses it.
func nameOf(v *parser.VectorSelector) string {
	if v.Name != "" {
		return v.Name
	}
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return ""
}

func (l *linter) selector(v *parser.VectorSelector) {
	name := nameOf(v)
	m, ok := l.known.find(name)
	switch {
	case name == "" || ok:
	case renamed[name] != "":
		l.add(UnknownMetric, "use "+renamed[name], "parascope does not serve %s by default, so the panel is empty", name)
	default:
		next := "remove the panel, or run the exporter that serves the metric"
		if near := l.known.nearest(name); near != "" {
			next += "; the most similar name is " + near
		}
		l.add(UnknownMetric, next, "no program of parascope serves %s: the panel is empty", name)
	}
	cluster := false
	for _, matcher := range v.LabelMatchers {
		cluster = cluster || matcher.Name == "cluster"
		if !ok || m.Type == "recorded" || matcher.Name == model.MetricNameLabel || slices.Contains(targetLabels, matcher.Name) ||
			slices.Contains(m.Labels, matcher.Name) || matcher.Matches("") {
			continue
		}
		l.add(UnknownLabel, "use one of the metric's labels: "+strings.Join(slices.Concat(m.Labels, targetLabels), ", "), "%s has no "+
			"label %s: the selector matches no series", name,
			matcher.Name)
	}
	if !cluster {
		l.add(NoCluster, `add cluster=~"$cluster" to each selector, and define the variable cluster`,
			"the query has no matcher for the label cluster: it mixes all clusters of the workspace")
	}
}

// call finds rates of gauges.
func (l *linter) call(c *parser.Call) {
	if !slices.Contains([]string{"rate", "irate", "increase"}, c.Func.Name) || len(c.Args) == 0 {
		return
	}
	matrix, ok := c.Args[0].(*parser.MatrixSelector)
	if !ok {
		return
	}
	v, ok := matrix.VectorSelector.(*parser.VectorSelector)
	if !ok {
		return
	}
	name := nameOf(v)
	if m, _ := l.known.find(name); m.Type != "gauge" {
		return
	}
	next := "remove " + c.Func.Name + ", or use deriv for the change per second"
	if name == "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL" {
		next = "remove " + c.Func.Name + ": the metric is already in megabytes per second"
	}
	l.add(RateOfGauge, next, "%s is a gauge: %s() is valid for counters only", name, c.Func.Name)
}

// division finds divisors that may be 0.
func (l *linter) division(b *parser.BinaryExpr) {
	if (b.Op == parser.DIV || b.Op == parser.MOD) && !positive(b.RHS) {
		l.add(Division, "write / (… > 0): the query then returns no value instead of a wrong one", "the query divides by %.80s, which may "+
			"be 0", b.RHS)
	}
}

// positive reports whether an expression gives no 0.
func positive(e parser.Expr) bool {
	switch e := e.(type) {
	case *parser.ParenExpr:
		return positive(e.Expr)
	case *parser.NumberLiteral:
		return e.Val != 0
	case *parser.AggregateExpr:
		return e.Op == parser.COUNT || e.Op == parser.GROUP || positive(e.Expr)
	case *parser.Call:
		switch e.Func.Name {
		case "time", "count_over_time", "pi":
			return true
		case "clamp_min":
			return positive(e.Args[1])
		case "scalar", "vector", "abs", "max_over_time", "min_over_time", "avg_over_time", "last_over_time", "sqrt":
			return len(e.Args) > 0 && positive(e.Args[0])
		}
	case *parser.SubqueryExpr:
		return positive(e.Expr)
	case *parser.BinaryExpr:
		switch e.Op {
		case parser.GTR:
			return !e.ReturnBool
		case parser.LAND, parser.LUNLESS:
			return positive(e.LHS)
		case parser.LOR, parser.MUL, parser.ADD:
			return positive(e.LHS) && positive(e.RHS)
		}
	}
	return false
}

// aggregation finds formulas that count or sum the label cpu, which has the one value "all"
// where the node program serves the mean of the CPUs.
func (l *linter) aggregation(a *parser.AggregateExpr, path []parser.Node) {
	name := cpuMetric(a.Expr)
	if name == "" || a.Op != parser.COUNT && a.Op != parser.SUM {
		return
	}
	if kept := slices.Contains(a.Grouping, "cpu") != a.Without; kept && !countsGroups(a, path) {
		return
	}
	for i, n := range path {
		b, ok := n.(*parser.BinaryExpr)
		if !ok {
			continue
		}
		if a.Op == parser.SUM && (b.Op == parser.DIV || b.Op == parser.MUL) {
			return // a ratio of sums, or times the number of CPUs
		}
		if b.Op == parser.LOR && strings.Contains(b.LHS.String(), "node_cpus") && i < len(path) {
			return // where there is no node_cpus
		}
	}
	next := "write node_cpus for the number of CPUs"
	if a.Op == parser.SUM {
		next = "write sum by (instance) (…) * on (instance) node_cpus"
	}
	l.add(CPULabel, next, "%s(%s) expects one series per CPU: by default the label cpu has the value \"all\", and the result is too small",
		a.Op, name)
}

// countsGroups reports whether what is kept by CPU is counted by the aggregation around.
func countsGroups(_ *parser.AggregateExpr, path []parser.Node) bool {
	for _, n := range slices.Backward(path) {
		switch n := n.(type) {
		case *parser.ParenExpr:
		case *parser.AggregateExpr:
			return n.Op == parser.COUNT
		default:
			return false
		}
	}
	return false
}

// cpuMetric is the metric with one series for each CPU that an expression reads, if any.
func cpuMetric(e parser.Expr) (name string) {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok && strings.HasPrefix(nameOf(v),
			"node_cpu_") && nameOf(v) != "node_cpu_package_throttles_total" {
			name = nameOf(v)
		}
		return nil
	})
	return name
}
