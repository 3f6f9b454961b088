package cluster

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// edit replaces the text from one offset to another.
type edit struct {
	from, to int
	text     string
	// depth orders insertions at one place: what belongs to a deeper value comes first.
	depth int
}

// apply makes all edits, which must not overlap.
func (d *document) apply(edits []edit) (string, error) {
	slices.SortStableFunc(edits, func(a, b edit) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.depth, a.depth))
	})
	var out strings.Builder
	at := 0
	for _, e := range d.joinDeletions(edits) {
		if e.from < at || e.to < e.from {
			return "", errors.New("could not edit the file: two changes overlap")
		}
		out.WriteString(d.text[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.WriteString(d.text[at:])
	return out.String(), nil
}

// joinDeletions makes one deletion of those that follow each other. One that ends with a
// last line that has no end takes the end of the line before it along.
func (d *document) joinDeletions(edits []edit) (joined []edit) {
	for _, e := range edits {
		if last := len(joined) - 1; last >= 0 && e.text == "" && joined[last].text == "" && e.from == joined[last].to {
			joined[last].to = e.to
			continue
		}
		joined = append(joined, e)
	}
	for i, e := range joined {
		if e.text == "" && e.from > 0 && e.to == len(d.text) && !strings.HasSuffix(d.text, "\n") && d.text[e.from-1] == '\n' {
			joined[i].from -= len(d.ending(d.lineAt(e.from - 1)))
		}
	}
	return joined
}

// insertLines adds lines behind a line, indented by this many columns. The first and
// all items get the marker.
func (d *document) insertLines(line, indent int, lines []string) edit {
	var b strings.Builder
	at, nl := d.after(line), d.ending(line)
	atEnd := line == len(d.starts) // the last line has no end
	for i, l := range lines {
		if item := strings.TrimLeft(l, " "); i == 0 || strings.HasPrefix(item, "- Script: ") || strings.HasPrefix(item, "- Policy: ") {
			l += marker
		}
		l = strings.Repeat(" ", indent) + l
		if atEnd {
			b.WriteString(nl + l)
		} else {
			b.WriteString(l + nl)
		}
	}
	return edit{from: at, to: at, text: b.String(), depth: indent}
}

// deleteLines takes lines out, the first and last included.
func (d *document) deleteLines(first, last int) edit {
	return edit{from: d.starts[first-1], to: d.after(last)}
}

// addEntry adds a key to a mapping, or an item to a list, behind what is in it.
// Block is the entry's text line by line, inline its text in a flow collection.
func (d *document) addEntry(of *yaml.Node, block []string, inline string) (edit, error) {
	if isFlow(of) {
		f, err := d.readFlow(of)
		if err != nil {
			return edit{}, err
		}
		if len(f.parts) == 0 {
			return edit{from: f.open + 1, to: f.open + 1, text: inline}, nil
		}
		end := f.parts[len(f.parts)-1][1]
		return edit{from: end, to: end, text: ", " + inline}, nil
	}
	last, err := d.lastLine(of, d.entryColumn(of)-1)
	if err != nil {
		return edit{}, err
	}
	return d.insertLines(last, d.entryColumn(of)-1, block), nil
}

// entryColumn is the column of a block collection's keys or dashes. The node's own is
// that of its anchor or tag, if it has one.
func (d *document) entryColumn(of *yaml.Node) int {
	switch {
	case of.Kind == yaml.MappingNode && len(of.Content) > 0:
		return of.Content[0].Column
	case of.Kind == yaml.SequenceNode && len(of.Content) > 0 && d.skipProperties(d.offset(of)) != d.offset(of):
		for line := of.Line; line <= of.Content[0].Line; line++ {
			if text := strings.TrimLeft(d.line(line), " "); strings.HasPrefix(text, "-") && line > of.Line {
				return len(d.line(line)) - len(text) + 1
			}
		}
	}
	return of.Column
}

// wrapScript makes a hook's only script the first of a Sequence.
func (d *document) wrapScript(hook *yaml.Node, block []string, inline string) ([]edit, error) {
	if isFlow(hook) {
		f, err := d.readFlow(hook)
		if err != nil || len(f.parts) == 0 {
			return nil, cmp.Or(err, errUnread)
		}
		end := f.parts[len(f.parts)-1][1]
		return []edit{
			{from: f.open + 1, to: f.open + 1, text: flowWrap},
			{from: end, to: end, text: "}, " + inline + "]"},
		}, nil
	}
	first := hook.Content[0]
	indent := d.entryColumn(hook) - 1
	last, err := d.lastLine(hook, indent)
	if err != nil {
		return nil, err
	}
	pad := strings.Repeat(" ", indent)
	if d.line(first.Line)[:indent] != pad {
		return nil, errUnread
	}
	start := d.starts[first.Line-1]
	edits := []edit{
		{from: start, to: start, text: pad + "Sequence:" + marker + d.ending(first.Line), depth: 1},
		{from: start + indent, to: start + indent, text: "  - "},
	}
	for line := first.Line + 1; line <= last; line++ {
		if d.line(line) != "" {
			edits = append(edits, edit{from: d.starts[line-1], to: d.starts[line-1], text: wrapPad})
		}
	}
	item := d.insertLines(last, indent+2, block)
	return append(edits, item), nil
}

const (
	flowWrap = `"Sequence": [{`
	wrapPad  = "    "
)
