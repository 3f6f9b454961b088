package connector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	amptypes "github.com/aws/aws-sdk-go-v2/service/amp/types"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	amgtypes "github.com/aws/aws-sdk-go-v2/service/grafana/types"
	"github.com/aws/smithy-go"

	"github.com/parascope/parascope/internal/grafana"
)

const healthy = "OK"

// until calls try until it is done, fails for good, or ctx ends. What try says
// while it is not done becomes part of the error when the time is over.
func (c *Connector) until(ctx context.Context, what string, try func() (done bool, state string, err error)) error {
	tick := time.NewTicker(c.Poll)
	defer tick.Stop()
	var state string
	for {
		done, now, err := try()
		switch {
		case done:
			return nil
		case ctx.Err() != nil && state != "": // what the end of ctx cut off says nothing
		case err != nil:
			return err
		default:
			state = now
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("could not wait for %s: %w (last status: %s)", what, ctx.Err(), state)
		}
	}
}

// awaitGrafana waits until the workspace can be used. One that failed is an
// error at once; a DEGRADED one answers, and is used with a warning.
func (c *Connector) awaitGrafana(ctx context.Context, id string) (*amgtypes.WorkspaceDescription, error) {
	var w *amgtypes.WorkspaceDescription
	err := c.until(ctx, "Grafana workspace "+id+" to become ACTIVE", func() (bool, string, error) {
		out, err := c.Grafana.DescribeWorkspace(ctx, &amg.DescribeWorkspaceInput{WorkspaceId: &id})
		if err != nil {
			return false, "", explainDescribe("Grafana", id, "amp-only", err)
		}
		w = out.Workspace
		switch w.Status {
		case amgtypes.WorkspaceStatusActive:
			return true, "", nil
		case amgtypes.WorkspaceStatusDegraded:
			return true, "", nil
		case amgtypes.WorkspaceStatusCreating, amgtypes.WorkspaceStatusUpdating, amgtypes.WorkspaceStatusUpgrading,
			amgtypes.WorkspaceStatusVersionUpdating:
			return false, string(w.Status), nil
		}
		return false, "", fmt.Errorf("grafana workspace %s is %s and cannot be connected; check the workspace in the Amazon Managed "+
			"Grafana console, and create it again if it does not recover", id, w.Status)
	})
	return w, err
}

// explainDescribe says what to do about a workspace that somebody deleted. without is
// the MonitoringType of a stack that does not have one.
func explainDescribe(kind, id, without string, err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok && api.ErrorCode() == "ResourceNotFoundException" {
		return fmt.Errorf("the %s workspace %s does not exist; CloudFormation does not replace a manually deleted workspace: update the "+
			"stack with MonitoringType=%s, then with MonitoringType=amp+amg, which creates a new workspace", kind, id, without)
	}
	return fmt.Errorf("could not describe %s workspace %s: %w", kind, id, err)
}

// awaitPrometheus waits until the workspace is ACTIVE and returns its endpoint.
func (c *Connector) awaitPrometheus(ctx context.Context, id string) (endpoint string, err error) {
	err = c.until(ctx, "Prometheus workspace "+id+" to become ACTIVE", func() (bool, string, error) {
		out, err := c.Prometheus.DescribeWorkspace(ctx, &amp.DescribeWorkspaceInput{WorkspaceId: &id})
		if err != nil {
			return false, "", explainDescribe("Prometheus", id, "none", err)
		}
		endpoint = aws.ToString(out.Workspace.PrometheusEndpoint)
		switch status := out.Workspace.Status.StatusCode; status {
		case amptypes.WorkspaceStatusCodeActive, amptypes.WorkspaceStatusCodeUpdating:
			return true, "", nil
		case amptypes.WorkspaceStatusCodeCreating:
			return false, string(status), nil
		default:
			return false, "", fmt.Errorf("prometheus workspace %s is %s and cannot be connected", id, status)
		}
	})
	return endpoint, err
}

// awaitAnswers waits for Grafana itself behind an ACTIVE workspace.
func (c *Connector) awaitAnswers(ctx context.Context, client *grafana.Client) error {
	ctx, cancel := context.WithTimeout(ctx, c.GrafanaStarts)
	defer cancel()
	return c.until(ctx, "Grafana to answer", func() (bool, string, error) {
		_, err := client.DataSources(ctx)
		if err == nil {
			return true, "", nil
		}
		// Whatever it is, a starting Grafana may say it: refused connections,
		// 502, 403 before the token is known. Only time tells.
		c.Logger.Info("Grafana does not answer yet", "err", err)
		return false, err.Error(), nil
	})
}

// awaitHealth returns the data source's health, as soon as it is good or when it
// has stayed bad for longer than permissions need to spread.
func (c *Connector) awaitHealth(ctx context.Context, client *grafana.Client, uid string) (health grafana.Health, err error) {
	waiting, cancel := context.WithTimeout(ctx, c.PermissionsSpread)
	defer cancel()
	err = c.until(waiting, "health", func() (bool, string, error) {
		h, err := client.CheckHealth(waiting, uid)
		if err != nil {
			return false, err.Error(), nil
		}
		health = h
		return h.Status == healthy, h.Message, nil
	})
	if ctx.Err() == nil && health.Status != "" && errors.Is(err, context.DeadlineExceeded) {
		return health, nil // bad, and known to be
	}
	return health, err
}
