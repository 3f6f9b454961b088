package local

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// StackName is the guide's.
const StackName = "pcluster-infra"

// Deployer is the user that brings the stack up: it may do what the deployer's
// policy says, and no more.
const Deployer = "deployer"

// firstPage shows the minutes since the start, which an hour's picture hides.
const firstPage = "/d/parascope-cluster-overview?from=now-5m&to=now&refresh=5s"

// team are the example people of the local Identity Center.
func team() []people.Want {
	return []people.Want{
		{Who: "alice@example.com", Role: "ADMIN"},
		{Who: "bob@example.com", Role: "EDITOR"},
		{Who: "carol@example.com", Role: "VIEWER"},
	}
}

// rising is a stack that is being brought up.
type rising struct {
	prometheus chan string // its workspace's endpoint, as soon as there is one
	done       chan error  // the end
	result     deploy.UpResult
}

// bringUp does what "parascope up" does, beside the caller: metrics can be sent
// long before Grafana is there.
func bringUp(ctx context.Context, cfg aws.Config, report func(Event)) *rising {
	r := &rising{prometheus: make(chan string, 1), done: make(chan error, 1)}
	found := false
	endpoint := func(url string) {
		if !found && url != "" {
			found = true
			r.prometheus <- url
		}
	}
	go func() {
		o := deploy.UpOptions{Target: deploy.Target{StackName: StackName}, Package: stack.PackageOptions{Architecture: stack.HostArchitecture()}, People: team()}
		var err error
		r.result, err = deploy.Up(ctx, cfg, o, func(e deploy.Event) {
			switch {
			case e.Kind == deploy.Progress && e.Resource.LogicalID == "PrometheusWorkspace" && e.Resource.Done():
				if w, err := amp.FindWorkspace(ctx, cfg, StackName); err == nil {
					endpoint(w.Endpoint)
				}
			case e.Kind == deploy.Progress && e.Resource.Failed():
				report(Event{Kind: Trouble, What: e.Resource.LogicalID, Detail: e.Resource.Reason})
			case e.Kind == deploy.Warning:
				report(Event{Kind: Trouble, What: e.Step, Detail: e.Text})
			}
		})
		endpoint(r.result.Outputs["AMPPrometheusEndpoint"])
		r.done <- err
	}()
	return r
}

// awaitPrometheus returns the endpoint of the stack's workspace.
func (r *rising) awaitPrometheus(ctx context.Context) (string, error) {
	select {
	case url := <-r.prometheus:
		return url, nil
	case err := <-r.done:
		if err == nil {
			err = fmt.Errorf("stack %s has no Prometheus workspace", StackName)
		}
		return "", fmt.Errorf("bring up the stack: %w", err)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// await returns when the rest of the stack is there, and says what it is.
func (r *rising) await(ctx context.Context, report func(Event)) error {
	select {
	case err := <-r.done:
		if err != nil {
			return fmt.Errorf("bring up the stack: %w", err)
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	var who []string
	for _, m := range r.result.Members {
		who = append(who, m.Principal.String()+" ("+strings.ToLower(string(m.Role))+")")
	}
	report(Event{Kind: Started, What: "grafana", Address: r.result.GrafanaURL + firstPage, Detail: "sign in as " + strings.Join(who, ", ")})
	return nil
}
