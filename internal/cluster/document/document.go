// Package document is the text of a YAML file, and where in it each value stands, so that single places
// can be edited and everything else keeps its bytes.
package document

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/hint"
)

// Limits of a configuration. ParallelCluster's own parameter holds far less.
const (
	MaxBytes = 1 << 20
	MaxDepth = 100     // nesting, aliases followed
	MaxNodes = 300_000 // values, aliases followed
)

// Document is a file: its text, and the nodes that say where in the text each value stands.
type Document struct {
	Text    string // without a byte order mark
	Starts  []int  // offset at which each line begins
	Root    *yaml.Node
	Marked  bool // some line has the Marker
	Aliases bool
	Tab     int // the first line with a value that is indented with a tab; 0 for none

	bom  string
	next map[*yaml.Node]int // line at which the node after this one begins, from 1
}

// Marker ends the first line of everything that is added in a block.
const Marker = "  # parascope"

// Marks reports whether a line has the marker.
func (d *Document) Marks(line int) bool {
	return d.Marked && strings.HasSuffix(strings.TrimRight(d.Line(line), " "), Marker)
}

// Mentions reports whether a line has the marker, and perhaps more behind it.
func (d *Document) Mentions(line int) bool { return strings.Contains(d.Line(line)+" ", Marker+" ") }

// FlowMarker stands between a key and its value in everything that is added between brackets, where there may be
// no comments.
const FlowMarker = `":  `

// MarksFlow reports whether a value between brackets has the marker.
func (d *Document) MarksFlow(n *yaml.Node) bool {
	return strings.HasSuffix(d.Text[:d.Offset(n)], FlowMarker)
}

const byteOrderMark = "\ufeff"

// Parse reads a file with one document. Its errors name the line and have exit code BadInput. Tabs between
// brackets are left to the caller.
func Parse(name string, b []byte) (*Document, error) {
	d := &Document{Text: string(b), next: map[*yaml.Node]int{}}
	if err := d.read(name); err != nil {
		return nil, err
	}
	return d, d.checkNodes(name)
}

// read parses the text.
func (d *Document) read(name string) error {
	if len(d.Text) > MaxBytes {
		return Wrong(name, 0, fmt.Sprintf("has %d bytes; a configuration has at most %d", len(d.Text), MaxBytes),
			"give the file that pcluster create-cluster takes")
	}
	if !utf8.ValidString(d.Text) {
		return Wrong(name, 0, "is not UTF-8", "save the file as UTF-8")
	}
	if rest, ok := strings.CutPrefix(d.Text, byteOrderMark); ok {
		d.Text, d.bom = rest, byteOrderMark
	}
	d.Starts = append(d.Starts, 0)
	for i, r := range d.Text {
		switch {
		case r == '\n':
			d.Starts = append(d.Starts, i+1)
		case r == '\r' && !strings.HasPrefix(d.Text[i:], "\r\n"), r == '\u0085', r == '\u2028', r == '\u2029':
			return Wrong(name, len(d.Starts), fmt.Sprintf("has the line separator %U", r), `end lines with \n or \r\n only`)
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(d.Text))
	var all, second yaml.Node
	err := decoder.Decode(&all)
	if err != nil && !errors.Is(err, io.EOF) {
		return d.explain(name, err)
	}
	if len(all.Content) == 0 || all.Content[0].Line > len(d.Starts) { // nothing is behind a last line ---
		return Wrong(name, 0, "is empty", "give the file that pcluster create-cluster takes")
	}
	if err := decoder.Decode(&second); err == nil {
		return Wrong(name, second.Line, "contains a second YAML document", "give a file with one document")
	}
	d.Root = all.Content[0]
	d.Marked = strings.Contains(d.Text, Marker)
	return nil
}

// lineOfError finds the line in a message of the YAML library.
var lineOfError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// explain says what is wrong with text that is not YAML.
func (d *Document) explain(name string, err error) error {
	line, text := 0, err.Error()
	if m := lineOfError.FindStringSubmatch(strings.ReplaceAll(text, "\n", " ")); m != nil {
		fmt.Sscanf(m[1], "%d", &line)
		text = m[2]
	}
	for i := range d.Starts {
		l := d.Line(i + 1)
		switch {
		case d.tabbed(i+1) && strings.TrimSpace(l) != "":
			return WrongTab(name, i+1)
		case strings.Contains(l, "{%"):
			return Wrong(name, i+1, "contains a template statement", "render the template first, and give the rendered file")
		case strings.Contains(l, "{{"):
			return Wrong(name, i+1, "has a template expression", "render the template first, and give the rendered file")
		}
	}
	return Wrong(name, line, "is not YAML: "+text, "correct the file; 'pcluster create-cluster --dryrun true' reads the same file")
}

// tabbed reports whether a line is indented with a tab. The YAML library takes that between brackets.
// ParallelCluster's does not, and CloudFormation does in JSON.
func (d *Document) tabbed(line int) bool {
	l := d.Line(line)
	return strings.Contains(l[:len(l)-len(strings.TrimLeft(l, " \t"))], "\t")
}

// WrongTab is the error about a tab.
func WrongTab(name string, line int) error {
	return Wrong(name, line, "is indented with a tab, which YAML does not allow", "indent with spaces")
}

// checkNodes refuses what ParallelCluster refuses, or what could not be patched
// safely, and remembers where each node ends at the latest.
func (d *Document) checkNodes(name string) error {
	var order []*yaml.Node
	var walk func(n *yaml.Node, depth int) error
	walk = func(n *yaml.Node, depth int) error {
		if depth > MaxDepth {
			return Wrong(name, n.Line, fmt.Sprintf("has more than %d levels of nesting", MaxDepth), "give the file that pcluster "+
				"create-cluster takes")
		}
		if d.Tab == 0 && d.tabbed(n.Line) {
			d.Tab = n.Line
		}
		order = append(order, n)
		switch n.Kind {
		case yaml.AliasNode:
			d.Aliases = true
			return nil
		case yaml.MappingNode:
			seen := map[string]int{}
			for i := 0; i < len(n.Content); i += 2 {
				k := n.Content[i]
				if k.Tag == "!!merge" {
					return Wrong(name, k.Line, "has the merge key <<, which ParallelCluster refuses", "write the values in full")
				}
				if k.Kind != yaml.ScalarNode && strings.Contains(d.Line(k.Line), "{{") {
					return Wrong(name, k.Line, "has a template expression", "render the template first, and give the rendered file")
				}
				if k.Kind != yaml.ScalarNode {
					return Wrong(name, k.Line, "has a key that is a list or a mapping", "replace the key with a plain string")
				}
				if first, ok := seen[k.Value]; ok {
					return Wrong(name, k.Line, fmt.Sprintf("has the duplicate key %q, first used in line %d", k.Value, first), "keep one of the two keys")
				}
				seen[k.Value] = k.Line
			}
		}
		for _, c := range n.Content {
			if err := walk(c, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk(d.Root, 0); err != nil {
		return err
	}
	for i, n := range order {
		d.next[n] = len(d.Starts) + 1
		if i+1 < len(order) {
			d.next[n] = order[i+1].Line
		}
	}
	return nil
}

// Line is a line's text, without its end. Lines are counted from 1. A value that is missing at the end of a
// text stands on a line behind the last.
func (d *Document) Line(n int) string {
	if n > len(d.Starts) {
		return ""
	}
	end := len(d.Text)
	if n < len(d.Starts) {
		end = d.Starts[n] - 1
	}
	return strings.TrimSuffix(d.Text[d.Starts[n-1]:end], "\r")
}

// after is the offset behind a line and its end.
func (d *Document) after(line int) int {
	if line < len(d.Starts) {
		return d.Starts[line]
	}
	return len(d.Text)
}

// Ending is how a line ends, or would if it were not the last.
func (d *Document) Ending(line int) string {
	at := d.after(line)
	if strings.HasSuffix(d.Text[:at], "\r\n") || line > 1 && at == len(d.Text) && strings.HasSuffix(d.Text[:d.Starts[line-1]], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// Offset is where a node begins, its anchor and tag included.
func (d *Document) Offset(n *yaml.Node) int {
	if n.Line > len(d.Starts) {
		return len(d.Text)
	}
	at := d.Starts[n.Line-1]
	for column := 1; column < n.Column && at < len(d.Text); column++ {
		_, size := utf8.DecodeRuneInString(d.Text[at:])
		at += size
	}
	return at
}

// Whole is the text with its byte order mark.
func (d *Document) Whole(text string) []byte { return []byte(d.bom + text) }

// Wrong is an error about a file that was given.
func Wrong(name string, line int, what, next string) error {
	if line > 0 {
		name = fmt.Sprintf("%s: line %d", name, line)
	}
	return hint.New(hint.BadInput, errors.New(name+" "+what), next)
}

// Get is the value under these keys, aliases followed; nil where there is none.
func Get(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		_, v := Entry(n, key)
		n = Follow(v)
	}
	return n
}

// Entry is a mapping's key and value as they stand there.
func Entry(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = Follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// Follow is what an alias stands for.
func Follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// IsFlow reports whether a node is written with brackets.
func IsFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// blank reports whether a line has no content: nothing, or a comment.
func blank(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return line == "" || line[0] == '#'
}
