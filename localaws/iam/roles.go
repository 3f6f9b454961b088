package iam

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/state"
)

const (
	minSession, maxSession = 3600, 43200 // seconds
	trustSize              = 2048
)

type roleView struct {
	Path, RoleName, RoleId, Arn, CreateDate string
	AssumeRolePolicyDocument                string
	Description                             string `xml:",omitempty"`
	MaxSessionDuration                      int
	Tags                                    *members[tag] `xml:",omitempty"`
	PermissionsBoundary                     *boundaryView `xml:",omitempty"`
}

func viewRole(e account.Entity) roleView {
	return roleView{e.Path, e.Name, e.ID, account.Roles.ARN(e.Path, e.Name), timestamp(e.Created), encoded(e.Trust), e.Description,
		e.MaxSession, nil, viewBoundary(e)}
}

func viewTaggedRole(e account.Entity) roleView {
	v := viewRole(e)
	if len(e.Tags) > 0 {
		v.Tags = tagList(e.Tags)
	}
	return v
}

func (i *IAM) createRole(w http.ResponseWriter, r *gateway.Request) error {
	role, err := i.newFromForm(r, account.Roles)
	if err != nil {
		return err
	}
	role.Description = r.Form.Get("Description")
	if role.MaxSession, err = session(r, minSession); err != nil {
		return err
	}
	role.Trust = r.Form.Get("AssumeRolePolicyDocument")
	err = i.update(func(tx *state.Tx) error {
		if _, found, err := account.Roles.Get(tx, role.Name); found || err != nil {
			return firstError(err, alreadyExists("Role with name %s already exists.", role.Name))
		}
		if err := firstError(checkTrust(tx, role.Trust), checkBoundary(tx, role.Boundary)); err != nil {
			return err
		}
		return account.Roles.Put(tx, role)
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Role roleView }{viewTaggedRole(role)})
}

func firstError(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// session reads MaxSessionDuration.
func session(r *gateway.Request, otherwise int) (int, error) {
	s := r.Form.Get("MaxSessionDuration")
	if s == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < minSession || n > maxSession {
		return 0, outside("MaxSessionDuration", "Member must have value between 3600 and 43200")
	}
	return n, nil
}

// checkTrust wants the policy's form to be right, and the users and roles of this
// account that it names to exist.
func checkTrust(tx *state.Tx, document string) error {
	if document == "" {
		return outside("AssumeRolePolicyDocument", "Member must not be null")
	}
	trust, err := policy.ParseTrust(document)
	if err != nil {
		return malformedPolicy(err)
	}
	if size(document) > trustSize {
		return limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", trustSize)
	}
	for _, arn := range trust.PrincipalARNs() {
		if !strings.HasPrefix(arn, account.Users.ARN("/", "")) && !strings.HasPrefix(arn, account.Roles.ARN("/", "")) {
			continue
		}
		if _, _, found, err := account.ByARN(tx, arn); !found || err != nil {
			return firstError(err, malformedPolicy(&policy.Malformed{Message: `Invalid principal in policy: "AWS":"` + arn + `"`}))
		}
	}
	return nil
}

func (i *IAM) getRole(w http.ResponseWriter, r *gateway.Request) error {
	role, err := i.named(r, account.Roles)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Role roleView }{viewTaggedRole(role)})
}

func (i *IAM) updateRole(w http.ResponseWriter, r *gateway.Request) error {
	err := i.change(r, account.Roles, func(_ *state.Tx, role *account.Entity) (err error) {
		if r.Form.Has("Description") {
			role.Description = r.Form.Get("Description")
		}
		role.MaxSession, err = session(r, role.MaxSession)
		return err
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) updateAssumeRolePolicy(w http.ResponseWriter, r *gateway.Request) error {
	err := i.change(r, account.Roles, func(tx *state.Tx, role *account.Entity) error {
		role.Trust = r.Form.Get("PolicyDocument")
		return checkTrust(tx, role.Trust)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) deleteRole(w http.ResponseWriter, r *gateway.Request) error {
	err := i.update(func(tx *state.Tx) error {
		role, err := must(tx, r, account.Roles)
		if err != nil {
			return err
		}
		profiles, err := account.ProfilesOf(tx, role.Name)
		switch {
		case err != nil:
			return err
		case len(profiles) > 0:
			return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		return deleteEntity(tx, account.Roles, role)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

// deleteEntity deletes what has no policies any more.
func deleteEntity(tx *state.Tx, k account.Kind, e account.Entity) error {
	switch {
	case len(e.Attached) > 0:
		return deleteConflict("Cannot delete entity, must detach all policies first.")
	case len(e.Inline) > 0:
		return deleteConflict("Cannot delete entity, must delete policies first.")
	}
	return k.Delete(tx, e.Name)
}

func (i *IAM) listRoles(w http.ResponseWriter, r *gateway.Request) error {
	all, next, err := i.listEntities(r, account.Roles)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		Roles members[roleView]
		paging
	}{membersOf(all, viewRole), next})
}
