// Package amg is what the product does with Amazon Managed Grafana: find a
// workspace, and say who may use it.
package amg

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Workspace is one Grafana workspace.
type Workspace struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	Endpoint string `json:"endpoint"` // host, without a scheme
}

// Workspaces lists those of the region.
func Workspaces(ctx context.Context, cfg aws.Config) ([]Workspace, error) {
	var all []Workspace
	pages := sdk.NewListWorkspacesPaginator(sdk.NewFromConfig(cfg), &sdk.ListWorkspacesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list Grafana workspaces", err)
		}
		for _, w := range page.Workspaces {
			all = append(all, Workspace{aws.ToString(w.Id), aws.ToString(w.Name), string(w.Status), aws.ToString(w.Endpoint)})
		}
	}
	return all, nil
}

// FindWorkspace finds the workspace that nameOrID means: an id, a name, or, when
// it is empty, the only one there is. Where that is none or several, the error
// lists the candidates.
func FindWorkspace(ctx context.Context, cfg aws.Config, nameOrID string) (Workspace, error) {
	all, err := Workspaces(ctx, cfg)
	if err != nil {
		return Workspace{}, err
	}
	var named []Workspace
	for _, w := range all {
		if nameOrID == "" || w.Name == nameOrID || w.ID == nameOrID {
			named = append(named, w)
		}
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(all) == 0:
		return Workspace{}, hint.New(hint.NotFound, fmt.Errorf("there is no Grafana workspace in %s", cfg.Region),
			"'parascope up' creates a Grafana workspace with MonitoringType amp+amg; --region selects another region")
	case len(named) == 0:
		return Workspace{}, choose(fmt.Sprintf("no Grafana workspace in %s has the id or name %q", cfg.Region, nameOrID), all)
	}
	return Workspace{}, choose(fmt.Sprintf("%d Grafana workspaces in %s match", len(named), cfg.Region), named)
}

func choose(problem string, candidates []Workspace) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, w := range candidates {
		fmt.Fprintf(t, "\n  %s\t%s\t%s", w.ID, w.Name, w.Status)
	}
	t.Flush()
	return hint.New(hint.NotFound, fmt.Errorf("%s:%s", problem, table.String()), "select one with --workspace ID")
}

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{
		Denied:   "adding users requires these permissions (docs/iam): grafana:ListPermissions and grafana:UpdatePermissions",
		NotFound: "check the workspace ID; 'aws grafana list-workspaces' lists the workspaces",
	})
}
