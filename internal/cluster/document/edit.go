package document

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Edit replaces the text from one offset to another.
type Edit struct {
	From, To int
	Text     string
	// Depth orders insertions at one place: what belongs to a deeper value comes first.
	Depth int
}

// Apply makes all edits, which must not overlap.
func (d *Document) Apply(edits []Edit) (string, error) {
	slices.SortStableFunc(edits, func(a, b Edit) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(b.Depth, a.Depth))
	})
	var out strings.Builder
	at := 0
	for _, e := range d.joinDeletions(edits) {
		if e.From < at || e.To < e.From {
			return "", errors.New("could not edit the file: two changes overlap")
		}
		out.WriteString(d.Text[at:e.From])
		out.WriteString(e.Text)
		at = e.To
	}
	out.WriteString(d.Text[at:])
	return out.String(), nil
}

// joinDeletions makes one deletion of those that follow each other. One that ends with a
// last line that has no end takes the end of the line before it along.
func (d *Document) joinDeletions(edits []Edit) (joined []Edit) {
	for _, e := range edits {
		if last := len(joined) - 1; last >= 0 && e.Text == "" && joined[last].Text == "" && e.From == joined[last].To {
			joined[last].To = e.To
			continue
		}
		joined = append(joined, e)
	}
	for i, e := range joined {
		if e.Text == "" && e.From > 0 && e.To == len(d.Text) && !strings.HasSuffix(d.Text, "\n") && d.Text[e.From-1] == '\n' {
			joined[i].From -= len(d.Ending(d.lineAt(e.From - 1)))
		}
	}
	return joined
}

// InsertLines adds lines behind a line, indented by this many columns. The first and
// all items get the Marker.
func (d *Document) InsertLines(line, indent int, lines []string) Edit {
	var b strings.Builder
	at, nl := d.after(line), d.Ending(line)
	atEnd := line == len(d.Starts) // the last line has no end
	for i, l := range lines {
		if item := strings.TrimLeft(l, " "); i == 0 || strings.HasPrefix(item, "- Script: ") || strings.HasPrefix(item, "- Policy: ") {
			l += Marker
		}
		l = strings.Repeat(" ", indent) + l
		if atEnd {
			b.WriteString(nl + l)
		} else {
			b.WriteString(l + nl)
		}
	}
	return Edit{From: at, To: at, Text: b.String(), Depth: indent}
}

// DeleteLines takes lines out, the first and last included.
func (d *Document) DeleteLines(first, last int) Edit {
	return Edit{From: d.Starts[first-1], To: d.after(last)}
}

// AddEntry adds a key to a mapping, or an item to a list, behind what is in it.
// Block is the entry's text line by line, inline its text in a flow collection.
func (d *Document) AddEntry(of *yaml.Node, block []string, inline string) (Edit, error) {
	if IsFlow(of) {
		f, err := d.ReadFlow(of)
		if err != nil {
			return Edit{}, err
		}
		if len(f.Parts) == 0 {
			return Edit{From: f.Open + 1, To: f.Open + 1, Text: " " + inline}, nil // WasEmpty goes by the space
		}
		end := f.Parts[len(f.Parts)-1][1]
		return Edit{From: end, To: end, Text: ", " + inline}, nil
	}
	last, err := d.LastLine(of, d.EntryColumn(of)-1)
	if err != nil {
		return Edit{}, err
	}
	return d.InsertLines(last, d.EntryColumn(of)-1, block), nil
}

// EntryColumn is the column of a block collection's keys or dashes. The node's own is
// that of its anchor or tag, if it has one.
func (d *Document) EntryColumn(of *yaml.Node) int {
	switch {
	case of.Kind == yaml.MappingNode && len(of.Content) > 0:
		return of.Content[0].Column
	case of.Kind == yaml.SequenceNode && len(of.Content) > 0 && d.skipProperties(d.Offset(of)) != d.Offset(of):
		for line := of.Line; line <= of.Content[0].Line; line++ {
			if text := strings.TrimLeft(d.Line(line), " "); strings.HasPrefix(text, "-") && line > of.Line {
				return len(d.Line(line)) - len(text) + 1
			}
		}
	}
	return of.Column
}
