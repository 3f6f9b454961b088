package resource

import (
	"net/url"
)

func grafanaWorkspace() Type {
	return Type{
		Name: "AWS::Grafana::Workspace",
		Properties: Properties{
			"AccountAccessType": {Kind: Text, Required: true}, "AuthenticationProviders": {Kind: Texts, Required: true}, "PermissionType": {Kind: Text, Required: true},
			"ClientToken": {Kind: Text, Replaces: true}, "Name": {Kind: Text}, "Description": {Kind: Text}, "RoleArn": {Kind: Text}, "DataSources": {Kind: Texts},
			"NotificationDestinations": {Kind: Texts}, "OrganizationRoleName": {Kind: Text}, "OrganizationalUnits": {Kind: Texts}, "StackSetName": {Kind: Text},
			"GrafanaVersion": {Kind: Text}, "PluginAdminEnabled": {Kind: Flag}, "Tags": {Kind: Tags},
			"NetworkAccessControl": {Kind: Structure, Members: Properties{"PrefixListIds": {Kind: Texts}, "VpceIds": {Kind: Texts}}},
			"VpcConfiguration":     {Kind: Structure, Members: Properties{"SecurityGroupIds": {Kind: Texts, Required: true}, "SubnetIds": {Kind: Texts, Required: true}}},
		},
		Elsewhere:  []string{"SamlConfiguration"},
		Attributes: []string{"Id", "Endpoint", "Status", "GrafanaVersion", "SsoClientId", "SamlConfigurationStatus", "CreationTimestamp", "ModificationTimestamp"},
		Create:     createGrafana, Update: updateGrafana, Delete: deleteGrafana,
	}
}

// grafanaMembers are the API's names of the properties that create and update share.
func grafanaMembers(w *Work) map[string]any {
	in := map[string]any{}
	for property, member := range map[string]string{
		"AccountAccessType": "accountAccessType", "PermissionType": "permissionType", "Name": "workspaceName", "Description": "workspaceDescription",
		"RoleArn": "workspaceRoleArn", "DataSources": "workspaceDataSources", "NotificationDestinations": "workspaceNotificationDestinations",
		"OrganizationRoleName": "organizationRoleName", "OrganizationalUnits": "workspaceOrganizationalUnits", "StackSetName": "stackSetName",
	} {
		if w.has(property) {
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
	if w.has("ClientToken") {
		in["clientToken"] = w.text("ClientToken")
	}
	if w.has("GrafanaVersion") {
		in["grafanaVersion"] = w.text("GrafanaVersion")
	}
	if w.has("Tags") {
		in["tags"] = tagMap(w.Properties["Tags"])
	}
	if w.has("PluginAdminEnabled") {
		in["configuration"] = pluginConfiguration(w)
	}
	var out struct{ Workspace struct{ ID string } }
	if err := w.rest("grafana", "CreateWorkspace", "/workspaces", in, &out); err != nil {
		return err
	}
	w.Attributes["Id"] = out.Workspace.ID
	if err := w.made(out.Workspace.ID); err != nil {
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
	return w.until(func() (bool, error) {
		var out struct {
			Workspace struct {
				Endpoint, Status, GrafanaVersion string
				Authentication                   struct{ SAMLConfigurationStatus string }
			}
		}
		if err := w.rest("grafana", "DescribeWorkspace", grafanaPath(w), nil, &out); err != nil {
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
		return false, &Failure{Message: "Workspace is in state " + got.Status, HandlerCode: "NotStabilized"}
	})
}

func updateGrafana(w *Work) error {
	if w.changed("AccountAccessType", "PermissionType", "Name", "Description", "RoleArn", "DataSources", "NotificationDestinations",
		"OrganizationRoleName", "OrganizationalUnits", "StackSetName", "NetworkAccessControl", "VpcConfiguration") {
		in := grafanaMembers(w)
		if !w.has("NetworkAccessControl") && w.changed("NetworkAccessControl") {
			in["removeNetworkAccessConfiguration"] = true
		}
		if !w.has("VpcConfiguration") && w.changed("VpcConfiguration") {
			in["removeVpcConfiguration"] = true
		}
		if err := w.rest("grafana", "UpdateWorkspace", grafanaPath(w), in, nil); err != nil {
			return err
		}
		if err := grafanaActive(w); err != nil {
			return err
		}
	}
	if w.changed("AuthenticationProviders") {
		in := map[string]any{"authenticationProviders": w.Properties["AuthenticationProviders"]}
		if err := w.rest("grafana", "UpdateWorkspaceAuthentication", grafanaPath(w)+"/authentication", in, nil); err != nil {
			return err
		}
	}
	if w.changed("GrafanaVersion", "PluginAdminEnabled") {
		in := map[string]any{"configuration": pluginConfiguration(w)}
		if w.has("GrafanaVersion") && w.changed("GrafanaVersion") {
			in["grafanaVersion"] = w.text("GrafanaVersion")
		}
		if err := w.rest("grafana", "UpdateWorkspaceConfiguration", grafanaPath(w)+"/configuration", in, nil); err != nil {
			return err
		}
	}
	if err := grafanaActive(w); err != nil {
		return err
	}
	return w.restTags("grafana", "/tags/"+url.PathEscape(w.arn("grafana", "/workspaces/"+w.ID)), "tags", "tagKeys")
}

func deleteGrafana(w *Work) error {
	if err := w.rest("grafana", "DeleteWorkspace", grafanaPath(w), nil, nil); err != nil {
		return err
	}
	return w.until(func() (bool, error) {
		var out struct{ Workspace struct{ Status string } }
		err := w.rest("grafana", "DescribeWorkspace", grafanaPath(w), nil, &out)
		if err == nil && out.Workspace.Status == "DELETION_FAILED" {
			return false, &Failure{Message: "Workspace is in state DELETION_FAILED", HandlerCode: "NotStabilized"}
		}
		return isGone(err), ignoreGone(err)
	})
}
