package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
)

// value is what a configuration says, however it is written: aliases are followed,
// style, order and comments are gone. Every patch is checked with values: what the
// patched text says must be what the old text said and what was added, no more.
type value struct {
	tag, text string // of a scalar; the tag of others where it is not YAML's own
	keys      map[string]*value
	items     []*value
	line      int // at which it stands; 0 for what is added
}

// newValue reads a node. It fails when aliases repeat too much.
func newValue(n *yaml.Node) (*value, error) {
	count := 0
	var read func(n *yaml.Node, depth int) (*value, error)
	read = func(n *yaml.Node, depth int) (*value, error) {
		n = document.Follow(n)
		if count++; n == nil || count > document.MaxNodes || depth > document.MaxDepth {
			return nil, fmt.Errorf("has more than %d values, or more than %d levels of nesting, after YAML aliases are expanded",
				document.MaxNodes, document.MaxDepth)
		}
		v := &value{tag: n.ShortTag(), text: n.Value, line: n.Line}
		switch n.Kind {
		case yaml.MappingNode:
			v.keys = map[string]*value{}
			for i := 0; i+1 < len(n.Content); i += 2 {
				child, err := read(n.Content[i+1], depth+1)
				if err != nil {
					return nil, err
				}
				v.keys[n.Content[i].Value] = child
			}
		case yaml.SequenceNode:
			v.items = []*value{}
			for _, c := range n.Content {
				child, err := read(c, depth+1)
				if err != nil {
					return nil, err
				}
				v.items = append(v.items, child)
			}
		}
		return v, nil
	}
	return read(n, 0)
}

func text(s string) *value { return &value{tag: "!!str", text: s} }
func list(items ...*value) *value {
	return &value{tag: "!!seq", items: items}
}
func mapping(key string, v *value) *value {
	return &value{tag: "!!map", keys: map[string]*value{key: v}}
}

// get is what stands under these keys; nil where nothing does.
func (v *value) get(keys ...string) *value {
	for _, k := range keys {
		if v == nil {
			return nil
		}
		v = v.keys[k]
	}
	return v
}

// ensure is the mapping under a key, made where there is none.
func (v *value) ensure(key string) *value {
	if v.keys[key] == nil {
		v.keys[key] = &value{tag: "!!map", keys: map[string]*value{}}
	}
	return v.keys[key]
}

// append adds to the list under a key, which is made where there is none.
func (v *value) append(key string, item *value) {
	if v.keys[key] == nil {
		v.keys[key] = list()
	}
	v.keys[key].items = append(v.keys[key].items, item)
}

// places are the values of head node, login pools and queues, in the order of
// document.places.
func (v *value) places() []*value {
	all := []*value{v.get("HeadNode")}
	for _, l := range []*value{v.get("LoginNodes", "Pools"), v.get("Scheduling", "SlurmQueues")} {
		if l != nil {
			all = append(all, l.items...)
		}
	}
	return all
}

// plain brings all ways to write hooks and policies into one: every hook is a
// Sequence, a reference has its short form, and what is empty is absent.
func (v *value) plain() {
	drop := func(of *value, key string) {
		if c := of.get(key); c != nil && len(c.keys) == 0 && len(c.items) == 0 && (c.keys != nil || c.items != nil) {
			delete(of.keys, key)
		}
	}
	for _, p := range v.places() {
		actions := p.get("CustomActions")
		for _, hook := range hooks {
			if h := actions.get(hook); h != nil {
				if h.keys["Script"] != nil {
					actions.keys[hook] = mapping("Sequence", list(h))
					h = actions.keys[hook]
				}
				drop(h, "Sequence")
				drop(actions, hook)
			}
		}
		if iam := p.get("Iam"); iam != nil {
			if l := iam.get("AdditionalIamPolicies"); l != nil {
				for _, item := range l.items {
					if ref := item.get("Policy", "Ref"); ref != nil {
						item.keys["Policy"] = &value{tag: refTag, text: ref.text}
					}
				}
			}
			drop(iam, "AdditionalIamPolicies")
		}
		if p != nil {
			drop(p, "CustomActions")
			drop(p, "Iam")
		}
	}
	if s := v.get("Scheduling"); s != nil {
		drop(s, "SlurmSettings")
	}
}

// scripts are the entries of a hook that plain has brought into its form.
func (v *value) scripts(hook string) []*value {
	if s := v.get("CustomActions", hook, "Sequence"); s != nil {
		return s.items
	}
	return nil
}

// without takes items, by their indices, out of a list.
func (v *value) without(gone []int) {
	for _, i := range slices.Backward(gone) {
		v.items = slices.Delete(v.items, i, i+1)
	}
}

// equal reports whether two values say the same.
func (v *value) equal(w *value) bool {
	if v == nil || w == nil {
		return v == w
	}
	return v.tag == w.tag && v.text == w.text && maps.EqualFunc(v.keys, w.keys, (*value).equal) &&
		slices.EqualFunc(v.items, w.items, (*value).equal)
}

// difference is where a value first says something else than another one, below a path and behind a line.
func (v *value) difference(w *value, path string, line int) (at string, last int) {
	if v == nil || w == nil {
		return path, line
	}
	line = cmp.Or(v.line, line)
	for _, key := range slices.Sorted(maps.Keys(v.keys)) {
		if !v.keys[key].equal(w.keys[key]) {
			return v.keys[key].difference(w.keys[key], strings.TrimPrefix(path+"/"+key, "/"), line)
		}
	}
	for i, item := range v.items {
		if i < len(w.items) && !item.equal(w.items[i]) {
			name := strconv.Itoa(i + 1)
			if n := item.get("Name"); n != nil {
				name = words.Printable(n.text)
			}
			return item.difference(w.items[i], path+"["+name+"]", line)
		}
	}
	return path, line
}
