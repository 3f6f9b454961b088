package awsside

import (
	"github.com/prometheus/common/model"
)

// slurmController: by the head's commands.
var slurmController = question{
	applies: `slurm_controller_up{$c}`,
	missing: "the head sends nothing of Slurm (job slurm)",
	wrong:   `slurm_controller_up{$c} == 0`,
	say:     func(model.Metric, float64) string { return "slurmctld does not answer the head's commands" },
	next:    "on the head node: 'scontrol ping', 'systemctl status slurmctld', and /var/log/slurmctld.log",
}
