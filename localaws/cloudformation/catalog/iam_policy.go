package catalog

import (
	"slices"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

// maxVersions is how many versions IAM keeps of a managed policy.
const maxVersions = 5

func iamManagedPolicy() Type {
	return Type{
		Name: "AWS::IAM::ManagedPolicy",
		Properties: Properties{
			"PolicyDocument": {Kind: Document, Required: true}, "ManagedPolicyName": {Kind: Text, Replaces: true},
			"Description": {Kind: Text, Replaces: true},
			"Path":        {Kind: Text, Replaces: true}, "Roles": {Kind: Texts}, "Users": {Kind: Texts},
		},
		Elsewhere:  []string{"Groups"},
		Attributes: []string{"PolicyArn", "PolicyId", "DefaultVersionId"},
		Create: func(w *Work) error {
			form := values("PolicyName", w.Named("ManagedPolicyName", maxPolicyName), "PolicyDocument", document(w.Properties["PolicyDocument"]),
				"Description", w.Text("Description"), "Path", w.Text("Path"))
			body, err := w.Form("iam", "CreatePolicy", form)
			if err != nil {
				return err
			}
			arn := resource.Element(body, "Policy", "Arn")
			w.Attributes["PolicyArn"], w.Attributes["PolicyId"], w.Attributes["DefaultVersionId"] = arn,
				resource.Element(body, "Policy", "PolicyId"), resource.Element(body, "Policy", "DefaultVersionId")
			if err := w.Made(arn); err != nil {
				return err
			}
			return attachments(w, nil, w.Properties)
		},
		Update: updateManagedPolicy,
		Delete: deleteManagedPolicy,
	}
}

// attachments brings a managed policy's roles and users from old properties to new ones.
func attachments(w *Work, from, to map[string]any) error {
	for _, kind := range []struct{ property, name, attach, detach string }{
		{"Roles", "RoleName", "AttachRolePolicy", "DetachRolePolicy"},
		{"Users", "UserName", "AttachUserPolicy", "DetachUserPolicy"},
	} {
		added, removed := diff(texts(from[kind.property]), texts(to[kind.property]))
		for _, who := range added {
			if _, err := w.Form("iam", kind.attach, values(kind.name, who, "PolicyArn", w.ID)); err != nil {
				return err
			}
		}
		for _, who := range removed {
			if _, err := w.Form("iam", kind.detach, values(kind.name, who, "PolicyArn", w.ID)); resource.IgnoreGone(err) != nil {
				return err
			}
		}
	}
	return nil
}

// olderVersions are the versions of the policy that are not its default, newest first.
func olderVersions(w *Work) ([]string, error) {
	body, err := w.Form("iam", "ListPolicyVersions", values("PolicyArn", w.ID))
	if err != nil {
		return nil, err
	}
	ids, defaults := resource.Elements(body, "member", "VersionId"), resource.Elements(body, "member", "IsDefaultVersion")
	var older []string
	for i, id := range ids {
		if i < len(defaults) && defaults[i] != "true" {
			older = append(older, id)
		}
	}
	return older, nil
}

func updateManagedPolicy(w *Work) error {
	if w.Changed("PolicyDocument") {
		older, err := olderVersions(w)
		if err != nil {
			return err
		}
		if len(older) >= maxVersions-1 {
			oldest := older[len(older)-1]
			if _, err := w.Form("iam", "DeletePolicyVersion", values("PolicyArn", w.ID, "VersionId", oldest)); err != nil {
				return err
			}
		}
		form := values("PolicyArn", w.ID, "PolicyDocument", document(w.Properties["PolicyDocument"]), "SetAsDefault", "true")
		body, err := w.Form("iam", "CreatePolicyVersion", form)
		if err != nil {
			return err
		}
		w.Attributes["DefaultVersionId"] = resource.Element(body, "PolicyVersion", "VersionId")
	}
	return attachments(w, w.Old, w.Properties)
}

func deleteManagedPolicy(w *Work) error {
	if err := attachments(w, w.Properties, nil); err != nil {
		return err
	}
	older, err := olderVersions(w)
	if err != nil {
		return err
	}
	for _, id := range older {
		if _, err := w.Form("iam", "DeletePolicyVersion", values("PolicyArn", w.ID, "VersionId", id)); err != nil {
			return err
		}
	}
	_, err = w.Form("iam", "DeletePolicy", values("PolicyArn", w.ID))
	return err
}

func iamPolicy() Type {
	return Type{
		Name: "AWS::IAM::Policy",
		Properties: Properties{
			"PolicyDocument": {Kind: Document, Required: true}, "PolicyName": {Kind: Text, Required: true}, "Roles": {Kind: Texts},
			"Users": {Kind: Texts},
		},
		Elsewhere:  []string{"Groups"},
		Attributes: []string{"Id"},
		Create: func(w *Work) error {
			w.Attributes["Id"] = w.NewName(maxPolicyName)
			if err := w.Made(w.Attributes["Id"].(string)); err != nil {
				return err
			}
			return embed(w, nil, w.Properties)
		},
		Update: func(w *Work) error { return embed(w, w.Old, w.Properties) },
		Delete: func(w *Work) error { return embed(w, w.Properties, nil) },
	}
}

// embed brings an inline policy from where old properties had it to where new ones want it.
func embed(w *Work, from, to map[string]any) error {
	oldName, _ := from["PolicyName"].(string)
	name, _ := to["PolicyName"].(string)
	for _, kind := range []struct{ property, name, put, del string }{
		{"Roles", "RoleName", "PutRolePolicy", "DeleteRolePolicy"},
		{"Users", "UserName", "PutUserPolicy", "DeleteUserPolicy"},
	} {
		want := texts(to[kind.property])
		for _, who := range want {
			if _, err := w.Form("iam", kind.put, values(kind.name, who, "PolicyName", name, "PolicyDocument",
				document(to["PolicyDocument"]))); err != nil {
				return err
			}
		}
		for _, who := range texts(from[kind.property]) {
			if name == oldName && slices.Contains(want, who) {
				continue
			}
			if _, err := w.Form("iam", kind.del, values(kind.name, who, "PolicyName", oldName)); resource.IgnoreGone(err) != nil {
				return err
			}
		}
	}
	return nil
}
