package catalog

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

// Longest names of IAM's roles, policies and instance profiles.
const (
	maxRoleName    = 64
	maxPolicyName  = 128
	maxProfileName = 128
)

func iamRole() Type {
	return Type{
		Name: "AWS::IAM::Role",
		Properties: Properties{
			"AssumeRolePolicyDocument": {Kind: Document, Required: true}, "Description": {Kind: Text}, "ManagedPolicyArns": {Kind: Texts},
			"MaxSessionDuration": {Kind: Whole}, "PermissionsBoundary": {Kind: Text},
			"Path": {Kind: Text, Replaces: true}, "RoleName": {Kind: Text, Replaces: true}, "Tags": {Kind: Tags},
			"Policies": {Kind: Structures, Members: Properties{"PolicyName": {Kind: Text, Required: true},
				"PolicyDocument": {Kind: Document, Required: true}}},
		},
		Attributes: []string{"Arn", "RoleId"},
		Create:     createRole, Update: updateRole, Delete: deleteRole,
	}
}

// queryTags adds tags to a form as the query protocol's lists.
func queryTags(form url.Values, tags map[string]string) {
	for i, key := range slices.Sorted(maps.Keys(tags)) {
		form.Set(fmt.Sprintf("Tags.member.%d.Key", i+1), key)
		form.Set(fmt.Sprintf("Tags.member.%d.Value", i+1), tags[key])
	}
}

// inline are a role's inline policies by name.
func inline(properties map[string]any) map[string]string {
	list, _ := properties["Policies"].([]any)
	out := map[string]string{}
	for _, p := range list {
		policy, _ := p.(map[string]any)
		name, _ := policy["PolicyName"].(string)
		out[name] = document(policy["PolicyDocument"])
	}
	return out
}

func createRole(w *Work) error {
	name := w.Named("RoleName", maxRoleName)
	form := values("RoleName", name, "AssumeRolePolicyDocument", document(w.Properties["AssumeRolePolicyDocument"]), "Description",
		w.Text("Description"),
		"Path", w.Text("Path"), "MaxSessionDuration", number(w.Properties["MaxSessionDuration"]),
		"PermissionsBoundary", w.Text("PermissionsBoundary"))
	queryTags(form, tagMap(w.Properties["Tags"]))
	body, err := w.Form("iam", "CreateRole", form)
	if err != nil {
		return err
	}
	w.Attributes["Arn"], w.Attributes["RoleId"] = resource.Element(body, "Role", "Arn"), resource.Element(body, "Role", "RoleId")
	if err := w.Made(name); err != nil {
		return err
	}
	return rolePolicies(w, nil)
}

// rolePolicies brings inline and attached policies from those of old properties to
// the new ones.
func rolePolicies(w *Work, old map[string]any) error {
	role := func(pairs ...string) url.Values { return values(append(pairs, "RoleName", w.ID)...) }
	before, after := inline(old), inline(w.Properties)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if text, ok := before[name]; ok && text == after[name] {
			continue
		}
		if _, err := w.Form("iam", "PutRolePolicy", role("PolicyName", name, "PolicyDocument", after[name])); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; ok {
			continue
		}
		if _, err := w.Form("iam", "DeleteRolePolicy", role("PolicyName", name)); resource.IgnoreGone(err) != nil {
			return err
		}
	}
	attach, detach := diff(texts(old["ManagedPolicyArns"]), texts(w.Properties["ManagedPolicyArns"]))
	for _, arn := range attach {
		if _, err := w.Form("iam", "AttachRolePolicy", role("PolicyArn", arn)); err != nil {
			return err
		}
	}
	for _, arn := range detach {
		if _, err := w.Form("iam", "DetachRolePolicy", role("PolicyArn", arn)); resource.IgnoreGone(err) != nil {
			return err
		}
	}
	return nil
}

func updateRole(w *Work) error {
	if w.Changed("AssumeRolePolicyDocument") {
		form := values("RoleName", w.ID, "PolicyDocument", document(w.Properties["AssumeRolePolicyDocument"]))
		if _, err := w.Form("iam", "UpdateAssumeRolePolicy", form); err != nil {
			return err
		}
	}
	if w.Changed("Description", "MaxSessionDuration") {
		form := values("RoleName", w.ID, "MaxSessionDuration", number(w.Properties["MaxSessionDuration"]))
		form.Set("Description", w.Text("Description"))
		if _, err := w.Form("iam", "UpdateRole", form); err != nil {
			return err
		}
	}
	// The boundary comes first where there is one: the policies may need it.
	if w.Changed("PermissionsBoundary") {
		form, operation := values("RoleName", w.ID), "DeleteRolePermissionsBoundary"
		if arn := w.Text("PermissionsBoundary"); arn != "" {
			form.Set("PermissionsBoundary", arn)
			operation = "PutRolePermissionsBoundary"
		}
		if _, err := w.Form("iam", operation, form); err != nil {
			return err
		}
	}
	if err := rolePolicies(w, w.Old); err != nil {
		return err
	}
	set, removed := tagChanges(w)
	if len(set) > 0 {
		form := values("RoleName", w.ID)
		queryTags(form, set)
		if _, err := w.Form("iam", "TagRole", form); err != nil {
			return err
		}
	}
	if len(removed) == 0 {
		return nil
	}
	form := values("RoleName", w.ID)
	for i, key := range removed {
		form.Set(fmt.Sprintf("TagKeys.member.%d", i+1), key)
	}
	_, err := w.Form("iam", "UntagRole", form)
	return err
}

func deleteRole(w *Work) error {
	had := w.Properties
	w.Properties = map[string]any{}
	if err := rolePolicies(w, had); err != nil {
		return err
	}
	_, err := w.Form("iam", "DeleteRole", values("RoleName", w.ID))
	return err
}

func iamInstanceProfile() Type {
	return Type{
		Name: "AWS::IAM::InstanceProfile",
		Properties: Properties{
			"InstanceProfileName": {Kind: Text, Replaces: true}, "Path": {Kind: Text, Replaces: true}, "Roles": {Kind: Texts, Required: true},
		},
		Attributes: []string{"Arn"},
		Create: func(w *Work) error {
			name := w.Named("InstanceProfileName", maxProfileName)
			body, err := w.Form("iam", "CreateInstanceProfile", values("InstanceProfileName", name, "Path", w.Text("Path")))
			if err != nil {
				return err
			}
			w.Attributes["Arn"] = resource.Element(body, "InstanceProfile", "Arn")
			if err := w.Made(name); err != nil {
				return err
			}
			return profileRoles(w, nil, texts(w.Properties["Roles"]))
		},
		Update: func(w *Work) error { return profileRoles(w, texts(w.Old["Roles"]), texts(w.Properties["Roles"])) },
		Delete: func(w *Work) error {
			if err := profileRoles(w, texts(w.Properties["Roles"]), nil); err != nil {
				return err
			}
			_, err := w.Form("iam", "DeleteInstanceProfile", values("InstanceProfileName", w.ID))
			return err
		},
	}
}

// profileRoles takes roles out first: a profile holds one.
func profileRoles(w *Work, from, to []string) error {
	added, removed := diff(from, to)
	for _, role := range removed {
		if _, err := w.Form("iam", "RemoveRoleFromInstanceProfile",
			values("InstanceProfileName", w.ID, "RoleName", role)); resource.IgnoreGone(err) != nil {
			return err
		}
	}
	for _, role := range added {
		if _, err := w.Form("iam", "AddRoleToInstanceProfile", values("InstanceProfileName", w.ID, "RoleName", role)); err != nil {
			return err
		}
	}
	return nil
}
