package connector

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"

	"github.com/parascope/parascope/internal/grafana"
)

// Borrow calls f with a client of the workspace's Grafana that is signed in as an
// administrator. The service account ends when f returns, whatever happened.
func (c *Connector) Borrow(ctx context.Context, workspaceID string, f func(*grafana.Client) error) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	out, err := c.Grafana.DescribeWorkspace(ctx, &amg.DescribeWorkspaceInput{WorkspaceId: &workspaceID})
	if err != nil {
		return fmt.Errorf("could not describe Grafana workspace %s: %w", workspaceID, err)
	}
	account, err := c.signIn(ctx, workspaceID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.signOut(ctx, account)) }()
	client := grafana.New(aws.ToString(out.Workspace.Endpoint), account.token)
	if c.HTTP != nil {
		client.HTTP = c.HTTP
	}
	return f(client)
}
