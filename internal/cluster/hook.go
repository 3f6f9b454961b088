package cluster

import (
	"go.yaml.in/yaml/v3"

	"github.com/parascope/parascope/internal/cluster/document"
)

// hookOf is the hook as which a place gets the script. What the cluster does not have ParallelCluster refuses
// as OnNodeConfigured, except for a login pool that is new (fresh).
func (p *patch) hookOf(at place, w Want) (hook string, fresh bool, err error) {
	if hook = w.Hooks[at.kind]; w.Deployed == nil || at.kind == Queue || hook == "" {
		return hook, false, nil
	}
	exists, runs := true, false
	if at.kind == Login {
		exists, runs = w.Deployed.Pool(at.name, w.Script)
	} else {
		runs = w.Deployed.HeadConfigured(w.Script)
	}
	if !exists {
		return OnNodeConfigured, true, nil
	}
	for _, s := range scriptsOf(at.node, OnNodeConfigured) {
		if url := document.Get(s, "Script"); !runs && url != nil && isScript(url, w.Script) {
			return "", false, document.Wrong(p.name, url.Line, "has the script as OnNodeConfigured of "+at.path+", and the cluster's deployed "+
				"configuration does not: ParallelCluster refuses to change OnNodeConfigured", "move the entry to OnNodeUpdated of "+at.path)
		}
	}
	return hook, false, nil
}

// scriptsOf are the entries of a place's hook: of its Sequence, or the hook itself.
func scriptsOf(n *yaml.Node, hook string) []*yaml.Node {
	h := document.Get(n, "CustomActions", hook)
	if document.Get(h, "Script") != nil {
		return []*yaml.Node{h}
	}
	sequence := document.Get(h, "Sequence")
	if sequence == nil || sequence.Kind != yaml.SequenceNode {
		return nil
	}
	var all []*yaml.Node
	for _, s := range sequence.Content {
		all = append(all, document.Follow(s))
	}
	return all
}
