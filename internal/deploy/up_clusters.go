package deploy

import (
	"context"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/internal/stack"
)

// warnOfClusters names the clusters whose configurations name policies that the changes remove.
func (u *up) warnOfClusters(ctx context.Context, changes []stack.Change) error {
	var removed []string
	for _, c := range changes {
		if c.Action == "Remove" && (c.LogicalID == "NodePolicy" || c.LogicalID == "RemoteWritePolicy") {
			removed = append(removed, c.LogicalID)
		}
	}
	if len(removed) == 0 {
		return nil
	}
	slices.Sort(removed)
	usual, err := artifact.UsualBucket(ctx, u.cfg)
	if err != nil {
		return err
	}
	look := uses.Look{Stack: u.o.StackName, Buckets: []string{usual}, Everywhere: true}
	if made := u.state.Parameters["SetupFunctionBucket"]; made != "" && made != usual {
		look.Buckets = append(look.Buckets, made)
	}
	found, err := uses.Find(ctx, u.cfg, look)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	policies := strings.Join(removed, ", ")
	if err != nil {
		u.report(Event{Kind: Warning, Step: "plan", Text: "clusters that need " + policies + ", which this update removes, could not " +
			"be listed: " + awserr.Brief(err)})
	}
	for _, use := range found.Uses {
		if !use.Unsure {
			u.report(Event{Kind: Warning, Step: "plan", Text: "this update removes " + policies + ", without which nodes cannot " +
				"download their script or send metrics: " + use.String()})
		}
	}
	return nil
}
