package grafana

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/wire"
)

var (
	namePattern        = regexp.MustCompile(`^[a-zA-Z0-9\-._~]{1,255}$`)
	descriptionPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}\p{P}]*$`)
	tokenPattern       = regexp.MustCompile(`^[!-~]{1,64}$`)
	kmsPattern         = regexp.MustCompile(`^[a-zA-Z0-9:/_-]+$`)
	rolePattern        = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$`)
	dataSourceTypes    = []string{"AMAZON_OPENSEARCH_SERVICE", "CLOUDWATCH", "PROMETHEUS", "XRAY", "TIMESTREAM", "SITEWISE", "ATHENA",
		"REDSHIFT", "TWINMAKER"}
)

const (
	maxDescription   = 2048
	maxConfiguration = 65536
)

// input is what CreateWorkspace and UpdateWorkspace take: pointers and nil slices
// are what the caller left out.
type input struct {
	AccountAccessType                 *string
	ClientToken                       *string
	Configuration                     *string
	GrafanaVersion                    *string
	IPAddressType                     *string
	KmsKeyID                          *string `json:"kmsKeyId"`
	NetworkAccessControl              *networkAccess
	OrganizationRoleName              *string
	PermissionType                    *string
	RemoveNetworkAccessConfiguration  bool
	RemoveVPCConfiguration            bool `json:"removeVpcConfiguration"`
	StackSetName                      *string
	Tags                              map[string]string
	AuthenticationProviders           []string
	VPCConfiguration                  *vpcConnections `json:"vpcConfiguration"`
	WorkspaceDataSources              []string
	WorkspaceDescription              *string
	WorkspaceName                     *string
	WorkspaceNotificationDestinations []string
	WorkspaceOrganizationalUnits      []string
	WorkspaceRoleARN                  *string `json:"workspaceRoleArn"`
}

// check holds what was given against the model's constraints.
func (in *input) check() error {
	for _, e := range []struct {
		name   string
		value  *string
		values []string
	}{
		{"accountAccessType", in.AccountAccessType, []string{"CURRENT_ACCOUNT", "ORGANIZATION"}},
		{"permissionType", in.PermissionType, []string{"CUSTOMER_MANAGED", "SERVICE_MANAGED"}},
		{"ipAddressType", in.IPAddressType, []string{"IPv4", "DualStack"}},
	} {
		if e.value != nil && !slices.Contains(e.values, *e.value) {
			return wire.NotInEnum(e.name, *e.value, e.values)
		}
	}
	for _, p := range []struct {
		name    string
		value   *string
		pattern *regexp.Regexp
	}{
		{"workspaceName", in.WorkspaceName, namePattern},
		{"workspaceDescription", in.WorkspaceDescription, descriptionPattern},
		{"clientToken", in.ClientToken, tokenPattern},
		{"kmsKeyId", in.KmsKeyID, kmsPattern},
		{"workspaceRoleArn", in.WorkspaceRoleARN, rolePattern},
	} {
		if p.value != nil && !p.pattern.MatchString(*p.value) {
			return wire.Invalid(p.name, "failed to satisfy constraint: Member must satisfy regular expression pattern: %s",
				strings.Trim(p.pattern.String(), "^$"))
		}
	}
	if in.WorkspaceDescription != nil && utf8.RuneCountInString(*in.WorkspaceDescription) > maxDescription {
		return wire.Invalid("workspaceDescription", "must have a length of at most %d", maxDescription)
	}
	return in.checkLists()
}

func (in *input) checkLists() error {
	for _, d := range in.WorkspaceDataSources {
		if !slices.Contains(dataSourceTypes, d) {
			return wire.NotInEnum("workspaceDataSources", d, dataSourceTypes)
		}
	}
	for _, d := range in.WorkspaceNotificationDestinations {
		if d != "SNS" {
			return wire.NotInEnum("workspaceNotificationDestinations", d, []string{"SNS"})
		}
	}
	if v := in.VPCConfiguration; v != nil {
		if n := len(v.SecurityGroupIDs); n < 1 || n > 5 {
			return wire.Invalid("vpcConfiguration.securityGroupIds", "must have 1 to 5 members")
		}
		if n := len(v.SubnetIDs); n < 2 || n > 6 {
			return wire.Invalid("vpcConfiguration.subnetIds", "must have 2 to 6 members")
		}
	}
	switch {
	case in.RemoveVPCConfiguration && in.VPCConfiguration != nil:
		return wire.Refused("removeVpcConfiguration and vpcConfiguration are mutually exclusive")
	case in.RemoveNetworkAccessConfiguration && in.NetworkAccessControl != nil:
		return wire.Refused("removeNetworkAccessConfiguration and networkAccessControl are mutually exclusive")
	}
	return nil
}

// required are the parameters that a new workspace cannot do without.
func (in *input) required() error {
	switch {
	case in.AccountAccessType == nil:
		return wire.Invalid("accountAccessType", "is required")
	case in.PermissionType == nil:
		return wire.Invalid("permissionType", "is required")
	case in.AuthenticationProviders == nil:
		return wire.Invalid("authenticationProviders", "is required")
	}
	return nil
}

// apply changes the settings that were given.
func (in *input) apply(s *settings) {
	for _, f := range []struct {
		to   *string
		from *string
	}{
		{&s.AccountAccessType, in.AccountAccessType},
		{&s.Description, in.WorkspaceDescription},
		{&s.IPAddressType, in.IPAddressType},
		{&s.KmsKeyID, in.KmsKeyID},
		{&s.Name, in.WorkspaceName},
		{&s.OrganizationRoleName, in.OrganizationRoleName},
		{&s.PermissionType, in.PermissionType},
		{&s.StackSetName, in.StackSetName},
		{&s.WorkspaceRoleARN, in.WorkspaceRoleARN},
	} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	for _, f := range []struct {
		to   *[]string
		from []string
	}{
		{&s.DataSources, in.WorkspaceDataSources},
		{&s.NotificationDestinations, in.WorkspaceNotificationDestinations},
		{&s.OrganizationalUnits, in.WorkspaceOrganizationalUnits},
	} {
		if f.from != nil {
			*f.to = f.from
		}
	}
	if in.NetworkAccessControl != nil || in.RemoveNetworkAccessConfiguration {
		s.NetworkAccessControl = in.NetworkAccessControl
	}
	if in.VPCConfiguration != nil || in.RemoveVPCConfiguration {
		s.VPCConfiguration = in.VPCConfiguration
	}
}

// authorizeUse asks for the permissions on other services that the input needs:
// to hand a role over, and to look at a network.
func (in *input) authorizeUse(r *gateway.Request) error {
	if in.WorkspaceRoleARN != nil {
		if err := r.Authorize("iam:PassRole", *in.WorkspaceRoleARN, map[string][]string{"iam:PassedToService": {serviceName}}); err != nil {
			return err
		}
	}
	var needed []string
	if in.VPCConfiguration != nil {
		needed = append(needed, "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets")
	}
	if in.NetworkAccessControl != nil {
		needed = append(needed, "ec2:GetManagedPrefixListEntries")
	}
	return authorizeAll(r, needed)
}

func authorizeAll(r *gateway.Request, actions []string) error {
	for _, action := range actions {
		if err := r.Authorize(action, "*", nil); err != nil {
			return err
		}
	}
	return nil
}

// checkConfiguration: a configuration is a JSON object in a string.
func checkConfiguration(text string) error {
	if len(text) < 2 || len(text) > maxConfiguration {
		return wire.Invalid("configuration", "must have a length between 2 and %d", maxConfiguration)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return wire.Invalid("configuration", "is not a JSON object")
	}
	return nil
}
