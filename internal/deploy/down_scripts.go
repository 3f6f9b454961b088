package deploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/internal/hint"
)

// checkScripts looks for clusters that need what is staged for their nodes, before anything is
// deleted. With ForceRemoveScripts they are named, and it goes on.
func (d *down) checkScripts(ctx context.Context) error {
	if len(d.holding.Staged) == 0 || d.o.KeepBucket {
		return nil
	}
	all, closed, err := uses.Find(ctx, d.cfg, uses.Place{Bucket: d.holding.Bucket, Stack: d.o.StackName})
	if err != nil && !d.o.ForceRemoveScripts {
		return err
	}
	if len(closed) > 0 {
		d.report(Event{Kind: Warning, Step: "scripts", Text: "a service control policy denies listing clusters in " +
			strings.Join(closed, ", ")})
	}
	for _, u := range all {
		text := u.String()
		if d.o.ForceRemoveScripts {
			text = "will fail to start nodes: " + text
		}
		d.report(Event{Kind: Warning, Step: "scripts", Text: text})
	}
	if len(all) == 0 || d.o.ForceRemoveScripts {
		return nil
	}
	return hint.New(hint.Failure, fmt.Errorf("nothing was deleted: found %d uses of the scripts in s3://%s/parascope/%s/, and "+
		"ParallelCluster terminates every node that cannot download its script", len(all), d.holding.Bucket, d.o.StackName),
		"delete the clusters ('pcluster delete-cluster'), or detach their configurations ('parascope cluster detach --config FILE --cluster "+
			"NAME --write'); '"+d.o.Again("down")+" --force-remove-scripts' deletes the scripts anyway")
}
