package cluster

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
)

// removeOption makes the install script take the programs off its node.
const removeOption = "--remove"

// addRemove gives the script of an update its option, behind the arguments that it has: the script
// goes by the last one.
func (c *cut) addRemove(at place, s *yaml.Node, v *value, hook string) error {
	const item = `"` + removeOption + `"`
	args := document.Get(s, "Args")
	path := at.path + "/CustomActions/" + hook
	var err error
	switch {
	case args == nil:
		err = c.add(s, []string{"Args:", "  - " + item}, `"Args": [`+item+`]`)
	default:
		if err := mustBe(c.name, path+"/Args", args, yaml.SequenceNode); err != nil {
			return err
		}
		if slices.ContainsFunc(args.Content, isRemove) {
			return nil
		}
		err = c.add(args, []string{"- " + item}, item)
	}
	if err != nil {
		return c.unread(s.Line, err)
	}
	v.append("Args", text(removeOption))
	c.Changes = append(c.Changes, Change{Path: path, What: "run the script with " + removeOption,
		Policy: policyOfHook(at.kind, hook), Line: s.Line, Unseen: s != document.Get(at.node, "CustomActions", hook), kind: at.kind})
	return nil
}

func isRemove(arg *yaml.Node) bool { return document.Follow(arg).Value == removeOption }

// takeRemove takes the option away again from the install script of a place, in the hooks that
// ParallelCluster lets change: a node that runs the script with it would never be measured.
func (p *patch) takeRemove(at place, v *value, hook, script string) error {
	for _, h := range hooks {
		if at.kind != Queue && hook == OnNodeUpdated && h != OnNodeUpdated {
			continue
		}
		for i, s := range scriptsOf(at.node, h) {
			url, args := document.Get(s, "Script"), document.Get(s, "Args")
			if url == nil || !isScript(url, script) || args == nil || args.Kind != yaml.SequenceNode ||
				!slices.ContainsFunc(args.Content, isRemove) {
				continue
			}
			item := v.scripts(h)[i]
			left := slices.DeleteFunc(item.get("Args").items, func(a *value) bool { return a.text == removeOption })
			if item.get("Args").items = left; len(left) == 0 {
				delete(item.keys, "Args")
			}
			if err := p.cutRemove(s, args, len(left) == 0); err != nil {
				return p.unread(s.Line, err)
			}
			p.Changes = append(p.Changes, Change{Path: at.path + "/CustomActions/" + h,
				What: fmt.Sprintf("run the script without %s", removeOption), Policy: policyOfHook(at.kind, h), Line: s.Line,
				Unseen: s != document.Get(document.Get(at.node, "CustomActions"), h), kind: at.kind})
		}
	}
	return nil
}

// cutRemove deletes the option in the text, and the whole key where nothing else is in it.
func (p *patch) cutRemove(s, args *yaml.Node, whole bool) error {
	if !p.once(s, removeOption) {
		return nil
	}
	if whole {
		return p.delete(s, func(key, _ *yaml.Node) bool { return key.Value == "Args" })
	}
	return p.delete(args, func(_, arg *yaml.Node) bool { return isRemove(arg) })
}
