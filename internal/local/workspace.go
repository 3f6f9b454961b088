package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsamp "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/head"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/listen"
)

// ensureWorkspace returns the endpoint of the workspace with the alias, creating it on the first
// start. Creation is what a person waits for on AWS too, so it goes the same way.
func ensureWorkspace(ctx context.Context, cfg aws.Config, alias string) (endpoint string, err error) {
	client := awsamp.NewFromConfig(cfg)
	found, err := client.ListWorkspaces(ctx, &awsamp.ListWorkspacesInput{Alias: aws.String(alias)})
	if err != nil {
		return "", fmt.Errorf("could not list workspaces: %w", err)
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
			return "", fmt.Errorf("could not create workspace %s: %w", alias, err)
		}
		id = created.WorkspaceId
	}
	waiter := awsamp.NewWorkspaceActiveWaiter(client, func(w *awsamp.WorkspaceActiveWaiterOptions) {
		w.MinDelay, w.MaxDelay = 100*time.Millisecond, time.Second
	})
	out, err := waiter.WaitForOutput(ctx, &awsamp.DescribeWorkspaceInput{WorkspaceId: id}, time.Minute)
	if err != nil {
		return "", fmt.Errorf("could not wait for workspace %s to become ACTIVE: %w", aws.ToString(id), err)
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
	limit := 2*o.Interval + o.patient(30*time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	// timestamp() tells a fresh sample from one that an earlier run left behind.
	expr := fmt.Sprintf(`timestamp(node_load1{cluster="local",job="node"}) >= %d`, since.Unix())
	var trouble error // of the last query; the end of the wait itself is none
	for {
		result, err := client.Query(ctx, expr, time.Time{})
		if err == nil && !result.Empty() {
			return nil
		}
		if ctx.Err() == nil {
			trouble = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return explainNothing(context.WithoutCancel(ctx), o, limit, trouble)
		}
	}
}

// explainNothing says why no sample arrived: with the head's own account of its
// delivery, or, where the head knows of no trouble, with what the workspace last
// answered to the query, which may be no trouble either.
func explainNothing(ctx context.Context, o Options, limit time.Duration, trouble error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	why, next := "the head has sent all its samples, but the workspace returns none of them", ""
	d, err := head.AskDelivery(ctx, listen.Reachable(o.HeadAddress), "")
	failing := slices.IndexFunc(d.Remotes, func(r head.RemoteDelivery) bool { return r.Reason != "" })
	switch {
	case err != nil:
		why = err.Error()
	case failing >= 0:
		r := d.Remotes[failing]
		why = "the head's samples are " + string(r.Verdict) + ": " + r.Reason
		switch {
		case r.LastError != nil && r.LastError.Code == http.StatusTooManyRequests && o.Cloud.AMP.Limits.IngestionRate > 0:
			next = "give a higher --amp-ingestion-rate; "
		case r.LastError != nil:
			next = r.LastError.Next + "; "
		}
	case trouble != nil:
		why = trouble.Error()
	case d.Total.Taken == 0:
		why = "the head has not scraped any samples"
	}
	return hint.New(hint.Failure, fmt.Errorf("no sample of this machine arrived within %s: %s", limit, why),
		next+"read "+filepath.Join(o.DataDir, "head.log"))
}
