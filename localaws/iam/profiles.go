package iam

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

type profileView struct {
	Path, InstanceProfileName, InstanceProfileId, Arn, CreateDate string
	Roles                                                         members[roleView]
}

func viewProfile(tx *state.Tx, p account.Profile) (profileView, error) {
	v := profileView{p.Path, p.Name, p.ID, account.ProfileARN(p.Path, p.Name), timestamp(p.Created), members[roleView]{}}
	if p.Role == "" {
		return v, nil
	}
	role, err := account.Roles.Must(tx, p.Role)
	v.Roles.Member = []roleView{viewRole(role)}
	return v, err
}

func mustProfile(tx *state.Tx, r *gateway.Request) (account.Profile, error) {
	name, err := name(r, "InstanceProfileName", managedName)
	if err != nil {
		return account.Profile{}, err
	}
	p, found, err := account.FindProfile(tx, name)
	if err == nil && !found {
		err = account.NoSuchEntity("Instance Profile %s cannot be found.", name)
	}
	return p, err
}

func (i *IAM) createInstanceProfile(w http.ResponseWriter, r *gateway.Request) error {
	name, err := name(r, "InstanceProfileName", managedName)
	if err != nil {
		return err
	}
	path, err := path(r)
	if err != nil {
		return err
	}
	if tags(r) != nil {
		return notImplemented("tags of instance profiles")
	}
	p := account.Profile{Name: name, Path: path, ID: principal.NewID("AIPA"), Created: r.Now.UTC().Truncate(time.Second)}
	var view profileView
	err = i.update(func(tx *state.Tx) error {
		if _, found, err := account.FindProfile(tx, name); found || err != nil {
			return firstError(err, alreadyExists("Instance Profile %s already exists.", name))
		}
		if view, err = viewProfile(tx, p); err != nil {
			return err
		}
		return p.Put(tx)
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ InstanceProfile profileView }{view})
}

func (i *IAM) getInstanceProfile(w http.ResponseWriter, r *gateway.Request) error {
	var view profileView
	err := i.view(func(tx *state.Tx) error {
		p, err := mustProfile(tx, r)
		if err != nil {
			return err
		}
		view, err = viewProfile(tx, p)
		return err
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ InstanceProfile profileView }{view})
}

func (i *IAM) deleteInstanceProfile(w http.ResponseWriter, r *gateway.Request) error {
	err := i.update(func(tx *state.Tx) error {
		p, err := mustProfile(tx, r)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return deleteConflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		return p.Delete(tx)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

// addRoleToInstanceProfile hands a role to machines: that needs iam:PassRole.
func (i *IAM) addRoleToInstanceProfile(w http.ResponseWriter, r *gateway.Request) error {
	role, err := i.named(r, account.Roles)
	if err != nil {
		return err
	}
	if err := r.Authorize("iam:PassRole", account.Roles.ARN(role.Path, role.Name),
		map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}); err != nil {
		return err
	}
	err = i.update(func(tx *state.Tx) error {
		p, err := mustProfile(tx, r)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return limitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
		}
		if _, err := account.Roles.Must(tx, role.Name); err != nil {
			return err
		}
		p.Role = role.Name
		return p.Put(tx)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) removeRoleFromInstanceProfile(w http.ResponseWriter, r *gateway.Request) error {
	err := i.update(func(tx *state.Tx) error {
		role, err := must(tx, r, account.Roles)
		if err != nil {
			return err
		}
		p, err := mustProfile(tx, r)
		if err != nil {
			return err
		}
		if p.Role != role.Name {
			return account.NoSuchEntity("Role %s is not associated with instance profile %s.", role.Name, p.Name)
		}
		p.Role = ""
		return p.Put(tx)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) listInstanceProfiles(w http.ResponseWriter, r *gateway.Request) error {
	return i.writeProfiles(w, r, func(tx *state.Tx) ([]account.Profile, error) {
		all, err := account.AllProfiles(tx)
		return slices.DeleteFunc(all, func(p account.Profile) bool { return !strings.HasPrefix(p.Path, r.Form.Get("PathPrefix")) }), err
	})
}

func (i *IAM) listInstanceProfilesForRole(w http.ResponseWriter, r *gateway.Request) error {
	return i.writeProfiles(w, r, func(tx *state.Tx) ([]account.Profile, error) {
		role, err := must(tx, r, account.Roles)
		if err != nil {
			return nil, err
		}
		return account.ProfilesOf(tx, role.Name)
	})
}

func (i *IAM) writeProfiles(w http.ResponseWriter, r *gateway.Request, find func(*state.Tx) ([]account.Profile, error)) error {
	var views []profileView
	var next paging
	err := i.view(func(tx *state.Tx) error {
		all, err := find(tx)
		if err != nil {
			return err
		}
		if all, next, err = page(r, all, func(p account.Profile) string { return p.Name }); err != nil {
			return err
		}
		for _, p := range all {
			v, err := viewProfile(tx, p)
			if err != nil {
				return err
			}
			views = append(views, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		InstanceProfiles members[profileView]
		paging
	}{members[profileView]{views}, next})
}
