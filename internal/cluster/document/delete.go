package document

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DeleteEntries takes the chosen entries out of a collection.
func (d *Document) DeleteEntries(of *yaml.Node, goes func(key, n *yaml.Node) bool) (edits []Edit, err error) {
	step := 1
	if of.Kind == yaml.MappingNode {
		step = 2
	}
	var gone []int
	for i := 0; i < len(of.Content); i += step {
		if !goes(of.Content[i], of.Content[i+step-1]) {
			continue
		}
		gone = append(gone, i/step)
		if IsFlow(of) {
			continue
		}
		first, column := of.Content[i], d.EntryColumn(of)
		line := first.Line
		if step == 1 { // the dash may stand on a line before
			for line > of.Line && !strings.HasPrefix(strings.TrimLeft(d.Line(line), " "), "-") {
				line--
			}
		}
		if strings.TrimLeft(d.Line(line)[:min(column-1, len(d.Line(line)))], " ") != "" {
			return nil, fmt.Errorf("%q starts a list item", first.Value)
		}
		last, err := d.LastLine(of.Content[i+step-1], column-1)
		if err != nil {
			return nil, err
		}
		edits = append(edits, d.DeleteLines(line, last))
	}
	if IsFlow(of) && len(gone) > 0 {
		return d.deleteParts(of, len(of.Content)/step, gone)
	}
	return edits, nil
}

// deleteParts takes parts out of a flow collection, with the commas that they had.
func (d *Document) deleteParts(of *yaml.Node, entries int, gone []int) (edits []Edit, err error) {
	f, err := d.ReadFlow(of)
	if err != nil {
		return nil, err
	}
	if len(f.Parts) != entries {
		return nil, ErrUnread
	}
	leading := 0
	for leading < len(gone) && gone[leading] == leading {
		leading++
	}
	switch {
	case leading == entries && d.WasEmpty(of):
		edits = append(edits, Edit{From: f.Open + 1, To: f.Parts[entries-1][1]})
	case leading == entries:
		edits = append(edits, Edit{From: f.Parts[0][0], To: f.Parts[entries-1][1]})
	case leading > 0:
		edits = append(edits, Edit{From: f.Parts[0][0], To: f.Parts[leading][0]})
	}
	for _, i := range gone[leading:] {
		edits = append(edits, Edit{From: f.Parts[i-1][1], To: f.Parts[i][1]})
	}
	return edits, nil
}

// WasEmpty reports whether AddEntry put the first part into a flow collection.
func (d *Document) WasEmpty(n *yaml.Node) bool {
	if !IsFlow(n) || len(n.Content) == 0 {
		return false
	}
	f, err := d.ReadFlow(n)
	if err != nil || len(f.Parts) == 0 || d.Text[f.Open+1:f.Parts[0][0]] != " " {
		return false
	}
	first := d.Text[f.Parts[0][0]:]
	return strings.HasPrefix(first, `"`) || strings.HasPrefix(first, `{"`)
}
