package headside

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/headnode"
)

// checkHeadNode reads what ParallelCluster has left on the node.
func checkHeadNode(_ context.Context, e *Env) Finding {
	facts, err := headnode.ReadFacts(e.Root, e.Host, "")
	text, readErr := headnode.ReadFile(e.path("etc/parallelcluster/cfnconfig"))
	if errors.Is(readErr, fs.ErrNotExist) {
		return doctor.Skip("this machine is not a ParallelCluster node")
	}
	if err != nil {
		return doctor.Unasked(err)
	}
	for line := range strings.Lines(string(text)) {
		if kind, ok := strings.CutPrefix(strings.TrimSpace(line), "cfn_node_type="); ok && strings.Trim(kind, `"'`) != "HeadNode" {
			return doctor.Fault("this machine is a node of type "+kind+" of cluster "+facts.Cluster+"; the head's Prometheus runs on the head node",
				"'pcluster ssh --cluster-name "+facts.Cluster+"' connects to the head node")
		}
	}
	return doctor.Good("of cluster " + facts.Cluster + " in " + facts.Region).Keeping(func() { e.facts = facts })
}
