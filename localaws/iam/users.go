package iam

import (
	"net/http"
	"slices"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

const maxKeys = 2

type userView struct {
	Path, UserName, UserId, Arn, CreateDate string
	Tags                                    *members[tag] `xml:",omitempty"`
	PermissionsBoundary                     *boundaryView `xml:",omitempty"`
}

func viewUser(e account.Entity) userView {
	return userView{e.Path, e.Name, e.ID, account.Users.ARN(e.Path, e.Name), timestamp(e.Created), nil, viewBoundary(e)}
}

func viewTaggedUser(e account.Entity) userView {
	v := viewUser(e)
	if len(e.Tags) > 0 {
		v.Tags = tagList(e.Tags)
	}
	return v
}

func (i *IAM) createUser(w http.ResponseWriter, r *gateway.Request) error {
	u, err := i.newFromForm(r, account.Users)
	if err != nil {
		return err
	}
	err = i.update(func(tx *state.Tx) error {
		if _, found, err := account.Users.Get(tx, u.Name); found || err != nil {
			return firstError(err, alreadyExists("User with name %s already exists.", u.Name))
		}
		if err := checkBoundary(tx, u.Boundary); err != nil {
			return err
		}
		return account.Users.Put(tx, u)
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ User userView }{viewTaggedUser(u)})
}

func (i *IAM) getUser(w http.ResponseWriter, r *gateway.Request) error {
	u, err := i.named(r, account.Users)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ User userView }{viewTaggedUser(u)})
}

func (i *IAM) deleteUser(w http.ResponseWriter, r *gateway.Request) error {
	err := i.update(func(tx *state.Tx) error {
		u, err := must(tx, r, account.Users)
		if err != nil {
			return err
		}
		if len(u.Keys) > 0 {
			return deleteConflict("Cannot delete entity, must delete access keys first.")
		}
		return deleteEntity(tx, account.Users, u)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) listUsers(w http.ResponseWriter, r *gateway.Request) error {
	all, next, err := i.listEntities(r, account.Users)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		Users members[userView]
		paging
	}{membersOf(all, viewUser), next})
}

type keyView struct {
	UserName, AccessKeyId, Status string
	SecretAccessKey               string `xml:",omitempty"`
	CreateDate                    string
}

func viewKey(u account.Entity, key principal.AccessKey, secret string) keyView {
	created := key.Created
	if created.IsZero() {
		created = u.Created
	}
	return keyView{u.Name, key.ID, "Active", secret, timestamp(created)}
}

func (i *IAM) createAccessKey(w http.ResponseWriter, r *gateway.Request) error {
	var view keyView
	err := i.change(r, account.Users, func(tx *state.Tx, u *account.Entity) error {
		if len(u.Keys) >= maxKeys {
			return limitExceeded("Cannot exceed quota for AccessKeysPerUser: %d", maxKeys)
		}
		key, err := i.opts.Keys.Create(tx, u.Principal(), r.Now)
		u.Keys = append(u.Keys, key.ID)
		view = viewKey(*u, key, key.Secret)
		return err
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ AccessKey keyView }{view})
}

func (i *IAM) deleteAccessKey(w http.ResponseWriter, r *gateway.Request) error {
	id, err := required(r, "AccessKeyId")
	if err != nil {
		return err
	}
	err = i.change(r, account.Users, func(tx *state.Tx, u *account.Entity) error {
		at := slices.Index(u.Keys, id)
		if at < 0 {
			return account.NoSuchEntity("The Access Key with id %s cannot be found.", id)
		}
		u.Keys = slices.Delete(u.Keys, at, at+1)
		return i.opts.Keys.Delete(tx, id)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) listAccessKeys(w http.ResponseWriter, r *gateway.Request) error {
	var views []keyView
	err := i.view(func(tx *state.Tx) error {
		u, err := must(tx, r, account.Users)
		if err != nil {
			return err
		}
		for _, id := range u.Keys {
			key, _, err := i.opts.Keys.Get(tx, id)
			if err != nil {
				return err
			}
			views = append(views, viewKey(u, key, ""))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		AccessKeyMetadata members[keyView]
		paging
	}{AccessKeyMetadata: members[keyView]{views}})
}
