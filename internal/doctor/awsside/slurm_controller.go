package awsside

import (
	"github.com/prometheus/common/model"
)

const noSlurm = "the head's configuration has no scrape job slurm"

// slurmController: by the head's commands.
var slurmController = question{
	applies: `up{$c,job="slurm"}`,
	absent:  noSlurm,
	wrong:   `slurm_controller_up{$c} == 0 or up{$c,job="slurm"} == 1 unless on (cluster) slurm_controller_up{$c}`,
	say: func(m model.Metric, _ float64) string {
		if m[model.MetricNameLabel] == "up" {
			return "the head does not export Slurm metrics, because it did not find scontrol"
		}
		return "slurmctld does not answer the head's commands"
	},
	next: "on the head node, run 'scontrol ping', 'systemctl status slurmctld', and see /var/log/slurmctld.log",
}
