package reach

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
	"github.com/parascope/parascope/internal/cluster/words"
)

// ownRole is the role or instance profile that a configuration names for some nodes.
type ownRole struct{ path, key, value string }

var rolePattern = regexp.MustCompile(`^arn:[\w-]+:iam::\d{12}:role/`)

// simulated reports whether IAM's simulator takes it: not an instance profile, nor a function of a template.
func (r ownRole) simulated() bool { return r.key == "InstanceRole" && rolePattern.MatchString(r.value) }

// own are the roles that the configuration names for nodes that run the script. Others is how many places
// leave the role to ParallelCluster.
func (e *Env) own() (roles []ownRole, others int) {
	var root yaml.Node
	if err := yaml.Unmarshal(e.Configuration, &root); err != nil {
		return nil, 0 // who reads the configuration says so
	}
	add := func(path string, n *yaml.Node) {
		if !e.runs(n) {
			return
		}
		for _, key := range []string{"InstanceRole", "InstanceProfile"} {
			if value := document.Get(n, "Iam", key); value != nil {
				roles = append(roles, ownRole{path, key, words.Printable(value.Value)})
				return
			}
		}
		others++
	}
	for _, cluster := range clusters(&root, map[*yaml.Node]bool{}) {
		add("HeadNode", document.Get(cluster, "HeadNode"))
		for _, of := range [][]string{{"LoginNodes", "Pools"}, {"Scheduling", "SlurmQueues"}} {
			list := document.Get(cluster, of...)
			if list == nil || list.Kind != yaml.SequenceNode {
				continue
			}
			for i, item := range list.Content {
				name := fmt.Sprint(i + 1)
				if n := document.Get(document.Follow(item), "Name"); n != nil && n.Kind == yaml.ScalarNode {
					name = words.Printable(n.Value)
				}
				add(fmt.Sprintf("%s/%s[%s]", of[0], of[1], name), document.Follow(item))
			}
		}
	}
	return roles, others
}

// clusters are the mappings of a document that are the configuration of a cluster.
func clusters(n *yaml.Node, seen map[*yaml.Node]bool) (all []*yaml.Node) {
	n = document.Follow(n)
	if n == nil || seen[n] {
		return nil
	}
	seen[n] = true
	if document.Get(n, "HeadNode") != nil && document.Get(n, "Scheduling") != nil {
		return []*yaml.Node{n}
	}
	for _, child := range n.Content {
		all = append(all, clusters(child, seen)...)
	}
	return all
}

// runs reports whether nodes of a place run the script.
func (e *Env) runs(place *yaml.Node) bool {
	actions := document.Get(place, "CustomActions")
	if actions == nil || actions.Kind != yaml.MappingNode {
		return false
	}
	for i := 1; i < len(actions.Content); i += 2 {
		entries := []*yaml.Node{document.Follow(actions.Content[i])}
		if sequence := document.Get(entries[0], "Sequence"); sequence != nil && sequence.Kind == yaml.SequenceNode {
			entries = append(entries, sequence.Content...)
		}
		for _, entry := range entries {
			if url := document.Get(document.Follow(entry), "Script"); url != nil && url.Value == e.Script {
				return true
			}
		}
	}
	return false
}
