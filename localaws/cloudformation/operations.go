package cloudformation

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	model    = "the SDK's model of the service (cloudformation 2010-05-15)"
	guide    = "CloudFormation User Guide"
	reported = "texts as users of AWS report them"
	nothing  = "no source found"
)

// Service is the API as the gateway routes to it.
func (c *CloudFormation) Service() gateway.Service {
	operations := append(c.operations(), missing()...)
	return gateway.Service{
		Name: "cloudformation", Title: "AWS CloudFormation", SigningName: "cloudformation", Version: "2010-05-15", Protocol: gateway.Query,
		Operations: gateway.RequireActions("cloudformation", c.stackARN, operations),
		Rules: []gateway.Rule{
			{Text: "resources are made by calls to the services' own APIs as the caller of the operation, or as the stack's RoleARN; a " +
				"call that the principal has no permission for fails with the service's message", Basis: gateway.Confirmed,
				Source: guide + ", service role"},
			{Text: "the types of AWS::APS::Workspace and RuleGroupsNamespace, AWS::Grafana::Workspace, IAM roles, policies and instance " +
				"profiles, Lambda functions and " +
				"permissions, log groups, S3 buckets, SNS topics, their policies and subscriptions, the VPC network, custom resources and " +
				"WaitConditionHandle; any other is `Template format " +
				"error: Unrecognized resource types: [X]`, with a note that the limit is the local cloud's", Basis: gateway.Confirmed,
				Source: reported + "; the note is the local cloud's own"},
			{Text: "properties are checked when the resource is created or updated: `Properties validation failed for resource X with " +
				"message:` and the " +
				"registry's sentences; properties that the local cloud does not support are refused by name", Basis: gateway.Inferred,
				Source: reported + "; the second half is the local cloud's own"},
			{Text: "the tags aws:cloudformation:logical-id, stack-id and stack-name are added to EC2 resources; a retained resource keeps " +
				"them", Basis: gateway.Confirmed,
				Source: guide + ", resource tags (AWS puts them on everything that has tags)"},
			{Text: "creation goes in parallel by dependency; the first failure cancels the resources in progress (`Resource creation " +
				"cancelled`) and rolls " +
				"back; ROLLBACK_COMPLETE can only be deleted", Basis: gateway.Confirmed, Source: guide + ", stack status codes; " + reported},
			{Text: "an error of a service is reported as `Resource handler returned message: \"…\" (RequestToken: …, HandlerErrorCode: …)`",
				Basis: gateway.Confirmed, Source: reported},
			{Text: "a custom resource's request and response as documented: the answer is a PUT of at most 4096 bytes to a presigned URL, " +
				"ServiceTimeout 1 to 3600 s (3600), a changed PhysicalResourceId deletes the old one in the cleanup, and a creation that " +
				"failed is deleted with the id from its response or an id of CloudFormation", Basis: gateway.Confirmed, Source: guide +
				", custom resource reference"},
			{Text: "an update of a custom resource that fails with another PhysicalResourceId: the resource has the new id from then on, and " +
				"the rollback restores the old id and deletes the new one", Basis: gateway.Inferred,
				Source: guide + ", custom resource reference (a changed id is a replacement; users report the same for a failed update)"},
			{Text: "custom resources by Lambda only; all property values arrive as strings", Basis: gateway.Inferred, Source: guide},
			{Text: "an operation interrupted by a stop of the process resumes at the next start: deletions and rollbacks continue; a " +
				"creation or update fails at the resources in progress and rolls back", Basis: gateway.Assumed,
				Source: "behaviour of the local cloud only"},
			{Text: "a template, JSON or YAML, that is nested deeper than 200 levels is a ValidationError", Basis: gateway.Assumed,
				Source: "the local cloud's bound: AWS's is not documented"},
			{Text: "templates: 51200 bytes in a request, 1 MB from S3, 500 resources, 200 parameters, 200 outputs; no YAML aliases; no macros, " +
				"exports, ImportValue, nested stacks, CreationPolicy, SSM parameters", Basis: gateway.Confirmed,
				Source: guide + ", quotas; unsupported ones are rejected with an error"},
			{Text: "parameters of AWS-specific types are looked up as the caller; a resource that does not exist is a " +
				"ValidationError", Basis: gateway.Inferred,
				Source: guide + "; AWS may also start and roll back"},
		},
	}
}

func (c *CloudFormation) operations() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CancelUpdateStack", Serve: c.alone(c.cancelUpdateStack), Rules: []gateway.Rule{
			{Text: "`CancelUpdateStack cannot be called from current stack status` unless it is UPDATE_IN_PROGRESS", Basis: gateway.Confirmed,
				Source: reported},
		}},
		{Name: "ContinueUpdateRollback", Serve: c.alone(c.continueUpdateRollback)},
		{Name: "CreateChangeSet", Serve: c.alone(c.createChangeSet), Rules: []gateway.Rule{
			{Text: "the changes are computed immediately; without changes the status is FAILED, `" + noChanges + "`", Basis: gateway.Confirmed,
				Source: reported + "; AWS takes some seconds"},
			{Text: "type CREATE creates the stack with status REVIEW_IN_PROGRESS", Basis: gateway.Confirmed, Source: guide + ", change sets"},
		}},
		{Name: "CreateStack", Serve: c.alone(c.createStack), Rules: []gateway.Rule{
			{Text: "IAM resources need CAPABILITY_IAM, with names CAPABILITY_NAMED_IAM: else InsufficientCapabilitiesException `Requires " +
				"capabilities : [CAPABILITY_NAMED_IAM]`", Basis: gateway.Confirmed, Source: reported},
			{Text: "a creation that exceeds TimeoutInMinutes is ended; the status reason says so", Basis: gateway.Assumed,
				Source: nothing + " for the text"},
			{Text: "ClientRequestToken is shown in the events, but operations are not idempotent; NotificationARNs, ResourceTypes, " +
				"RollbackConfiguration " +
				"and stack policies are refused, in change sets and updates too", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		}},
		{Name: "DeleteChangeSet", Serve: c.alone(c.deleteChangeSet)},
		{Name: "DeleteStack", Serve: c.alone(c.deleteStack), Rules: []gateway.Rule{
			{Text: "resources that no longer exist count as deleted; resources are deleted in reverse order of creation; RetainResources " +
				"only in DELETE_FAILED",
				Basis: gateway.Confirmed, Source: guide + ", DeleteStack"},
			{Text: "a custom resource whose function no longer exists is DELETE_FAILED, since the state of what it manages is " +
				"unknown", Basis: gateway.Assumed,
				Source: nothing},
			{Text: "the deletion cancels a creation or its rollback in progress, but not an update in progress", Basis: gateway.Inferred,
				Source: guide},
		}},
		{Name: "DescribeChangeSet", Serve: c.describeChangeSet, Rules: []gateway.Rule{
			{Text: "Replacement is True, False, or Conditional where the new value is known only later; ChangeSource is DirectModification or " +
				"ResourceAttribute", Basis: gateway.Inferred, Source: model},
		}},
		{Name: "DescribeStackEvents", Serve: c.describeStackEvents, Rules: []gateway.Rule{
			{Text: "newest events first, 100 per page", Basis: gateway.Inferred, Source: model + " (the order; the size is not documented)"},
		}},
		{Name: "DescribeStackResource", Serve: c.describeStackResource},
		{Name: "DescribeStackResources", Serve: c.describeStackResources},
		{Name: "DescribeStacks", Serve: c.describeStacks, Rules: []gateway.Rule{
			{Text: "deleted stacks are found by id only; otherwise ValidationError `Stack with id X does not exist`; NoEcho parameters are ****",
				Basis: gateway.Confirmed, Source: model + "; " + reported},
		}},
		{Name: "ExecuteChangeSet", Serve: c.alone(c.executeChangeSet), Rules: []gateway.Rule{
			{Text: "resources are created with the permissions of the caller of ExecuteChangeSet; the stack's other change sets are deleted",
				Basis:  gateway.Inferred,
				Source: guide + ", change sets"},
		}},
		{Name: "GetTemplate", Serve: c.getTemplate},
		{Name: "GetTemplateSummary", Serve: c.getTemplateSummary},
		{Name: "ListChangeSets", Serve: c.listChangeSets},
		{Name: "ListStackResources", Serve: c.listStackResources},
		{Name: "ListStacks", Serve: c.listStacks, Rules: []gateway.Rule{
			{Text: "deleted stacks remain in the list; AWS removes them after 90 days", Basis: gateway.Confirmed, Source: model},
		}},
		{Name: "UpdateStack", Serve: c.alone(c.updateStack), Rules: []gateway.Rule{
			{Text: "`No updates are to be performed.` when no resource, output or tag of the stack changes", Basis: gateway.Confirmed,
				Source: reported},
			{Text: "a change of only DeletionPolicy, UpdateReplacePolicy or Metadata is no change", Basis: gateway.Confirmed,
				Source: guide + ", DeletionPolicy; Metadata: assumed"},
			{Text: "replacement by the registry's create-only properties, the old resource deleted in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS; " +
				"DisableRollback is refused", Basis: gateway.Confirmed, Source: guide + ", update behaviors; the last is the local cloud's own"},
		}},
		{Name: "UpdateTerminationProtection", Serve: c.alone(c.updateTerminationProtection)},
		{Name: "ValidateTemplate", Serve: c.validateTemplate},
	}
}

// alone keeps operations that change stacks from each other's way: between looking
// whether one may and doing it.
func (c *CloudFormation) alone(serve func(http.ResponseWriter, *gateway.Request) error) func(http.ResponseWriter, *gateway.Request) error {
	return func(w http.ResponseWriter, r *gateway.Request) error {
		c.changing.Lock()
		defer c.changing.Unlock()
		return serve(w, r)
	}
}

// missing are the operations that answer 501.
func missing() []gateway.Operation {
	names := []string{
		"ActivateOrganizationsAccess", "ActivateType", "BatchDescribeTypeConfigurations", "CreateGeneratedTemplate", "CreateStackInstances",
		"CreateStackRefactor", "CreateStackSet",
		"DeactivateOrganizationsAccess", "DeactivateType", "DeleteGeneratedTemplate", "DeleteStackInstances", "DeleteStackSet",
		"DeregisterType",
		"DescribeAccountLimits",
		"DescribeChangeSetHooks", "DescribeEvents", "DescribeGeneratedTemplate", "DescribeOrganizationsAccess", "DescribePublisher",
		"DescribeResourceScan", "DescribeStackDriftDetectionStatus",
		"DescribeStackInstance", "DescribeStackRefactor", "DescribeStackResourceDrifts", "DescribeStackSet", "DescribeStackSetOperation",
		"DescribeType", "DescribeTypeRegistration",
		"DetectStackDrift", "DetectStackResourceDrift", "DetectStackSetDrift", "EstimateTemplateCost", "ExecuteStackRefactor",
		"GetGeneratedTemplate", "GetHookResult", "GetStackPolicy",
		"ImportStacksToStackSet", "ListExports", "ListGeneratedTemplates", "ListHookResults", "ListImports", "ListResourceScanRelatedResources",
		"ListResourceScanResources",
		"ListResourceScans", "ListStackInstanceResourceDrifts", "ListStackInstances", "ListStackRefactorActions", "ListStackRefactors",
		"ListStackSetAutoDeploymentTargets",
		"ListStackSetOperationResults", "ListStackSetOperations", "ListStackSets", "ListTypeRegistrations", "ListTypeVersions", "ListTypes",
		"PublishType", "RecordHandlerProgress",
		"RegisterPublisher", "RegisterType", "RollbackStack", "SetStackPolicy", "SetTypeConfiguration", "SetTypeDefaultVersion",
		"SignalResource",
		"StartResourceScan",
		"StopStackSetOperation", "TestType", "UpdateGeneratedTemplate", "UpdateStackInstances", "UpdateStackSet",
	}
	operations := make([]gateway.Operation, len(names))
	for i, name := range names {
		operations[i].Name = name
	}
	return operations
}
