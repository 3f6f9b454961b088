package cloudwatch

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
)

// search is a SEARCH expression: metrics of a namespace with exactly these dimensions, whose
// properties have one of the given values.
type search struct {
	namespace  string
	dimensions []string
	wanted     map[string][]string // MetricName or a dimension → values
	statistic  string
	period     time.Duration
}

var (
	searchCall  = regexp.MustCompile(`^SEARCH\(\s*'([^']*)'\s*,\s*'([^']*)'\s*(?:,\s*([0-9]+)\s*)?\)$`)
	searchTerms = regexp.MustCompile(`^([A-Za-z0-9_.]+|"[^"]+")\s*=\s*("[^"]*"|\([^()]*\))\s*`)
	searchValue = regexp.MustCompile(`^\s*"([^"]*)"\s*(OR\s+|$)`)
)

func notUnderstood(what, expression string) error {
	return invalid("ValidationError", "%s", "Error in expression: "+expression+": "+gateway.Simplified(what))
}

// parseSearch reads an expression; a period that it does not have is that of the query.
func parseSearch(expression string, period time.Duration) (s search, err error) {
	m := searchCall.FindStringSubmatch(strings.TrimSpace(expression))
	if m == nil {
		return s, notUnderstood("supports only the expression SEARCH('…', 'STATISTIC', PERIOD)", expression)
	}
	if s.statistic = m[2]; !slices.Contains(statistics, s.statistic) {
		return s, notUnderstood("supports only the statistics "+strings.Join(statistics, ", "), expression)
	}
	s.period = max(period, time.Minute)
	if n, err := strconv.Atoi(m[3]); err == nil && n%60 == 0 && n > 0 && n <= 86400 {
		s.period = time.Duration(n) * time.Second
	}
	schema, terms, closed := strings.Cut(strings.TrimPrefix(m[1], "{"), "}")
	if !closed || !strings.HasPrefix(m[1], "{") {
		return s, notUnderstood("supports only searches by {NAMESPACE,DIMENSION…}", expression)
	}
	for i, name := range strings.Split(schema, ",") {
		name = strings.Trim(strings.TrimSpace(name), `"`)
		switch {
		case name == "":
			return s, notUnderstood("supports only searches by {NAMESPACE,DIMENSION…}", expression)
		case i == 0:
			s.namespace = name
		default:
			s.dimensions = append(s.dimensions, name)
		}
	}
	slices.Sort(s.dimensions)
	if s.wanted, err = parseTerms(strings.TrimSpace(terms)); err != nil {
		return s, notUnderstood(`supports only NAME="VALUE" and NAME=("VALUE" OR "VALUE"), separated by spaces`, expression)
	}
	return s, nil
}

func parseTerms(terms string) (map[string][]string, error) {
	wanted := map[string][]string{}
	for terms != "" {
		m := searchTerms.FindStringSubmatch(terms)
		if m == nil {
			return nil, strconv.ErrSyntax
		}
		name := strings.Trim(m[1], `"`)
		for rest := strings.Trim(m[2], "()"); rest != ""; {
			v := searchValue.FindStringSubmatch(rest)
			if v == nil {
				return nil, strconv.ErrSyntax
			}
			wanted[name] = append(wanted[name], v[1])
			rest = rest[len(v[0]):]
		}
		terms = terms[len(m[0]):]
	}
	return wanted, nil
}

// finds reports whether a metric is one that is searched for.
func (s search) finds(m metric) bool {
	var names []string
	for _, d := range m.Dimensions {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	if m.Namespace != s.namespace || !slices.Equal(names, s.dimensions) {
		return false
	}
	for name, values := range s.wanted {
		has, ok := m.MetricName, true
		if name != "MetricName" {
			has, ok = m.of(name)
		}
		if !ok || !slices.Contains(values, has) {
			return false
		}
	}
	return true
}

var property = regexp.MustCompile(`\$\{(LABEL|PROP\('(?:MetricName|Namespace|Dim\.([^']+))'\))\}`)

// label is a metric's label: as the query's says, whose parts in ${} stand for the
// metric's properties; without one what tells it from the others of the query.
func label(asked string, m metric, apart []string) string {
	standard := m.MetricName
	if len(apart) > 0 {
		var parts []string
		for _, name := range apart {
			value, ok := m.of(name)
			if name == "MetricName" {
				value, ok = m.MetricName, true
			}
			if ok {
				parts = append(parts, value)
			}
		}
		standard = strings.Join(parts, " ")
	}
	if asked == "" {
		return standard
	}
	return property.ReplaceAllStringFunc(asked, func(in string) string {
		sub := property.FindStringSubmatch(in)
		switch {
		case sub[1] == "LABEL":
			return standard
		case sub[2] != "":
			value, _ := m.of(sub[2]) // "" where the metric has none
			return value
		case strings.Contains(sub[1], "Namespace"):
			return m.Namespace
		}
		return m.MetricName
	})
}

// apart are the properties in which metrics differ.
func apart(all []stored) (names []string) {
	values := map[string]map[string]bool{}
	note := func(name, value string) {
		if values[name] == nil {
			values[name] = map[string]bool{}
		}
		values[name][value] = true
	}
	for _, m := range all {
		note("MetricName", m.MetricName)
		for _, d := range m.Dimensions {
			note(d.Name, d.Value)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		// The metric's name stands first.
		return cmp.Or(-cmp.Compare(b2i(a == "MetricName"), b2i(b == "MetricName")), cmp.Compare(a, b))
	}) {
		if len(values[name]) > 1 {
			names = append(names, name)
		}
	}
	return names
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
