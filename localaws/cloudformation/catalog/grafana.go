package catalog

import (
	"net/url"

	"github.com/parascope/parascope/localaws/cloudformation/resource"
)

func grafanaWorkspace() Type {
	return Type{
		Name: "AWS::Grafana::Workspace",
		Properties: Properties{
			"AccountAccessType": {Kind: Text, Required: true}, "AuthenticationProviders": {Kind: Texts, Required: true},
			"PermissionType": {Kind: Text, Required: true},
			"ClientToken":    {Kind: Text, Replaces: true}, "Name": {Kind: Text}, "Description": {Kind: Text}, "RoleArn": {Kind: Text},
			"DataSources":              {Kind: Texts},
			"NotificationDestinations": {Kind: Texts}, "OrganizationRoleName": {Kind: Text}, "OrganizationalUnits": {Kind: Texts},
			"StackSetName":   {Kind: Text},
			"GrafanaVersion": {Kind: Text}, "PluginAdminEnabled": {Kind: Flag}, "Tags": {Kind: Tags},
			"NetworkAccessControl": {Kind: Structure, Members: Properties{"PrefixListIds": {Kind: Texts}, "VpceIds": {Kind: Texts}}},
			"VpcConfiguration": {Kind: Structure, Members: Properties{"SecurityGroupIds": {Kind: Texts, Required: true},
				"SubnetIds": {Kind: Texts, Required: true}}},
		},
		Elsewhere: []string{"SamlConfiguration"},
		Attributes: []string{"Id", "Endpoint", "Status", "GrafanaVersion", "SsoClientId", "SamlConfigurationStatus", "CreationTimestamp",
			"ModificationTimestamp"},
		Create: createGrafana, Update: updateGrafana, Delete: deleteGrafana,
	}
}

// grafanaMembers are the API's names of the properties that create and update share.
func grafanaMembers(w *Work) map[string]any {
	in := map[string]any{}
	for property, member := range map[string]string{
		"AccountAccessType": "accountAccessType", "PermissionType": "permissionType", "Name": "workspaceName",
		"Description": "workspaceDescription",
		"RoleArn":     "workspaceRoleArn", "DataSources": "workspaceDataSources", "NotificationDestinations": "workspaceNotificationDestinations",
		"OrganizationRoleName": "organizationRoleName", "OrganizationalUnits": "workspaceOrganizationalUnits", "StackSetName": "stackSetName",
	} {
		if w.Has(property) {
			in[member] = w.Properties[property]
		}
	}
	if network, ok := w.Properties["NetworkAccessControl"].(map[string]any); ok {
		in["networkAccessControl"] = map[string]any{"prefixListIds": orEmpty(network["PrefixListIds"]), "vpceIds": orEmpty(network["VpceIds"])}
	}
	if vpc, ok := w.Properties["VpcConfiguration"].(map[string]any); ok {
		in["vpcConfiguration"] = map[string]any{"securityGroupIds": vpc["SecurityGroupIds"], "subnetIds": vpc["SubnetIds"]}
	}
	return in
}

func orEmpty(v any) any {
	if v == nil {
		return []any{}
	}
	return v
}

func grafanaPath(w *Work) string { return "/workspaces/" + url.PathEscape(w.ID) }

func createGrafana(w *Work) error {
	in := grafanaMembers(w)
	in["authenticationProviders"] = w.Properties["AuthenticationProviders"]
	in["clientToken"] = w.Token
	if w.Has("ClientToken") {
		in["clientToken"] = w.Text("ClientToken")
	}
	if w.Has("GrafanaVersion") {
		in["grafanaVersion"] = w.Text("GrafanaVersion")
	}
	if w.Has("Tags") {
		in["tags"] = tagMap(w.Properties["Tags"])
	}
	if w.Has("PluginAdminEnabled") {
		in["configuration"] = pluginConfiguration(w)
	}
	var out struct{ Workspace struct{ ID string } }
	if err := w.REST("grafana", "CreateWorkspace", "/workspaces", in, &out); err != nil {
		return err
	}
	w.Attributes["Id"] = out.Workspace.ID
	if err := w.Made(out.Workspace.ID); err != nil {
		return err
	}
	return grafanaActive(w)
}

// pluginConfiguration is the text that AMG keeps a workspace's settings in.
func pluginConfiguration(w *Work) string {
	return document(map[string]any{"plugins": map[string]any{"pluginAdminEnabled": w.Properties["PluginAdminEnabled"] == true}})
}

// grafanaActive waits for ACTIVE and notes the attributes.
func grafanaActive(w *Work) error {
	return w.Until(func() (bool, error) {
		var out struct {
			Workspace struct {
				Endpoint, Status, GrafanaVersion string
				Authentication                   struct{ SAMLConfigurationStatus string }
			}
		}
		if err := w.REST("grafana", "DescribeWorkspace", grafanaPath(w), nil, &out); err != nil {
			return false, err
		}
		got := out.Workspace
		w.Attributes["Endpoint"], w.Attributes["Status"], w.Attributes["GrafanaVersion"] = got.Endpoint, got.Status, got.GrafanaVersion
		w.Attributes["SamlConfigurationStatus"] = got.Authentication.SAMLConfigurationStatus
		switch got.Status {
		case "ACTIVE":
			return true, nil
		case "CREATING", "UPDATING", "UPGRADING", "VERSION_UPDATING":
			return false, nil
		}
		return false, &resource.Failure{Message: "Workspace is in state " + got.Status, HandlerCode: "NotStabilized"}
	})
}

func updateGrafana(w *Work) error {
	if w.Changed("AccountAccessType", "PermissionType", "Name", "Description", "RoleArn", "DataSources", "NotificationDestinations",
		"OrganizationRoleName", "OrganizationalUnits", "StackSetName", "NetworkAccessControl", "VpcConfiguration") {
		in := grafanaMembers(w)
		if !w.Has("NetworkAccessControl") && w.Changed("NetworkAccessControl") {
			in["removeNetworkAccessConfiguration"] = true
		}
		if !w.Has("VpcConfiguration") && w.Changed("VpcConfiguration") {
			in["removeVpcConfiguration"] = true
		}
		if err := w.REST("grafana", "UpdateWorkspace", grafanaPath(w), in, nil); err != nil {
			return err
		}
		if err := grafanaActive(w); err != nil {
			return err
		}
	}
	if w.Changed("AuthenticationProviders") {
		in := map[string]any{"authenticationProviders": w.Properties["AuthenticationProviders"]}
		if err := w.REST("grafana", "UpdateWorkspaceAuthentication", grafanaPath(w)+"/authentication", in, nil); err != nil {
			return err
		}
	}
	if w.Changed("GrafanaVersion", "PluginAdminEnabled") {
		in := map[string]any{"configuration": pluginConfiguration(w)}
		if w.Has("GrafanaVersion") && w.Changed("GrafanaVersion") {
			in["grafanaVersion"] = w.Text("GrafanaVersion")
		}
		if err := w.REST("grafana", "UpdateWorkspaceConfiguration", grafanaPath(w)+"/configuration", in, nil); err != nil {
			return err
		}
	}
	if err := grafanaActive(w); err != nil {
		return err
	}
	return restTags(w, "grafana", "/tags/"+url.PathEscape(w.ARN("grafana", "/workspaces/"+w.ID)), "tags", "tagKeys")
}

func deleteGrafana(w *Work) error {
	if err := deleteSettled(w, "grafana", "DeleteWorkspace", grafanaPath(w)); err != nil {
		return err
	}
	return w.Until(func() (bool, error) {
		var out struct{ Workspace struct{ Status string } }
		err := w.REST("grafana", "DescribeWorkspace", grafanaPath(w), nil, &out)
		if err == nil && out.Workspace.Status == "DELETION_FAILED" {
			return false, &resource.Failure{Message: "Workspace is in state DELETION_FAILED", HandlerCode: "NotStabilized"}
		}
		return resource.Gone(err), resource.IgnoreGone(err)
	})
}
