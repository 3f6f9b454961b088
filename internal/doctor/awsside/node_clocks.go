package awsside

import (
	"fmt"

	"github.com/prometheus/common/model"
)

// nodeClocks: beside the head's, which timestamps samples.
var nodeClocks = question{
	applies: `node_time_seconds{$c}`,
	absent:  "no node reports its time",
	wrong: `(node_time_seconds{$c} - timestamp(node_time_seconds{$c}) > 30)
  or (node_time_seconds{$c} - timestamp(node_time_seconds{$c}) < -30)`,
	say: func(m model.Metric, v float64) string {
		return fmt.Sprintf("the clock of %s differs from the head node's by %.0f s", nodeOf(m), v)
	},
	next: "run 'chronyc tracking' on the node and on the head node",
}
