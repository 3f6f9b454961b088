package site

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/parascope/parascope/internal/connector"
	"github.com/parascope/parascope/internal/grafana"
	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/stack"
)

// WithGrafana calls f with a client of the stack's Grafana that is signed in as an
// administrator for as long as f runs.
func WithGrafana(ctx context.Context, cfg aws.Config, stackName string, f func(*grafana.Client) error) error {
	state, err := stack.New(cfg, stackName).Describe(ctx)
	if err != nil {
		return err
	}
	id := state.Outputs["ManagedGrafanaWorkspaceId"]
	switch {
	case !state.Exists():
		return hint.New(hint.NotFound, fmt.Errorf("there is no stack %s in %s", stackName, cfg.Region),
			"'parascope up' creates the stack; --stack and --region select another one")
	case id == "":
		return hint.New(hint.NotFound, fmt.Errorf("stack %s has no Grafana workspace", stackName),
			"the stack was created without a Grafana workspace; --stack and --region name another one")
	}
	return connector.New(cfg, connector.DefaultOptions()).Borrow(ctx, id, f)
}
