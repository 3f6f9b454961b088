// Package amp is what the product does with Amazon Managed Prometheus: find a
// workspace and ask it in PromQL.
package amp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/amp"
	"github.com/aws/aws-sdk-go-v2/service/amp/types"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/hint"
)

// Workspace is one AMP workspace. Endpoint is empty in a listing, since AMP
// tells it only of a single workspace.
type Workspace struct {
	ID       string
	Alias    string
	Status   string
	Endpoint string
}

// usable reports whether the workspace answers queries.
func (w Workspace) usable() bool {
	return w.Status == string(types.WorkspaceStatusCodeActive) || w.Status == string(types.WorkspaceStatusCodeUpdating)
}

// ListWorkspaces returns all workspaces of the account and region.
func ListWorkspaces(ctx context.Context, cfg aws.Config) ([]Workspace, error) {
	var all []Workspace
	pages := sdk.NewListWorkspacesPaginator(sdk.NewFromConfig(cfg), &sdk.ListWorkspacesInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list AMP workspaces", err)
		}
		for _, w := range page.Workspaces {
			all = append(all, workspace(w.WorkspaceId, w.Alias, w.Status, nil))
		}
	}
	return all, nil
}

// FindWorkspace finds the workspace that can be asked and that nameOrID means:
// an id ("ws-…"), an alias, or, when it is empty, the only one there is. Where
// that is none or several, the error lists the candidates.
func FindWorkspace(ctx context.Context, cfg aws.Config, nameOrID string) (Workspace, error) {
	if strings.HasPrefix(nameOrID, "ws-") {
		w, err := describe(ctx, cfg, nameOrID)
		if _, unknown := errors.AsType[*types.ResourceNotFoundException](err); !unknown {
			if err == nil && !w.usable() {
				return Workspace{}, choose("AMP workspace "+w.ID+" cannot be queried: its status is "+w.Status, []Workspace{w})
			}
			return w, err
		}
	}
	all, err := ListWorkspaces(ctx, cfg)
	if err != nil {
		return Workspace{}, err
	}
	var named, usable []Workspace
	for _, w := range all {
		if nameOrID != "" && w.Alias != nameOrID {
			continue
		}
		named = append(named, w)
		if w.usable() {
			usable = append(usable, w)
		}
	}
	region := cfg.Region
	switch {
	case len(usable) == 1:
		return describe(ctx, cfg, usable[0].ID)
	case len(usable) > 1 && nameOrID == "":
		return Workspace{}, choose(fmt.Sprintf("%d AMP workspaces in %s match", len(usable), region), usable)
	case len(usable) > 1:
		return Workspace{}, choose(fmt.Sprintf("%d AMP workspaces in %s have the alias %q", len(usable), region, nameOrID), usable)
	case len(named) > 0:
		return Workspace{}, choose("no matching AMP workspace can be queried", named)
	case len(all) > 0:
		return Workspace{}, choose(fmt.Sprintf("no AMP workspace in %s has the id or alias %q", region, nameOrID), all)
	}
	return Workspace{}, hint.New(hint.NotFound, fmt.Errorf("there is no AMP workspace in %s", region),
		"choose another region with --region or account with --profile; "+create)
}

const create = "'aws amp create-workspace --alias NAME' creates a workspace"

// choose is the error that lists the candidates and leaves the choice to the person.
func choose(problem string, candidates []Workspace) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, w := range candidates {
		alias := w.Alias
		if alias == "" {
			alias = "-"
		}
		fmt.Fprintf(t, "\n  %s\t%s\t%s", w.ID, alias, w.Status)
	}
	t.Flush()
	next := "select one with --workspace ID (or ALIAS, if it is unique)"
	if len(candidates) == 1 && !candidates[0].usable() {
		next = "wait until the workspace is ACTIVE, or select another one with --workspace"
	}
	return hint.New(hint.NotFound, fmt.Errorf("%s:%s", problem, table.String()), next)
}

func describe(ctx context.Context, cfg aws.Config, id string) (Workspace, error) {
	out, err := sdk.NewFromConfig(cfg).DescribeWorkspace(ctx, &sdk.DescribeWorkspaceInput{WorkspaceId: &id})
	if err != nil {
		return Workspace{}, explain("describe AMP workspace "+id, err)
	}
	w := out.Workspace
	return workspace(w.WorkspaceId, w.Alias, w.Status, w.PrometheusEndpoint), nil
}

func workspace(id, alias *string, status *types.WorkspaceStatus, endpoint *string) Workspace {
	w := Workspace{ID: aws.ToString(id), Alias: aws.ToString(alias), Endpoint: aws.ToString(endpoint)}
	if status != nil {
		w.Status = string(status.StatusCode)
	}
	return w
}

// explain gives an SDK error the exit code of its kind.
func explain(doing string, err error) error {
	return awserr.Explain(doing, err, awserr.Next{
		Denied:   denied,
		NotFound: "check the workspace ID; 'aws amp list-workspaces' lists the workspaces",
		Invalid:  "give --workspace the ID (ws-…) or the alias of a workspace",
	})
}

const denied = "'aws sts get-caller-identity' shows the caller, who needs aps:ListWorkspaces, aps:DescribeWorkspace and " +
	"aps:QueryMetrics"
