package catalog

import (
	"net/url"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

func apsRuleGroupsNamespace() Type {
	return Type{
		Name: "AWS::APS::RuleGroupsNamespace",
		Properties: Properties{
			"Data": {Kind: Text, Required: true}, "Name": {Kind: Text, Required: true, Replaces: true},
			"Workspace": {Kind: Text, Required: true, Replaces: true}, "Tags": {Kind: Tags},
		},
		Attributes: []string{"Arn"},
		Create:     createAPSRules, Update: updateAPSRules, Delete: deleteAPSRules,
	}
}

func createAPSRules(w *Work) error {
	arn := w.Text("Workspace")
	if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, ":workspace/") {
		return &resource.Failure{Message: "Model validation failed (#/Workspace: failed validation constraint for keyword [pattern])",
			HandlerCode: "InvalidRequest"}
	}
	path := "/workspaces/" + url.PathEscape(arn[strings.LastIndex(arn, "/")+1:]) + "/rulegroupsnamespaces"
	in := map[string]any{"clientToken": w.Token, "name": w.Text("Name"), "data": []byte(w.Text("Data")), "tags": tagMap(w.Properties["Tags"])}
	var out struct{ ARN string }
	if err := w.REST("amp", "CreateRuleGroupsNamespace", path, in, &out); err != nil {
		return err
	}
	w.Attributes["Arn"] = out.ARN
	if err := w.Made(out.ARN); err != nil {
		return err
	}
	return apsRulesReady(w)
}

// apsRulesPath is the namespace's path; its workspace and its name end its ARN.
func apsRulesPath(w *Work) string {
	_, rest, _ := strings.Cut(w.ID, ":rulegroupsnamespace/")
	workspace, name, _ := strings.Cut(rest, "/")
	return "/workspaces/" + url.PathEscape(workspace) + "/rulegroupsnamespaces/" + url.PathEscape(name)
}

func apsRulesReady(w *Work) error {
	return w.Until(func() (bool, error) {
		var out struct {
			RuleGroupsNamespace struct{ Status apsStatus }
		}
		if err := w.REST("amp", "DescribeRuleGroupsNamespace", apsRulesPath(w), nil, &out); err != nil {
			return false, err
		}
		return out.RuleGroupsNamespace.Status.ready("RuleGroupsNamespace")
	})
}

// apsStatus is how far rules or a definition are.
type apsStatus struct{ StatusCode, StatusReason string }

func (s apsStatus) ready(what string) (bool, error) {
	if strings.HasSuffix(s.StatusCode, "_FAILED") {
		return false, &resource.Failure{Message: what + " is in state " + s.StatusCode + ": " + s.StatusReason, HandlerCode: "NotStabilized"}
	}
	return s.StatusCode == "ACTIVE", nil
}

func updateAPSRules(w *Work) error {
	if w.Changed("Data") {
		in := map[string]any{"data": []byte(w.Text("Data"))}
		if err := w.REST("amp", "PutRuleGroupsNamespace", apsRulesPath(w), in, nil); err != nil {
			return err
		}
		if err := apsRulesReady(w); err != nil {
			return err
		}
	}
	return restTags(w, "amp", "/tags/"+url.PathEscape(w.ID), "tags", "tagKeys")
}

func deleteAPSRules(w *Work) error {
	if err := deleteSettled(w, "amp", "DeleteRuleGroupsNamespace", apsRulesPath(w)); err != nil {
		return err
	}
	return w.Until(func() (bool, error) {
		err := w.REST("amp", "DescribeRuleGroupsNamespace", apsRulesPath(w), nil, nil)
		return resource.Gone(err), resource.IgnoreGone(err)
	})
}

// defineAlertManager brings the workspace's definition to what the property says; old is
// what it said before, empty for a workspace without one.
func defineAlertManager(w *Work, old string) error {
	path, text := apsPath(w)+"/alertmanager/definition", w.Text("AlertManagerDefinition")
	operation := "PutAlertManagerDefinition"
	switch {
	case text == "" && old == "":
		return nil
	case text == "":
		return resource.IgnoreGone(deleteSettled(w, "amp", "DeleteAlertManagerDefinition", path))
	case old == "":
		operation = "CreateAlertManagerDefinition"
	}
	if err := w.REST("amp", operation, path, map[string]any{"data": []byte(text)}, nil); err != nil {
		return err
	}
	return w.Until(func() (bool, error) {
		var out struct {
			AlertManagerDefinition struct{ Status apsStatus }
		}
		if err := w.REST("amp", "DescribeAlertManagerDefinition", path, nil, &out); err != nil {
			return false, err
		}
		return out.AlertManagerDefinition.Status.ready("AlertManagerDefinition")
	})
}
