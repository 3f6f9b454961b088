// Package organizations is the local AWS Organizations, of which there is as much
// as tells an organization's account from one that is on its own: the account is
// the management account of an organization without other accounts, or in none.
package organizations

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

const (
	model    = "the SDK's model of the service (organizations 2016-11-28)"
	guide    = "Organizations API reference"
	reported = "as reported by users"
	simple   = "a simplification of the local cloud"

	id = "o-localcloud1" // "o-" and 10 to 32 lower case letters or digits
)

// Service is Organizations for an account that is in an organization or is not.
func Service(inOrganization bool) gateway.Service {
	operations := []gateway.Operation{
		{Name: "DescribeOrganization", Serve: describe(inOrganization), Rules: []gateway.Rule{
			{Text: "every account of an organization can call this operation", Basis: gateway.Confirmed, Source: guide},
			{Text: "if the account is not in an organization, the response is 400 AWSOrganizationsNotInUseException `Your account is not a " +
				"member of an " +
				"organization.`",
				Basis: gateway.Confirmed, Source: model + "; " + reported},
		}},
	}
	for _, name := range notHere {
		operations = append(operations, gateway.Operation{Name: name})
	}
	return gateway.Service{
		Name: "organizations", Title: "AWS Organizations", SigningName: "organizations", Version: "2016-11-28",
		TargetPrefix: "AWSOrganizationsV20161128",
		Protocol:     gateway.JSON11, Operations: gateway.RequireActions("organizations", nil, operations), Rules: []gateway.Rule{
			{Text: "this account is the management account of an organization that has all features; with `--identity-center account` the " +
				"account is in no organization", Basis: gateway.Assumed, Source: simple},
			{Text: "the service is global: signatures for every region are accepted, while AWS's endpoint requires us-east-1",
				Basis:  gateway.Inferred,
				Source: model + " (the endpoint's rules: with a custom endpoint the client keeps its own region)"},
		},
	}
}

type policyType struct{ Type, Status string }

type organization struct {
	ID                   string `json:"Id"`
	ARN                  string `json:"Arn"`
	FeatureSet           string
	MasterAccountID      string `json:"MasterAccountId"`
	MasterAccountARN     string `json:"MasterAccountArn"`
	MasterAccountEmail   string
	AvailablePolicyTypes []policyType
}

func describe(inOrganization bool) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, _ *gateway.Request) error {
		if !inOrganization {
			const message = "Your account is not a member of an organization."
			return &gateway.Error{Status: http.StatusBadRequest, Code: "AWSOrganizationsNotInUseException", Message: message,
				Members: map[string]any{"Message": message}}
		}
		prefix := "arn:aws:organizations::" + principal.Account + ":"
		return gateway.WriteJSON(w, http.StatusOK, map[string]organization{"Organization": {
			ID: id, ARN: prefix + "organization/" + id, FeatureSet: "ALL",
			MasterAccountID: principal.Account, MasterAccountARN: prefix + "account/" + id + "/" + principal.Account,
			MasterAccountEmail:   "management@example.com",
			AvailablePolicyTypes: []policyType{{"SERVICE_CONTROL_POLICY", "ENABLED"}},
		}})
	}
}

// notHere are the operations that AWS has besides.
var notHere = []string{
	"AcceptHandshake", "AttachPolicy", "CancelHandshake", "CloseAccount", "CreateAccount", "CreateGovCloudAccount", "CreateOrganization",
	"CreateOrganizationalUnit", "CreatePolicy", "DeclineHandshake", "DeleteOrganization", "DeleteOrganizationalUnit", "DeletePolicy",
	"DeleteResourcePolicy", "DeregisterDelegatedAdministrator", "DescribeAccount", "DescribeCreateAccountStatus", "DescribeEffectivePolicy",
	"DescribeHandshake", "DescribeOrganizationalUnit", "DescribePolicy", "DescribeResourcePolicy", "DescribeResponsibilityTransfer",
	"DetachPolicy", "DisableAWSServiceAccess", "DisablePolicyType", "EnableAWSServiceAccess", "EnableAllFeatures", "EnablePolicyType",
	"InviteAccountToOrganization", "InviteOrganizationToTransferResponsibility", "LeaveOrganization", "ListAWSServiceAccessForOrganization",
	"ListAccounts", "ListAccountsForParent", "ListAccountsWithInvalidEffectivePolicy", "ListChildren", "ListCreateAccountStatus",
	"ListDelegatedAdministrators", "ListDelegatedServicesForAccount", "ListEffectivePolicyValidationErrors", "ListHandshakesForAccount",
	"ListHandshakesForOrganization", "ListInboundResponsibilityTransfers", "ListOrganizationalUnitsForParent",
	"ListOutboundResponsibilityTransfers",
	"ListParents", "ListPolicies", "ListPoliciesForTarget", "ListRoots", "ListTagsForResource", "ListTargetsForPolicy", "MoveAccount",
	"PutResourcePolicy", "RegisterDelegatedAdministrator", "RemoveAccountFromOrganization", "TagResource", "TerminateResponsibilityTransfer",
	"UntagResource", "UpdateOrganizationalUnit", "UpdatePolicy", "UpdateResponsibilityTransfer",
}
