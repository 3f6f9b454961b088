package cluster

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The YAML library says where a node begins. Where it ends is found here: of a block
// the last line, of a flow collection the offset of its bracket.

var errUnread = errors.New("could not find the end of a YAML value")

// lastLine is the last line of a node that stands in a block, whose parent is
// indented by this many columns.
func (d *document) lastLine(n *yaml.Node, indent int) (int, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		return n.Line, nil
	case isFlow(n):
		f, err := d.readFlow(n)
		if err != nil {
			return 0, err
		}
		return d.lineAt(f.close), nil
	case n.Kind == yaml.ScalarNode:
		return d.lastLineOfScalar(n, indent)
	case len(n.Content) == 0:
		return n.Line, nil
	}
	return d.lastLine(n.Content[len(n.Content)-1], d.entryColumn(n)-1)
}

func (d *document) lastLineOfScalar(n *yaml.Node, indent int) (int, error) {
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		end, err := skipQuoted(d.text, d.skipProperties(d.offset(n)))
		return d.lineAt(end - 1), err
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		last, keep := n.Line, strings.ContainsRune(beforeComment(d.line(n.Line)), '+')
		for line := n.Line + 1; line <= len(d.starts); line++ {
			text := d.line(line)
			filled := strings.TrimLeft(text, " ") != ""
			if filled && len(text)-len(strings.TrimLeft(text, " ")) <= indent {
				break
			}
			if filled || keep && line < len(d.starts) {
				last = line
			}
		}
		return last, nil
	}
	last := d.next[n] - 1
	for last > n.Line && (blank(d.line(last)) || strings.TrimRight(d.line(last), " ") == "...") { // three dots end a document
		last--
	}
	return max(last, n.Line), nil
}

// beforeComment is a line up to its comment, if it has one.
func beforeComment(line string) string {
	before, _, _ := strings.Cut(line, " #")
	return before
}

// lineAt is the line with this offset.
func (d *document) lineAt(offset int) int {
	line := 1
	for low, high := 0, len(d.starts); low < high; {
		mid := (low + high) / 2
		if d.starts[mid] <= offset {
			line, low = mid+1, mid+1
		} else {
			high = mid
		}
	}
	return line
}

// flow is a collection in brackets: where they stand, and where each of its parts
// begins and ends, without the space, comments and commas around it.
type flow struct {
	open, close int
	parts       [][2]int
}

// readFlow finds the parts of a flow collection.
func (d *document) readFlow(n *yaml.Node) (flow, error) {
	f := flow{open: d.skipProperties(d.offset(n))}
	if f.open >= len(d.text) || d.text[f.open] != '{' && d.text[f.open] != '[' {
		return flow{}, errUnread
	}
	begin, end := -1, -1
	part := func() {
		if begin >= 0 {
			f.parts = append(f.parts, [2]int{begin, end})
		}
		begin, end = -1, -1
	}
	for i, depth, fresh := f.open+1, 1, true; i < len(d.text); {
		c, from := d.text[i], i
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i, fresh = i+1, true
			continue
		case c == '#' && fresh:
			i = d.endOfLine(i)
			continue
		case c == ',' && depth == 1:
			part()
			i, fresh = i+1, true
			continue
		case (c == ']' || c == '}') && depth == 1:
			part()
			f.close = i
			return f, nil
		case (c == '"' || c == '\'') && fresh:
			next, err := skipQuoted(d.text, i)
			if err != nil {
				return flow{}, err
			}
			i, fresh = next, false
		case c == '[' || c == '{':
			depth, i, fresh = depth+1, i+1, true
		case c == ']' || c == '}':
			depth, i, fresh = depth-1, i+1, false
		default:
			fresh = c == ',' || c == ':'
			i++
		}
		if begin < 0 {
			begin = from
		}
		end = i
	}
	return flow{}, errUnread
}

// endOfLine is the offset of the line's end.
func (d *document) endOfLine(at int) int {
	if n := strings.IndexByte(d.text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(d.text)
}

// skipProperties is the offset behind a node's anchor and tag.
func (d *document) skipProperties(at int) int {
	for at < len(d.text) && (d.text[at] == '&' || d.text[at] == '!') {
		for at < len(d.text) && !strings.ContainsRune(" \t\r\n", rune(d.text[at])) {
			at++
		}
		for at < len(d.text) && strings.ContainsRune(" \t\r\n", rune(d.text[at])) {
			at++
		}
	}
	return at
}

// skipQuoted is the offset behind a quoted text.
func skipQuoted(text string, at int) (int, error) {
	if at >= len(text) {
		return at, errUnread
	}
	quote := text[at]
	for i := at + 1; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] == quote && quote == '\'' && strings.HasPrefix(text[i+1:], "'"):
			i++
		case text[i] == quote:
			return i + 1, nil
		}
	}
	return at, errUnread
}
