package awsside

import (
	"context"
	"fmt"
	"time"

	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/doctor"
)

const (
	lateAfter = 5 * time.Minute // Prometheus' own lookback: panels are empty from then on
	goneAfter = time.Hour       // a cluster that is silent for so long may be deleted
)

// checkSamples looks at the age of the cluster's newest sample.
func checkSamples(ctx context.Context, e *ClusterEnv) Finding {
	if e.queries == nil {
		return doctor.Follows("query")
	}
	last := e.clusters[e.Name]
	age := e.Now().Sub(last).Round(time.Second)
	if age < lateAfter {
		return doctor.Good(fmt.Sprintf("the newest sample is %s old", max(age, 0)))
	}
	if age > goneAfter && e.Cluster == "" {
		if c, err := lookup.Find(ctx, e.Config, e.Name); err == nil && !c.Exists {
			return doctor.Skip(fmt.Sprintf("the cluster last sent samples %s ago, and CloudFormation has no cluster of this "+
				"name", age.Round(time.Minute)))
		}
	}
	text := fmt.Sprintf("no sample has arrived for %s", age)
	if last.IsZero() {
		text = "no sample has arrived within " + lookBack
	}
	return doctor.Fault(text, "on the head node, run 'sudo parascope-head doctor', or 'sudo systemctl status prometheus' and "+
		"'grep -A10 remote_write /opt/prometheus/prometheus.yml'")
}
