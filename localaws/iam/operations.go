package iam

import (
	"slices"
	"strings"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/iam/account"
	"github.com/parascope/parascope/localaws/state"
)

// Sources of the rules below, named once.
const (
	userGuide = "IAM user guide"
	apiRef    = "IAM API reference"
	texts     = "error messages as reported by AWS users"
)

func rules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "identity policies, inline and managed in their default version, decide every operation of every service: an explicit deny " +
			"has precedence over an allow, and the default is deny; the response is 403 AccessDenied `User: … is not authorized to perform: " +
			"… because no identity-based policy " +
			"allows the … action`, or `with an explicit deny in an identity-based policy`", Basis: gateway.Confirmed,
			Source: userGuide + ", policy evaluation logic and troubleshooting access denied messages"},
		{Text: "a condition operator, condition key or policy variable that the local cloud does not support makes an Allow statement " +
			"ineffective and a Deny statement effective; the message names it in parentheses", Basis: gateway.Assumed,
			Source: "a simplification of the local cloud, which applies the stricter result"},
		{Text: "a condition on a key that AWS sets and that the request does not have does not match, except with negated operators, " +
			"…IfExists, ForAllValues and " +
			"Null", Basis: gateway.Confirmed, Source: userGuide + ", condition operators"},
		{Text: "aws:PrincipalArn of a session is its role's ARN; aws:SecureTransport is true, because loopback connections are treated " +
			"as TLS", Basis: gateway.Assumed,
			Source: userGuide + ", global condition keys (aws:PrincipalArn); a simplification of the local cloud (aws:SecureTransport)"},
		{Text: "changes take effect immediately", Basis: gateway.Assumed, Source: "a simplification of the local cloud: on AWS, changes " +
			"take effect after some seconds"},
		{Text: "a policy with an invalid form is refused with 400 MalformedPolicyDocument and IAM's error " +
			"message", Basis: gateway.Inferred, Source: texts},
		{Text: "groups, session policies and the root user are not supported", Basis: gateway.Assumed,
			Source: "a simplification of the local cloud"},
		{Text: "the permissions boundary of a user or role must allow an action too: `… because no permissions boundary allows the … " +
			"action`, " +
			"or `with an explicit deny in a permissions boundary`", Basis: gateway.Confirmed,
			Source: userGuide + ", permissions boundaries for IAM entities and troubleshooting access denied messages"},
		{Text: "AWS services need no permissions for calls on their own behalf", Basis: gateway.Inferred, Source: userGuide + ", " +
			"service principals"},
	}
}

// operations are those that the local cloud does.
func (i *IAM) operations() []gateway.Operation {
	return slices.Concat(i.roles(), i.users(), i.managedPolicies(), i.instanceProfiles(), i.simulation(),
		i.policyOperations(account.Roles), i.policyOperations(account.Users))
}

func (i *IAM) roles() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateRole", Serve: i.createRole, Keys: newKeys, Rules: []gateway.Rule{
			{Text: "the trust policy is checked, and the users and roles of this account in it must exist: `Invalid principal in policy: " +
				"\"AWS\":\"…\"`", Basis: gateway.Confirmed, Source: userGuide + ", troubleshoot IAM policies"},
			{Text: "MaxSessionDuration is 3600 to 43200 (default 3600); a trust policy has up to 2048 characters", Basis: gateway.Confirmed,
				Source: apiRef + "; IAM quotas"},
			{Text: "a request with tags also requires iam:TagRole", Basis: gateway.Confirmed, Source: userGuide + ", tagging IAM roles"},
		}},
		{Name: "GetRole", Serve: i.getRole},
		{Name: "UpdateRole", Serve: i.updateRole},
		{Name: "UpdateAssumeRolePolicy", Serve: i.updateAssumeRolePolicy},
		{Name: "DeleteRole", Serve: i.deleteRole, Rules: []gateway.Rule{
			{Text: "an entity that is still in use is not deleted: 409 DeleteConflict `Cannot delete entity, must detach all policies " +
				"first.`, `… must delete policies first.`, `… must remove " +
				"roles from instance profile first.`", Basis: gateway.Confirmed, Source: texts},
		}},
		{Name: "ListRoles", Serve: i.listRoles},
		{Name: "TagRole", Serve: i.tag(account.Roles), Keys: tagKeys},
		{Name: "UntagRole", Serve: i.untag(account.Roles)},
		{Name: "ListRoleTags", Serve: i.listTags(account.Roles)},
	}
}

func (i *IAM) users() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateUser", Serve: i.createUser, Keys: newKeys},
		{Name: "GetUser", Serve: i.getUser, Rules: []gateway.Rule{
			{Text: "if UserName is absent, the user of the caller is used", Basis: gateway.Confirmed, Source: apiRef},
		}},
		{Name: "DeleteUser", Serve: i.deleteUser, Rules: []gateway.Rule{
			{Text: "the response is 409 DeleteConflict while the user has access keys or policies", Basis: gateway.Confirmed,
				Source: apiRef + " (the error text about access keys is an assumption)"},
		}},
		{Name: "ListUsers", Serve: i.listUsers},
		{Name: "TagUser", Serve: i.tag(account.Users), Keys: tagKeys},
		{Name: "UntagUser", Serve: i.untag(account.Users)},
		{Name: "ListUserTags", Serve: i.listTags(account.Users)},
		{Name: "CreateAccessKey", Serve: i.createAccessKey, Rules: []gateway.Rule{
			{Text: "a user has at most two access keys; further keys are refused with 409 LimitExceeded `Cannot exceed quota for " +
				"AccessKeysPerUser: 2`", Basis: gateway.Confirmed,
				Source: "IAM quotas; " + texts},
		}},
		{Name: "DeleteAccessKey", Serve: i.deleteAccessKey},
		{Name: "ListAccessKeys", Serve: i.listAccessKeys},
	}
}

func (i *IAM) managedPolicies() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreatePolicy", Serve: i.createPolicy, Keys: tagKeys, Rules: []gateway.Rule{
			{Text: "a policy has at most 6144 characters, not counting white space", Basis: gateway.Confirmed, Source: "IAM quotas"},
		}},
		{Name: "GetPolicy", Serve: i.getPolicy, Rules: []gateway.Rule{
			{Text: "these AWS managed policies exist: AdministratorAccess, AmazonPrometheusRemoteWriteAccess, " +
				"AmazonPrometheusQueryAccess, AmazonGrafanaCloudWatchAccess, AWSLambdaBasicExecutionRole, AmazonS3ReadOnlyAccess, " +
				"CloudWatchAgentServerPolicy, AWSGrafanaWorkspacePermissionManagementV2; their ids and dates are fictitious", Basis: gateway.Inferred,
				Source: "AWS managed policy reference"},
		}},
		{Name: "ListPolicies", Serve: i.listPolicies},
		{Name: "DeletePolicy", Serve: i.deletePolicy, Rules: []gateway.Rule{
			{Text: "the response is 409 DeleteConflict while the policy is attached or has versions other than the " +
				"default", Basis: gateway.Confirmed,
				Source: apiRef + "; " + texts},
		}},
		{Name: "CreatePolicyVersion", Serve: i.createPolicyVersion, Rules: []gateway.Rule{
			{Text: "a policy has at most five versions; further versions are refused with 409 LimitExceeded; version numbers are not " +
				"reused", Basis: gateway.Confirmed,
				Source: userGuide + ", versioning IAM policies"},
		}},
		{Name: "GetPolicyVersion", Serve: i.getPolicyVersion},
		{Name: "ListPolicyVersions", Serve: i.listPolicyVersions},
		{Name: "SetDefaultPolicyVersion", Serve: i.setDefaultPolicyVersion},
		{Name: "DeletePolicyVersion", Serve: i.deletePolicyVersion},
		{Name: "ListEntitiesForPolicy", Serve: i.listEntitiesForPolicy},
		{Name: "TagPolicy", Serve: i.tagPolicy, Keys: tagKeys},
		{Name: "UntagPolicy", Serve: i.untagPolicy},
		{Name: "ListPolicyTags", Serve: i.listPolicyTags},
	}
}

func (i *IAM) instanceProfiles() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CreateInstanceProfile", Serve: i.createInstanceProfile},
		{Name: "GetInstanceProfile", Serve: i.getInstanceProfile},
		{Name: "DeleteInstanceProfile", Serve: i.deleteInstanceProfile},
		{Name: "AddRoleToInstanceProfile", Serve: i.addRoleToInstanceProfile, Rules: []gateway.Rule{
			{Text: "a profile has one role; adding the role requires iam:PassRole on the role with iam:PassedToService ec2.amazonaws.com",
				Basis:  gateway.Confirmed,
				Source: userGuide + ", granting permissions to pass a role (the value of the condition key is inferred)"},
		}},
		{Name: "RemoveRoleFromInstanceProfile", Serve: i.removeRoleFromInstanceProfile},
		{Name: "ListInstanceProfiles", Serve: i.listInstanceProfiles},
		{Name: "ListInstanceProfilesForRole", Serve: i.listInstanceProfilesForRole},
	}
}

func (i *IAM) simulation() []gateway.Operation {
	return []gateway.Operation{
		{Name: "SimulatePrincipalPolicy", Serve: i.simulatePrincipalPolicy, Rules: []gateway.Rule{
			{Text: "the response has one result for each action, evaluated with the policies of a user or role; a result is the most " +
				"restrictive decision over the resources, and ResourceSpecificResults has the decision for each resource unless the request " +
				"is for all resources", Basis: gateway.Confirmed,
				Source: apiRef + ", EvaluationResult"},
			{Text: "a result's EvalResourceName is `*`; on AWS it is the ARN format of the action's resources", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud; " + apiRef + ", EvaluationResult"},
			{Text: "MissingContextValues has the condition keys that statements about the action and the resource use and that the " +
				"simulation request does not set; values of the principal are set automatically", Basis: gateway.Inferred,
				Source: apiRef + " (considering only those statements is inferred)"},
			{Text: "a PolicySourceArn that is not a user, role or group, such as a session or the root user, is refused with 400 " +
				"InvalidInput `Invalid Entity " +
				"Arn: … does not clearly define entity type and name.`", Basis: gateway.Confirmed, Source: texts},
			{Text: "simulations with additional policies, another caller or a resource-handling scenario are refused with " +
				"501", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		}},
	}
}

// policyOperations are those on the policies of users or roles.
func (i *IAM) policyOperations(k account.Kind) []gateway.Operation {
	return []gateway.Operation{
		{Name: "Put" + k.Title + "Policy", Serve: i.putInline(k), Keys: i.boundaryKeys(k), Rules: []gateway.Rule{
			{Text: "all inline policies together have at most 10,240 characters for a role and 2,048 for a user, not counting white space",
				Basis: gateway.Confirmed, Source: "IAM quotas"},
		}},
		{Name: "Get" + k.Title + "Policy", Serve: i.getInline(k)},
		{Name: "Delete" + k.Title + "Policy", Serve: i.deleteInline(k), Keys: i.boundaryKeys(k)},
		{Name: "List" + k.Title + "Policies", Serve: i.listInline(k)},
		{Name: "Attach" + k.Title + "Policy", Serve: i.attach(k), Keys: i.policyKeys(k), Rules: []gateway.Rule{
			{Text: "a user or role has at most 10 attached policies; further policies are refused with 409 LimitExceeded; attaching a " +
				"policy again is not an error; permission can depend on iam:PolicyARN",
				Basis: gateway.Confirmed, Source: "IAM quotas; " + userGuide + ", condition keys of IAM"},
		}},
		{Name: "Detach" + k.Title + "Policy", Serve: i.detach(k), Keys: i.policyKeys(k)},
		{Name: "Put" + k.Title + "PermissionsBoundary", Serve: i.putBoundary(k), Keys: newKeys, Rules: []gateway.Rule{
			{Text: "a permission can depend on iam:PermissionsBoundary, which is the ARN of the new boundary, or, for operations on " +
				"policies, of the current one", Basis: gateway.Confirmed, Source: "service authorization reference, IAM"},
		}},
		{Name: "Delete" + k.Title + "PermissionsBoundary", Serve: i.deleteBoundary(k), Keys: i.boundaryKeys(k)},
		{Name: "ListAttached" + k.Title + "Policies", Serve: i.listAttached(k)},
	}
}

// policyKeys are the condition keys of attaching and detaching a policy.
func (i *IAM) policyKeys(k account.Kind) func(*gateway.Request) map[string][]string {
	boundary := i.boundaryKeys(k)
	return func(r *gateway.Request) map[string][]string {
		keys := boundary(r)
		keys["iam:PolicyARN"] = []string{r.Form.Get("PolicyArn")}
		return keys
	}
}

// resources are the ARNs that a permission must be for. A name that does not
// exist yet, or at all, is taken as one with the request's path.
func (i *IAM) resources(r *gateway.Request) []string {
	operation := r.Form.Get("Action")
	path := r.Form.Get("Path")
	if path == "" {
		path = "/"
	}
	switch {
	case operation == "CreatePolicy":
		return []string{account.PolicyARN(path, r.Form.Get("PolicyName"))}
	case operation == "ListPolicies":
		return []string{"policy path " + listPath(r)}
	case operation == "ListRoles":
		return []string{account.Roles.ARN(listPath(r), "")}
	case operation == "ListUsers":
		return []string{account.Users.ARN(listPath(r), "")}
	case operation == "ListInstanceProfiles":
		return []string{account.ProfileARN(listPath(r), "")}
	case operation == "SimulatePrincipalPolicy":
		return []string{r.Form.Get("PolicySourceArn")}
	case r.Form.Has("InstanceProfileName"):
		return []string{account.ProfileARN(i.pathOf(r.Form.Get("InstanceProfileName"), path), r.Form.Get("InstanceProfileName"))}
	case r.Form.Has("RoleName"):
		return []string{i.arnOf(account.Roles, r.Form.Get("RoleName"), path)}
	case strings.Contains(operation, "User") || strings.Contains(operation, "AccessKey"):
		name, err := nameOf(r, account.Users)
		if err != nil {
			return []string{"*"} // Serve says what is wrong
		}
		return []string{i.arnOf(account.Users, name, path)}
	case r.Form.Has("PolicyArn"):
		return []string{r.Form.Get("PolicyArn")}
	}
	return []string{"*"}
}

func listPath(r *gateway.Request) string {
	if p := r.Form.Get("PathPrefix"); p != "" {
		return p
	}
	return "/"
}

// arnOf is the ARN of what exists, else of what would have the path.
func (i *IAM) arnOf(k account.Kind, name, path string) string {
	err := i.view(func(tx *state.Tx) error {
		if e, found, err := k.Get(tx, name); found && err == nil {
			path = e.Path
		}
		return nil
	})
	if err != nil {
		i.opts.Logger.Error("could not read the state of the account", "err", err)
	}
	return k.ARN(path, name)
}

func (i *IAM) pathOf(name, path string) string {
	err := i.view(func(tx *state.Tx) error {
		if p, found, err := account.FindProfile(tx, name); found && err == nil {
			path = p.Path
		}
		return nil
	})
	if err != nil {
		i.opts.Logger.Error("could not read the state of the account", "err", err)
	}
	return path
}
