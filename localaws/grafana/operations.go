package grafana

import (
	"net/http"
	"slices"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/grafana/server"
)

// Sources of the rules below, named once.
const (
	model     = "the SDK's model of the service (grafana 2020-08-18)"
	guide     = "AMG user guide"
	quotas    = "AMG user guide, service quotas"
	reference = "Service Authorization Reference, Amazon Managed Grafana"
	nothingIs = "no source found"
)

// Service is the control plane. What the workspaces' Grafanas do stands in its
// rules: their API is not AWS's, and signed with nothing.
func (g *Grafana) Service() gateway.Service {
	return gateway.Service{
		Name: "grafana", Title: "Amazon Managed Grafana", SigningName: "grafana", Version: "2020-08-18",
		Protocol: gateway.RESTJSON, Operations: gateway.RequireActions("grafana", workspaceARN, g.operations()),
		Rules: slices.Concat([]gateway.Rule{
			{Text: "a workspace is CREATING, then ACTIVE, by the local cloud's clock; a deleted workspace is DELETING, then the workspace and " +
				"its contents no longer exist", Basis: gateway.Confirmed, Source: model + " (it documents the states)"},
			{Text: "a request for a workspace of another region returns 404 ResourceNotFoundException", Basis: gateway.Inferred,
				Source: "AMG is a regional service"},
			{Text: "a workspace that is neither ACTIVE nor DEGRADED cannot be changed and has no service accounts or permissions: 409 " +
				"ConflictException", Basis: gateway.Assumed, Source: nothingIs + "; the exception is documented in " + model},
			{Text: "a page of a list has up to 100 entries; maxResults is 100 by default", Basis: gateway.Confirmed,
				Source: model + " (it documents the bounds; the default is an assumption)"},
		}, server.Rules()),
	}
}

// workspaceARN is what a permission must be for: the workspace, or the tagged
// resource, that the path names; anything for what names none.
func workspaceARN(r *gateway.Request) []string {
	if arn, ok := r.Labels["resourceArn"]; ok {
		return []string{arn}
	}
	if id, ok := r.Labels["workspaceId"]; ok {
		return []string{arnOf(r.Region, id)}
	}
	return []string{"*"}
}

func endpointRule() gateway.Rule {
	return gateway.Rule{
		Text: "endpoint is a host without a scheme; in the local cloud it has a port and serves http; the address is the same after a restart " +
			"unless another process uses the port", Basis: gateway.Confirmed,
		Source: model + " and AWS's code samples, which prepend `https://` to the endpoint; the port, http and the stable address are " +
			"specific to the local cloud",
	}
}

func (g *Grafana) operations() []gateway.Operation {
	const (
		get, put, post, patch, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete
		ws                         = "/workspaces/{workspaceId}"
		account                    = ws + "/serviceaccounts/{serviceAccountId}"
	)
	return []gateway.Operation{
		{Name: "CreateWorkspace", Method: post, Path: "/workspaces", Serve: g.createWorkspace, Rules: createRules()},
		{Name: "DescribeWorkspace", Method: get, Path: ws, Serve: g.describeWorkspace, Rules: []gateway.Rule{
			endpointRule(),
		}},
		{Name: "ListWorkspaces", Method: get, Path: "/workspaces", Serve: g.listWorkspaces},
		{Name: "UpdateWorkspace", Method: put, Path: ws, Serve: g.updateWorkspace, Rules: []gateway.Rule{
			{Text: "omitted settings are unchanged; a role requires iam:PassRole as in CreateWorkspace; the workspace is UPDATING for a while, " +
				"and Grafana keeps running", Basis: gateway.Confirmed, Source: model + " (it is assumed that Grafana keeps running)"},
		}},
		{Name: "DeleteWorkspace", Method: del, Path: ws, Serve: g.deleteWorkspace, Rules: []gateway.Rule{
			{Text: "deleting a workspace with AWS_SSO requires sso:DeleteManagedApplicationInstance", Basis: gateway.Confirmed, Source: reference},
			{Text: "the response is 409 while the workspace is CREATING, UPDATING, VERSION_UPDATING or DELETING; a failed workspace can be " +
				"deleted", Basis: gateway.Assumed, Source: nothingIs},
		}},
		{Name: "DescribeWorkspaceAuthentication", Method: get, Path: ws + "/authentication", Serve: g.describeWorkspaceAuthentication},
		{Name: "UpdateWorkspaceAuthentication", Method: post, Path: ws + "/authentication", Serve: g.updateWorkspaceAuthentication,
			Rules: []gateway.Rule{
				{Text: "AWS_SSO requires the same permissions as in CreateWorkspace; a SAML configuration is stored, but cannot be used to sign in",
					Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
		{Name: "DescribeWorkspaceConfiguration", Method: get, Path: ws + "/configuration", Serve: g.describeWorkspaceConfiguration},
		{Name: "UpdateWorkspaceConfiguration", Method: put, Path: ws + "/configuration", Serve: g.updateWorkspaceConfiguration,
			Rules: []gateway.Rule{
				{Text: "the configuration is a JSON object in a string of 2 to 65536 characters; its contents have no effect in the local cloud",
					Basis: gateway.Confirmed, Source: model + " (it documents the bounds; ignoring the contents is a simplification of the local cloud)"},
				{Text: "a workspace can only be upgraded, not downgraded; during an upgrade it is VERSION_UPDATING and does not respond for a " +
					"while", Basis: gateway.Confirmed, Source: model + " (it is assumed that the workspace does not respond)"},
			}},
		{Name: "ListVersions", Method: get, Path: "/versions", Serve: g.listVersions, Rules: []gateway.Rule{
			{Text: "the versions are 9.4, 10.4 and 12.4; for a workspace, only versions newer than its own are listed", Basis: gateway.Inferred,
				Source: guide + " (it documents 9, 10 and 12; version 13 exists, but its exact number was not found; the minor versions are from " +
					"AWS's examples)"},
		}},
		{Name: "ListPermissions", Method: get, Path: ws + "/permissions", Serve: g.listPermissions, Rules: []gateway.Rule{
			{Text: "userId and groupId are mutually exclusive; users with the role VIEWER are listed too", Basis: gateway.Confirmed,
				Source: model + " (it documents userId and groupId; its text names only Admin and Editor, but the parameter role has all three " +
					"values)"},
		}},
		{Name: "UpdatePermissions", Method: patch, Path: ws + "/permissions", Serve: g.updatePermissions, Rules: permissionRules()},
		{Name: "CreateWorkspaceServiceAccount", Method: post, Path: ws + "/serviceaccounts", Serve: g.accounts.CreateServiceAccount,
			Rules: []gateway.Rule{
				{Text: "a name that another account of the workspace has is refused with 409 ConflictException; a workspace has at most 100 " +
					"accounts, and further accounts are refused with 402 ServiceQuotaExceededException",
					Basis: gateway.Confirmed, Source: model + " and " + quotas + " (the error texts are assumptions)"},
			}},
		{Name: "ListWorkspaceServiceAccounts", Method: get, Path: ws + "/serviceaccounts", Serve: g.accounts.ListServiceAccounts},
		{Name: "DeleteWorkspaceServiceAccount", Method: del, Path: account, Serve: g.accounts.DeleteServiceAccount, Rules: []gateway.Rule{
			{Text: "the tokens of the service account are deleted too", Basis: gateway.Confirmed, Source: model},
		}},
		{Name: "CreateWorkspaceServiceAccountToken", Method: post, Path: account + "/tokens", Serve: g.accounts.CreateToken,
			Rules: []gateway.Rule{
				{Text: "secondsToLive is 1 to 2592000; the key begins with glsa_, is shown once, and only its hash is kept", Basis: gateway.Confirmed,
					Source: model + " (the prefix is that of Grafana's tokens)"},
				{Text: "a workspace has at most 100 tokens, including expired tokens; further tokens are refused with 402 " +
					"ServiceQuotaExceededException", Basis: gateway.Confirmed, Source: quotas + " (the error texts are assumptions)"},
			}},
		{Name: "ListWorkspaceServiceAccountTokens", Method: get, Path: account + "/tokens", Serve: g.accounts.ListTokens, Rules: []gateway.Rule{
			{Text: "lastUsedAt has a precision of one minute", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
		}},
		{Name: "DeleteWorkspaceServiceAccountToken", Method: del, Path: account + "/tokens/{tokenId}", Serve: g.accounts.DeleteToken},
		{Name: "CreateWorkspaceApiKey", Method: post, Path: ws + "/apikeys", Serve: g.accounts.CreateAPIKey, Rules: []gateway.Rule{
			{Text: "in workspaces of version 12 and later the request is refused with 400 ValidationException, and existing keys stop working",
				Basis: gateway.Confirmed, Source: guide + ", differences between versions (the HTTP status code is an assumption)"},
		}},
		{Name: "DeleteWorkspaceApiKey", Method: del, Path: ws + "/apikeys/{keyName}", Serve: g.accounts.DeleteAPIKey},
		{Name: "ListTagsForResource", Method: get, Path: "/tags/{resourceArn}", Serve: g.listTagsForResource},
		{Name: "TagResource", Method: post, Path: "/tags/{resourceArn}", Serve: g.tagResource},
		{Name: "UntagResource", Method: del, Path: "/tags/{resourceArn}", Serve: g.untagResource},

		{Name: "AssociateLicense", Method: post, Path: ws + "/licenses/{licenseType}"},
		{Name: "DisassociateLicense", Method: del, Path: ws + "/licenses/{licenseType}"},
	}
}

func createRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "AWS_SSO without an organization instance of IAM Identity Center is refused with 400 ValidationException `SSO is not enabled " +
			"in any region.`",
			Basis: gateway.Confirmed, Source: "user report (terraform-aws-modules/terraform-aws-managed-service-grafana#30); Identity Center's " +
				"user guide says that account instances do not count"},
		{Text: "AWS_SSO requires sso:DescribeRegisteredRegions, sso:GetSharedSsoConfiguration, organizations:DescribeOrganization and " +
			"sso:CreateManagedApplicationInstance", Basis: gateway.Confirmed, Source: reference + " (it documents the dependent actions; their " +
			"order is an assumption)"},
		{Text: "a request with a workspaceRoleArn requires iam:PassRole to grafana.amazonaws.com; the service checks that the role exists and " +
			"trusts it only when it uses the role", Basis: gateway.Confirmed, Source: reference + " (the time of the check is an assumption)"},
		{Text: "tags require grafana:TagResource; a network requires ec2:DescribeSecurityGroups and ec2:DescribeSubnets, an access list " +
			"ec2:GetManagedPrefixListEntries", Basis: gateway.Confirmed, Source: reference},
		{Text: "CUSTOMER_MANAGED requires a workspaceRoleArn; SERVICE_MANAGED creates no role", Basis: gateway.Confirmed,
			Source: model + " and hashicorp/terraform-provider-aws#24342; the error text is an assumption"},
		{Text: "a workspace without grafanaVersion gets the latest version", Basis: gateway.Confirmed, Source: model},
		{Text: "a region has at most 5 workspaces; further workspaces are refused with 402 " +
			"ServiceQuotaExceededException", Basis: gateway.Confirmed, Source: quotas + " (the error text is an assumption)"},
		{Text: "a request with a used client token and the same parameters returns the same workspace; with other parameters it is refused " +
			"with 409 ConflictException", Basis: gateway.Inferred, Source: model + " (`to ensure the idempotency of the request`)"},
		{Text: "networks, access lists, keys and organizational units are stored and have no effect", Basis: gateway.Assumed,
			Source: "a simplification of the local cloud"},
	}
}

func permissionRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "an id that is not an Identity Center id, such as an e-mail address, is refused with 400 ValidationException and nothing is " +
			"changed; a request with more than 20 instructions is refused likewise", Basis: gateway.Inferred, Source: model + " (it documents " +
			"the pattern and the limit; whether AWS checks the pattern is unknown)"},
		{Text: "ADD of a user or group that the identity store does not have is listed in errors of a response with status 200, with code " +
			"404; REVOKE for such a user or group removes the role; the other instructions are executed", Basis: gateway.Assumed,
			Source: model + " (it documents that failures are listed in errors; their code and text were not found)"},
		{Text: "a user or group has one role: ADD of another role replaces the role", Basis: gateway.Assumed,
			Source: guide + " (users are made admin, editor or viewer in the console)"},
		{Text: "REVOKE of a role that the user does not have is listed in errors, with code 404", Basis: gateway.Assumed, Source: nothingIs},
		{Text: "the caller must have permission for seven sso: actions, and for sso-directory:DescribeUser or DescribeGroup; otherwise the " +
			"response is 403 AccessDeniedException and nothing is changed",
			Basis: gateway.Inferred, Source: "the AWS managed policy AWSGrafanaWorkspacePermissionManagementV2 grants the actions; without the " +
				"permissions, AWS was reported to return 200 without effect (boto/boto3#3212)"},
	}
}
