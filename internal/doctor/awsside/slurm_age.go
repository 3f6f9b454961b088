package awsside

import (
	"github.com/prometheus/common/model"
)

// slurmAge: of what the Slurm dashboards show.
var slurmAge = question{
	applies: `slurm_snapshot_age_seconds{$c}`,
	absent:  "the head does not send Slurm metrics; see check slurm-controller",
	wrong:   `slurm_snapshot_age_seconds{$c} > 600`,
	say: func(_ model.Metric, v float64) string {
		return "the snapshot is " + seconds(v) + " old: Slurm's commands hang or fail"
	},
	next: "on the head node, run 'time scontrol show nodes', and 'journalctl -u prometheus'",
}
