package iam

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/state"
)

// What users and roles have in common stands in this file.

// maxAttached is how many managed policies a user or role can have.
const maxAttached = 10

// nameOf reads RoleName or UserName. Where UserName may be left out, it is the
// caller's.
func nameOf(r *gateway.Request, k account.Kind) (string, error) {
	if k == account.Users && !r.Form.Has("UserName") && r.Form.Get("Action") != "CreateUser" {
		if _, own, isUser := strings.Cut(r.Principal.ARN, ":user/"); isUser {
			return own[strings.LastIndex(own, "/")+1:], nil
		}
		return "", validationError("Must specify userName when calling with non-User credentials")
	}
	return name(r, k.Title+"Name", entityName)
}

// must finds the user or role that the request names.
func must(tx *state.Tx, r *gateway.Request, k account.Kind) (account.Entity, error) {
	name, err := nameOf(r, k)
	if err != nil {
		return account.Entity{}, err
	}
	return k.Must(tx, name)
}

func (i *IAM) named(r *gateway.Request, k account.Kind) (e account.Entity, err error) {
	err = i.view(func(tx *state.Tx) error {
		e, err = must(tx, r, k)
		return err
	})
	return e, err
}

// change lets f change the user or role that the request names.
func (i *IAM) change(r *gateway.Request, k account.Kind, f func(*state.Tx, *account.Entity) error) error {
	return i.update(func(tx *state.Tx) error {
		e, err := must(tx, r, k)
		if err != nil {
			return err
		}
		if err := f(tx, &e); err != nil {
			return err
		}
		return k.Put(tx, e)
	})
}

// newFromForm reads what CreateUser and CreateRole share. To tag needs a
// permission of its own.
func (i *IAM) newFromForm(r *gateway.Request, k account.Kind) (account.Entity, error) {
	name, err := nameOf(r, k)
	if err != nil {
		return account.Entity{}, err
	}
	path, err := path(r)
	if err != nil {
		return account.Entity{}, err
	}
	e := account.NewEntity(k, name, path, r.Now)
	e.Boundary = r.Form.Get("PermissionsBoundary")
	e.Tags = tags(r)
	if e.Tags != nil {
		if err := r.Authorize("iam:Tag"+k.Title, k.ARN(path, name), tagKeys(r)); err != nil {
			return account.Entity{}, err
		}
	}
	return e, checkTags(e.Tags)
}

func (i *IAM) listEntities(r *gateway.Request, k account.Kind) (all []account.Entity, next paging, err error) {
	err = i.view(func(tx *state.Tx) error {
		all, err = k.All(tx)
		return err
	})
	if err != nil {
		return nil, paging{}, err
	}
	all = slices.DeleteFunc(all, func(e account.Entity) bool { return !strings.HasPrefix(e.Path, r.Form.Get("PathPrefix")) })
	return page(r, all, func(e account.Entity) string { return e.Name })
}

func (i *IAM) tag(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		err := i.change(r, k, func(_ *state.Tx, e *account.Entity) error {
			if e.Tags == nil {
				e.Tags = map[string]string{}
			}
			maps.Copy(e.Tags, tags(r))
			return checkTags(e.Tags)
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func (i *IAM) untag(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		err := i.change(r, k, func(_ *state.Tx, e *account.Entity) error {
			for _, key := range list(r, "TagKeys") {
				delete(e.Tags, key)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func (i *IAM) listTags(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		e, err := i.named(r, k)
		if err != nil {
			return err
		}
		return gateway.WriteQuery(w, r, struct {
			Tags *members[tag]
			paging
		}{Tags: tagList(e.Tags)})
	}
}

func (i *IAM) putInline(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		name, err := name(r, "PolicyName", managedName)
		if err != nil {
			return err
		}
		document, err := required(r, "PolicyDocument")
		if err != nil {
			return err
		}
		if _, err := policy.ParseIdentity(document); err != nil {
			return malformedPolicy(err)
		}
		err = i.change(r, k, func(_ *state.Tx, e *account.Entity) error {
			if e.Inline == nil {
				e.Inline = map[string]string{}
			}
			e.Inline[name] = document
			total := 0
			for _, d := range e.Inline {
				total += size(d)
			}
			if total > k.InlineSize {
				return limitExceeded("Maximum policy size of %d bytes exceeded for %s %s", k.InlineSize, k.Word, e.Name)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func noSuchInline(k account.Kind, name string) error {
	return account.NoSuchEntity("The %s policy with name %s cannot be found.", k.Word, name)
}

func (i *IAM) getInline(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		name, err := name(r, "PolicyName", managedName)
		if err != nil {
			return err
		}
		e, err := i.named(r, k)
		if err != nil {
			return err
		}
		document, found := e.Inline[name]
		if !found {
			return noSuchInline(k, name)
		}
		answer := struct {
			RoleName                   string `xml:",omitempty"`
			UserName                   string `xml:",omitempty"`
			PolicyName, PolicyDocument string
		}{PolicyName: name, PolicyDocument: encoded(document)}
		if k == account.Roles {
			answer.RoleName = e.Name
		} else {
			answer.UserName = e.Name
		}
		return gateway.WriteQuery(w, r, answer)
	}
}

func (i *IAM) deleteInline(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		name, err := name(r, "PolicyName", managedName)
		if err != nil {
			return err
		}
		err = i.change(r, k, func(_ *state.Tx, e *account.Entity) error {
			if _, found := e.Inline[name]; !found {
				return noSuchInline(k, name)
			}
			delete(e.Inline, name)
			return nil
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func (i *IAM) listInline(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		e, err := i.named(r, k)
		if err != nil {
			return err
		}
		names, next, err := page(r, slices.Sorted(maps.Keys(e.Inline)), func(s string) string { return s })
		if err != nil {
			return err
		}
		return gateway.WriteQuery(w, r, struct {
			PolicyNames members[string]
			paging
		}{members[string]{names}, next})
	}
}

func (i *IAM) attach(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		arn, err := required(r, "PolicyArn")
		if err != nil {
			return err
		}
		err = i.change(r, k, func(tx *state.Tx, e *account.Entity) error {
			if _, err := account.FindPolicy(tx, arn); err != nil {
				return err
			}
			e.Attach(arn)
			if len(e.Attached) > maxAttached {
				return limitExceeded("Cannot exceed quota for %s: %d", k.Quota, maxAttached)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func (i *IAM) detach(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		arn, err := required(r, "PolicyArn")
		if err != nil {
			return err
		}
		err = i.change(r, k, func(_ *state.Tx, e *account.Entity) error {
			at := slices.Index(e.Attached, arn)
			if at < 0 {
				return account.NoSuchEntity("Policy %s was not found.", arn)
			}
			e.Attached = slices.Delete(e.Attached, at, at+1)
			return nil
		})
		if err != nil {
			return err
		}
		return done(w, r)
	}
}

func (i *IAM) listAttached(k account.Kind) func(http.ResponseWriter, *gateway.Request) error {
	type attached struct{ PolicyName, PolicyArn string }
	return func(w http.ResponseWriter, r *gateway.Request) error {
		e, err := i.named(r, k)
		if err != nil {
			return err
		}
		arns, next, err := page(r, slices.Sorted(slices.Values(e.Attached)), func(s string) string { return s })
		if err != nil {
			return err
		}
		return gateway.WriteQuery(w, r, struct {
			AttachedPolicies members[attached]
			paging
		}{membersOf(arns, func(arn string) attached { return attached{arn[strings.LastIndex(arn, "/")+1:], arn} }), next})
	}
}
