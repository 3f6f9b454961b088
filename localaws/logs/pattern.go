package logs

import (
	"regexp"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
)

// term is one word of a filter pattern.
type term struct {
	text    string
	exclude bool // -term
	either  bool // ?term
}

var bareTerm = regexp.MustCompile(`^[\pL\pN_]+$`)

// parsePattern reads a filter pattern for unstructured events: all terms must be
// in an event, one of those with a question mark, and none of those with a minus.
// Patterns for JSON, for columns and with regular expressions are refused.
func parsePattern(pattern string) (func(message string) bool, error) {
	trimmed := strings.TrimSpace(pattern)
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") || strings.HasPrefix(trimmed, "%") {
		return nil, invalid("%s", "Invalid filter pattern: "+gateway.Simplified("supports only terms, \"quoted terms\", ?optional and "+
			"-excluded terms, not JSON, columns or regular expressions"))
	}
	var terms []term
	for rest := trimmed; rest != ""; rest = strings.TrimSpace(rest) {
		var t term
		var err error
		t, rest, err = nextTerm(rest)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	return func(message string) bool { return matchAll(terms, message) }, nil
}

func nextTerm(s string) (t term, rest string, err error) {
	switch s[0] {
	case '-':
		t.exclude, s = true, s[1:]
	case '?':
		t.either, s = true, s[1:]
	}
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) })
		if end < 0 {
			end = len(s)
		}
		t.text = s[:end]
		if !bareTerm.MatchString(t.text) {
			return t, "", invalid("Invalid character(s) in term '%s'", t.text)
		}
		return t, s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			t.text = b.String()
			return t, s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return t, "", invalid("Invalid filter pattern: a quotation mark is missing")
}

func matchAll(terms []term, message string) bool {
	required, either, eitherFound := false, false, false
	for _, t := range terms {
		found := strings.Contains(message, t.text)
		switch {
		case t.exclude && found, !t.exclude && !t.either && !found:
			return false
		case t.either:
			either, eitherFound = true, eitherFound || found
		case !t.exclude:
			required = true
		}
	}
	// Beside a term that must be there, optional ones say nothing.
	return required || !either || eitherFound
}
