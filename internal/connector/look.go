package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	amg "github.com/aws/aws-sdk-go-v2/service/grafana"

	"github.com/parascope/parascope/internal/connector/result"
	"github.com/parascope/parascope/internal/grafana"
)

// Look says what data sources a workspace's Grafana has, and whether it can query them. It
// repairs nothing: but for a service account of its own, which it deletes, all stays as it
// is.
func (c *Connector) Look(ctx context.Context, workspaceID string) (seen result.Look, err error) {
	if err := c.Validate(); err != nil {
		return seen, err
	}
	out, err := c.Grafana.DescribeWorkspace(ctx, &amg.DescribeWorkspaceInput{WorkspaceId: &workspaceID})
	if err != nil {
		return seen, fmt.Errorf("could not describe Grafana workspace %s: %w", workspaceID, err)
	}
	account, err := c.signIn(ctx, workspaceID)
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, c.signOut(ctx, account)) }()
	client := grafana.New(aws.ToString(out.Workspace.Endpoint), account.token)
	client.Gap = c.Poll / 4
	if c.HTTP != nil {
		client.HTTP = c.HTTP
	}
	seen.GrafanaVersion = aws.ToString(out.Workspace.GrafanaVersion)
	all, err := client.DataSources(ctx)
	if err != nil {
		return seen, fmt.Errorf("could not list Grafana's data sources: %w", err)
	}
	ours, found := find(all, grafana.DataSource{Name: PrometheusName, UID: prometheusUID})
	for _, d := range all {
		source := seenSource(d)
		if found && d.UID == ours.UID {
			health, err := client.CheckHealth(ctx, d.UID)
			if err != nil {
				return seen, fmt.Errorf("could not check the health of data source %q: %w", d.Name, err)
			}
			source.Ours, source.Healthy, source.Health = true, health.Status == healthy, health.Message
		}
		seen.DataSources = append(seen.DataSources, source)
	}
	return seen, nil
}

func seenSource(d grafana.DataSource) result.SeenSource {
	text := func(key string) string {
		v, _ := d.JSONData[key].(string) // what is no text is as good as absent
		return v
	}
	signs, _ := d.JSONData["sigV4Auth"].(bool)
	return result.SeenSource{Name: d.Name, UID: d.UID, Type: d.Type, Default: d.IsDefault, URL: d.URL, Signs: signs,
		AuthType: text("sigV4AuthType"), Region: text("sigV4Region")}
}

// Wanted is the data source that Look should see, as Grafana of this version should have it.
func Wanted(version, endpoint, region string) (result.SeenSource, error) {
	all, err := dataSources(version, endpoint, region)
	if err != nil {
		return result.SeenSource{}, err
	}
	return seenSource(all[0]), nil
}

// look answers a request for a look, which Function.Invoke has read.
func (f *Function) look(ctx context.Context) ([]byte, error) {
	seen, err := f.Connector.Look(ctx, f.Default.GrafanaWorkspaceID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(seen)
}
