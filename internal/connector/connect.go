// Package connector connects a Prometheus workspace to a Grafana workspace, which
// AWS has no resource type for: it is what the setup function of the stack does,
// as a custom resource of CloudFormation and by hand.
//
// Connect is idempotent and repairs what it finds. It signs in to Grafana with a
// service account of its own, which is deleted before Connect returns, whatever
// happened; one that a killed run left behind is deleted by the next run.
package connector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/amp"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"
	amgtypes "github.com/aws/aws-sdk-go-v2/service/grafana/types"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/grafana"
)

// Target names the two workspaces.
type Target struct {
	GrafanaWorkspaceID    string // g-…
	PrometheusWorkspaceID string // ws-…
}

// Connector does the work with these clients.
type Connector struct {
	Grafana    *amg.Client
	Prometheus *amp.Client
	Region     string // of both workspaces
	Options
}

// New returns a connector that uses the configuration's credentials and region. Connect
// validates the options: an error here would leave CloudFormation without an answer.
func New(cfg aws.Config, o Options) *Connector {
	return &Connector{Grafana: amg.NewFromConfig(cfg), Prometheus: amp.NewFromConfig(cfg), Region: cfg.Region, Options: o}
}

// Connect writes the alert rules, makes Prometheus the default data source of Grafana,
// adds CloudWatch and installs the dashboards. It takes as long as the workspaces need to become
// ACTIVE and is bounded by ctx, whose deadline bounds the token's life as well. With
// an error comes what was found and done until then.
func (c *Connector) Connect(ctx context.Context, t Target) (done result.Connection, err error) {
	if err := c.Validate(); err != nil {
		return done, err
	}
	start := c.Now()
	workspace, err := c.awaitGrafana(ctx, t.GrafanaWorkspaceID)
	if err != nil {
		return done, err
	}
	endpoint, err := c.awaitPrometheus(ctx, t.PrometheusWorkspaceID)
	if err != nil {
		return done, err
	}
	c.writeRules(ctx, t.PrometheusWorkspaceID, &done)
	account, err := c.signIn(ctx, t.GrafanaWorkspaceID)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, c.signOut(ctx, account)) }()

	client := grafana.New(aws.ToString(workspace.Endpoint), account.token)
	client.Gap = c.Poll / 4
	if c.HTTP != nil {
		client.HTTP = c.HTTP
	}
	if err := c.awaitAnswers(ctx, client); err != nil {
		return done, err
	}
	done.GrafanaWorkspaceID, done.GrafanaURL = t.GrafanaWorkspaceID, grafana.BaseURL(aws.ToString(workspace.Endpoint))
	done.GrafanaVersion = aws.ToString(workspace.GrafanaVersion)
	if workspace.Status == amgtypes.WorkspaceStatusDegraded {
		warning := fmt.Sprintf("Grafana workspace %s is DEGRADED: %s", t.GrafanaWorkspaceID, aws.ToString(workspace.DegradedWorkspaceReason))
		c.Logger.Warn(warning)
		done.Warnings = append(done.Warnings, warning)
	}
	sources, err := dataSources(done.GrafanaVersion, endpoint, c.Region)
	if err != nil {
		return done, err
	}
	for _, want := range sources {
		connected, err := ensureDataSource(ctx, client, want)
		if err != nil {
			return done, err
		}
		c.Logger.Info("data source", "name", connected.Name, "uid", connected.UID, "default", connected.Default, "action", connected.Action)
		done.DataSources = append(done.DataSources, connected)
	}
	if err := c.checkHealth(ctx, client, &done); err != nil {
		return done, err
	}
	if done.Dashboards, err = installDashboards(ctx, client, done.DataSources); err != nil {
		return done, err
	}
	for _, d := range done.Dashboards {
		if d.Kept != "" {
			done.Warnings = append(done.Warnings, fmt.Sprintf("dashboard %q was changed manually and is replaced; the changed copy is kept at %s",
				d.Title, d.Kept))
		}
	}
	done.Seconds = c.Now().Sub(start).Round(time.Millisecond).Seconds()
	return done, nil
}

// checkHealth lets Grafana query each data source. Without Prometheus Grafana is
// an empty page, and that is an error; without CloudWatch it misses some panels,
// and that is a warning.
func (c *Connector) checkHealth(ctx context.Context, client *grafana.Client, r *result.Connection) error {
	for i := range r.DataSources {
		d := &r.DataSources[i]
		health, err := c.awaitHealth(ctx, client, d.UID)
		if err != nil {
			return fmt.Errorf("could not check the health of data source %q: %w", d.Name, err)
		}
		d.Health = health.Status + ": " + health.Message
		c.Logger.Info("health", "name", d.Name, "status", health.Status, "message", health.Message)
		switch {
		case health.Status == healthy:
		case d.Default:
			return fmt.Errorf("data source %q exists, but Grafana cannot query it (%s); check that the workspace's role is allowed to query "+
				"Prometheus, "+
				"then run the setup function again", d.Name, health.Message)
		default:
			r.Warnings = append(r.Warnings, fmt.Sprintf("Grafana cannot query data source %q: %s", d.Name, health.Message))
		}
	}
	return nil
}
