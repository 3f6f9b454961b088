package cluster

import (
	"encoding/json"
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
	maxBytes = 1 << 20
	maxDepth = 100     // nesting, aliases followed
	maxNodes = 300_000 // values, aliases followed
)

// document is a configuration: its text, and the nodes that say where in the text
// each value stands.
type document struct {
	text    string // without a byte order mark
	bom     string
	starts  []int // offset at which each line begins
	root    *yaml.Node
	cluster *yaml.Node         // the mapping with HeadNode and Scheduling
	next    map[*yaml.Node]int // line at which the node after this one begins, from 1
	marked  bool               // some line has the marker
	aliases bool
	name    string // of the cluster, where a template says it
	tab     int    // the first line with a value that is indented with a tab; 0 for none
}

const byteOrderMark = "\ufeff"

// parse reads a configuration, or a CloudFormation template with one cluster in it.
// Its errors name the line and have exit code BadInput.
func parse(name string, b []byte) (*document, error) {
	d := &document{text: string(b), next: map[*yaml.Node]int{}}
	if err := d.read(name); err != nil {
		return nil, err
	}
	if err := d.checkNodes(name); err != nil {
		return nil, err
	}
	if err := d.findCluster(name); err != nil {
		return nil, err
	}
	if d.tab > 0 && (d.cluster == d.root || !json.Valid(b)) {
		return nil, d.wrongTab(name, d.tab)
	}
	return d, nil
}

// read parses the text.
func (d *document) read(name string) error {
	if len(d.text) > maxBytes {
		return wrong(name, 0, fmt.Sprintf("has %d bytes; a configuration has at most %d", len(d.text), maxBytes),
			"give the file that pcluster create-cluster takes")
	}
	if !utf8.ValidString(d.text) {
		return wrong(name, 0, "is not UTF-8", "save the file as UTF-8")
	}
	if rest, ok := strings.CutPrefix(d.text, byteOrderMark); ok {
		d.text, d.bom = rest, byteOrderMark
	}
	d.starts = append(d.starts, 0)
	for i, r := range d.text {
		switch {
		case r == '\n':
			d.starts = append(d.starts, i+1)
		case r == '\r' && !strings.HasPrefix(d.text[i:], "\r\n"), r == '\u0085', r == '\u2028', r == '\u2029':
			return wrong(name, len(d.starts), fmt.Sprintf("has the line separator %U", r), `end lines with \n or \r\n only`)
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(d.text))
	var all, second yaml.Node
	err := decoder.Decode(&all)
	if err != nil && !errors.Is(err, io.EOF) {
		return d.explain(name, err)
	}
	if len(all.Content) == 0 {
		return wrong(name, 0, "is empty", "give the file that pcluster create-cluster takes")
	}
	if err := decoder.Decode(&second); err == nil {
		return wrong(name, second.Line, "contains a second YAML document", "give a file with one document")
	}
	d.root = all.Content[0]
	d.marked = strings.Contains(d.text, marker)
	return nil
}

// lineOfError finds the line in a message of the YAML library.
var lineOfError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// explain says what is wrong with text that is not YAML.
func (d *document) explain(name string, err error) error {
	line, text := 0, err.Error()
	if m := lineOfError.FindStringSubmatch(strings.ReplaceAll(text, "\n", " ")); m != nil {
		fmt.Sscanf(m[1], "%d", &line)
		text = m[2]
	}
	for i := range d.starts {
		l := d.line(i + 1)
		switch {
		case d.tabbed(i+1) && strings.TrimSpace(l) != "":
			return d.wrongTab(name, i+1)
		case strings.Contains(l, "{%"):
			return wrong(name, i+1, "contains a template statement", "render the template first, and give the rendered file")
		}
	}
	return wrong(name, line, "is not YAML: "+text, "correct the file; 'pcluster create-cluster --dryrun true' reads the same file")
}

// tabbed reports whether a line is indented with a tab. The YAML library takes that between brackets.
// ParallelCluster's does not, and CloudFormation does in JSON.
func (d *document) tabbed(line int) bool {
	l := d.line(line)
	return strings.Contains(l[:len(l)-len(strings.TrimLeft(l, " \t"))], "\t")
}

func (d *document) wrongTab(name string, line int) error {
	return wrong(name, line, "is indented with a tab, which YAML does not allow", "indent with spaces")
}

// checkNodes refuses what ParallelCluster refuses, or what could not be patched
// safely, and remembers where each node ends at the latest.
func (d *document) checkNodes(name string) error {
	var order []*yaml.Node
	var walk func(n *yaml.Node, depth int) error
	walk = func(n *yaml.Node, depth int) error {
		if depth > maxDepth {
			return wrong(name, n.Line, fmt.Sprintf("has more than %d levels of nesting", maxDepth), "give the file that pcluster "+
				"create-cluster takes")
		}
		if d.tab == 0 && d.tabbed(n.Line) {
			d.tab = n.Line
		}
		order = append(order, n)
		switch n.Kind {
		case yaml.AliasNode:
			d.aliases = true
			return nil
		case yaml.MappingNode:
			seen := map[string]int{}
			for i := 0; i < len(n.Content); i += 2 {
				k := n.Content[i]
				if k.Tag == "!!merge" {
					return wrong(name, k.Line, "has the merge key <<, which ParallelCluster refuses", "write the values in full")
				}
				if k.Kind != yaml.ScalarNode && strings.Contains(d.line(k.Line), "{{") {
					return wrong(name, k.Line, "has a template expression", "render the template first, and give the rendered file")
				}
				if k.Kind != yaml.ScalarNode {
					return wrong(name, k.Line, "has a key that is a list or a mapping", "replace the key with a plain string")
				}
				if first, ok := seen[k.Value]; ok {
					return wrong(name, k.Line, fmt.Sprintf("has the duplicate key %q, first used in line %d", k.Value, first), "keep one of the two keys")
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
	if err := walk(d.root, 0); err != nil {
		return err
	}
	for i, n := range order {
		d.next[n] = len(d.starts) + 1
		if i+1 < len(order) {
			d.next[n] = order[i+1].Line
		}
	}
	if _, err := newValue(d.root); err != nil {
		return wrong(name, 0, err.Error(), "write the values in full instead of aliases")
	}
	return nil
}

// findCluster finds the cluster's configuration, and in a template the resource that
// has it.
func (d *document) findCluster(name string) error {
	d.cluster = d.root
	if resources := get(d.root, "Resources"); resources != nil && resources.Kind == yaml.MappingNode {
		d.cluster = nil
		for i := 1; i < len(resources.Content); i += 2 {
			r := resources.Content[i]
			if kind := get(r, "Type"); kind == nil || kind.Value != "Custom::PclusterCluster" {
				continue
			}
			if d.cluster != nil {
				return wrong(name, r.Line, "is a second cluster in one template", "give a template with one cluster")
			}
			if n := get(get(r, "Properties"), "ClusterName"); n != nil && n.Tag == "!!str" {
				d.name = n.Value
			}
			if d.cluster = get(get(r, "Properties"), "ClusterConfiguration"); d.cluster == nil {
				return wrong(name, r.Line, "has no Properties/ClusterConfiguration", "correct the template")
			}
		}
		if d.cluster == nil {
			return wrong(name, 0, "is a CloudFormation template without a Custom::PclusterCluster", "give the cluster's configuration or template")
		}
	}
	if d.cluster.Kind != yaml.MappingNode || get(d.cluster, "Scheduling") == nil || get(d.cluster, "HeadNode") == nil {
		return wrong(name, 0, "has no HeadNode or no Scheduling section: it is not a ParallelCluster configuration",
			"give the file that pcluster create-cluster takes")
	}
	scheduling := get(d.cluster, "Scheduling")
	if scheduler := get(scheduling, "Scheduler"); scheduler == nil || scheduler.Value != "slurm" {
		has := "none"
		if scheduler != nil {
			has = fmt.Sprintf("%q", scheduler.Value)
		}
		return wrong(name, scheduling.Line, "has the scheduler "+has+"; clusters with the scheduler slurm can be attached", "use slurm")
	}
	return nil
}

// line is a line's text, without its end. Lines are counted from 1.
func (d *document) line(n int) string {
	end := len(d.text)
	if n < len(d.starts) {
		end = d.starts[n] - 1
	}
	return strings.TrimSuffix(d.text[d.starts[n-1]:end], "\r")
}

// after is the offset behind a line and its end.
func (d *document) after(line int) int {
	if line < len(d.starts) {
		return d.starts[line]
	}
	return len(d.text)
}

// ending is how a line ends, or would if it were not the last.
func (d *document) ending(line int) string {
	at := d.after(line)
	if strings.HasSuffix(d.text[:at], "\r\n") || line > 1 && at == len(d.text) && strings.HasSuffix(d.text[:d.starts[line-1]], "\r\n") {
		return "\r\n"
	}
	return "\n"
}

// offset is where a node begins, its anchor and tag included.
func (d *document) offset(n *yaml.Node) int {
	at := d.starts[n.Line-1]
	for column := 1; column < n.Column && at < len(d.text); column++ {
		_, size := utf8.DecodeRuneInString(d.text[at:])
		at += size
	}
	return at
}

// whole is the text with its byte order mark.
func (d *document) whole(text string) []byte { return []byte(d.bom + text) }

// wrong is an error about a file that was given.
func wrong(name string, line int, what, next string) error {
	if line > 0 {
		name = fmt.Sprintf("%s: line %d", name, line)
	}
	return hint.New(hint.BadInput, errors.New(name+" "+what), next)
}

// get is a mapping's value, its alias followed; nil where there is none.
func get(n *yaml.Node, key string) *yaml.Node {
	_, v := entry(n, key)
	return follow(v)
}

// entry is a mapping's key and value as they stand there.
func entry(n *yaml.Node, key string) (k, v *yaml.Node) {
	n = follow(n)
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

// follow is what an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// isFlow reports whether a node is written with brackets.
func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }

// blank reports whether a line has no content: nothing, or a comment.
func blank(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return line == "" || line[0] == '#'
}
