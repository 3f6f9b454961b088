package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/parascope/parascope/internal/cluster/uses"
	"github.com/parascope/parascope/internal/hint"
)

// checkScripts looks for clusters that need what is staged for their nodes, before anything is
// deleted. With ForceRemoveScripts they are named, and the scripts are deleted. Where nothing is staged in the stack's bucket,
// scripts may be in another one of the stack's region; what cannot be looked at stops nothing then.
func (d *down) checkScripts(ctx context.Context, bucketKnown bool) error {
	staged := len(d.holding.Staged) > 0
	if !staged && !d.state.Exists() {
		return nil
	}
	must := staged && !d.o.KeepBucket && !d.o.ForceRemoveScripts
	look := uses.Look{Stack: d.o.StackName, Everywhere: staged}
	if bucketKnown || staged {
		for _, bucket := range []string{d.holding.Bucket, d.state.Parameters["SetupFunctionBucket"], d.holding.Usually()} {
			if bucket != "" && !slices.Contains(look.Buckets, bucket) {
				look.Buckets = append(look.Buckets, bucket)
			}
		}
	}
	var err error
	if d.found, err = uses.Find(ctx, d.cfg, look); err != nil {
		if must || ctx.Err() != nil {
			return err
		}
		d.unknown = true
		d.report(Event{Kind: Warning, Step: "scripts", Text: err.Error()})
	}
	if len(d.found.Closed) > 0 {
		d.report(Event{Kind: Warning, Step: "scripts", Text: "a service control policy denies listing clusters in " +
			strings.Join(d.found.Closed, ", ")})
	}
	counted, recorded := 0, ""
	for _, u := range d.found.Uses {
		text := u.String()
		if u.Record != "" {
			text += " (" + u.Record + ")"
			recorded = "; 'aws s3 rm RECORD' deletes the record of a file that does not exist any more"
		}
		if d.o.ForceRemoveScripts {
			text = "will fail to start nodes: " + text
		}
		d.report(Event{Kind: Warning, Step: "scripts", Text: text})
		if staged || !u.Unsure {
			counted++
		}
	}
	if counted == 0 || d.o.KeepBucket || d.o.ForceRemoveScripts {
		return nil
	}
	return hint.New(hint.Failure, fmt.Errorf("nothing was deleted: found %d uses of the scripts of stack %s, and "+
		"ParallelCluster terminates every node that cannot download its script", counted, d.o.StackName),
		"delete the clusters ('pcluster delete-cluster'), or detach their configurations ('"+
			d.o.Command("cluster detach --config FILE --cluster NAME --write")+"', then 'pcluster update-cluster')"+recorded+
			"; '"+d.o.Again("down")+" --force-remove-scripts' deletes the scripts anyway")
}

// needed reports whether a cluster that exists names the scripts, or may.
func (d *down) needed() bool {
	return d.unknown || slices.ContainsFunc(d.found.Uses, func(u uses.Use) bool {
		return u.Record == "" && (!u.Unsure || len(d.holding.Staged) > 0)
	})
}

// clusterOf is the cluster that a role is of by its name, which begins with that of the cluster's stack.
// CloudFormation shortens long names of stacks in it.
func (d *down) clusterOf(role string) string {
	const whole = 24 // characters of a stack's name that are always there
	for _, name := range d.found.Clusters {
		if strings.HasPrefix(role, name+"-") || len(name) > whole && strings.HasPrefix(role, name[:whole]) {
			return name
		}
	}
	return ""
}
