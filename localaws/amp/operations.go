package amp

import (
	"net/http"
	"slices"

	"github.com/parascope/parascope/localaws/gateway"
)

// Sources of the rules below, named once.
const (
	model = "the SDK's model of the service (amp 2020-08-01)"
	guide = "AMP user guide"
)

// Services are the control plane and the data plane. They have one signing name;
// the path tells them apart.
func (a *AMP) Services() []gateway.Service {
	return []gateway.Service{
		{
			Name: "amp", Title: "Amazon Managed Service for Prometheus, control plane", SigningName: "aps", Version: "2020-08-01",
			Protocol: gateway.RESTJSON, Operations: gateway.RequireActions("aps", workspaceARN, a.operations()), Rules: []gateway.Rule{
				{Text: "a workspace is CREATING, then ACTIVE, by the cloud's clock; a deleted workspace is DELETING, then it and its samples no " +
					"longer exist",
					Basis: gateway.Confirmed, Source: model + " (the states; AWS keeps the data up to a month, the local cloud deletes it)"},
				{Text: "a workspace of another region does not exist: 404 ResourceNotFoundException", Basis: gateway.Inferred,
					Source: "AMP is a regional service"},
				{Text: "DeleteWorkspace, UpdateWorkspaceAlias and UpdateWorkspaceConfiguration do nothing when a request is repeated with its " +
					"client token, even if the workspace no longer exists; other parameters with that token are 409 ConflictException",
					Basis: gateway.Inferred, Source: model + " (`to ensure the idempotency of the request`; assumed: tokens are remembered " +
						"forever, per workspace, and the conflict)"},
				{Text: "a body that is not valid JSON input of the operation is 400 ValidationException with reason CANNOT_PARSE, `Invalid " +
					"request body`",
					Basis: gateway.Assumed, Source: "the reason is in " + model + "; the text is Amazon API Gateway's"},
				{Text: "a workspace that is not ACTIVE cannot be changed: 409 ConflictException", Basis: gateway.Assumed,
					Source: "no source found; the exception is in " + model},
				{Text: "the data plane answers 404 for an unknown workspace, 403 `Credential should be scoped to a valid region.` for another " +
					"region's and 400 for one that is not ACTIVE", Basis: gateway.Assumed, Source: "no source found"},
			},
		},
		{
			Name: "aps-workspaces", Title: "Amazon Managed Service for Prometheus, data plane", SigningName: "aps",
			Version:  "Prometheus 3 HTTP API",
			Protocol: gateway.PrometheusHTTP,
			Operations: gateway.RequireActions("aps", workspaceARN,
				slices.Concat(a.data.Operations(), a.alertManagerOperations())), Rules: slices.Concat(a.data.Rules(), evaluationRules()),
		},
	}
}

// workspaceARN is what a permission must be for: the workspace, or the tagged
// resource, that the path names; anything for what names none.
func workspaceARN(r *gateway.Request) []string {
	if arn, ok := r.Labels["resourceArn"]; ok {
		return []string{arn}
	}
	if id, ok := r.Labels["workspaceId"]; ok {
		return []string{"arn:aws:aps:" + r.Region + ":" + r.Principal.Account + ":workspace/" + id}
	}
	return []string{"*"}
}

func (a *AMP) operations() []gateway.Operation {
	return slices.Concat(a.workspaceOperations(), a.documentOperations())
}

func (a *AMP) workspaceOperations() []gateway.Operation {
	const (
		get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
		ws                  = "/workspaces/{workspaceId}"
	)
	return []gateway.Operation{
		{Name: "CreateWorkspace", Method: post, Path: "/workspaces", Serve: a.createWorkspace, Rules: []gateway.Rule{
			{Text: "an alias has up to 100 characters, surrounding blanks are removed, and it need not be unique; else 400 " +
				"ValidationException with " +
				"reason and fieldList", Basis: gateway.Confirmed, Source: model + " (constraints and form; texts are assumed)"},
			{Text: "the same client token with the same parameters returns the same workspace; with others it is 409 ConflictException",
				Basis: gateway.Inferred, Source: model + " (`to ensure the idempotency of the request`)"},
			{Text: "25 workspaces per region, then 402 ServiceQuotaExceededException `Limit exceeded. Maximum workspaces per account.`",
				Basis: gateway.Confirmed, Source: guide + ", service quotas and troubleshooting"},
		}},
		{Name: "DescribeWorkspace", Method: get, Path: ws, Serve: a.describeWorkspace, Rules: []gateway.Rule{
			{Text: "prometheusEndpoint ends with `/workspaces/ws-…/`, without api/v1", Basis: gateway.Inferred,
				Source: "AWS's own samples append `api/v1/remote_write` to it"},
		}},
		{Name: "ListWorkspaces", Method: get, Path: "/workspaces", Serve: a.listWorkspaces, Rules: []gateway.Rule{
			{Text: "alias keeps the workspaces whose alias begins with it; 1 to 1000 results per page, 100 by default; without " +
				"prometheusEndpoint",
				Basis: gateway.Confirmed, Source: model},
			{Text: "sorted by id", Basis: gateway.Assumed, Source: "no source found"},
		}},
		{Name: "UpdateWorkspaceAlias", Method: post, Path: ws + "/alias", Serve: a.updateWorkspaceAlias},
		{Name: "DeleteWorkspace", Method: del, Path: ws, Serve: a.deleteWorkspace},
		{Name: "DescribeWorkspaceConfiguration", Method: get, Path: ws + "/configuration", Serve: a.describeWorkspaceConfiguration},
		{Name: "UpdateWorkspaceConfiguration", Method: http.MethodPatch, Path: ws + "/configuration", Serve: a.updateWorkspaceConfiguration,
			Rules: []gateway.Rule{
				{Text: "retention 1 to 1095 days (150), out-of-order window 0 to 600 s (60), rule query offset 0 to 86400 s (60); effective " +
					"immediately",
					Basis: gateway.Confirmed, Source: guide + ", workspace configuration (bounds and defaults; 150 from copies of AWS's text)"},
				{Text: "a member of limitsPerLabelSet has labelSet, which may be empty, and limits; maxSeries, if given, is 0 or more; label " +
					"names " +
					"are `[a-zA-Z_][a-zA-Z0-9_]*`, values printable ASCII and not blank; up to 100 members; else 400 ValidationException",
					Basis: gateway.Confirmed, Source: model + " and " + guide + ", service quotas (texts are assumed)"},
				{Text: "limitsPerLabelSet is stored and not enforced", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
		{Name: "ListTagsForResource", Method: get, Path: "/tags/{resourceArn}", Serve: a.listTagsForResource},
		{Name: "TagResource", Method: post, Path: "/tags/{resourceArn}", Serve: a.tagResource, Rules: []gateway.Rule{
			{Text: "workspaces and rule groups namespaces; 50 tags, keys of 1 to 128 and values of up to 256 characters of " +
				"`\\p{L}\\p{Z}\\p{N}_.:/=+-@`, no key begins " +
				"with aws:", Basis: gateway.Confirmed, Source: model},
		}},
		{Name: "UntagResource", Method: del, Path: "/tags/{resourceArn}", Serve: a.untagResource},

		{Name: "CreateAnomalyDetector", Method: post, Path: ws + "/anomalydetectors"},
		{Name: "ListAnomalyDetectors", Method: get, Path: ws + "/anomalydetectors"},
		{Name: "PutAnomalyDetector", Method: put, Path: ws + "/anomalydetectors/{anomalyDetectorId}"},
		{Name: "DescribeAnomalyDetector", Method: get, Path: ws + "/anomalydetectors/{anomalyDetectorId}"},
		{Name: "DeleteAnomalyDetector", Method: del, Path: ws + "/anomalydetectors/{anomalyDetectorId}"},
		{Name: "CreateLoggingConfiguration", Method: post, Path: ws + "/logging"},
		{Name: "UpdateLoggingConfiguration", Method: put, Path: ws + "/logging"},
		{Name: "DescribeLoggingConfiguration", Method: get, Path: ws + "/logging"},
		{Name: "DeleteLoggingConfiguration", Method: del, Path: ws + "/logging"},
		{Name: "CreateQueryLoggingConfiguration", Method: post, Path: ws + "/logging/query"},
		{Name: "UpdateQueryLoggingConfiguration", Method: put, Path: ws + "/logging/query"},
		{Name: "DescribeQueryLoggingConfiguration", Method: get, Path: ws + "/logging/query"},
		{Name: "DeleteQueryLoggingConfiguration", Method: del, Path: ws + "/logging/query"},
		{Name: "PutResourcePolicy", Method: put, Path: ws + "/policy"},
		{Name: "DescribeResourcePolicy", Method: get, Path: ws + "/policy"},
		{Name: "DeleteResourcePolicy", Method: del, Path: ws + "/policy"},
		{Name: "CreateScraper", Method: post, Path: "/scrapers"},
		{Name: "ListScrapers", Method: get, Path: "/scrapers"},
		{Name: "UpdateScraper", Method: put, Path: "/scrapers/{scraperId}"},
		{Name: "DescribeScraper", Method: get, Path: "/scrapers/{scraperId}"},
		{Name: "DeleteScraper", Method: del, Path: "/scrapers/{scraperId}"},
		{Name: "UpdateScraperLoggingConfiguration", Method: put, Path: "/scrapers/{scraperId}/logging-configuration"},
		{Name: "DescribeScraperLoggingConfiguration", Method: get, Path: "/scrapers/{scraperId}/logging-configuration"},
		{Name: "DeleteScraperLoggingConfiguration", Method: del, Path: "/scrapers/{scraperId}/logging-configuration"},
		{Name: "GetDefaultScraperConfiguration", Method: get, Path: "/scraperconfiguration"},
	}
}

// documentOperations are those of rule groups namespaces and alert manager definitions.
func (a *AMP) documentOperations() []gateway.Operation {
	const (
		get, put, post, del = http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete
		rules               = "/workspaces/{workspaceId}/rulegroupsnamespaces"
		definition          = "/workspaces/{workspaceId}/alertmanager/definition"
	)
	return []gateway.Operation{
		{Name: "CreateRuleGroupsNamespace", Method: post, Path: rules, Serve: a.createRuleGroupsNamespace, Rules: namespaceRules()},
		{Name: "ListRuleGroupsNamespaces", Method: get, Path: rules, Serve: a.listRuleGroupsNamespaces, Rules: []gateway.Rule{
			{Text: "name keeps the namespaces whose name begins with it; 1 to 1000 results per page, 100 by default; without data",
				Basis: gateway.Confirmed, Source: model},
		}},
		{Name: "PutRuleGroupsNamespace", Method: put, Path: rules + "/{name}", Serve: a.putRuleGroupsNamespace, Resources: ofNamespace,
			Rules: []gateway.Rule{
				{Text: "Put, Describe and Delete need permissions for `arn:aws:aps:REGION:ACCOUNT:rulegroupsnamespace/WORKSPACE/NAME`; Create and " +
					"List for the workspace's ARN", Basis: gateway.Confirmed,
					Source: "report of a user (opensearch-project/observability-stack#442)"},
				{Text: "a namespace that does not exist is 404; one that is CREATING, UPDATING or DELETING is 409 ConflictException",
					Basis: gateway.Inferred, Source: model + " (the exceptions)"},
			}},
		{Name: "DescribeRuleGroupsNamespace", Method: get, Path: rules + "/{name}", Serve: a.describeRuleGroupsNamespace,
			Resources: ofNamespace, Rules: []gateway.Rule{
				{Text: "data is the rules file in effect, or the submitted file if the namespace never was ACTIVE", Basis: gateway.Inferred,
					Source: model + " (`the rule groups file used in the namespace`)"},
			}},
		{Name: "DeleteRuleGroupsNamespace", Method: del, Path: rules + "/{name}", Serve: a.deleteRuleGroupsNamespace, Resources: ofNamespace},
		{Name: "CreateAlertManagerDefinition", Method: post, Path: definition, Serve: a.createAlertManagerDefinition,
			Rules: definitionRules()},
		{Name: "PutAlertManagerDefinition", Method: put, Path: definition, Serve: a.putAlertManagerDefinition, Rules: []gateway.Rule{
			{Text: "a workspace without a definition is 404; a definition that is CREATING, UPDATING or DELETING is 409 ConflictException",
				Basis: gateway.Inferred, Source: model + " (the exceptions)"},
		}},
		{Name: "DescribeAlertManagerDefinition", Method: get, Path: definition, Serve: a.describeAlertManagerDefinition},
		{Name: "DeleteAlertManagerDefinition", Method: del, Path: definition, Serve: a.deleteAlertManagerDefinition},
	}
}

const unsettled = "the states; it is assumed which errors are found immediately and which later"

func namespaceRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "CREATING or UPDATING, then ACTIVE, by the cloud's clock; CREATION_FAILED or UPDATE_FAILED with a statusReason where " +
			"Prometheus " +
			"refuses a rule, and the previous file stays in effect", Basis: gateway.Inferred, Source: model + " (" + unsettled + ")"},
		{Text: "a file that is not a YAML rules file is 400 ValidationException immediately", Basis: gateway.Inferred,
			Source: model + " (the exception; the text is assumed)"},
		{Text: "an interval below 30 seconds is refused", Basis: gateway.Confirmed, Source: guide +
			", service quotas (that it fails later is assumed)"},
		{Text: "a namespace's and a group's name have 721 bytes together at most", Basis: gateway.Confirmed,
			Source: model + " (that it fails later is assumed)"},
		{Text: "1,000,000 bytes per file, else 400; 2,000 rules per workspace, else 402 ServiceQuotaExceededException",
			Basis:  gateway.Confirmed,
			Source: guide + ", service quotas (the limits; the statuses are assumed)"},
		{Text: "a name has 1 to 128 characters of `[0-9A-Za-z][-.0-9A-Z_a-z]*`; an existing name is 409 ConflictException",
			Basis:  gateway.Confirmed,
			Source: model},
	}
}

func definitionRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "CREATING or UPDATING, then ACTIVE, by the cloud's clock; CREATION_FAILED or UPDATE_FAILED with a statusReason where the " +
			"configuration is refused, and the previous definition stays in effect", Basis: gateway.Inferred,
			Source: model + " (" + unsettled + ")"},
		{Text: "a file without alertmanager_config as a text, or with other keys than that and template_files, is 400 ValidationException " +
			"`Malformed Alertmanager definition`", Basis: gateway.Confirmed, Source: guide +
			", alert manager configuration (the keys); report of " +
			"a user (terraform-aws-modules/terraform-aws-managed-service-prometheus#4: the text)"},
		{Text: "receivers are sns_configs and pagerduty_configs, others are refused; sns_configs need sigv4.region and may not have api_url " +
			"and http_config; a routing_key is a reference to AWS Secrets Manager", Basis: gateway.Confirmed,
			Source: guide + ", alert manager receivers"},
		{Text: "sns_configs need a topic_arn of a standard topic", Basis: gateway.Inferred, Source: guide + ", alert manager receivers"},
		{Text: "a template that the configuration names must be in template_files", Basis: gateway.Assumed, Source: "no source found"},
		{Text: "1,000,000 bytes per definition, else 400", Basis: gateway.Confirmed, Source: guide +
			", service quotas (the HTTP status code is an assumption)"},
		{Text: "a second definition is 409 ConflictException", Basis: gateway.Inferred,
			Source: model + " (`don't use this operation to update it`)"},
	}
}

func evaluationRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "rules are evaluated by Prometheus' rule manager at their interval (60 s where a group has none), behind the clock by the " +
			"workspace's rule query offset; ALERTS and recorded series are in the workspace", Basis: gateway.Confirmed,
			Source: guide + ", rules and workspace configuration (the interval is Prometheus' default)"},
		{Text: "alerts go to Alertmanager, which groups, inhibits, silences and repeats; repeat_interval is 5 days at most",
			Basis:  gateway.Confirmed,
			Source: guide + ", alert manager"},
		{Text: "SNS is called as aps.amazonaws.com with aws:SourceAccount and aws:SourceArn, the workspace's; PagerDuty is not called",
			Basis: gateway.Confirmed, Source: guide + ", SNS receiver (its policy; PagerDuty is a simplification)"},
		{Text: "a subject is cut at 100 characters and a message at 256 KB, with the attributes truncated and modified; a subject that is " +
			"not " +
			"printable ASCII is replaced", Basis: gateway.Confirmed, Source: guide + ", SNS message validation rules"},
		{Text: "a restart clears the notification log and keeps silences; Alertmanager uses the machine's clock, rules the local cloud's",
			Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
	}
}
