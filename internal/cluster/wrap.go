package cluster

import (
	"cmp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
)

// wrapScript makes a hook's only script the first of a Sequence.
func (d *configuration) wrapScript(hook *yaml.Node, block []string, inline string) ([]document.Edit, error) {
	if document.IsFlow(hook) {
		f, err := d.ReadFlow(hook)
		if err != nil || len(f.Parts) == 0 {
			return nil, cmp.Or(err, document.ErrUnread)
		}
		end := f.Parts[len(f.Parts)-1][1]
		return []document.Edit{
			{From: f.Open + 1, To: f.Open + 1, Text: flowWrap},
			{From: end, To: end, Text: "}, " + inline + "]"},
		}, nil
	}
	first := hook.Content[0]
	indent := d.EntryColumn(hook) - 1
	last, err := d.LastLine(hook, indent)
	if err != nil {
		return nil, err
	}
	pad := strings.Repeat(" ", indent)
	if d.Line(first.Line)[:indent] != pad {
		return nil, document.ErrUnread
	}
	start := d.Starts[first.Line-1]
	edits := []document.Edit{
		{From: start, To: start, Text: pad + "Sequence:" + document.Marker + d.Ending(first.Line), Depth: 1},
		{From: start + indent, To: start + indent, Text: "  - "},
	}
	for line := first.Line + 1; line <= last; line++ {
		if d.Line(line) != "" {
			edits = append(edits, document.Edit{From: d.Starts[line-1], To: d.Starts[line-1], Text: wrapPad})
		}
	}
	item := d.InsertLines(last, indent+2, block)
	return append(edits, item), nil
}

const (
	flowWrap = `"Sequence` + document.FlowMarker + "[{"
	wrapPad  = "    "
)
