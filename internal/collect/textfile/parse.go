// Package textfile serves metrics that other programs leave in files, as node_exporter
// does.
package textfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/internal/collect/page"
)

// family is what one file has of a family.
type family struct {
	name, help, kind string // help and kind are empty where the file does not say
	samples          []sample
}

// sample is one line, its labels cleaned.
type sample struct {
	text string // as it goes on the page, with the line's end
	key  string // tells series apart: the name and the sorted labels
}

var errTimestamp = errors.New("has a timestamp; metrics in text files must not have timestamps")

// parse reads text in Prometheus' text format, without timestamps. Its families are in
// the order of their first lines.
func parse(text string) ([]*family, error) {
	p := parser{byName: map[string]*family{}}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if !strings.HasSuffix(line, "\n") {
			return nil, fmt.Errorf("line %d is incomplete: the file ends before the newline", number)
		}
		if err := p.line(strings.Trim(line, " \t\r\n")); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return slices.DeleteFunc(p.families, func(f *family) bool { return len(f.samples) == 0 }), nil
}

type parser struct {
	families []*family
	byName   map[string]*family
}

func (p *parser) family(name string) *family {
	f := p.byName[name]
	if f == nil {
		f = &family{name: name}
		p.byName[name] = f
		p.families = append(p.families, f)
	}
	return f
}

func (p *parser) line(line string) error {
	if line == "" {
		return nil
	}
	if line[0] == '#' {
		return p.comment(strings.TrimLeft(line[1:], " \t"))
	}
	end := nameEnd(line, true)
	if end == 0 {
		return fmt.Errorf("%.40q does not begin with a metric name", line)
	}
	name, rest := line[:end], strings.TrimLeft(line[end:], " \t")
	var labels []label
	if strings.HasPrefix(rest, "{") {
		var err error
		if labels, rest, err = parseLabels(rest[1:]); err != nil {
			return err
		}
	}
	value, err := parseValue(rest)
	if err != nil {
		return err
	}
	f := p.owner(name)
	f.samples = append(f.samples, newSample(name, labels, value))
	return nil
}

// comment takes HELP and TYPE; other comments say nothing.
func (p *parser) comment(text string) error {
	keyword, rest := cutWord(text)
	if keyword != "HELP" && keyword != "TYPE" {
		return nil
	}
	name, rest := cutWord(rest)
	if name == "" || nameEnd(name, true) != len(name) {
		return fmt.Errorf("%s line with %.40q, which is not a valid metric name", keyword, name)
	}
	f := p.family(name)
	if keyword == "HELP" {
		if f.help != "" {
			return fmt.Errorf("a second HELP line for %s", name)
		}
		if !utf8.ValidString(rest) {
			return fmt.Errorf("the HELP text of %s is not valid UTF-8", name)
		}
		f.help = unescape(rest, false)
		return nil
	}
	if f.kind != "" || len(f.samples) > 0 {
		return fmt.Errorf("a second TYPE line for %s, or a TYPE line after its samples", name)
	}
	switch kind := strings.ToLower(strings.TrimSpace(rest)); kind {
	case "counter", "gauge", "untyped", "histogram", "summary":
		f.kind = kind
		return nil
	}
	return fmt.Errorf("the TYPE line of %s has %.40q, which is not a metric type", name, rest)
}

// owner is the family of a sample: of X_bucket it is the histogram X, if there is one.
func (p *parser) owner(name string) *family {
	for _, s := range []struct{ suffix, kinds string }{{"_sum", "histogram summary"}, {"_count", "histogram summary"}, {"_bucket",
		"histogram"}} {
		if stem, ok := strings.CutSuffix(name, s.suffix); ok {
			if f := p.byName[stem]; f != nil && f.kind != "" && strings.Contains(s.kinds, f.kind) {
				return f
			}
		}
	}
	return p.family(name)
}

type label struct{ name, value string }

// parseLabels reads labels up to the closing brace and returns what follows it.
func parseLabels(text string) (labels []label, rest string, err error) {
	for {
		text = strings.TrimLeft(text, " \t")
		if rest, ok := strings.CutPrefix(text, "}"); ok {
			return labels, rest, nil
		}
		end := nameEnd(text, false)
		name := text[:end]
		after, ok := strings.CutPrefix(strings.TrimLeft(text[end:], " \t"), "=")
		after, quoted := strings.CutPrefix(strings.TrimLeft(after, " \t"), `"`)
		if end == 0 || !ok || !quoted {
			return nil, "", fmt.Errorf("%.40q is not a valid label", text)
		}
		if name == "__name__" || slices.ContainsFunc(labels, func(l label) bool { return l.name == name }) {
			return nil, "", fmt.Errorf("the label %s is a duplicate", name)
		}
		end = closingQuote(after)
		if end < 0 {
			return nil, "", fmt.Errorf("the value of label %s has no closing quotation mark", name)
		}
		value := unescape(after[:end], true)
		if !utf8.ValidString(value) {
			return nil, "", fmt.Errorf("the value of label %s is not valid UTF-8", name)
		}
		labels = append(labels, label{name, value})
		text = strings.TrimLeft(after[end+1:], " \t")
		if next, ok := strings.CutPrefix(text, ","); ok {
			text = next
		} else if !strings.HasPrefix(text, "}") {
			return nil, "", fmt.Errorf("unexpected %.40q after the label %s", text, name)
		}
	}
}

func closingQuote(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// parseValue reads what follows the labels: a number and nothing else.
func parseValue(text string) (float64, error) {
	word, rest := cutWord(strings.TrimLeft(text, " \t"))
	if strings.ContainsAny(word, "pPxX_") {
		return 0, fmt.Errorf("%.40q is not a valid sample value", word)
	}
	value, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a valid sample value", word)
	}
	if rest != "" {
		return 0, errTimestamp
	}
	return value, nil
}

func newSample(name string, labels []label, value float64) sample {
	text := []byte(name)
	for i, l := range labels {
		if i == 0 {
			text = append(text, '{')
		} else {
			text = append(text, ',')
		}
		text = append(append(text, l.name...), `="`...)
		text = append(page.AppendLabelValue(text, l.value), '"')
	}
	if len(labels) > 0 {
		text = append(text, '}')
	}
	slices.SortFunc(labels, func(a, b label) int { return strings.Compare(a.name, b.name) })
	key := name
	for _, l := range labels {
		if l.value != "" { // an empty label is none
			key += "\xff" + l.name + "\xfe" + l.value
		}
	}
	return sample{text: string(append(page.AppendValue(append(text, ' '), value), '\n')), key: key}
}

// nameEnd is where the name that text begins with ends.
func nameEnd(text string, colons bool) int {
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' && colons || i > 0 && c >= '0' && c <= '9' {
			continue
		}
		return i
	}
	return len(text)
}

func cutWord(text string) (word, rest string) {
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		return text, ""
	}
	return text[:end], strings.TrimLeft(text[end:], " \t")
}

// unescape puts back what the text format escapes.
func unescape(text string, quotes bool) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			switch c := text[i+1]; {
			case c == '\\', c == '"' && quotes:
				b = append(b, c)
				i++
				continue
			case c == 'n':
				b = append(b, '\n')
				i++
				continue
			}
		}
		b = append(b, text[i])
	}
	return string(b)
}
