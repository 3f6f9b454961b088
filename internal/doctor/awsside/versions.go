package awsside

import (
	"github.com/prometheus/common/model"
)

// versions: programs of one release are tested together.
var versions = question{
	applies: `parascope_build_info{$c}`,
	absent:  "no head or node of the cluster runs parascope",
	wrong: `count by (cluster, version) (parascope_build_info{$c})
  and on (cluster) count by (cluster) (count by (cluster, version) (parascope_build_info{$c})) > 1`,
	say: func(m model.Metric, v float64) string {
		return integer(v) + " programs have version " + label(m, "version")
	},
	next: "'parascope cluster upgrade' upgrades all nodes to the same version; canaries and pins keep different versions intentionally",
}
