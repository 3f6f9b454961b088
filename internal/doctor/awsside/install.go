package awsside

import (
	"github.com/prometheus/common/model"
)

// install: the install script says on the node's page what it could not do.
var install = question{
	applies: `parascope_install_info{$c} or parascope_install_failure{$c}`,
	absent:  "no node was installed by 'parascope cluster attach'",
	wrong: `parascope_install_failure{$c} > 0
  or parascope_install_info{$c,version=""} == 1`,
	say: func(m model.Metric, _ float64) string {
		if reason := label(m, "reason"); reason != "" {
			return nodeOf(m) + ": the installation fails: " + reason
		}
		return nodeOf(m) + ": the installation is not finished"
	},
	next: "on the node, run 'journalctl -u parascope-install'",
}
