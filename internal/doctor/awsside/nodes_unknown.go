package awsside

import (
	"github.com/prometheus/common/model"
)

// nodesUnknown: compute nodes that are scraped, and that Slurm does not have.
var nodesUnknown = question{
	applies: `slurm_node_status{$c}`,
	absent:  "Slurm has no node that is powered up",
	wrong:   `up{$c,job="node",node_type="compute"} unless on (cluster, node) slurm_node_status{$c}`,
	say: func(m model.Metric, _ float64) string {
		return nodeOf(m) + " is scraped, and Slurm does not know it as powered up"
	},
	next: "look at the scrape jobs in /opt/prometheus/scrape.d on the head node; nodes are discovered from Slurm automatically",
}
