package document

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// wrapPad is what a mapping is indented by in a list below a key.
const wrapPad = "    "

func flowWrap(key string) string { return `"` + key + FlowMarker + "[{" }

// Wrap makes a mapping the first item of a list below a key, before another item.
func (d *Document) Wrap(n *yaml.Node, key string, block []string, inline string) ([]Edit, error) {
	if IsFlow(n) {
		f, err := d.ReadFlow(n)
		if err != nil || len(f.Parts) == 0 {
			return nil, cmp.Or(err, ErrUnread)
		}
		end := f.Parts[len(f.Parts)-1][1]
		return []Edit{
			{From: f.Open + 1, To: f.Open + 1, Text: flowWrap(key)},
			{From: end, To: end, Text: "}, " + inline + "]"},
		}, nil
	}
	first := n.Content[0]
	indent := d.EntryColumn(n) - 1
	last, err := d.LastLine(n, indent)
	if err != nil {
		return nil, err
	}
	pad := strings.Repeat(" ", indent)
	if d.Line(first.Line)[:indent] != pad {
		return nil, ErrUnread
	}
	start := d.Starts[first.Line-1]
	edits := []Edit{
		{From: start, To: start, Text: pad + key + ":" + Marker + d.Ending(first.Line), Depth: 1},
		{From: start + indent, To: start + indent, Text: "  - "},
	}
	for line := first.Line + 1; line <= last; line++ {
		if d.Line(line) != "" {
			edits = append(edits, Edit{From: d.Starts[line-1], To: d.Starts[line-1], Text: wrapPad})
		}
	}
	item := d.InsertLines(last, indent+2, block)
	return append(edits, item), nil
}

// IsWrapped reports whether Wrap made the list below a key.
func (d *Document) IsWrapped(n *yaml.Node, key string) bool {
	if IsFlow(n) {
		f, err := d.ReadFlow(n)
		return err == nil && strings.HasPrefix(d.Text[f.Open+1:], flowWrap(key))
	}
	k, _ := Entry(n, key)
	return k != nil && d.Marks(k.Line)
}

// Unwrap undoes Wrap where one item of the list below a key is left.
func (d *Document) Unwrap(k, list *yaml.Node, goes func(*yaml.Node) bool) (edits []Edit, done bool, err error) {
	if list.Kind != yaml.SequenceNode || IsFlow(list) || !d.Marks(k.Line) {
		return nil, false, nil
	}
	var left []*yaml.Node
	for _, item := range list.Content {
		if !goes(item) {
			left = append(left, item)
		}
	}
	column := k.Column - 1
	if len(left) != 1 || left[0].Kind != yaml.MappingNode || IsFlow(left[0]) || left[0].Anchor != "" ||
		left[0].Column != column+len(wrapPad)+1 ||
		!strings.HasPrefix(d.Line(left[0].Line)[column:], "  - ") {
		return nil, false, nil
	}
	last, err := d.LastLine(left[0], column+2)
	if err != nil {
		return nil, false, err
	}
	from := d.Starts[left[0].Line-1] + column
	edits = []Edit{d.DeleteLines(k.Line, k.Line), {From: from, To: from + len(wrapPad)}}
	for line := left[0].Line + 1; line <= last; line++ {
		if at := d.Starts[line-1]; strings.HasPrefix(d.Text[at:], wrapPad) {
			edits = append(edits, Edit{From: at, To: at + len(wrapPad)})
		}
	}
	deleted, err := d.DeleteEntries(list, func(_, item *yaml.Node) bool { return goes(item) })
	return append(edits, deleted...), true, err
}

// UnwrapFlow does the same between brackets, where the first of two items is left.
func (d *Document) UnwrapFlow(n, list *yaml.Node, key string, goes func(*yaml.Node) bool) (edits []Edit, done bool) {
	if !IsFlow(n) || len(n.Content) != 2 || !d.IsWrapped(n, key) || list.Kind != yaml.SequenceNode || len(list.Content) != 2 ||
		list.Content[0].Kind != yaml.MappingNode || goes(list.Content[0]) || !goes(list.Content[1]) {
		return nil, false
	}
	outer, err1 := d.ReadFlow(n)
	inner, err2 := d.ReadFlow(list)
	item, err3 := d.ReadFlow(list.Content[0])
	if cmp.Or(err1, err2, err3) != nil {
		return nil, false
	}
	return []Edit{{From: outer.Open + 1, To: item.Open + 1}, {From: item.Close, To: inner.Close + 1}}, true
}
