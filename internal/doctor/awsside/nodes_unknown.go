package awsside

import (
	"github.com/prometheus/common/model"
)

// nodesUnknown: compute nodes that are scraped, and that Slurm does not have.
var nodesUnknown = question{
	applies: `slurm_node_status{$c}`,
	absent:  "no node is powered up in Slurm",
	wrong:   `up{$c,job="node",node_type="compute"} unless on (cluster, node) slurm_node_status{$c}`,
	say: func(m model.Metric, _ float64) string {
		return nodeOf(m) + " is scraped but is not powered up in Slurm"
	},
	next: "check the scrape jobs in /opt/prometheus/scrape.d on the head node; nodes are discovered from Slurm automatically",
}
