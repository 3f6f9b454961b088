package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsamp "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/listen"
)

// ensureWorkspace returns the endpoint of the workspace with the alias, creating it on the first
// start. Creation is what a person waits for on AWS too, so it goes the same way.
func ensureWorkspace(ctx context.Context, cfg aws.Config, alias string) (endpoint string, err error) {
	client := awsamp.NewFromConfig(cfg)
	found, err := client.ListWorkspaces(ctx, &awsamp.ListWorkspacesInput{Alias: aws.String(alias)})
	if err != nil {
		return "", fmt.Errorf("list workspaces: %w", err)
	}
	var id *string
	for _, w := range found.Workspaces {
		if aws.ToString(w.Alias) == alias && w.Status.StatusCode != types.WorkspaceStatusCodeDeleting {
			id = w.WorkspaceId
		}
	}
	if id == nil {
		created, err := client.CreateWorkspace(ctx, &awsamp.CreateWorkspaceInput{Alias: aws.String(alias)})
		if err != nil {
			return "", fmt.Errorf("create workspace %s: %w", alias, err)
		}
		id = created.WorkspaceId
	}
	waiter := awsamp.NewWorkspaceActiveWaiter(client, func(w *awsamp.WorkspaceActiveWaiterOptions) {
		w.MinDelay, w.MaxDelay = 100*time.Millisecond, time.Second
	})
	out, err := waiter.WaitForOutput(ctx, &awsamp.DescribeWorkspaceInput{WorkspaceId: id}, time.Minute)
	if err != nil {
		return "", fmt.Errorf("wait for workspace %s to become ACTIVE: %w", aws.ToString(id), err)
	}
	return aws.ToString(out.Workspace.PrometheusEndpoint), nil
}

// awaitSamples returns when a sample that the head took after this start can be
// queried back: the whole way works, not only its parts.
func awaitSamples(ctx context.Context, cfg aws.Config, endpoint string, o Options) error {
	client, err := amp.NewQueryClient(cfg, endpoint)
	if err != nil {
		return err
	}
	since := time.Now()
	limit := 2*o.Interval + 10*time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	// timestamp() tells a fresh sample from one that an earlier run left behind.
	expr := fmt.Sprintf(`timestamp(node_load1{instance=%q}) >= %d`, listen.Reachable(o.NodeAddress), since.Unix())
	for {
		result, err := client.Query(ctx, expr, time.Time{})
		if err == nil && !result.Empty() {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return fmt.Errorf("no sample of this machine arrived within %s (last answer: %v); read %s", limit, err, o.DataDir+"/head.log")
		}
	}
}
