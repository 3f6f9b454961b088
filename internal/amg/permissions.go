package amg

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/grafana"
	"github.com/aws/aws-sdk-go-v2/service/grafana/types"

	"github.com/parascope/parascope/internal/hint"
)

// maxInstructions is how many AMG takes in one call.
const maxInstructions = 20

// Role is what somebody may do in a workspace: ADMIN, EDITOR or VIEWER.
type Role = types.Role

// The roles, from the one that allows most.
const (
	RoleAdmin  = types.RoleAdmin
	RoleEditor = types.RoleEditor
	RoleViewer = types.RoleViewer
)

// ParseRole reads a role as people write it.
func ParseRole(s string) (Role, error) {
	for _, r := range []Role{RoleAdmin, RoleEditor, RoleViewer} {
		if strings.EqualFold(s, string(r)) {
			return r, nil
		}
	}
	return "", hint.New(hint.BadInput, fmt.Errorf("%q is not a role", s),
		"roles are admin (all), editor (create and change dashboards) and viewer (read)")
}

// Permission is a role that somebody has.
type Permission struct {
	ID    string // of Identity Center
	Group bool   // ID is a group's
	Role  Role
}

// Change gives or takes a role.
type Change struct {
	Permission
	Revoke bool
}

// Failure is a change that AMG refused, in its words.
type Failure struct {
	Change
	Why string
}

// Permissions lists who has which role, sorted by role and id.
func Permissions(ctx context.Context, cfg aws.Config, workspaceID string) ([]Permission, error) {
	var all []Permission
	pages := sdk.NewListPermissionsPaginator(sdk.NewFromConfig(cfg), &sdk.ListPermissionsInput{WorkspaceId: &workspaceID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("list the permissions of Grafana workspace "+workspaceID, err)
		}
		for _, p := range page.Permissions {
			all = append(all, Permission{aws.ToString(p.User.Id), p.User.Type == types.UserTypeSsoGroup, p.Role})
		}
	}
	slices.SortFunc(all, func(a, b Permission) int {
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// Apply makes the changes, twenty to a call, and then looks whether they took:
// AMG answers 200 to what it refuses, and has been seen to answer without doing.
// The failures are those that did not take, with AMG's reason where it gave one.
func Apply(ctx context.Context, cfg aws.Config, workspaceID string, changes []Change) ([]Failure, error) {
	client := sdk.NewFromConfig(cfg)
	why := map[Change]string{}
	for batch := range slices.Chunk(changes, maxInstructions) {
		in := &sdk.UpdatePermissionsInput{WorkspaceId: &workspaceID}
		for _, c := range batch {
			in.UpdateInstructionBatch = append(in.UpdateInstructionBatch, c.instruction())
		}
		out, err := client.UpdatePermissions(ctx, in)
		if err != nil {
			return nil, explain("update the permissions of Grafana workspace "+workspaceID, err)
		}
		for _, e := range out.Errors {
			for _, c := range changesOf(e.CausedBy) {
				why[c] = fmt.Sprintf("%s (%d)", aws.ToString(e.Message), aws.ToInt32(e.Code))
			}
		}
	}
	has, err := Permissions(ctx, cfg, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("could not verify the changes: %w", err)
	}
	var failed []Failure
	for _, c := range changes {
		if slices.Contains(has, c.Permission) == c.Revoke {
			reason := cmp.Or(why[c], "Grafana accepted the change but did not apply it")
			failed = append(failed, Failure{c, reason})
		}
	}
	return failed, nil
}

func (c Change) instruction() types.UpdateInstruction {
	action, kind := types.UpdateActionAdd, types.UserTypeSsoUser
	if c.Revoke {
		action = types.UpdateActionRevoke
	}
	if c.Group {
		kind = types.UserTypeSsoGroup
	}
	return types.UpdateInstruction{Action: action, Role: c.Role, Users: []types.User{{Id: aws.String(c.ID), Type: kind}}}
}

// changesOf reads an instruction back.
func changesOf(i *types.UpdateInstruction) []Change {
	if i == nil {
		return nil
	}
	var all []Change
	for _, u := range i.Users {
		p := Permission{aws.ToString(u.Id), u.Type == types.UserTypeSsoGroup, i.Role}
		all = append(all, Change{p, i.Action == types.UpdateActionRevoke})
	}
	return all
}
