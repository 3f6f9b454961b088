package policy

import (
	"fmt"
	"strings"
)

// token is one place of a pattern: a letter, or a wildcard. Wildcards that came
// from a variable's value are letters like others.
type token struct {
	letter rune
	wild   rune // '*', '?' or 0
}

// literal reads a pattern without variables; with wildcards, * and ? are such.
func literal(s string, wildcards bool) []token {
	tokens := make([]token, 0, len(s))
	for _, r := range s {
		t := token{letter: r}
		if wildcards && (r == '*' || r == '?') {
			t.wild = r
		}
		tokens = append(tokens, t)
	}
	return tokens
}

// expand reads a pattern, and puts the request's values in the place of its
// variables: ${aws:username}, ${aws:username, 'nobody'}, and ${*}, ${?}, ${$} for
// the letters themselves. bad says which variable has no value.
func expand(s string, keys map[string][]string, variables bool) (tokens []token, bad string) {
	for variables {
		before, rest, found := strings.Cut(s, "${")
		inside, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			break
		}
		value, bad := variable(inside, keys)
		if bad != "" {
			return nil, bad
		}
		tokens = append(append(tokens, literal(before, true)...), literal(value, false)...)
		s = after
	}
	return append(tokens, literal(s, true)...), ""
}

func variable(inside string, keys map[string][]string) (value, bad string) {
	if inside == "*" || inside == "?" || inside == "$" {
		return inside, ""
	}
	name, fallback, hasFallback := strings.Cut(inside, ",")
	name = strings.TrimSpace(name)
	values := keys[strings.ToLower(name)]
	fallback = strings.TrimSpace(fallback)
	switch {
	case len(values) == 1:
		return values[0], ""
	case len(values) == 0 && hasFallback && len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\'':
		return fallback[1 : len(fallback)-1], ""
	}
	return "", fmt.Sprintf("policy variable %s has no single value in this request to the local cloud", name)
}

// glob reports whether the whole of s fits the pattern: * is any run of letters,
// colons and slashes included, ? is any one.
func glob(pattern []token, s string) bool {
	text := []rune(s)
	p, t := 0, 0
	star, from := -1, 0 // the last *, and where in the text what follows it was tried
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p].wild == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p].wild == '?' || pattern[p].letter == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p].wild == '*' {
		p++
	}
	return p == len(pattern)
}

// globARN compares the six parts of two ARNs each for itself.
func globARN(pattern []token, s string) bool {
	patterns, parts := splitTokens(pattern, 6), strings.SplitN(s, ":", 6)
	if len(patterns) != len(parts) {
		return false
	}
	for i := range parts {
		if !glob(patterns[i], parts[i]) {
			return false
		}
	}
	return true
}

func splitTokens(pattern []token, n int) [][]token {
	var parts [][]token
	from := 0
	for i, t := range pattern {
		if t.wild == 0 && t.letter == ':' && len(parts) < n-1 {
			parts = append(parts, pattern[from:i])
			from = i + 1
		}
	}
	return append(parts, pattern[from:])
}

func text(pattern []token) string {
	var b strings.Builder
	for _, t := range pattern {
		b.WriteRune(t.letter)
	}
	return b.String()
}
