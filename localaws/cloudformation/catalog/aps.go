package catalog

import (
	"net/url"
	"strings"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

func apsWorkspace() Type {
	return Type{
		Name: "AWS::APS::Workspace",
		Properties: Properties{
			"Alias": {Kind: Text}, "AlertManagerDefinition": {Kind: Text}, "KmsKeyArn": {Kind: Text, Replaces: true}, "Tags": {Kind: Tags},
			"WorkspaceConfiguration": {Kind: Structure, Members: Properties{
				"RetentionPeriodInDays": {Kind: Whole}, "OutOfOrderTimeWindowInSeconds": {Kind: Whole}, "RuleQueryOffsetInSeconds": {Kind: Whole},
				"LimitsPerLabelSets": {Kind: Structures, Members: Properties{
					"LabelSet": {Kind: Structures, Required: true,
						Members: Properties{"Name": {Kind: Text, Required: true}, "Value": {Kind: Text, Required: true}}},
					"Limits": {Kind: Structure, Required: true, Members: Properties{"MaxSeries": {Kind: Whole}}},
				}},
			}},
		},
		Elsewhere:  []string{"LoggingConfiguration", "QueryLoggingConfiguration"},
		Attributes: []string{"Arn", "WorkspaceId", "PrometheusEndpoint"},
		Create:     createAPSWorkspace, Update: updateAPSWorkspace, Delete: deleteAPSWorkspace,
	}
}

func createAPSWorkspace(w *Work) error {
	in := map[string]any{"clientToken": w.Token, "tags": tagMap(w.Properties["Tags"])}
	if w.Has("Alias") {
		in["alias"] = w.Text("Alias")
	}
	if w.Has("KmsKeyArn") {
		in["kmsKeyArn"] = w.Text("KmsKeyArn")
	}
	var out struct{ WorkspaceID, ARN string }
	if err := w.REST("amp", "CreateWorkspace", "/workspaces", in, &out); err != nil {
		return err
	}
	w.Attributes["Arn"], w.Attributes["WorkspaceId"] = out.ARN, out.WorkspaceID
	if err := w.Made(out.ARN); err != nil {
		return err
	}
	if err := w.Until(func() (bool, error) { return apsActive(w) }); err != nil {
		return err
	}
	if err := configureAPS(w); err != nil {
		return err
	}
	return defineAlertManager(w, "")
}

// apsPath is the workspace's path; its id ends its ARN.
func apsPath(w *Work) string {
	return "/workspaces/" + url.PathEscape(w.ID[strings.LastIndex(w.ID, "/")+1:])
}

// apsActive also notes the endpoint.
func apsActive(w *Work) (bool, error) {
	var out struct {
		Workspace struct {
			PrometheusEndpoint string
			Status             struct{ StatusCode string }
		}
	}
	if err := w.REST("amp", "DescribeWorkspace", apsPath(w), nil, &out); err != nil {
		return false, err
	}
	w.Attributes["PrometheusEndpoint"] = out.Workspace.PrometheusEndpoint
	switch out.Workspace.Status.StatusCode {
	case "ACTIVE":
		return true, nil
	case "CREATION_FAILED":
		return false, &resource.Failure{Message: "Workspace is in state CREATION_FAILED", HandlerCode: "NotStabilized"}
	}
	return false, nil
}

func configureAPS(w *Work) error {
	given, _ := w.Properties["WorkspaceConfiguration"].(map[string]any)
	in := map[string]any{}
	for property, member := range map[string]string{
		"RetentionPeriodInDays": "retentionPeriodInDays", "OutOfOrderTimeWindowInSeconds": "outOfOrderTimeWindowInSeconds",
		"RuleQueryOffsetInSeconds": "ruleQueryOffsetInSeconds",
	} {
		if v, ok := given[property]; ok {
			in[member] = v
		}
	}
	if sets, ok := given["LimitsPerLabelSets"].([]any); ok {
		in["limitsPerLabelSet"] = labelLimits(sets)
	}
	if len(in) == 0 {
		return nil
	}
	return w.REST("amp", "UpdateWorkspaceConfiguration", apsPath(w)+"/configuration", in, nil)
}

// labelLimits turns CloudFormation's list of labels into the API's map.
func labelLimits(sets []any) []any {
	out := []any{}
	for _, s := range sets {
		set := s.(map[string]any)
		labels := map[string]any{}
		for _, l := range set["LabelSet"].([]any) {
			label := l.(map[string]any)
			labels[label["Name"].(string)] = label["Value"]
		}
		limits := map[string]any{}
		if most, ok := set["Limits"].(map[string]any)["MaxSeries"]; ok {
			limits["maxSeries"] = most
		}
		out = append(out, map[string]any{"labelSet": labels, "limits": limits})
	}
	return out
}

func updateAPSWorkspace(w *Work) error {
	if w.Changed("Alias") {
		if err := w.REST("amp", "UpdateWorkspaceAlias", apsPath(w)+"/alias", map[string]string{"alias": w.Text("Alias")}, nil); err != nil {
			return err
		}
	}
	if w.Changed("WorkspaceConfiguration") {
		if err := configureAPS(w); err != nil {
			return err
		}
	}
	if w.Changed("AlertManagerDefinition") {
		old, _ := w.Old["AlertManagerDefinition"].(string)
		if err := defineAlertManager(w, old); err != nil {
			return err
		}
	}
	return restTags(w, "amp", "/tags/"+url.PathEscape(w.ID), "tags", "tagKeys")
}

func deleteAPSWorkspace(w *Work) error {
	if err := deleteSettled(w, "amp", "DeleteWorkspace", apsPath(w)); err != nil {
		return err
	}
	return w.Until(func() (bool, error) {
		err := w.REST("amp", "DescribeWorkspace", apsPath(w), nil, nil)
		return resource.Gone(err), resource.IgnoreGone(err)
	})
}

// deleteSettled deletes a thing that a cancelled operation may have left in the
// middle of something: the service refuses until that is over.
func deleteSettled(w *Work, service, operation, path string) error {
	return w.Until(func() (bool, error) {
		err := w.REST(service, operation, path, nil, nil)
		if resource.Conflicts(err) {
			return false, nil
		}
		return err == nil, err
	})
}

// restTags brings the tags of an update to a REST service's resource. member is
// the body's, parameter the query's.
func restTags(w *Work, service, path, member, parameter string) error {
	set, removed := tagChanges(w)
	if len(set) > 0 {
		if err := w.REST(service, "TagResource", path, map[string]any{member: set}, nil); err != nil {
			return err
		}
	}
	if len(removed) == 0 {
		return nil
	}
	return w.REST(service, "UntagResource", path+"?"+url.Values{parameter: removed}.Encode(), nil, nil)
}
