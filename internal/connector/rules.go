package connector

import (
	"context"
	"errors"

	"github.com/parascope/parascope/internal/alerts/namespace"
	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/rules"
)

// writeRules writes the alert rules to Prometheus. Rules that AMP refuses are a warning:
// those that it has stay, and a stack must not be rolled back because of one.
func (c *Connector) writeRules(ctx context.Context, workspaceID string, done *result.Connection) {
	ctx, cancel := context.WithTimeout(ctx, c.RulesTaken)
	defer cancel()
	files, err := namespace.Files(rules.Groups())
	if err == nil {
		done.Rules, err = namespace.Writer{Client: c.Prometheus, WorkspaceID: workspaceID, Poll: c.Poll}.Write(ctx, files)
	}
	if err = errors.Join(err, namespace.Err(done.Rules)); err != nil {
		warning := "some alert rules could not be updated to this version: " + err.Error()
		c.Logger.Warn(warning)
		done.Warnings = append(done.Warnings, warning)
		return
	}
	c.Logger.Info("alert rules", "done", namespace.Summary(done.Rules))
}
