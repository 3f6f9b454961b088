package alerts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/rules"
)

// stillSent is how old the newest sample of a head that sends may be: it is scraped twice a
// minute. A head that has been quiet for longer can be forgotten at once, although its series
// last for five minutes: the sample of HeadForgotten outlasts them by two evaluations.
const stillSent = 2 * time.Minute

// Known are the clusters for which HeadSilent can fire, by their names, and whether the head
// of each sends.
func Known(ctx context.Context, cfg aws.Config, at Place) (map[string]bool, error) {
	client, err := amp.NewQueryClient(cfg, at.Endpoint)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, ask := range []struct {
		expr  string
		sends bool
	}{{rules.HeadSeen, false}, {fmt.Sprintf(`group by (cluster) (timestamp(up{job="head"}) > time() - %.0f)`, stillSent.Seconds()), true}} {
		r, err := client.Query(ctx, ask.expr, time.Time{})
		if err != nil {
			return nil, fmt.Errorf("could not query which clusters sent metrics: %w", err)
		}
		clusters, err := r.ByLabel("cluster")
		if err != nil {
			return nil, err
		}
		for name := range clusters {
			known[name] = known[name] || ask.sends
		}
	}
	return known, nil
}

// Forget ends HeadSilent of a cluster whose head sends no more. The alert ends within three minutes, and can fire again when the head
// returns.
func Forget(ctx context.Context, cfg aws.Config, at Place, cluster string, now time.Time) error {
	known, err := Known(ctx, cfg, at)
	if err != nil {
		return err
	}
	sends, found := known[cluster]
	switch {
	case !found && len(known) == 0:
		return hint.New(hint.NotFound, fmt.Errorf("cluster %s has sent no metrics to workspace %s, and no other cluster has", cluster,
			at.WorkspaceID),
			"select another stack with --stack")
	case !found:
		var names []string
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		return hint.New(hint.NotFound, fmt.Errorf("the alert HeadSilent does not track the cluster %s", cluster), "the alert tracks the "+
			"clusters "+strings.Join(names, ", "))
	case sends:
		return hint.New(hint.BadInput, fmt.Errorf("the head of cluster %s still sends metrics: HeadSilent would track it again at once", cluster),
			"delete or stop the cluster first, wait two minutes, then run this command again")
	}
	return End(ctx, cfg, at, cluster, now)
}

// End writes the series that ends HeadSilent of a cluster, which Known has and which does not send.
func End(ctx context.Context, cfg aws.Config, at Place, cluster string, now time.Time) error {
	labels := map[string]string{"__name__": rules.HeadForgotten, "cluster": cluster}
	if err := amp.WriteSample(ctx, cfg, at.Endpoint, labels, 1, now); err != nil {
		return fmt.Errorf("could not write %s of cluster %s: %w", rules.HeadForgotten, cluster, err)
	}
	return nil
}
