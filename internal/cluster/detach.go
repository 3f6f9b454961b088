package cluster

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
)

// Without is what detach takes out of a configuration.
type Without struct {
	// Running is a cluster that exists. Its head node and login pools keep what
	// ParallelCluster refuses to change, and get the script with --remove as OnNodeUpdated.
	Running bool
	// Part of a running cluster: Scripts first; Policies when no node is left that needs them.
	Part Part
}

// Detach takes out what attach added: lines that it inserted to the byte, and where it
// rewrote lines the same document. Name is the file's, for errors, which have exit code
// BadInput and change nothing.
func Detach(name string, b []byte, w Without) (Patched, error) {
	p, all, err := open(name, b)
	if err != nil {
		return Patched{}, err
	}
	c := cut{patch: p, goes: map[*yaml.Node]bool{}, keys: map[*yaml.Node]*yaml.Node{}, without: w}
	c.findKeys(p.Root)
	for _, at := range all {
		for _, hook := range hooks {
			for _, s := range scriptsOf(at.node, hook) {
				if url, stackName, ok := c.script(s); ok {
					text, _ := address(url)
					p.knowScript(text, stackName)
				}
			}
		}
	}
	if err := c.refuseEarly(all); err != nil {
		return Patched{}, err
	}
	for i, at := range all {
		v := p.cluster.places()[i]
		if err := c.scripts(at, v); err != nil {
			return Patched{}, err
		}
		c.policies(at, v)
	}
	c.drain()
	for _, at := range all {
		if err := c.empty(at.node); err != nil {
			return Patched{}, p.unread(at.node.Line, err)
		}
	}
	if err := c.take(document.Get(p.configuration.cluster, "Scheduling"), "SlurmSettings"); err != nil {
		return Patched{}, p.unread(p.configuration.cluster.Line, err)
	}
	p.cluster.plain() // what became empty is absent
	return p.finish()
}

// cut takes nodes out of a patch's document.
type cut struct {
	*patch
	goes    map[*yaml.Node]bool       // nodes that go with all that is in them, aliases followed
	keys    map[*yaml.Node]*yaml.Node // of the values that stand behind one, and not an alias
	without Without
}

// going reports whether a node goes.
func (c *cut) going(n *yaml.Node) bool { return c.goes[document.Follow(n)] }

// findKeys notes the keys of the values in a node.
func (c *cut) findKeys(n *yaml.Node) {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			c.keys[child] = n.Content[i-1]
		}
		c.findKeys(child)
	}
}

// refuseEarly refuses to take from nodes that run the script what they need to run it with --remove:
// OnNodeUpdated, their policies, and the strategy by which queues lose it.
func (c *cut) refuseEarly(all []place) error {
	if !c.without.Running || c.without.Part == Scripts {
		return nil
	}
	for _, at := range all {
		for _, hook := range hooks {
			for _, s := range scriptsOf(at.node, hook) {
				args := document.Get(s, "Args")
				removes := args != nil && slices.ContainsFunc(args.Content, isRemove)
				if _, _, ok := c.script(s); !ok || at.kind != Queue && (hook != OnNodeUpdated || removes) {
					continue
				}
				return document.Wrong(c.name, s.Line, fmt.Sprintf("still runs the install script: %s/CustomActions/%s of a running cluster "+
					"needs an update with --part scripts before the policies are removed", at.path, hook),
					fmt.Sprintf("run 'parascope cluster detach --config %s --cluster NAME --part scripts --write', update the cluster, and then "+
						"run detach with --part policies", words.Word(c.name)))
			}
		}
	}
	return nil
}

// script reads an entry of a hook: its address, the stack's name, and whether it is the install script.
func (c *cut) script(entry *yaml.Node) (url *yaml.Node, stackName string, ok bool) {
	if url = document.Get(entry, "Script"); url != nil {
		stackName, _, ok = ourScript(url)
	}
	return url, stackName, ok
}

// scripts marks the scripts of a place that go.
func (c *cut) scripts(at place, v *value) error {
	fixed := false // ParallelCluster refuses to take the script out
	removed := false
	script, substituted, line := "", false, 0
	for _, hook := range hooks {
		var gone []int
		for i, s := range scriptsOf(at.node, hook) {
			url, _, ok := c.script(s)
			if !ok {
				continue
			}
			script, substituted = address(url)
			line = url.Line
			switch {
			case !c.without.Running:
			case at.kind != Queue && hook != OnNodeUpdated:
				fixed = true
				continue
			case at.kind != Queue && c.without.Part == Scripts:
				removed = true
				if err := c.addRemove(at, s, v.scripts(hook)[i], hook); err != nil {
					return err
				}
				continue
			}
			gone = append(gone, i)
			c.goes[s] = true
			c.Changes = append(c.Changes, Change{Path: at.path + "/CustomActions/" + hook, What: "remove the script " + script,
				Policy: policyOfHook(at.kind, hook), Line: url.Line, kind: at.kind})
		}
		v.get("CustomActions", hook, "Sequence").without(gone)
		if left := len(v.scripts(hook)); len(gone) > 0 && left > 0 {
			c.Changes[len(c.Changes)-1].Unseen = left > 1 || !c.IsWrapped(document.Get(at.node, "CustomActions", hook), "Sequence")
		}
	}
	if fixed {
		keeps := fmt.Sprintf("%s keeps the script as OnNodeConfigured, and its policies, until the cluster is deleted: "+
			"ParallelCluster refuses to change OnNodeConfigured; %s must stay in the bucket", at.path, script)
		if at.kind == Login {
			keeps += ". A login node that starts later runs the script, and installs the programs again"
		}
		c.ByHand = append(c.ByHand, keeps)
	}
	if fixed && !removed && c.without.Part == Scripts {
		if substituted {
			return document.Wrong(c.name, line, "names the install script by an expression, and an entry with the same address is needed that "+
				"runs it with "+removeOption, "write the address in full, which is no change of the cluster")
		}
		return c.addScriptWith(at, v, OnNodeUpdated, script, removeOption)
	}
	return nil
}

// policies marks the policies of a place that go.
func (c *cut) policies(at place, v *value) {
	if c.without.Running && c.without.Part == Scripts {
		return // nodes that start until the update is done still need them
	}
	for _, hook := range hooks {
		for _, s := range scriptsOf(at.node, hook) {
			if _, _, ok := c.script(s); ok && !c.goes[s] {
				return // so does a script that stays
			}
		}
	}
	l := document.Get(at.node, "Iam", "AdditionalIamPolicies")
	if l == nil || l.Kind != yaml.SequenceNode {
		return
	}
	var gone []int
	for i, item := range l.Content {
		arn := document.Get(item, "Policy")
		if arn == nil {
			continue
		}
		policy := readPolicy(arn)
		if !c.added(l, item, policy) {
			if c.ours(policy, c.stacks) {
				c.Notes = append(c.Notes, fmt.Sprintf("line %d: %s keeps the policy %s, since it does not have the mark of attach: remove it "+
					"manually if no node needs it", item.Line, at.path, policy))
			}
			continue
		}
		gone = append(gone, i)
		c.goes[document.Follow(item)] = true
		c.Changes = append(c.Changes, Change{Path: at.path + "/Iam/AdditionalIamPolicies",
			What:   "remove the policy " + words.Printable(policy),
			Policy: policyOfPolicies(at.kind), Line: item.Line, kind: at.kind})
	}
	v.get("Iam", "AdditionalIamPolicies").without(gone)
}

// drain marks the QueueUpdateStrategy that attach wrote.
func (c *cut) drain() {
	settings := document.Get(c.configuration.cluster, "Scheduling", "SlurmSettings")
	k, v := document.Entry(settings, "QueueUpdateStrategy")
	if k == nil || c.without.Running && c.without.Part == Scripts {
		return
	}
	own, _ := document.Entry(document.Get(c.configuration.cluster, "Scheduling"), "SlurmSettings")
	marked := c.MarksFlow(v)
	if !document.IsFlow(settings) {
		marked = c.Mentions(k.Line) || c.Mentions(own.Line) && len(settings.Content) == 2
	}
	if v.Value != "DRAIN" || !marked {
		if !c.without.Running && document.IsFlow(settings) && v.Value == "DRAIN" {
			c.ByHand = append(c.ByHand, "Scheduling/SlurmSettings/QueueUpdateStrategy is kept: it does not have the mark that attach writes "+
				"between brackets")
		}
		return
	}
	c.goes[v] = true
	delete(c.cluster.get("Scheduling", "SlurmSettings").keys, "QueueUpdateStrategy")
	c.Changes = append(c.Changes, Change{Path: "Scheduling/SlurmSettings/QueueUpdateStrategy", What: "remove DRAIN", Policy: Ignored,
		Line: k.Line})
}

// empty takes the marked nodes of a place out, and what they leave empty.
func (c *cut) empty(at *yaml.Node) error {
	for _, key := range []string{"CustomActions", "Iam"} {
		if err := c.take(at, key); err != nil {
			return err
		}
	}
	return nil
}

// take takes a key of a mapping out, or what is marked below it.
func (c *cut) take(of *yaml.Node, key string) error {
	k, v := document.Entry(of, key)
	if k == nil || !c.once(v, "take") {
		return nil
	}
	c.sweep(v)
	if c.goes[document.Follow(v)] {
		return c.delete(of, func(_, n *yaml.Node) bool { return n == v })
	}
	return c.below(v)
}

// sweep marks collections in which nothing is left.
func (c *cut) sweep(n *yaml.Node) {
	n = document.Follow(n)
	if c.goes[n] || len(n.Content) == 0 {
		return
	}
	empty := c.WasEmpty(n) // and is again
	step := 1
	if n.Kind == yaml.MappingNode {
		step = 2
	}
	all := true
	for i := step - 1; i < len(n.Content); i += step {
		child := document.Follow(n.Content[i])
		if child.Kind != yaml.ScalarNode {
			c.sweep(child)
		}
		all = all && c.goes[child]
	}
	if all && !empty {
		c.goes[n] = true
	}
}

// below takes what is marked out of a value that stays, once for all of its aliases.
func (c *cut) below(v *yaml.Node) error {
	n := document.Follow(v)
	if !c.once(n, "below") {
		return nil
	}
	k := c.keys[n]
	if n.Kind != yaml.MappingNode && n.Kind != yaml.SequenceNode {
		return nil
	}
	if some := slices.ContainsFunc(n.Content, c.going); some {
		if k != nil && k.Value == "Sequence" {
			edits, done, err := c.Unwrap(k, n, c.going)
			if c.edits = append(c.edits, edits...); done || err != nil {
				return err
			}
		}
		if err := c.delete(n, func(_, child *yaml.Node) bool { return c.going(child) }); err != nil {
			return err
		}
	}
	if !c.without.Running && k != nil && !document.IsFlow(n) && c.Marks(k.Line) {
		line := c.Line(k.Line)
		at := c.Starts[k.Line-1] + strings.LastIndex(line, document.Marker)
		c.edits = append(c.edits, document.Edit{From: at, To: at + len(document.Marker)})
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if child := n.Content[i+1]; !c.goes[document.Follow(child)] {
			if edits, done := c.UnwrapFlow(n, child, "Sequence", c.going); done {
				c.edits = append(c.edits, edits...)
				return nil
			}
			if err := c.below(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// delete takes the chosen entries out of a collection.
func (p *patch) delete(of *yaml.Node, goes func(key, n *yaml.Node) bool) error {
	edits, err := p.DeleteEntries(document.Follow(of), goes)
	p.edits = append(p.edits, edits...)
	return err
}
