package document

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The YAML library says where a node begins. Where it ends is found here: of a block
// the last line, of a flow collection the offset of its bracket.

// ErrUnread is about text that is not understood.
var ErrUnread = errors.New("could not find the end of a YAML value")

// LastLine is the last line of a node that stands in a block, whose parent is
// indented by this many columns.
func (d *Document) LastLine(n *yaml.Node, indent int) (int, error) {
	switch {
	case n.Kind == yaml.AliasNode:
		return n.Line, nil
	case IsFlow(n):
		f, err := d.ReadFlow(n)
		if err != nil {
			return 0, err
		}
		return d.lineAt(f.Close), nil
	case n.Kind == yaml.ScalarNode:
		return d.lastLineOfScalar(n, indent)
	case len(n.Content) == 0:
		return n.Line, nil
	}
	return d.LastLine(n.Content[len(n.Content)-1], d.EntryColumn(n)-1)
}

func (d *Document) lastLineOfScalar(n *yaml.Node, indent int) (int, error) {
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		end, err := skipQuoted(d.Text, d.skipProperties(d.Offset(n)))
		return d.lineAt(end - 1), err
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		last, keep := n.Line, strings.ContainsRune(beforeComment(d.Line(n.Line)), '+')
		for line := n.Line + 1; line <= len(d.Starts); line++ {
			text := d.Line(line)
			filled := strings.TrimLeft(text, " ") != ""
			if filled && len(text)-len(strings.TrimLeft(text, " ")) <= indent {
				break
			}
			if filled || keep && line < len(d.Starts) {
				last = line
			}
		}
		return last, nil
	}
	last := d.next[n] - 1
	for last > n.Line && (blank(d.Line(last)) || strings.TrimRight(d.Line(last), " ") == "...") { // three dots end a document
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
func (d *Document) lineAt(offset int) int {
	line := 1
	for low, high := 0, len(d.Starts); low < high; {
		mid := (low + high) / 2
		if d.Starts[mid] <= offset {
			line, low = mid+1, mid+1
		} else {
			high = mid
		}
	}
	return line
}

// Flow is a collection in brackets: where they stand, and where each of its parts
// begins and ends, without the space, comments and commas around it.
type Flow struct {
	Open, Close int
	Parts       [][2]int
}

// ReadFlow finds the parts of a flow collection.
func (d *Document) ReadFlow(n *yaml.Node) (Flow, error) {
	f := Flow{Open: d.skipProperties(d.Offset(n))}
	if f.Open >= len(d.Text) || d.Text[f.Open] != '{' && d.Text[f.Open] != '[' {
		return Flow{}, ErrUnread
	}
	begin, end := -1, -1
	part := func() {
		if begin >= 0 {
			f.Parts = append(f.Parts, [2]int{begin, end})
		}
		begin, end = -1, -1
	}
	for i, depth, fresh := f.Open+1, 1, true; i < len(d.Text); {
		c, from := d.Text[i], i
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
			f.Close = i
			return f, nil
		case (c == '"' || c == '\'') && fresh:
			next, err := skipQuoted(d.Text, i)
			if err != nil {
				return Flow{}, err
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
	return Flow{}, ErrUnread
}

// endOfLine is the offset of the line's end.
func (d *Document) endOfLine(at int) int {
	if n := strings.IndexByte(d.Text[at:], '\n'); n >= 0 {
		return at + n
	}
	return len(d.Text)
}

// skipProperties is the offset behind a node's anchor and tag.
func (d *Document) skipProperties(at int) int {
	for at < len(d.Text) && (d.Text[at] == '&' || d.Text[at] == '!') {
		for at < len(d.Text) && !strings.ContainsRune(" \t\r\n", rune(d.Text[at])) {
			at++
		}
		for at < len(d.Text) && strings.ContainsRune(" \t\r\n", rune(d.Text[at])) {
			at++
		}
	}
	return at
}

// End is the offset behind a scalar that is written on one line, or behind a collection in brackets.
func (d *Document) End(n *yaml.Node) (int, error) {
	at := d.skipProperties(d.Offset(n))
	switch {
	case n.Kind != yaml.ScalarNode && IsFlow(n):
		f, err := d.ReadFlow(n)
		return f.Close + 1, err
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return skipQuoted(d.Text, at)
	case n.Kind == yaml.ScalarNode && n.Value != "" && strings.HasPrefix(d.Text[at:], n.Value):
		return at + len(n.Value), nil
	}
	return 0, ErrUnread
}

// skipQuoted is the offset behind a quoted text.
func skipQuoted(text string, at int) (int, error) {
	if at >= len(text) {
		return at, ErrUnread
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
	return at, ErrUnread
}
