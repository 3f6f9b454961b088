package identity

import (
	"encoding/json"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

// Sources of the rules below, named once.
const (
	ssoModel    = "the SDK's model of the service (sso-admin 2020-07-20)"
	storeModel  = "the SDK's model of the service (identitystore 2020-06-15)"
	actions     = "service authorization reference, AWS Identity Store"
	reported    = "as reported by users"
	notSourced  = "no source found"
	simplicity  = "a simplification of the local cloud"
	instanceARN = "arn:aws:sso:::instance/"
)

func (s *Identity) ssoAdmin() gateway.Service {
	operations := []gateway.Operation{
		{Name: "ListInstances", Serve: serve(s, (*call).listInstances), Rules: []gateway.Rule{
			{Text: "the response has one instance in the region of Identity Center; it is empty in other regions and if Identity Center is " +
				"not enabled",
				Basis: gateway.Confirmed, Source: "IAM Identity Center is regional; " + reported},
			{Text: "an organization instance and an account instance have the same response, because this account owns both; " +
				"DescribeOrganization of AWS Organizations shows whether the account is the management account", Basis: gateway.Inferred,
				Source: ssoModel + " (the model does not distinguish the two types)"},
		}},
		{Name: "DescribeInstance", Serve: serve(s, (*call).describeInstance), Resources: instanceOf, Rules: []gateway.Rule{
			{Text: "an unknown instance ARN is refused with 400 ResourceNotFoundException", Basis: gateway.Assumed, Source: notSourced},
		}},
	}
	for _, name := range []string{
		"CreateInstance", "DeleteInstance", "UpdateInstance", "AddRegion", "DescribeRegion", "ListRegions", "RemoveRegion",
		"CreateApplication", "DeleteApplication", "DescribeApplication", "ListApplications", "UpdateApplication",
		"CreateApplicationAssignment", "DeleteApplicationAssignment", "DescribeApplicationAssignment", "ListApplicationAssignments",
		"ListApplicationAssignmentsForPrincipal",
		"CreatePermissionSet", "DeletePermissionSet", "DescribePermissionSet", "ListPermissionSets", "UpdatePermissionSet",
		"CreateAccountAssignment", "DeleteAccountAssignment", "ListAccountAssignments", "ListAccountAssignmentsForPrincipal",
		"ListTagsForResource", "TagResource", "UntagResource",
	} {
		operations = append(operations, gateway.Operation{Name: name})
	}
	return gateway.Service{
		Name: "sso-admin", Title: "AWS IAM Identity Center (sso-admin)", SigningName: "sso", Version: "2020-07-20",
		TargetPrefix: "SWBExternalService",
		Protocol:     gateway.JSON11, Operations: gateway.RequireActions("sso", nil, operations),
	}
}

type instance struct {
	ARN       string  `json:"InstanceArn"`
	Store     string  `json:"IdentityStoreId"`
	Owner     string  `json:"OwnerAccountId"`
	Status    string  `json:"Status"`
	CreatedAt float64 `json:"CreatedDate"`
}

// instances are those that the region has: none or one.
func (c *call) instances() []instance {
	if c.InstanceID == "" || c.Region != c.service.opts.Region {
		return []instance{}
	}
	return []instance{{instanceARN + c.InstanceID, c.StoreID, principal.Account, "ACTIVE", c.CreatedAt}}
}

func (c *call) listInstances(in paging) (any, error) {
	some, next, err := page(in, c.instances(), func(i instance) string { return i.ARN })
	if err != nil {
		return nil, err
	}
	return struct {
		Instances []instance
		NextToken string `json:",omitempty"`
	}{some, next}, nil
}

type instanceID struct {
	ARN string `json:"InstanceArn"`
}

func (c *call) describeInstance(in instanceID) (any, error) {
	for _, i := range c.instances() {
		if i.ARN == in.ARN {
			return i, nil
		}
	}
	return nil, refuse("ResourceNotFoundException", "Instance "+in.ARN+" not found.", nil)
}

// instanceOf is the instance that a request names.
func instanceOf(r *gateway.Request) []string {
	var in instanceID
	if err := json.Unmarshal(r.Body, &in); err != nil || in.ARN == "" {
		return []string{"*"} // the operation itself says what is wrong with it
	}
	return []string{in.ARN}
}

// part is a sort of resource of the store, as ARNs call it.
type part string

const (
	users       part = "user"
	groups      part = "group"
	memberships part = "membership"
)

// on makes the Resources of an operation: the store, and of each of the parts
// the one that the request names, or all.
func on(parts ...part) func(*gateway.Request) []string {
	return func(r *gateway.Request) []string {
		var in struct {
			memberOf
			UserID string `json:"UserId"`
		}
		// What cannot be read names nothing; the operation itself says so.
		if err := json.Unmarshal(r.Body, &in); err != nil {
			return []string{"*"}
		}
		ids := map[part][]string{users: {in.UserID, in.MemberID.UserID}, groups: append(in.GroupIDs, in.GroupID), memberships: {in.MembershipID}}
		arns := []string{"arn:aws:identitystore::" + principal.Account + ":identitystore/" + in.IdentityStoreID}
		for _, p := range parts {
			named := false
			for _, id := range ids[p] {
				if id != "" {
					arns, named = append(arns, "arn:aws:identitystore:::"+string(p)+"/"+id), true
				}
			}
			if !named {
				arns = append(arns, "arn:aws:identitystore:::"+string(p)+"/*")
			}
		}
		return arns
	}
}

func (s *Identity) identityStore() gateway.Service {
	operations := []gateway.Operation{
		{Name: "GetUserId", Serve: serve(s, (*call).getUserID), Resources: on(users), Rules: []gateway.Rule{
			{Text: "a user is found by the attribute path userName or emails.value, or by an external id; if no user matches, the response " +
				"is 400 ResourceNotFoundException `USER " +
				"not found.`", Basis: gateway.Confirmed, Source: storeModel + " (the error texts are assumptions)"},
			{Text: "user names and e-mail addresses are compared case-insensitively", Basis: gateway.Assumed, Source: notSourced},
		}},
		{Name: "GetGroupId", Serve: serve(s, (*call).getGroupID), Resources: on(groups), Rules: []gateway.Rule{
			{Text: "a group is found by the attribute path displayName, or by an external id", Basis: gateway.Inferred, Source: storeModel},
		}},
		{Name: "DescribeUser", Serve: serve(s, (*call).describeUser), Resources: on(users)},
		{Name: "DescribeGroup", Serve: serve(s, (*call).describeGroup), Resources: on(groups)},
		{Name: "ListUsers", Serve: serve(s, (*call).listUsers), Resources: on(users), Rules: []gateway.Rule{
			{Text: "a request has at most one filter, on UserName; a page has 1 to 100 results, 100 by default; there is no filter on e-mails",
				Basis: gateway.Confirmed, Source: storeModel},
		}},
		{Name: "ListGroups", Serve: serve(s, (*call).listGroups), Resources: on(groups), Rules: []gateway.Rule{
			{Text: "a request has at most one filter, on DisplayName", Basis: gateway.Confirmed, Source: storeModel},
		}},
		{Name: "CreateUser", Serve: alter(s, (*call).createUser), Resources: on(), Rules: []gateway.Rule{
			{Text: "UserName, DisplayName, Name.GivenName and Name.FamilyName are required; a user has at most one e-mail", Basis: gateway.Inferred,
				Source: "Terraform's AWS provider has the same requirements; the error texts are assumptions"},
			{Text: "a user name consists of letters, marks, symbols, numbers and punctuation; other strings can also have spaces; control " +
				"characters are refused with 400 ValidationException", Basis: gateway.Confirmed, Source: storeModel + " (it documents the " +
				"patterns; the error text is inferred)"},
			{Text: "a user name or an e-mail address that another user has is refused with 400 ConflictException", Basis: gateway.Confirmed,
				Source: storeModel + "; " + reported},
			{Text: "a user created in the local cloud can sign in immediately: there is no invitation and no " +
				"password", Basis: gateway.Assumed, Source: simplicity},
		}},
		{Name: "DeleteUser", Serve: alter(s, (*call).deleteUser), Resources: on(users), Rules: []gateway.Rule{
			{Text: "the user's group memberships are deleted too", Basis: gateway.Inferred, Source: storeModel},
		}},
		{Name: "CreateGroup", Serve: alter(s, (*call).createGroup), Resources: on()},
		{Name: "DeleteGroup", Serve: alter(s, (*call).deleteGroup), Resources: on(groups)},
		{Name: "CreateGroupMembership", Serve: alter(s, (*call).createGroupMembership), Resources: on(groups, users, memberships)},
		{Name: "DeleteGroupMembership", Serve: alter(s, (*call).deleteGroupMembership), Resources: on(memberships)},
		{Name: "DescribeGroupMembership", Serve: serve(s, (*call).describeGroupMembership), Resources: on(memberships)},
		{Name: "GetGroupMembershipId", Serve: serve(s, (*call).getGroupMembershipID), Resources: on(groups, users, memberships)},
		{Name: "ListGroupMemberships", Serve: serve(s, (*call).listGroupMemberships), Resources: on(groups, memberships)},
		{Name: "ListGroupMembershipsForMember", Serve: serve(s, (*call).listGroupMembershipsForMember), Resources: on(users, memberships)},
		{Name: "IsMemberInGroups", Serve: serve(s, (*call).isMemberInGroups), Resources: on(groups, users, memberships)},
		{Name: "UpdateGroup"},
		{Name: "UpdateUser"},
		{Name: "DescribeIdentityStore"},
		{Name: "ListIdentityStores"},
		{Name: "UpdateIdentityStore"},
	}
	return gateway.Service{
		Name: "identitystore", Title: "AWS Identity Store", SigningName: "identitystore", Version: "2020-06-15", TargetPrefix: "AWSIdentityStore",
		Protocol: gateway.JSON11, Operations: gateway.RequireActions("identitystore", nil, operations), Rules: []gateway.Rule{
			{Text: "permission is required on the identity store (arn:aws:identitystore::A:identitystore/d-…) and on each type of object " +
				"that is read (arn:aws:identitystore:::user/…, group/…, membership/…); the object is `/*` if the request names " +
				"none", Basis: gateway.Confirmed,
				Source: actions + "; DescribeUser " + reported + "; the resources of the other actions are inferred"},
			{Text: "a request for another identity store, or in another region, is refused with 400 ResourceNotFoundException " +
				"`IDENTITY_STORE not found.`",
				Basis: gateway.Inferred, Source: storeModel},
			{Text: "ids are UUIDs without a prefix; AWS adds the prefix of the store to some ids", Basis: gateway.Confirmed, Source: storeModel},
		},
	}
}
