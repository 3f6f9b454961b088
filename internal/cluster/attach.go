// Package cluster puts the monitoring into the configuration of a ParallelCluster: it plans what an
// update asks for, edits the text, and takes the additions out again.
package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/hint"
)

// Part is what a configuration gets in one update.
type Part string

const (
	All      Part = "all"      // policies and scripts: of a cluster that does not exist yet
	Policies Part = "policies" // the first update of a running cluster
	Scripts  Part = "scripts"  // the second, when the nodes may read what the scripts need
)

// Want is what attach adds to a configuration.
type Want struct {
	Script       string          // address of the install script
	HeadPolicies []string        // ARNs, or references
	NodePolicies []string        // the same, of login and compute nodes
	Hooks        map[Kind]string // a kind of node without one gets nothing
	Part         Part
	Drain        bool // write QueueUpdateStrategy: DRAIN where there is none and queues get a script
	// Deployed is what a running cluster has; nil where that is not known.
	Deployed *lookup.Deployed
}

// Change is one change of a configuration.
type Change struct {
	Path string `json:"path"` // HeadNode/CustomActions/OnNodeConfigured
	What string `json:"what"`
	// Policy is the update policy of ParallelCluster that decides about the change.
	Policy UpdatePolicy `json:"updatePolicy,omitempty"`
	Line   int          `json:"line"` // in the old text, at which the section begins that it changes
	// Unseen is a change that ParallelCluster's update does not notice by itself: an entry of a
	// Sequence that was a Sequence before (ConfigPatch, read at version 3.12).
	Unseen bool `json:"unseen,omitempty"`
	kind   Kind
}

// Patched is a configuration with changes made.
type Patched struct {
	Text    []byte
	Changes []Change
	Notes   []string
	ByHand  []string // what the file cannot say, or ParallelCluster refuses
	// Template is a file that is a CloudFormation template with the cluster in it.
	Template bool
	// Stack is the infrastructure stack in such a template; "" where it has none. Bucket is that of the script.
	Stack, Bucket string
	// Roles is how many roles ParallelCluster makes for the nodes; -1 where it makes them under
	// a path of the person's choice (Iam/ResourcePrefix).
	Roles    int
	Strategy string // the file's QueueUpdateStrategy, as patched
	of       *configuration
	types    []instanceType
}

// patch collects the changes of one configuration.
type patch struct {
	*configuration
	name    string
	edits   []document.Edit
	expect  *value // what the patched text must say
	cluster *value // the part of it that is the cluster
	done    map[*yaml.Node]map[string]bool
	stacks  map[string]bool // whose scripts the configuration has
	// detached says that no queue had the script: its programs may have been removed from a running
	// cluster whose head keeps the script as OnNodeConfigured.
	detached bool
	Patched
}

// open parses a configuration for patching.
func open(name string, b []byte) (*patch, []place, error) {
	d, err := parse(name, b)
	if err != nil {
		return nil, nil, err
	}
	all, err := d.places(name)
	if err != nil {
		return nil, nil, err
	}
	p := &patch{configuration: d, name: name, done: map[*yaml.Node]map[string]bool{}, stacks: map[string]bool{}}
	if p.expect, err = newValue(d.Root); err != nil {
		return nil, nil, err
	}
	for _, at := range all {
		for _, hook := range hooks {
			for _, s := range scriptsOf(at.node, hook) {
				url := document.Get(s, "Script")
				if url == nil {
					continue
				}
				if mayBeScript(url) {
					return nil, nil, document.Wrong(name, url.Line, "names a script by an expression that cannot be evaluated here, and that "+
						"may be the install script", "write the address in full, or as !Sub with AWS::AccountId, AWS::Region, AWS::Partition and "+
						"AWS::StackName only")
				}
				if stackName, _, ok := ourScript(url); ok {
					p.stacks[stackName] = true
				}
			}
		}
	}
	p.cluster = d.clusterOf(p.expect)
	p.cluster.plain()
	return p, all, nil
}

// clusterOf is the cluster's configuration in the value of the whole document.
func (d *configuration) clusterOf(v *value) *value {
	if d.cluster == d.Root {
		return v
	}
	for _, r := range v.get("Resources").keys {
		if kind := r.get("Type"); kind != nil && kind.text == "Custom::PclusterCluster" {
			return r.get("Properties", "ClusterConfiguration")
		}
	}
	return v
}

// Attach adds hooks and policies to a configuration. What is there already is left as
// it is: a second run changes nothing. Name is the file's, for errors, which have exit
// code BadInput and change nothing.
func Attach(name string, b []byte, w Want) (Patched, error) {
	p, all, err := open(name, b)
	if err != nil {
		return Patched{}, err
	}
	stackName, _, ok := readScript(w.Script)
	if !ok {
		return Patched{}, fmt.Errorf("%s is not the S3 URL of an install script", w.Script)
	}
	p.knowScript(w.Script, stackName)
	p.types = p.instanceTypes(all)
	p.detached = !slices.ContainsFunc(all, func(at place) bool { return at.kind == Queue && runs(at, w.Script) })
	for i, at := range all {
		if err := p.refuseOthers(at, w.Script); err != nil {
			return Patched{}, err
		}
		hook, fresh, err := p.hookOf(at, w)
		if err != nil {
			return Patched{}, err
		}
		if hook == "" {
			continue
		}
		v, before := p.cluster.places()[i], len(p.Changes)
		if v.get("Iam", "InstanceRole") == nil && v.get("Iam", "InstanceProfile") == nil {
			p.Roles++
		}
		policies := w.NodePolicies
		if at.kind == Head {
			policies = w.HeadPolicies
		}
		if w.Part != Policies {
			if err := p.addScript(at, v, hook, w.Script); err != nil {
				return Patched{}, err
			}
		}
		if own := p.ownRole(at, policies); !own && w.Part != Scripts {
			if err := p.addPolicies(at, v, policies, stackName); err != nil {
				return Patched{}, err
			}
		}
		for n := range p.Changes[before:] {
			if fresh {
				p.Changes[before+n].Policy = Pools
			}
		}
	}
	if p.cluster.get("Iam", "ResourcePrefix") != nil {
		p.Roles = -1
	}
	if w.Drain && slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Policy == QueueStrategy }) {
		if err := p.addDrain(); err != nil {
			return Patched{}, err
		}
	}
	got, err := p.finish()
	if err != nil || len(got.Changes) == 0 {
		return got, err
	}
	if _, err := Detach(name, got.Text, Without{Part: All}); err != nil {
		return Patched{}, hint.New(hint.BadInput, fmt.Errorf("%s cannot be attached, because detach could not remove the additions: %w", name,
			err), hint.Next(err))
	}
	return got, nil
}

// refuseOthers refuses a place that has another of our scripts.
func (p *patch) refuseOthers(at place, script string) error {
	for _, hook := range hooks {
		for _, s := range scriptsOf(at.node, hook) {
			url := document.Get(s, "Script")
			if url == nil || isScript(url, script) {
				continue
			}
			stackName, version, ok := ourScript(url)
			text, _ := address(url)
			switch {
			case !ok:
			case version != ScriptVersion:
				return document.Wrong(p.name, url.Line, fmt.Sprintf("names version %s of the install script; this program writes version "+
					"%s", version, ScriptVersion),
					"use the parascope version that wrote the script, or detach first if the cluster does not exist yet")
			default:
				return document.Wrong(p.name, url.Line, fmt.Sprintf("names the install script of stack %s at another "+
					"location: %s, not %s", stackName, text, script),
					"give the values of --stack and --bucket that the cluster was attached with, or detach first")
			}
		}
	}
	return nil
}

// ownRole reports whether a place names its own role, whose policies the file cannot say.
func (p *patch) ownRole(at place, arns []string) bool {
	for _, own := range []string{"InstanceRole", "InstanceProfile"} {
		if n := document.Get(at.node, "Iam", own); n != nil && len(arns) > 0 {
			p.ByHand = append(p.ByHand, fmt.Sprintf("%s has its own %s: attach %s to the role of %s", at.path, own,
				strings.ReplaceAll(strings.Join(arns, " and "), Reference(""), "the stack's policy "), words.Printable(n.Value)))
			return true
		}
	}
	return false
}

// runs reports whether some hook of a place has a script.
func runs(at place, script string) bool {
	return slices.ContainsFunc(hooks, func(hook string) bool {
		return slices.ContainsFunc(scriptsOf(at.node, hook), func(s *yaml.Node) bool {
			url := document.Get(s, "Script")
			return url != nil && isScript(url, script)
		})
	})
}

// once reports whether a node gets this for the first time. Aliases lead to a node
// more than once.
func (p *patch) once(n *yaml.Node, what string) bool {
	if p.done[n] == nil {
		p.done[n] = map[string]bool{}
	}
	first := !p.done[n][what]
	p.done[n][what] = true
	return first
}

// add adds an entry to a mapping or list, unless an alias led here before.
func (p *patch) add(of *yaml.Node, block []string, inline string) error {
	if !p.once(of, inline) {
		return nil
	}
	if key, _, ok := strings.Cut(inline, ":"); ok && of.Kind == yaml.MappingNode && !p.once(of, "key "+key) {
		return document.Wrong(p.name, of.Line, "has a value that several sections use through a YAML alias, and these need different values "+
			"of "+strings.Trim(key, `"`), "write the values in full instead of anchors and aliases: the sections need different values")
	}
	e, err := p.AddEntry(of, block, inline)
	p.edits = append(p.edits, e)
	return err
}

// addScript adds the install script behind the scripts of a hook, unless a hook of
// this place has it. One that detach made remove the programs installs them again.
func (p *patch) addScript(at place, v *value, hook, script string) error {
	if err := p.takeRemove(at, v, hook, script); err != nil {
		return err
	}
	for _, h := range hooks {
		if p.detached && at.kind != Queue && hook == OnNodeUpdated && h != OnNodeUpdated {
			continue // an update does not run it
		}
		for _, s := range scriptsOf(at.node, h) {
			if url := document.Get(s, "Script"); url != nil && isScript(url, script) {
				return nil
			}
		}
	}
	return p.addScriptWith(at, v, hook, script)
}

// addScriptWith adds the install script with arguments.
func (p *patch) addScriptWith(at place, v *value, hook, script string, args ...string) error {
	line, err := p.placeScript(at, hook, script, args)
	if err != nil {
		return err
	}
	unseen := document.Get(at.node, "CustomActions", hook, "Sequence") != nil
	item := mapping("Script", text(script))
	what := "add the script " + script
	for _, a := range args {
		item.append("Args", text(a))
		what += " " + a
	}
	v.ensure("CustomActions").ensure(hook).append("Sequence", item)
	p.Changes = append(p.Changes, Change{
		Path: at.path + "/CustomActions/" + hook, What: what,
		Policy: policyOfHook(at.kind, hook), Line: line, Unseen: unseen, kind: at.kind,
	})
	return nil
}

// placeScript finds the place of the new entry and adds it.
func (p *patch) placeScript(at place, hook, script string, args []string) (line int, err error) {
	item := []string{"- Script: " + script}
	inlineItem := fmt.Sprintf(`{"Script": %q}`, script)
	if len(args) > 0 {
		item = append(item, "  Args:")
		for _, a := range args {
			item = append(item, fmt.Sprintf("    - %q", a))
		}
		inlineItem = fmt.Sprintf(`{"Script": %q, "Args": ["%s"]}`, script, strings.Join(args, `", "`))
	}
	sequence := under("Sequence", item)
	inlineSequence := fmt.Sprintf(`"Sequence": [%s]`, inlineItem)

	actions := document.Get(at.node, "CustomActions")
	h := document.Get(actions, hook)
	list := document.Get(h, "Sequence")
	path := at.path + "/CustomActions"
	for _, must := range []struct {
		path string
		n    *yaml.Node
		kind yaml.Kind
	}{{path, actions, yaml.MappingNode}, {path + "/" + hook, h, yaml.MappingNode}, {path + "/" + hook + "/Sequence", list,
		yaml.SequenceNode}} {
		if must.n == nil {
			continue
		}
		if err := mustBe(p.name, must.path, must.n, must.kind); err != nil {
			return 0, err
		}
		line = must.n.Line
	}
	if document.Get(h, "Script") != nil && list != nil {
		return 0, document.Wrong(p.name, h.Line, path+"/"+hook+" has Script and Sequence, which ParallelCluster refuses",
			"keep one of the two")
	}
	switch {
	case list != nil:
		err = p.add(list, item, inlineItem)
	case document.Get(h, "Script") != nil:
		if p.once(h, "wrap") {
			var edits []document.Edit
			edits, err = p.Wrap(h, "Sequence", item, inlineItem)
			p.edits = append(p.edits, edits...)
		}
	case h != nil:
		err = p.add(h, sequence, inlineSequence)
	case actions != nil:
		err = p.add(actions, under(hook, sequence), fmt.Sprintf("%q: {%s}", hook, inlineSequence))
	default:
		line = at.node.Line
		err = p.add(at.node, under("CustomActions", under(hook, sequence)), fmt.Sprintf(`"CustomActions": {%q: {%s}}`, hook, inlineSequence))
	}
	return line, p.unread(line, err)
}

// unread says which part of the file was not understood.
func (p *patch) unread(line int, err error) error {
	if err == nil || hint.Next(err) != "" {
		return err
	}
	return document.Wrong(p.name, line, "uses YAML syntax that cannot be patched: "+err.Error(),
		"write this part of the file with one key per line, as block style or as JSON")
}

// under are lines below a key.
func under(key string, lines []string) []string {
	out := []string{key + ":"}
	for _, l := range lines {
		out = append(out, "  "+l)
	}
	return out
}

// addDrain lets nodes with jobs end them before they are replaced.
func (p *patch) addDrain() error {
	scheduling := document.Get(p.configuration.cluster, "Scheduling")
	settings := document.Get(scheduling, "SlurmSettings")
	if document.Get(settings, "QueueUpdateStrategy") != nil {
		return nil
	}
	const line, inline = "QueueUpdateStrategy: DRAIN", `"QueueUpdateStrategy` + document.FlowMarker + `"DRAIN"`
	at := scheduling.Line
	var err error
	if settings == nil {
		err = p.add(scheduling, under("SlurmSettings", []string{line}), fmt.Sprintf(`"SlurmSettings": {%s}`, inline))
	} else {
		at = settings.Line
		if err := mustBe(p.name, "Scheduling/SlurmSettings", settings, yaml.MappingNode); err != nil {
			return err
		}
		err = p.add(settings, []string{line}, inline)
	}
	p.cluster.get("Scheduling").ensure("SlurmSettings").keys["QueueUpdateStrategy"] = text("DRAIN")
	p.Changes = append(p.Changes, Change{Path: "Scheduling/SlurmSettings/QueueUpdateStrategy", What: "set DRAIN", Policy: Ignored, Line: at})
	return p.unread(at, err)
}

// finish makes the changes, and refuses a result that says anything but what the old
// text said with the changes.
func (p *patch) finish() (Patched, error) {
	out, err := p.Apply(p.edits)
	if len(out) > document.MaxBytes {
		return Patched{}, document.Wrong(p.name, 0, fmt.Sprintf("has %d bytes, and with the changes %d; a configuration has at "+
			"most %d", len(p.Document.Text), len(out), document.MaxBytes), "remove queues or comments")
	}
	line := 0
	if err == nil {
		line, err = p.verify(out)
	}
	if err != nil {
		next := "make the changes manually; 'parascope cluster attach' lists the changes if the file has one key per line"
		if p.Aliases {
			next = "write the values in full instead of anchors and aliases: the sections need different values"
		}
		return Patched{}, document.Wrong(p.name, line, "cannot be edited without changing unrelated settings: "+err.Error(), next)
	}
	p.Text = p.Whole(out)
	p.Template = p.configuration.cluster != p.Root
	if s := p.cluster.get("Scheduling", "SlurmSettings", "QueueUpdateStrategy"); s != nil {
		p.Strategy = s.text
	}
	p.of = p.configuration
	return p.Patched, nil
}

// verify compares what the patched text says with what it must say. An error has the line in the old text.
func (p *patch) verify(out string) (line int, err error) {
	d, err := parse(p.name, []byte(out))
	if err != nil { // its lines are of a text that the person does not have
		return 0, errors.New("the edited text would not be a configuration")
	}
	got, err := newValue(d.Root)
	if err != nil {
		return 0, err
	}
	d.clusterOf(got).plain()
	if !got.equal(p.expect) {
		at, line := p.expect.difference(got, "", 0)
		return line, errors.New("the edit would also change " + at)
	}
	return 0, nil
}
