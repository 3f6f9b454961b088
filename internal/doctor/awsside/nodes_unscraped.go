package awsside

import (
	"github.com/prometheus/common/model"
)

// nodesUnscraped: nodes that are up for Slurm and no target of the head.
var nodesUnscraped = question{
	applies: `slurm_node_status{$c}`,
	absent:  "no node is powered up in Slurm",
	wrong: `(slurm_node_status{$c,status=~"idle|alloc|mix|comp|planned|resv|maint|drain"} == 1)
  unless on (cluster, node) up{$c,node!=""}`,
	say: func(m model.Metric, _ float64) string {
		return nodeOf(m) + " is " + label(m, "status") + " in Slurm, but is not scraped"
	},
	next: "'parascope cluster status CLUSTER' shows the reason; on the head node, run 'curl 127.0.0.1:9090/slurm/targets'",
}
