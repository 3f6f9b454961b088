package bundle

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/awserr"
)

const leftOut = "(left out)"

// words are those that the name of a secret has in it.
const words = `pass(?:word|wd|phrase)?|pwd|secret|token|credential|(?:api|access|private)[_-]?key|authorization|bearer|cookie|__param_`

// named finds the name of a secret with what stands between it and its value, in YAML, JSON, units, variables and
// headers. Request headers and parameters of a scrape may hold secrets under any name.
var named = regexp.MustCompile(`(?i)(?:[a-z0-9_.-]*(?:` + words + `)[a-z0-9_.-]*|\b(?:http_)?headers|\bproxy_connect_header|\bparams)` +
	`(?:\\?["'])?[ \t]*[:=][ \t]*`)

// shapes are texts that no bundle has, wherever they stand. The group 1 stays.
var shapes = [...]*regexp.Regexp{
	regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]+-----).*?(?:-----END [A-Z ]+-----|\z)`),
	regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^\s/@"']+@`),
	regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://[^\s"'<>?]*\?)[^\s"'<>\\]+`),
	regexp.MustCompile(`(?i)([?&](?:x-amz-[a-z-]+|signature|sig|key)=)[^\s&"']+`),
	regexp.MustCompile(`(https://hooks\.slack\.com/)[^\s"'<>\\]+`),
	regexp.MustCompile(`(https://events\.(?:eu\.)?pagerduty\.com/)[^\s"'<>\\]+`),
	regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`),
	regexp.MustCompile(`()\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b`),
	regexp.MustCompile(`()\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz|AQoDYXdz)[A-Za-z0-9/+=]{20,}`), // session tokens of STS
	regexp.MustCompile(`()\bgl(?:sa|c)_[A-Za-z0-9_]{10,}`),
	regexp.MustCompile(`()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`), // JSON web tokens
	regexp.MustCompile(`(?i)(\s--?[a-z0-9._-]*(?:` + words + `)[a-z0-9._-]*[ \t]+)[^\s-]\S*`),
	regexp.MustCompile(`(\s(?:-u|--user)[ \t]+)[^\s:]+:\S+`),
}

// secretKey is the form of a secret access key of AWS, and of few other things with capitals, small letters and digits.
var secretKey = regexp.MustCompile(`(^|[^A-Za-z0-9/+=])[A-Za-z0-9/+]{40}($|[^A-Za-z0-9/+=])`)

// Clean leaves secrets out of a text: by the names of keys, and by the forms of AWS' and
// Grafana's. Where it is in doubt, it leaves out more. JSON stays JSON.
func Clean(text string) string {
	text, _ = clean(text)
	return text
}

// clean is Clean, with the values that were left out for their names.
func clean(text string) (cleaned string, values []string) {
	isJSON := json.Valid([]byte(text))
	text = awserr.Public(text)
	for _, s := range shapes {
		text = s.ReplaceAllString(text, "${1}"+leftOut)
	}
	text = secretKey.ReplaceAllStringFunc(text, func(found string) string {
		has := func(from, to rune) bool {
			return strings.ContainsFunc(found, func(r rune) bool { return r >= from && r <= to })
		}
		if !has('a', 'z') || !has('A', 'Z') || !has('0', '9') {
			return found
		}
		beside := secretKey.FindStringSubmatch(found)
		return beside[1] + leftOut + beside[2]
	})
	text, values = cleanAfter(text, named, isJSON)
	for _, v := range values {
		if name, alias := strings.CutPrefix(v, "*"); alias { // of YAML: the value stands at its anchor
			var more []string
			text, more = cleanAfter(text, regexp.MustCompile(`&`+regexp.QuoteMeta(name)+`[ \t]+`), isJSON)
			values = append(values, more...)
		}
	}
	return text, values
}

// cleanAfter leaves out the values behind what a pattern finds.
func cleanAfter(text string, name *regexp.Regexp, isJSON bool) (cleaned string, values []string) {
	var b strings.Builder
	at := 0
	for at < len(text) {
		found := name.FindStringIndex(text[at:])
		if found == nil {
			break
		}
		begin, end := at+found[0], at+found[1]
		v := valueAt(text, begin, end, isJSON)
		b.WriteString(text[at:end] + v.instead)
		if v.instead != text[end:v.end] {
			values = append(values, v.text)
		}
		at = v.end
	}
	return b.String() + text[at:], values
}

// value is a text behind a name.
type value struct {
	text    string
	end     int    // in the whole text
	instead string // what is written in its place, with quotes that stay
}

// valueAt reads the value behind a name that stands from begin to at.
func valueAt(text string, begin, at int, isJSON bool) value {
	name, rest := text[begin:at], text[at:]
	inside := func(open, closing string, length int) value {
		return value{rest[len(open):length], at + length + len(closing), open + leftOut + closing}
	}
	switch {
	case strings.HasPrefix(rest, leftOut):
		return value{leftOut, at + len(leftOut), leftOut}
	case strings.HasPrefix(rest, `\"`):
		if n := strings.Index(rest[2:], `\"`); n >= 0 {
			return inside(`\"`, `\"`, 2+n)
		}
	case strings.HasPrefix(rest, `"`):
		if n := closingQuote(rest); n > 0 {
			return inside(`"`, `"`, n)
		}
	case strings.HasPrefix(rest, `'`) && !isJSON:
		for n := 1; n < len(rest); n++ {
			if rest[n] == '\'' && (n+1 == len(rest) || rest[n+1] != '\'') {
				return inside(`'`, `'`, n)
			} else if rest[n] == '\'' {
				n++ // two stand for one
			}
		}
	case strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "{"):
		if n := closingBracket(rest); n > 0 {
			v := value{rest[:n], at + n, leftOut}
			if isJSON {
				v.instead = `"` + leftOut + `"`
			}
			return v
		}
	}
	if isJSON && strings.Contains(name, `"`) && !strings.Contains(name, `\"`) {
		return value{"", at, ""} // a number, true, false or null
	}
	return plainAt(text, begin, at, isJSON)
}

// plainAt reads a value without quotes: to the end of the line, and in JSON to the end of its string. In YAML,
// lines that are indented more belong to it, and so do the items of a list.
func plainAt(text string, begin, at int, isJSON bool) value {
	end := len(text)
	if isJSON {
		if n := closingQuote(`"` + text[at:]); n > 0 {
			end = at + n - 1
		}
		return value{text[at:end], end, leftOut}
	}
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		end = at + n
	}
	line := text[strings.LastIndexByte(text[:begin], '\n')+1:]
	for indent := indentOf(line); end < len(text) && strings.Contains(text[begin:at], ":"); {
		next := text[end+1:]
		if n := strings.IndexByte(next, '\n'); n >= 0 {
			next = next[:n]
		}
		blank := strings.TrimSpace(next) == ""
		item := strings.TrimSpace(text[at:end]) == "" && indentOf(next) == indent && strings.HasPrefix(strings.TrimLeft(next, " "), "- ")
		if !item && (indentOf(next) <= indent || blank) {
			break
		}
		end += 1 + len(next)
	}
	return value{strings.TrimSpace(text[at:end]), end, leftOut}
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// closingQuote is where a text between double quotes ends; 0: it does not.
func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return 0
}

// closingBracket is behind the bracket that ends the one that a text begins with; 0: there is none.
func closingBracket(text string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			if n := closingQuote(text[i:]); n > 0 {
				i += n
			}
		}
	}
	return 0
}

// literals are the secrets in values that a configuration names so: long enough to be found elsewhere by chance
// in nothing else.
func literals(values []string) (all []string) {
	const least = 8
	for _, v := range values {
		parts := append(strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" \t\n\"',[]{}", r) }), strings.TrimSpace(v))
		for _, p := range parts {
			if len(p) >= least && p != leftOut {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
	return slices.Compact(all)
}
