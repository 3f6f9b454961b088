package awsside

import (
	"github.com/prometheus/common/model"
)

// changing are nodes that start or end, which need not answer.
const changing = ` unless on (cluster, node) (slurm_node_status{$c,status=~"powering_up|powering_down|powered_down"} == 1)`

// targets: why one does not answer is known on the head node.
var targets = question{
	applies: `up{$c}`,
	absent:  "nothing is scraped",
	wrong:   `up{$c} == 0` + changing,
	say: func(m model.Metric, _ float64) string {
		return "job " + label(m, "job") + " of " + nodeOf(m) + " does not answer"
	},
	next: "on the head node, run 'sudo parascope-head doctor', which shows the reason; on the node, run 'systemctl status parascope-node'",
}
