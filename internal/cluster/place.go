package cluster

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
)

// Kind is a kind of node, as ParallelCluster's configuration tells them apart.
type Kind string

const (
	Head  Kind = "head"
	Login Kind = "login"
	Queue Kind = "queue"
)

// The hooks of CustomActions.
const (
	OnNodeStart      = "OnNodeStart"
	OnNodeConfigured = "OnNodeConfigured"
	OnNodeUpdated    = "OnNodeUpdated"
)

var hooks = []string{OnNodeStart, OnNodeConfigured, OnNodeUpdated}

// place is a part of the configuration that has hooks and policies of its own.
type place struct {
	kind Kind
	name string // of the queue or pool
	path string // as people write it: Scheduling/SlurmQueues[gpu]
	node *yaml.Node
}

// places are the head node, the login pools and the queues.
func (d *configuration) places(name string) ([]place, error) {
	all := []place{{kind: Head, path: "HeadNode", node: document.Get(d.cluster, "HeadNode")}}
	for _, of := range []struct {
		kind          Kind
		section, list string
	}{{Login, "LoginNodes", "Pools"}, {Queue, "Scheduling", "SlurmQueues"}} {
		section := document.Get(d.cluster, of.section)
		if section == nil && of.kind == Login {
			continue
		}
		l := document.Get(section, of.list)
		if l == nil || l.Kind != yaml.SequenceNode {
			line := section.Line
			if l != nil {
				line = l.Line
			}
			return nil, document.Wrong(name, line, fmt.Sprintf("has no list %s/%s", of.section, of.list),
				"write the value as a list; CloudFormation functions cannot be patched in this place")
		}
		names := map[string]int{}
		for i, item := range l.Content {
			item = document.Follow(item)
			title := fmt.Sprint(i + 1)
			if n := document.Get(item, "Name"); n != nil && n.Kind == yaml.ScalarNode {
				title = words.Printable(n.Value)
				if first, ok := names[n.Value]; ok {
					return nil, document.Wrong(name, n.Line, fmt.Sprintf("has a second %s/%s with the name %s, first used in line %d", of.section,
						of.list, title, first), "give each a name of its own")
				}
				names[n.Value] = n.Line
			}
			all = append(all, place{kind: of.kind, name: title, path: fmt.Sprintf("%s/%s[%s]", of.section, of.list, title), node: item})
		}
	}
	for _, p := range all {
		if err := mustBe(name, p.path, p.node, yaml.MappingNode); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// mustBe refuses a node that is not of the kind that patching needs.
func mustBe(name, path string, n *yaml.Node, kind yaml.Kind) error {
	function := n.Kind == yaml.MappingNode && len(n.Content) > 0 && (strings.HasPrefix(n.Content[0].Value, "Fn::") ||
		n.Content[0].Value == "Ref")
	if n.Kind == kind && !function && (n.ShortTag() == "!!map" || n.ShortTag() == "!!seq") {
		return nil
	}
	word := map[yaml.Kind]string{yaml.MappingNode: "keys", yaml.SequenceNode: "a list"}[kind]
	if n.ShortTag() == "!!null" {
		return document.Wrong(name, n.Line, path+" has no value", "remove the line, or give its key "+word)
	}
	return document.Wrong(name, n.Line, path+" does not contain "+word,
		"write the value in full; values of CloudFormation functions cannot be patched")
}

// ScriptVersion is the version of the contract between a configuration and what lies
// at the script's address. It is part of the address, since ParallelCluster refuses to
// change the head node's scripts of a cluster that exists.
const ScriptVersion = "v1"

// ScriptKey is the object key of a stack's install script. An upgrade replaces the object
// and never the key.
func ScriptKey(stackName string) string {
	return artifact.StagePrefix + stackName + "/" + ScriptVersion + "/install.sh"
}

// ScriptURL is the address of a stack's install script, as a configuration names it.
func ScriptURL(bucket, stackName string) string { return "s3://" + bucket + "/" + ScriptKey(stackName) }

var scriptPattern = regexp.MustCompile(`^s3://[a-z0-9.-]+/parascope/([A-Za-z][A-Za-z0-9-]*)/(v[0-9]+)/install\.sh$`)

// readScript reads a script's address: whether it is one of ours, the stack's name and the version.
func readScript(url string) (stackName, version string, ok bool) {
	m := scriptPattern.FindStringSubmatch(url)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// pseudoParameters of CloudFormation, each with a value that it may have, and the pattern of all of them.
var pseudoParameters = [][3]string{
	{"${AWS::AccountId}", "000000000000", "[0-9]{12}"}, {"${AWS::Region}", "us-east-1", "[a-z0-9-]+"},
	{"${AWS::Partition}", "aws", "aws[a-z-]*"}, {"${AWS::StackName}", "StackName", "[A-Za-z][A-Za-z0-9-]*"},
}

// address is the text of a script's address, and whether it has parameters that CloudFormation substitutes.
func address(n *yaml.Node) (text string, substituted bool) {
	if sub := document.Get(n, "Fn::Sub"); sub != nil {
		return sub.Value, true
	}
	return n.Value, n.Kind == yaml.ScalarNode && n.Tag == "!Sub"
}

// ourScript is readScript of a value, which may be an expression. One of the stack that a template itself is has
// no name of it.
func ourScript(n *yaml.Node) (stackName, version string, ok bool) {
	text, substituted := address(n)
	if !substituted {
		return readScript(text)
	}
	resolved := text
	for _, p := range pseudoParameters {
		resolved = strings.ReplaceAll(resolved, p[0], p[1])
	}
	if stackName, version, ok = readScript(resolved); strings.Contains(text, "${AWS::StackName}") {
		stackName = ""
	}
	return stackName, version, ok
}

// isScript reports whether a value is, or may be, this address.
func isScript(n *yaml.Node, url string) bool {
	text, substituted := address(n)
	if !substituted {
		return text == url
	}
	pattern := regexp.QuoteMeta(text)
	for _, p := range pseudoParameters {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(p[0]), p[2])
	}
	matched, err := regexp.MatchString("^"+pattern+"$", url)
	return err == nil && matched
}

// mayBeScript reports whether a value is an expression that cannot be evaluated here, and has what the
// install script's address has.
func mayBeScript(n *yaml.Node) bool {
	if _, _, ok := ourScript(n); ok || n.Kind == yaml.ScalarNode && strings.HasPrefix(n.ShortTag(), "!!") {
		return false
	}
	var texts strings.Builder
	var read func(n *yaml.Node)
	read = func(n *yaml.Node) {
		texts.WriteString(n.Value)
		for _, child := range n.Content {
			read(child)
		}
	}
	read(n)
	all := texts.String()
	return strings.Contains(all, "parascope") && strings.Contains(all, "install.sh") || strings.Contains(all, "ClusterInstallScript")
}
