package cloudformation

import (
	"net/http"

	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	model    = "the SDK's model of the service (cloudformation 2010-05-15)"
	guide    = "CloudFormation User Guide"
	reported = "error texts as reported by AWS users"
	nothing  = "no source found"
)

// Service is the API as the gateway routes to it.
func (c *CloudFormation) Service() gateway.Service {
	operations := append(c.operations(), missing()...)
	return gateway.Service{
		Name: "cloudformation", Title: "AWS CloudFormation", SigningName: "cloudformation", Version: "2010-05-15", Protocol: gateway.Query,
		Operations: gateway.RequireActions("cloudformation", c.stackARN, operations),
		Rules: []gateway.Rule{
			{Text: "resources are created with calls to the services' APIs, with the permissions of the caller or of the stack's RoleARN; " +
				"a call without permission fails with the service's error message", Basis: gateway.Confirmed,
				Source: guide + ", service role"},
			{Text: "the supported resource types are AWS::APS::Workspace and RuleGroupsNamespace, AWS::Grafana::Workspace, IAM roles, " +
				"policies and instance " +
				"profiles, Lambda functions and " +
				"permissions, log groups, S3 buckets, SNS topics, their policies and subscriptions, the VPC network, custom resources and " +
				"WaitConditionHandle; any other type is refused with `Template format error: Unrecognized resource types: [X]`, with a note " +
				"that the local cloud sets the limit", Basis: gateway.Confirmed,
				Source: reported + "; the note is specific to the local cloud"},
			{Text: "properties are checked when the resource is created or updated: `Properties validation failed for resource X with " +
				"message:` and the messages of the registry; properties that the local cloud does not support are refused by " +
				"name", Basis: gateway.Inferred,
				Source: reported + "; refusing unsupported properties is specific to the local cloud"},
			{Text: "the tags aws:cloudformation:logical-id, stack-id and stack-name are added to EC2 resources; a retained resource keeps " +
				"them", Basis: gateway.Confirmed,
				Source: guide + ", resource tags (AWS adds them to every resource that supports tags)"},
			{Text: "resources are created in parallel, each after its dependencies; the first failure cancels the resources in progress " +
				"(`Resource creation " +
				"cancelled`) and rolls " +
				"back; ROLLBACK_COMPLETE can only be deleted", Basis: gateway.Confirmed, Source: guide + ", stack status codes; " + reported},
			{Text: "an error of a service is reported as `Resource handler returned message: \"…\" (RequestToken: …, HandlerErrorCode: …)`",
				Basis: gateway.Confirmed, Source: reported},
			{Text: "a custom resource's request and response are as documented: the response is a PUT of at most 4096 bytes to a presigned URL, " +
				"ServiceTimeout 1 to 3600 s (3600), a changed PhysicalResourceId deletes the old one in the cleanup, and a failed creation is " +
				"deleted with the id from its response, or with an id that CloudFormation generates", Basis: gateway.Confirmed, Source: guide +
				", custom resource reference"},
			{Text: "after an update of a custom resource that fails with another PhysicalResourceId, the resource has the new id, and " +
				"the rollback restores the old id and deletes the new one", Basis: gateway.Inferred,
				Source: guide + ", custom resource reference (a changed id causes a replacement; users report the same for a failed update)"},
			{Text: "custom resources are supported only with Lambda functions; the function receives all property values as " +
				"strings", Basis: gateway.Inferred, Source: guide},
			{Text: "an operation that is interrupted by a stop of the process resumes at the next start: deletions and rollbacks continue; a " +
				"creation or update fails at the resources in progress and rolls back", Basis: gateway.Assumed,
				Source: "a feature of the local cloud"},
			{Text: "a JSON or YAML template that is nested deeper than 200 levels is refused with a ValidationError", Basis: gateway.Assumed,
				Source: "a limit of the local cloud: AWS does not document its own limit"},
			{Text: "a template has at most 51200 bytes in a request or 1 MB from S3, 500 resources, 200 parameters and 200 outputs; YAML " +
				"aliases, macros, exports, ImportValue, nested stacks, CreationPolicy and SSM parameters are not supported", Basis: gateway.Confirmed,
				Source: guide + ", quotas; unsupported features are rejected with an error"},
			{Text: "parameters of AWS-specific types are looked up with the permissions of the caller; a parameter that names a missing " +
				"resource is refused with a ValidationError", Basis: gateway.Inferred,
				Source: guide + "; AWS may also start the operation and roll it back"},
		},
	}
}

func (c *CloudFormation) operations() []gateway.Operation {
	return []gateway.Operation{
		{Name: "CancelUpdateStack", Serve: c.alone(c.cancelUpdateStack), Rules: []gateway.Rule{
			{Text: "the request is refused with `CancelUpdateStack cannot be called from current stack status` unless the stack is " +
				"UPDATE_IN_PROGRESS", Basis: gateway.Confirmed,
				Source: reported},
		}},
		{Name: "ContinueUpdateRollback", Serve: c.alone(c.continueUpdateRollback)},
		{Name: "CreateChangeSet", Serve: c.alone(c.createChangeSet), Rules: []gateway.Rule{
			{Text: "the changes are computed immediately; if there are no changes, the status of the change set is FAILED, " +
				"`" + noChanges + "`", Basis: gateway.Confirmed,
				Source: reported + "; AWS computes the changes within seconds"},
			{Text: "type CREATE creates the stack with status REVIEW_IN_PROGRESS", Basis: gateway.Confirmed, Source: guide + ", change sets"},
		}},
		{Name: "CreateStack", Serve: c.alone(c.createStack), Rules: []gateway.Rule{
			{Text: "a template with IAM resources requires CAPABILITY_IAM, or CAPABILITY_NAMED_IAM if they have names; otherwise " +
				"InsufficientCapabilitiesException `Requires " +
				"capabilities : [CAPABILITY_NAMED_IAM]`", Basis: gateway.Confirmed, Source: reported},
			{Text: "a creation that exceeds TimeoutInMinutes fails; the status reason names the timeout", Basis: gateway.Assumed,
				Source: nothing + " for the error text"},
			{Text: "ClientRequestToken is shown in the events, but operations are not idempotent; NotificationARNs, ResourceTypes, " +
				"RollbackConfiguration " +
				"and stack policies are refused, in change sets and updates too", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud"},
		}},
		{Name: "DeleteChangeSet", Serve: c.alone(c.deleteChangeSet)},
		{Name: "DeleteStack", Serve: c.alone(c.deleteStack), Rules: []gateway.Rule{
			{Text: "resources that no longer exist count as deleted; resources are deleted in reverse order of creation; RetainResources is " +
				"accepted only for a stack in DELETE_FAILED",
				Basis: gateway.Confirmed, Source: guide + ", DeleteStack"},
			{Text: "a custom resource whose function no longer exists becomes DELETE_FAILED, because the state of the resource that the function " +
				"manages is unknown", Basis: gateway.Assumed,
				Source: nothing},
			{Text: "the deletion cancels a creation or its rollback in progress, but not an update in progress", Basis: gateway.Inferred,
				Source: guide},
		}},
		{Name: "DescribeChangeSet", Serve: c.describeChangeSet, Rules: []gateway.Rule{
			{Text: "Replacement is True, False, or, if the new value is known only during the update, Conditional; ChangeSource is " +
				"DirectModification or " +
				"ResourceAttribute", Basis: gateway.Inferred, Source: model},
		}},
		{Name: "DescribeStackEvents", Serve: c.describeStackEvents, Rules: []gateway.Rule{
			{Text: "events are sorted from the newest, 100 per page", Basis: gateway.Inferred, Source: model + " (it documents the order; " +
				"the page size is not documented)"},
		}},
		{Name: "DescribeStackResource", Serve: c.describeStackResource},
		{Name: "DescribeStackResources", Serve: c.describeStackResources},
		{Name: "DescribeStacks", Serve: c.describeStacks, Rules: []gateway.Rule{
			{Text: "deleted stacks are found by id only; otherwise ValidationError `Stack with id X does not exist`; the values of NoEcho " +
				"parameters are shown as ****",
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
			{Text: "the request is refused with `No updates are to be performed.` if no resource, output or tag of the stack " +
				"changes", Basis: gateway.Confirmed,
				Source: reported},
			{Text: "a change of only DeletionPolicy, UpdateReplacePolicy or Metadata does not count as a change", Basis: gateway.Confirmed,
				Source: guide + ", DeletionPolicy; Metadata: assumed"},
			{Text: "a change of a property that is create-only in the registry replaces the resource; the old one is deleted in " +
				"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS; " +
				"DisableRollback is refused", Basis: gateway.Confirmed, Source: guide + ", update behaviors; refusing DisableRollback is " +
				"specific to the local cloud"},
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
