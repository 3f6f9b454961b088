package dataplane

import (
	"net/http"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"
)

// What one query may take. Prometheus counts samples while it makes them; these
// are the things that it sets aside, or loses its time with, before it counts.
// The bounds are far above what a dashboard asks.
const (
	maxQuerySamples  = 50_000_000
	maxSubquerySteps = 10_000_000  // of all subqueries together: 95 days at one second are 8 million
	maxSubqueryReads = 500_000_000 // points of subqueries that outer steps look at, a series; some seconds
	maxQueryTokens   = 10_000      // the parser's time grows with their square
	maxRegexSize     = 1 << 18     // instructions of all regular expressions together
	maxMadeLabels    = 256 << 10   // bytes of labels that label_replace and label_join can give a series
)

// tooManySamples is how Prometheus refuses a query that passes maxQuerySamples.
const tooManySamples = "query processing would load too many samples into memory in query execution"

func tooMuch(format string, args ...any) error {
	return refuse(http.StatusUnprocessableEntity, format, args...)
}

// checkText holds an expression or a selector against what even parsing it would
// cost: the parser compiles the regular expressions that it finds.
func checkText(text string) error {
	lexer := parser.Lex(text)
	size := 0
	for n := 0; ; n++ {
		if n == maxQueryTokens {
			return tooMuch("query is too long: more than %d tokens", maxQueryTokens)
		}
		var item parser.Item
		lexer.NextItem(&item)
		switch item.Typ {
		case parser.EOF, parser.ERROR:
			return nil // an error is the parser's to tell
		case parser.STRING:
			// Any string may be one of label_replace's; what is none costs nothing.
			if pattern, err := strutil.Unquote(item.Val); err == nil {
				size += patternSize(pattern)
			}
		}
		if size > maxRegexSize {
			return tooMuch("query has too large regular expressions: more than %d instructions", maxRegexSize)
		}
	}
}

func patternSize(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	return regexSize(re)
}

// regexSize is about the number of instructions that re is compiled to; repeating
// is what makes a short one large.
func regexSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size += regexSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return size
}

// checkQuery holds a query against its limits before it is evaluated, once at one
// time (span and step zero) or at every step of a span.
func checkQuery(text string, span, step time.Duration) error {
	if err := checkText(text); err != nil {
		return err
	}
	expr, err := Parser().ParseExpr(text)
	if err != nil {
		return nil // Prometheus' API says what is wrong
	}
	if name := notEnabled(expr); name != "" {
		return refuse(http.StatusBadRequest, "%s is not enabled", name)
	}
	var c cost
	c.subqueries(expr, span, step)
	if c.steps > maxSubquerySteps || c.reads > maxSubqueryReads {
		return tooMuch(tooManySamples)
	}
	if _, total := labelSizes(expr); total > maxMadeLabels {
		return tooMuch("query makes too large labels: more than %d bytes of them in a series", maxMadeLabels)
	}
	return nil
}

// cost is what a query's subqueries take, of each series.
type cost struct {
	steps float64 // at which their expressions are evaluated
	reads float64 // points that their windows hold, added up over the outer steps
}

// subqueries adds up what is in node, which is evaluated over span at every step.
// A subquery is evaluated once, over the outer span and its own range, and each
// outer step looks at a window of it.
func (c *cost) subqueries(node parser.Node, span, step time.Duration) {
	subquery, ok := node.(*parser.SubqueryExpr)
	if !ok {
		for child := range parser.ChildrenIter(node) {
			c.subqueries(child, span, step)
		}
		return
	}
	outer := 1.0
	if step > 0 {
		outer += float64(span / step)
	}
	if subquery.Timestamp != nil || subquery.StartOrEnd != 0 {
		span = 0 // all outer steps look at one window
	}
	inner := subquery.Step
	if inner == 0 {
		inner = defaultSubqueryStep
	}
	c.reads += outer * (float64(subquery.Range/inner) + 1)
	span += subquery.Range
	c.steps += float64(span/inner) + 1
	c.subqueries(subquery.Expr, span, inner)
}

// labelSizes bounds the bytes of the longest label value, and of all labels, that
// a series of node's result can have.
func labelSizes(node parser.Node) (longest, total int) {
	if _, ok := node.(*parser.VectorSelector); ok {
		return maxLabelBytes, maxLabelBytes
	}
	include := false
	if b, ok := node.(*parser.BinaryExpr); ok && b.VectorMatching != nil {
		include = len(b.VectorMatching.Include) > 0 // the labels of one side are added to the other's
	}
	for child := range parser.ChildrenIter(node) {
		l, t := labelSizes(child)
		longest = max(longest, l)
		if include {
			total += t
		} else {
			total = max(total, t)
		}
	}
	if call, ok := node.(*parser.Call); ok {
		made := madeLabel(call, longest)
		longest, total = max(longest, made), total+made
	}
	return longest, min(total, maxMadeLabels+1)
}

// madeLabel bounds the label value that a call makes of values as long as longest.
func madeLabel(call *parser.Call, longest int) int {
	literal := func(i int) string {
		if i < len(call.Args) {
			if s, ok := call.Args[i].(*parser.StringLiteral); ok {
				return s.Val
			}
		}
		return ""
	}
	made := 0
	switch call.Func.Name {
	case "label_replace":
		replacement := literal(2)
		made = len(replacement) + strings.Count(replacement, "$")*longest
	case "label_join":
		sources := len(call.Args) - 3
		made = sources * (longest + len(literal(2)))
	}
	return min(made, maxMadeLabels+1)
}
