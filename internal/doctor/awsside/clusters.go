package awsside

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/cluster/lookup"
	"github.com/parascope/parascope/internal/cluster/words"
	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/hint"
)

// lastSeen is when a cluster's newest sample is of.
type lastSeen = time.Time

// lookBack is how far back clusters are looked for.
const lookBack = "1d"

// checkClusters finds the clusters that sent within a day.
func checkClusters(ctx context.Context, e *Env) Finding {
	if e.endpoint == "" {
		return skipWithout(e, noPrometheus)
	}
	if e.queries == nil {
		return doctor.Follows("query")
	}
	at := e.Now()
	const newest = `max by (cluster) (timestamp(up)) or max by (cluster) (max_over_time(timestamp(up)[` + lookBack + `:5m]))`
	all, err := vector(ctx, e.queries, newest, at)
	if err != nil {
		return doctor.Unasked(err)
	}
	found := map[string]lastSeen{}
	for _, s := range all {
		name := string(s.Metric["cluster"])
		if e.Cluster == "" || e.Cluster == name {
			found[name] = time.UnixMilli(int64(s.Value * 1000))
		}
	}
	if e.Cluster != "" {
		if _, sent := found[e.Cluster]; !sent {
			if err := misspelled(ctx, e, all); err != nil {
				return doctor.Failure(err)
			}
			found[e.Cluster] = time.Time{}
		}
	}
	if len(found) == 0 {
		return doctor.Skip("no cluster has sent a sample within " + lookBack + "; attach a cluster with 'parascope cluster attach', " +
			"or name the expected cluster with --cluster")
	}
	return doctor.Good(strings.Join(slices.Sorted(maps.Keys(found)), ", ")).Keeping(func() { e.clusters = found })
}

// misspelled is the error of a cluster that neither sends nor exists, where others do: with these. It is
// nil where nobody knows, or where there is no other.
func misspelled(ctx context.Context, e *Env, sent model.Vector) error {
	all, err := lookup.Names(ctx, e.Config)
	if err != nil || slices.Contains(all, e.Cluster) {
		return nil
	}
	for _, s := range sent {
		if name := string(s.Metric["cluster"]); name != "" {
			all = append(all, name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	all = slices.Compact(all)
	for i := range all {
		all[i] = words.Printable(all[i])
	}
	if n := len(all) - mostClusters; n > 0 {
		all = append(all[:mostClusters:mostClusters], fmt.Sprintf("%d more", n))
	}
	return hint.New(hint.NotFound, fmt.Errorf("no cluster %s has sent samples within %s, and CloudFormation has none in %s",
		words.Printable(e.Cluster), lookBack, e.Config.Region), "give --cluster one of "+strings.Join(all, ", "))
}

const mostClusters = 20 // that are listed

// Clusters are the names of those that the checks of clusters are about.
func (e *Env) Clusters() []string { return slices.Sorted(maps.Keys(e.clusters)) }

// vector is the answer to an instant query.
func vector(ctx context.Context, client *amp.QueryClient, expr string, at time.Time) (model.Vector, error) {
	r, err := client.Query(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	v, ok := r.Value.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("the response to query %s is not a vector", expr)
	}
	return v, nil
}
