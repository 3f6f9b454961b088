package iam

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/iam/policy"
	"github.com/parascope/parascope/localaws/principal"
	"github.com/parascope/parascope/localaws/state"
)

// managedSize is how long a managed policy can be, without white space.
const managedSize = 6144

// maxVersions is how many versions a policy can have at a time.
const maxVersions = 5

type policyView struct {
	PolicyName, PolicyId, Arn, Path, DefaultVersionId string
	AttachmentCount, PermissionsBoundaryUsageCount    int
	IsAttachable                                      bool
	Description                                       string `xml:",omitempty"`
	CreateDate, UpdateDate                            string
	Tags                                              *members[tag] `xml:",omitempty"`
}

// viewPolicy leaves out description and tags, as lists do.
func viewPolicy(tx *state.Tx, p account.Policy) (policyView, error) {
	v := policyView{PolicyName: p.Name, PolicyId: p.ID, Arn: p.ARN, Path: p.Path, DefaultVersionId: p.Default, IsAttachable: true,
		CreateDate: timestamp(p.Created), UpdateDate: timestamp(p.Updated)}
	for _, k := range []account.Kind{account.Users, account.Roles} {
		attached, err := account.AttachedTo(tx, k, p.ARN)
		if err != nil {
			return v, err
		}
		v.AttachmentCount += len(attached)
		bounding, err := account.Bounding(tx, k, p.ARN)
		if err != nil {
			return v, err
		}
		v.PermissionsBoundaryUsageCount += len(bounding)
	}
	return v, nil
}

type versionView struct {
	Document         string `xml:",omitempty"`
	VersionId        string
	IsDefaultVersion bool
	CreateDate       string
}

func viewVersion(p account.Policy, v account.Version) versionView {
	return versionView{VersionId: v.ID, IsDefaultVersion: v.ID == p.Default, CreateDate: timestamp(v.Created)}
}

func managedDocument(r *gateway.Request) (string, error) {
	document, err := required(r, "PolicyDocument")
	if err != nil {
		return "", err
	}
	if _, err := policy.ParseIdentity(document); err != nil {
		return "", malformedPolicy(err)
	}
	if size(document) > managedSize {
		return "", limitExceeded("Cannot exceed quota for PolicySize: %d", managedSize)
	}
	return document, nil
}

func (i *IAM) createPolicy(w http.ResponseWriter, r *gateway.Request) error {
	name, err := name(r, "PolicyName", managedName)
	if err != nil {
		return err
	}
	path, err := path(r)
	if err != nil {
		return err
	}
	document, err := managedDocument(r)
	if err != nil {
		return err
	}
	p := account.Policy{ARN: account.PolicyARN(path, name), Name: name, Path: path, ID: principal.NewID("ANPA"),
		Description: r.Form.Get("Description"), Created: r.Now.UTC().Truncate(time.Second), Tags: tags(r)}
	if p.Tags != nil {
		if err := r.Authorize("iam:TagPolicy", p.ARN, tagKeys(r)); err != nil {
			return err
		}
	}
	if err := checkTags(p.Tags); err != nil {
		return err
	}
	p.AddVersion(document, r.Now, true)
	var view policyView
	err = i.update(func(tx *state.Tx) error {
		all, err := account.AllPolicies(tx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(all, func(other account.Policy) bool { return other.Name == name && !account.IsAWS(other.ARN) }) {
			return alreadyExists("A policy called %s already exists. Duplicate names are not allowed.", name)
		}
		if view, err = viewPolicy(tx, p); err != nil {
			return err
		}
		return p.Put(tx)
	})
	if err != nil {
		return err
	}
	if p.Tags != nil {
		view.Tags = tagList(p.Tags)
	}
	return gateway.WriteQuery(w, r, struct{ Policy policyView }{view})
}

// ownPolicy finds a policy that the account may change.
func ownPolicy(tx *state.Tx, arn string) (account.Policy, error) {
	if account.IsAWS(arn) {
		return account.Policy{}, invalidInput("Policy %s is managed by AWS and cannot be changed.", arn)
	}
	return account.FindPolicy(tx, arn)
}

func (i *IAM) getPolicy(w http.ResponseWriter, r *gateway.Request) error {
	var view policyView
	err := i.view(func(tx *state.Tx) error {
		p, err := account.FindPolicy(tx, r.Form.Get("PolicyArn"))
		if err != nil {
			return err
		}
		if view, err = viewPolicy(tx, p); err != nil {
			return err
		}
		view.Description, view.Tags = p.Description, tagList(p.Tags)
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ Policy policyView }{view})
}

func (i *IAM) listPolicies(w http.ResponseWriter, r *gateway.Request) error {
	scope := r.Form.Get("Scope")
	var views []policyView
	err := i.view(func(tx *state.Tx) error {
		all, err := account.AllPolicies(tx)
		if err != nil {
			return err
		}
		for _, p := range all {
			v, err := viewPolicy(tx, p)
			if err != nil {
				return err
			}
			switch {
			case scope == "Local" && account.IsAWS(p.ARN), scope == "AWS" && !account.IsAWS(p.ARN):
			case r.Form.Get("OnlyAttached") == "true" && v.AttachmentCount == 0:
			case !strings.HasPrefix(p.Path, r.Form.Get("PathPrefix")):
			default:
				views = append(views, v)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	arn := func(v policyView) string { return v.Arn }
	slices.SortFunc(views, func(a, b policyView) int { return strings.Compare(a.Arn, b.Arn) })
	views, next, err := page(r, views, arn)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		Policies members[policyView]
		paging
	}{members[policyView]{views}, next})
}

func (i *IAM) deletePolicy(w http.ResponseWriter, r *gateway.Request) error {
	err := i.update(func(tx *state.Tx) error {
		p, err := ownPolicy(tx, r.Form.Get("PolicyArn"))
		if err != nil {
			return err
		}
		v, err := viewPolicy(tx, p)
		switch {
		case err != nil:
			return err
		case v.AttachmentCount+v.PermissionsBoundaryUsageCount > 0:
			return deleteConflict("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return deleteConflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The " +
				"default version is deleted with the policy.")
		}
		return p.Delete(tx)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

// changePolicy lets f change the policy that the request names.
func (i *IAM) changePolicy(r *gateway.Request, f func(*account.Policy) error) error {
	return i.update(func(tx *state.Tx) error {
		p, err := ownPolicy(tx, r.Form.Get("PolicyArn"))
		if err != nil {
			return err
		}
		if err := f(&p); err != nil {
			return err
		}
		return p.Put(tx)
	})
}

func (i *IAM) createPolicyVersion(w http.ResponseWriter, r *gateway.Request) error {
	document, err := managedDocument(r)
	if err != nil {
		return err
	}
	var view versionView
	err = i.changePolicy(r, func(p *account.Policy) error {
		if len(p.Versions) >= maxVersions {
			return limitExceeded(
				"A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
		}
		view = viewVersion(*p, p.AddVersion(document, r.Now, r.Form.Get("SetAsDefault") == "true"))
		return nil
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct{ PolicyVersion versionView }{view})
}

func noSuchVersion(arn, id string) error {
	return account.NoSuchEntity("Policy %s version %s does not exist or is not attachable.", arn, id)
}

func (i *IAM) setDefaultPolicyVersion(w http.ResponseWriter, r *gateway.Request) error {
	err := i.changePolicy(r, func(p *account.Policy) error {
		v, found := p.Version(r.Form.Get("VersionId"))
		if !found {
			return noSuchVersion(p.ARN, r.Form.Get("VersionId"))
		}
		p.Default, p.Updated = v.ID, r.Now.UTC().Truncate(time.Second)
		return nil
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) deletePolicyVersion(w http.ResponseWriter, r *gateway.Request) error {
	err := i.changePolicy(r, func(p *account.Policy) error {
		id := r.Form.Get("VersionId")
		if _, found := p.Version(id); !found {
			return noSuchVersion(p.ARN, id)
		}
		if id == p.Default {
			return deleteConflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v account.Version) bool { return v.ID == id })
		return nil
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) getPolicyVersion(w http.ResponseWriter, r *gateway.Request) error {
	p, err := i.findPolicy(r)
	if err != nil {
		return err
	}
	v, found := p.Version(r.Form.Get("VersionId"))
	if !found {
		return noSuchVersion(p.ARN, r.Form.Get("VersionId"))
	}
	view := viewVersion(p, v)
	view.Document = encoded(v.Document)
	return gateway.WriteQuery(w, r, struct{ PolicyVersion versionView }{view})
}

func (i *IAM) findPolicy(r *gateway.Request) (p account.Policy, err error) {
	err = i.view(func(tx *state.Tx) error {
		p, err = account.FindPolicy(tx, r.Form.Get("PolicyArn"))
		return err
	})
	return p, err
}

func (i *IAM) listPolicyVersions(w http.ResponseWriter, r *gateway.Request) error {
	p, err := i.findPolicy(r)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		Versions members[versionView]
		paging
	}{Versions: membersOf(p.Versions, func(v account.Version) versionView { return viewVersion(p, v) })})
}

func (i *IAM) listEntitiesForPolicy(w http.ResponseWriter, r *gateway.Request) error {
	type roleOf struct{ RoleName, RoleId string }
	type userOf struct{ UserName, UserId string }
	var answer struct {
		PolicyRoles  members[roleOf]
		PolicyUsers  members[userOf]
		PolicyGroups members[string]
		paging
	}
	err := i.view(func(tx *state.Tx) error {
		p, err := account.FindPolicy(tx, r.Form.Get("PolicyArn"))
		if err != nil {
			return err
		}
		inRoles, err := account.AttachedTo(tx, account.Roles, p.ARN)
		if err != nil {
			return err
		}
		byUsers, err := account.AttachedTo(tx, account.Users, p.ARN)
		elsewhere := func(e account.Entity) bool { return !strings.HasPrefix(e.Path, r.Form.Get("PathPrefix")) }
		inRoles, byUsers = slices.DeleteFunc(inRoles, elsewhere), slices.DeleteFunc(byUsers, elsewhere)
		answer.PolicyRoles = membersOf(inRoles, func(e account.Entity) roleOf { return roleOf{e.Name, e.ID} })
		answer.PolicyUsers = membersOf(byUsers, func(e account.Entity) userOf { return userOf{e.Name, e.ID} })
		return err
	})
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, answer)
}

func (i *IAM) tagPolicy(w http.ResponseWriter, r *gateway.Request) error {
	err := i.changePolicy(r, func(p *account.Policy) error {
		if p.Tags == nil {
			p.Tags = map[string]string{}
		}
		for k, v := range tags(r) {
			p.Tags[k] = v
		}
		return checkTags(p.Tags)
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) untagPolicy(w http.ResponseWriter, r *gateway.Request) error {
	err := i.changePolicy(r, func(p *account.Policy) error {
		for _, k := range list(r, "TagKeys") {
			delete(p.Tags, k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return done(w, r)
}

func (i *IAM) listPolicyTags(w http.ResponseWriter, r *gateway.Request) error {
	p, err := i.findPolicy(r)
	if err != nil {
		return err
	}
	return gateway.WriteQuery(w, r, struct {
		Tags *members[tag]
		paging
	}{Tags: tagList(p.Tags)})
}
