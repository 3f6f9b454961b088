package iam

import "github.com/parascope/parascope/localaws/gateway"

// notHere are the operations that AWS has and the local cloud does not.
func notHere() []gateway.Operation {
	names := []string{
		"AcceptDelegationRequest", "AcquireRole", "AddClientIDToOpenIDConnectProvider", "AddUserToGroup", "AssociateDelegationRequest",
		"AttachGroupPolicy", "ChangePassword", "CreateAccountAlias", "CreateDelegationRequest", "CreateGroup", "CreateLoginProfile",
		"CreateOpenIDConnectProvider", "CreateSAMLProvider", "CreateServiceLinkedRole", "CreateServiceSpecificCredential",
		"CreateVirtualMFADevice", "DeactivateMFADevice", "DeleteAccountAlias", "DeleteAccountPasswordPolicy", "DeleteGroup",
		"DeleteGroupPolicy", "DeleteLoginProfile", "DeleteOpenIDConnectProvider",
		"DeleteSAMLProvider", "DeleteSSHPublicKey", "DeleteServerCertificate", "DeleteServiceLinkedRole",
		"DeleteServiceSpecificCredential", "DeleteSigningCertificate", "DeleteVirtualMFADevice",
		"DetachGroupPolicy", "DisableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootSessions",
		"DisableOutboundWebIdentityFederation", "EnableMFADevice", "EnableOrganizationsRootCredentialsManagement",
		"EnableOrganizationsRootSessions", "EnableOutboundWebIdentityFederation", "GenerateCredentialReport",
		"GenerateOrganizationsAccessReport", "GenerateServiceLastAccessedDetails", "GetAccessKeyLastUsed",
		"GetAccountAuthorizationDetails", "GetAccountPasswordPolicy", "GetAccountProperties", "GetAccountSummary",
		"GetContextKeysForCustomPolicy", "GetContextKeysForPrincipalPolicy", "GetCredentialReport", "GetDelegationRequest", "GetGroup",
		"GetGroupPolicy", "GetHumanReadableSummary", "GetLoginProfile", "GetMFADevice", "GetOpenIDConnectProvider",
		"GetOrganizationsAccessReport", "GetOutboundWebIdentityFederationInfo", "GetRoleTemplateVersion", "GetSAMLProvider",
		"GetSSHPublicKey", "GetServerCertificate", "GetServiceLastAccessedDetails", "GetServiceLastAccessedDetailsWithEntities",
		"GetServiceLinkedRoleDeletionStatus", "ListAccountAliases", "ListAttachedGroupPolicies", "ListDelegationRequests",
		"ListGroupPolicies", "ListGroups", "ListGroupsForUser", "ListInstanceProfileTags", "ListMFADeviceTags", "ListMFADevices",
		"ListOpenIDConnectProviderTags", "ListOpenIDConnectProviders", "ListOrganizationsFeatures",
		"ListPoliciesGrantingServiceAccess", "ListSAMLProviderTags", "ListSAMLProviders", "ListSSHPublicKeys",
		"ListServerCertificateTags", "ListServerCertificates", "ListServiceSpecificCredentials", "ListSigningCertificates",
		"ListVirtualMFADevices", "PutAccountProperties", "PutGroupPolicy",
		"RejectDelegationRequest", "RemoveClientIDFromOpenIDConnectProvider", "RemoveUserFromGroup", "ResetServiceSpecificCredential",
		"ResyncMFADevice", "SendDelegationToken", "SetSecurityTokenServicePreferences", "SimulateCustomPolicy", "TagInstanceProfile",
		"TagMFADevice", "TagOpenIDConnectProvider", "TagSAMLProvider", "TagServerCertificate", "UntagInstanceProfile",
		"UntagMFADevice", "UntagOpenIDConnectProvider", "UntagSAMLProvider", "UntagServerCertificate", "UpdateAccessKey",
		"UpdateAccountPasswordPolicy", "UpdateDelegationRequest", "UpdateGroup", "UpdateLoginProfile",
		"UpdateOpenIDConnectProviderThumbprint", "UpdateRoleDescription", "UpdateSAMLProvider", "UpdateSSHPublicKey",
		"UpdateServerCertificate", "UpdateServiceSpecificCredential", "UpdateSigningCertificate", "UpdateUser", "UploadSSHPublicKey",
		"UploadServerCertificate", "UploadSigningCertificate",
	}
	operations := make([]gateway.Operation, len(names))
	for i, name := range names {
		operations[i].Name = name
	}
	return operations
}
