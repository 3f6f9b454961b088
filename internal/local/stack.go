package local

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/amp"
	"github.com/parascope/parascope/internal/artifact"
	"github.com/parascope/parascope/internal/deploy"
	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/internal/people"
	"github.com/parascope/parascope/internal/stack"
)

// StackName is the guide's.
const StackName = "pcluster-infra"

// firstPage shows the minutes since the start, which an hour's picture hides.
// With a made-up cluster there is more to see.
const (
	firstPage     = "/d/parascope-node?from=now-5m&to=now&refresh=5s"
	firstDemoPage = "/d/parascope-cluster-overview?var-cluster=" + madeup.LiveCluster + "&from=now-1h&to=now&refresh=15s"
)

// withGrafana reports whether the stack has a Grafana, which needs an organization's
// Identity Center.
func (o Options) withGrafana() bool {
	return o.IdentityCenter == "organization" || o.IdentityCenter == ""
}

// rising is a stack that is being brought up.
type rising struct {
	prometheus chan string // its workspace's endpoint, as soon as there is one
	done       chan error  // the end
	page       string      // of Grafana, to look at first
	result     deploy.UpResult
}

// bringUp does what "parascope up" does, beside the caller: metrics can be sent
// long before Grafana is there.
func (o Options) bringUp(ctx context.Context, cfg aws.Config, report func(Event)) *rising {
	r := &rising{prometheus: make(chan string, 1), done: make(chan error, 1), page: firstPage}
	if o.Demo {
		r.page = firstDemoPage
	}
	found := false
	endpoint := func(url string) {
		if !found && url != "" {
			found = true
			r.prometheus <- url
		}
	}
	go func() {
		up, err := o.upOptions(ctx, cfg)
		if err != nil {
			r.done <- err
			return
		}
		r.result, err = deploy.Up(ctx, cfg, up, func(e deploy.Event) {
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
		// The stack remembers the address that the local cloud had when it was made.
		if w, found := amp.FindWorkspace(ctx, cfg, StackName); found == nil {
			endpoint(w.Endpoint)
			if err == nil && r.result.GrafanaURL != "" && w.Endpoint != r.result.Outputs["AMPPrometheusEndpoint"] {
				_, err = deploy.Connect(ctx, cfg, up.Target)
			}
		}
		if err == nil && r.result.GrafanaURL != "" {
			err = o.noteTeam()
		}
		r.done <- err
	}()
	return r
}

// upOptions are those of "parascope up" here. A stack that has a Grafana keeps it:
// up then says what is wrong with Identity Center. One that a person made without a
// Grafana has no use for people.
func (o Options) upOptions(ctx context.Context, cfg aws.Config) (deploy.UpOptions, error) {
	up := deploy.UpOptions{Target: deploy.Target{StackName: StackName},
		Package: artifact.PackageOptions{Architecture: artifact.HostArchitecture()}}
	var err error
	if up.People, err = o.firstTeam(ctx, cfg); err != nil {
		return up, err
	}
	state, err := stack.New(cfg, StackName).Describe(ctx)
	switch {
	case err != nil:
	case state.Exists() && !stack.MonitoringOf(state.Parameters).HasGrafana():
		up.People = nil
	case !state.Exists() && !o.withGrafana():
		up.Parameters = map[string]string{stack.MonitoringParameter: string(stack.AMPOnly)}
	}
	return up, err
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
		return "", fmt.Errorf("could not create the stack: %w", err)
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// await returns when the rest of the stack is there, and says what it is.
func (r *rising) await(ctx context.Context, report func(Event)) error {
	select {
	case err := <-r.done:
		if err != nil {
			return fmt.Errorf("could not create the stack: %w", err)
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.result.GrafanaURL == "" {
		report(Event{Kind: Trouble, What: "grafana", Detail: "the stack has no Grafana workspace; start with --identity-center " +
			"organization at the first start, or run 'parascope up --parameter MonitoringType=amp+amg' later"})
		return nil
	}
	var who []string
	for _, m := range people.SignIn(r.result.Members) {
		who = append(who, m.Principal.String()+" ("+strings.ToLower(string(m.Role))+")")
	}
	detail := "no user has a role yet: parascope users add EMAIL:admin"
	if len(who) > 0 {
		detail = "sign in as " + strings.Join(who, ", ")
	}
	report(Event{Kind: Started, What: "grafana", Address: r.result.GrafanaURL + r.page, Detail: detail})
	return nil
}
