package awsside

import (
	"context"
	"fmt"

	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/doctor"
)

// nodeDiag offers NVIDIA's active test, which takes the GPUs for about a minute: only where the
// node is drained and runs no job. Nothing is run from here.
func nodeDiag(node string, offer bool) func(context.Context, *ClusterEnv) Finding {
	return func(ctx context.Context, e *ClusterEnv) Finding {
		if !offer {
			return doctor.Skip("give --active to see a test that uses the GPUs")
		}
		if e.queries == nil {
			return doctor.Follows("query")
		}
		of := "$c,node=" + quoted(node)
		gpus, err := e.ask(ctx, "slurm_node_gres_total{"+of+`,gres="gpu"} > 0`)
		if err != nil {
			return doctor.Unasked(err)
		}
		if len(gpus) == 0 {
			return doctor.Skip("the node has no GPUs in Slurm")
		}
		idle, err := e.ask(ctx, "slurm_node_status{"+of+`,status="drain"} == 1 and on (cluster, node) slurm_node_cpu_alloc{`+of+"} == 0")
		if err != nil {
			return doctor.Unasked(err)
		}
		name := words.Word(node)
		if len(idle) == 0 {
			return doctor.Skip(fmt.Sprintf("the node is not drained and idle, and the test would disturb jobs: 'scontrol update nodename=%s "+
				"state=drain reason=diag' drains the node", name))
		}
		return doctor.Unsure("the node is drained and idle, and its GPUs were not tested", "'ssh "+name+" sudo dcgmi diag -r 1'")
	}
}
