package grafana

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
	"github.com/parascope/parascope/localaws/state"
)

const (
	permissions     = "grafana-permissions" // bucket: workspace id/kind/id → permission
	maxInstructions = 20
	maxSSOID        = 47
)

// ssoIDPattern is that of Identity Center's users and groups: an e-mail is none.
var ssoIDPattern = regexp.MustCompile(`^([0-9a-fA-F]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}$`)

var (
	roles     = []string{"ADMIN", "EDITOR", "VIEWER"}
	userTypes = []string{"SSO_USER", "SSO_GROUP"}
)

type user struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// permission is a user's or group's role in a workspace, as stored and as printed.
type permission struct {
	Role string `json:"role"`
	User user   `json:"user"`
}

func (p permission) key(workspaceID string) string {
	return workspaceID + "/" + p.User.Type + "/" + p.User.ID
}

type instruction struct {
	Action string `json:"action"`
	Role   string `json:"role"`
	Users  []user `json:"users"`
}

// updateError is an instruction that failed inside an answer that did not.
type updateError struct {
	Code     int         `json:"code"`
	Message  string      `json:"message"`
	CausedBy instruction `json:"causedBy"`
}

// directoryActions are what AWS's own policy for managing permissions grants
// beside Grafana's actions; without them the assignment does not reach Identity Center.
var directoryActions = []string{
	"sso:DescribeRegisteredRegions", "sso:GetSharedSsoConfiguration", "sso:ListDirectoryAssociations",
	"sso:GetManagedApplicationInstance", "sso:ListProfiles", "sso:GetProfile", "sso:ListProfileAssociations",
}

// updatePermissions runs the instructions one by one. What is malformed fails the
// whole request; what only turns out to be wrong comes back in its errors.
func (g *Grafana) updatePermissions(rw http.ResponseWriter, r *gateway.Request) error {
	var in struct{ UpdateInstructionBatch []instruction }
	if err := wire.Parse(r, &in); err != nil {
		return err
	}
	if err := checkInstructions(in.UpdateInstructionBatch); err != nil {
		return err
	}
	w, err := g.steady(r)
	if err != nil {
		return err
	}
	if err := authorizeDirectory(r, in.UpdateInstructionBatch); err != nil {
		return err
	}
	failed := []updateError{}
	for _, i := range in.UpdateInstructionBatch {
		for _, u := range i.Users {
			problem, err := g.instruct(w.ID, i.Action, permission{i.Role, u})
			if err != nil {
				return err
			}
			if problem != nil {
				problem.CausedBy = instruction{i.Action, i.Role, []user{u}}
				failed = append(failed, *problem)
			}
		}
	}
	return gateway.WriteJSON(rw, http.StatusOK, map[string]any{"errors": failed})
}

func authorizeDirectory(r *gateway.Request, batch []instruction) error {
	actions := slices.Clone(directoryActions)
	for kind, action := range map[string]string{"SSO_USER": "sso-directory:DescribeUser", "SSO_GROUP": "sso-directory:DescribeGroup"} {
		if slices.ContainsFunc(batch, func(i instruction) bool {
			return slices.ContainsFunc(i.Users, func(u user) bool { return u.Type == kind })
		}) {
			actions = append(actions, action)
		}
	}
	return authorizeAll(r, actions)
}

// instruct changes one user's or group's role.
func (g *Grafana) instruct(workspaceID, action string, p permission) (*updateError, error) {
	known, err := g.opts.InDirectory(p.User.Type, p.User.ID)
	if err != nil {
		return nil, err
	}
	if !known && action == "ADD" {
		what := map[string]string{"SSO_USER": "User", "SSO_GROUP": "Group"}[p.User.Type]
		return &updateError{Code: http.StatusNotFound, Message: what + " " + p.User.ID + " was not found in IAM Identity Center."}, nil
	}
	var problem *updateError
	err = g.opts.State.Update(func(tx *state.Tx) error {
		if action == "ADD" {
			return tx.Put(permissions, p.key(workspaceID), p)
		}
		var has permission
		found, err := tx.Get(permissions, p.key(workspaceID), &has)
		if err != nil {
			return err
		}
		if !found || has.Role != p.Role {
			problem = &updateError{Code: http.StatusNotFound, Message: p.User.ID + " does not have the role " + p.Role + "."}
			return nil
		}
		return tx.Delete(permissions, p.key(workspaceID))
	})
	return problem, err
}

func checkInstructions(batch []instruction) error {
	if batch == nil {
		return wire.Invalid("updateInstructionBatch", "is required")
	}
	if len(batch) > maxInstructions {
		return wire.Invalid("updateInstructionBatch", "failed to satisfy constraint: Member must have length less than or equal to %d",
			maxInstructions)
	}
	for _, i := range batch {
		switch {
		case i.Action != "ADD" && i.Action != "REVOKE":
			return wire.NotInEnum("updateInstructionBatch.action", i.Action, []string{"ADD", "REVOKE"})
		case !slices.Contains(roles, i.Role):
			return wire.NotInEnum("updateInstructionBatch.role", i.Role, roles)
		case i.Users == nil:
			return wire.Invalid("updateInstructionBatch.users", "is required")
		}
		for _, u := range i.Users {
			if !slices.Contains(userTypes, u.Type) {
				return wire.NotInEnum("updateInstructionBatch.users.type", u.Type, userTypes)
			}
			if err := checkSSOID("updateInstructionBatch.users.id", u.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkSSOID(name, id string) error {
	if len(id) > maxSSOID || !ssoIDPattern.MatchString(id) {
		return wire.Invalid(name, "Value '%s' failed to satisfy constraint: Member must have length less than or equal to %d, and satisfy "+
			"regular expression pattern: %s", id, maxSSOID, ssoIDPattern)
	}
	return nil
}

func (g *Grafana) listPermissions(rw http.ResponseWriter, r *gateway.Request) error {
	query := r.URL.Query()
	kind, userID, groupID := query.Get("userType"), query.Get("userId"), query.Get("groupId")
	if query.Has("userType") && !slices.Contains(userTypes, kind) {
		return wire.NotInEnum("userType", kind, userTypes)
	}
	if userID != "" && groupID != "" {
		return wire.Refused("userId and groupId are mutually exclusive")
	}
	for name, id := range map[string]string{"userId": userID, "groupId": groupID} {
		if id != "" {
			if err := checkSSOID(name, id); err != nil {
				return err
			}
		}
	}
	w, err := g.visible(r)
	if err != nil {
		return err
	}
	all, err := g.Permissions(w.ID)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(p Permission) bool {
		return kind != "" && p.Type != kind || userID != "" && (p.Type != "SSO_USER" || p.ID != userID) || groupID != "" &&
			(p.Type != "SSO_GROUP" || p.ID != groupID)
	})
	part, next, err := wire.Page(r, all, func(p Permission) string { return p.Type + "/" + p.ID })
	if err != nil {
		return err
	}
	entries := []permission{}
	for _, p := range part {
		entries = append(entries, permission{p.Role, user{p.ID, p.Type}})
	}
	return wire.Listed(rw, "permissions", entries, next, nil)
}

// Permission is the role of a user or group of the identity store in a workspace.
type Permission struct {
	Role string // ADMIN, EDITOR, VIEWER
	Type string // SSO_USER, SSO_GROUP
	ID   string
}

// Permissions are all of a workspace, sorted by type and id. A workspace that
// does not exist has none.
func (g *Grafana) Permissions(workspaceID string) ([]Permission, error) {
	var all []Permission
	err := g.opts.State.View(func(tx *state.Tx) error {
		return tx.ForEach(permissions, func(key string, decode func(any) error) error {
			if !strings.HasPrefix(key, workspaceID+"/") {
				return nil
			}
			var p permission
			if err := decode(&p); err != nil {
				return err
			}
			all = append(all, Permission{p.Role, p.User.Type, p.User.ID})
			return nil
		})
	})
	return all, err
}
