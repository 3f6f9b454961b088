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
				{Text: "a workspace is CREATING, then ACTIVE, by the local cloud's clock; a deleted workspace is DELETING, then it and its " +
					"samples no " +
					"longer exist",
					Basis: gateway.Confirmed, Source: model + " (it documents the states; AWS keeps the data for up to a month, the local cloud " +
						"deletes the data)"},
				{Text: "a request for a workspace of another region returns 404 ResourceNotFoundException", Basis: gateway.Inferred,
					Source: "AMP is a regional service"},
				{Text: "DeleteWorkspace, UpdateWorkspaceAlias and UpdateWorkspaceConfiguration do nothing when a request is repeated with its " +
					"client token, even if the workspace no longer exists; a request with the same token and other parameters is refused with " +
					"409 ConflictException",
					Basis: gateway.Inferred, Source: model + " (`to ensure the idempotency of the request`; it is assumed that AWS returns the " +
						"conflict and never forgets the tokens of a workspace)"},
				{Text: "a request body that is not valid JSON for the operation is refused with 400 ValidationException, reason CANNOT_PARSE " +
					"and message `Invalid request body`",
					Basis: gateway.Assumed, Source: "the reason is documented in " + model + "; the error text is that of Amazon API Gateway"},
				{Text: "a change of a workspace that is not ACTIVE is refused with 409 ConflictException", Basis: gateway.Assumed,
					Source: "no source found; the exception is documented in " + model},
				{Text: "the data plane returns 404 for an unknown workspace, 403 `Credential should be scoped to a valid region.` for a " +
					"workspace of another region, and 400 for a workspace that is not ACTIVE", Basis: gateway.Assumed, Source: "no source found"},
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
			{Text: "an alias has up to 100 characters and need not be unique; surrounding white space is removed; an invalid alias is " +
				"refused with 400 ValidationException with reason and fieldList", Basis: gateway.Confirmed, Source: model + " (it documents " +
				"the constraints and the form of the response; the error texts are assumptions)"},
			{Text: "a request with a used client token and the same parameters returns the same workspace; with other parameters it is " +
				"refused with 409 ConflictException",
				Basis: gateway.Inferred, Source: model + " (`to ensure the idempotency of the request`)"},
			{Text: "a region can have 25 workspaces; further workspaces are refused with 402 ServiceQuotaExceededException `Limit " +
				"exceeded. Maximum workspaces per account.`",
				Basis: gateway.Confirmed, Source: guide + ", service quotas and troubleshooting"},
		}},
		{Name: "DescribeWorkspace", Method: get, Path: ws, Serve: a.describeWorkspace, Rules: []gateway.Rule{
			{Text: "prometheusEndpoint ends with `/workspaces/ws-…/`, without api/v1", Basis: gateway.Inferred,
				Source: "AWS's examples append `api/v1/remote_write` to the endpoint"},
		}},
		{Name: "ListWorkspaces", Method: get, Path: "/workspaces", Serve: a.listWorkspaces, Rules: []gateway.Rule{
			{Text: "the parameter alias selects the workspaces whose alias begins with it; a page has 1 to 1000 results, 100 by default; " +
				"results have no prometheusEndpoint",
				Basis: gateway.Confirmed, Source: model},
			{Text: "workspaces are sorted by id", Basis: gateway.Assumed, Source: "no source found"},
		}},
		{Name: "UpdateWorkspaceAlias", Method: post, Path: ws + "/alias", Serve: a.updateWorkspaceAlias},
		{Name: "DeleteWorkspace", Method: del, Path: ws, Serve: a.deleteWorkspace},
		{Name: "DescribeWorkspaceConfiguration", Method: get, Path: ws + "/configuration", Serve: a.describeWorkspaceConfiguration},
		{Name: "UpdateWorkspaceConfiguration", Method: http.MethodPatch, Path: ws + "/configuration", Serve: a.updateWorkspaceConfiguration,
			Rules: []gateway.Rule{
				{Text: "the retention is 1 to 1095 days (default 150), the out-of-order window 0 to 600 s (default 60), and the rule query " +
					"offset 0 to 86400 s (default 60); changes take effect immediately",
					Basis: gateway.Confirmed, Source: guide + ", workspace configuration (it documents bounds and defaults; the value 150 is " +
						"quoted from AWS by third parties)"},
				{Text: "a member of limitsPerLabelSet has labelSet, which may be empty, and limits; maxSeries, if given, is 0 or more; label " +
					"names " +
					"are `[a-zA-Z_][a-zA-Z0-9_]*`, values printable ASCII and not blank; there are up to 100 members; other values are refused " +
					"with 400 ValidationException",
					Basis: gateway.Confirmed, Source: model + " and " + guide + ", service quotas (the error texts are assumptions)"},
				{Text: "limitsPerLabelSet is stored and not enforced", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
			}},
		{Name: "ListTagsForResource", Method: get, Path: "/tags/{resourceArn}", Serve: a.listTagsForResource},
		{Name: "TagResource", Method: post, Path: "/tags/{resourceArn}", Serve: a.tagResource, Rules: []gateway.Rule{
			{Text: "workspaces and rule groups namespaces have up to 50 tags with keys of 1 to 128 and values of up to 256 characters of " +
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
			{Text: "the parameter name selects the namespaces whose name begins with it; a page has 1 to 1000 results, 100 by default; " +
				"results have no data",
				Basis: gateway.Confirmed, Source: model},
		}},
		{Name: "PutRuleGroupsNamespace", Method: put, Path: rules + "/{name}", Serve: a.putRuleGroupsNamespace, Resources: ofNamespace,
			Rules: []gateway.Rule{
				{Text: "PutRuleGroupsNamespace, DescribeRuleGroupsNamespace and DeleteRuleGroupsNamespace require permission on " +
					"`arn:aws:aps:REGION:ACCOUNT:rulegroupsnamespace/WORKSPACE/NAME`; the create and list operations require permission on the " +
					"workspace's ARN", Basis: gateway.Confirmed,
					Source: "user report (opensearch-project/observability-stack#442)"},
				{Text: "a request for a namespace that does not exist returns 404; a change of a namespace that is CREATING, UPDATING or " +
					"DELETING returns 409 ConflictException",
					Basis: gateway.Inferred, Source: model + " (it documents the exceptions)"},
			}},
		{Name: "DescribeRuleGroupsNamespace", Method: get, Path: rules + "/{name}", Serve: a.describeRuleGroupsNamespace,
			Resources: ofNamespace, Rules: []gateway.Rule{
				{Text: "the member data is the rules file in effect, or the submitted file if the namespace was never ACTIVE", Basis: gateway.Inferred,
					Source: model + " (`the rule groups file used in the namespace`)"},
			}},
		{Name: "DeleteRuleGroupsNamespace", Method: del, Path: rules + "/{name}", Serve: a.deleteRuleGroupsNamespace, Resources: ofNamespace},
		{Name: "CreateAlertManagerDefinition", Method: post, Path: definition, Serve: a.createAlertManagerDefinition,
			Rules: definitionRules()},
		{Name: "PutAlertManagerDefinition", Method: put, Path: definition, Serve: a.putAlertManagerDefinition, Rules: []gateway.Rule{
			{Text: "a request to a workspace without a definition returns 404; a change of a definition that is CREATING, UPDATING or " +
				"DELETING returns 409 ConflictException",
				Basis: gateway.Inferred, Source: model + " (it documents the exceptions)"},
		}},
		{Name: "DescribeAlertManagerDefinition", Method: get, Path: definition, Serve: a.describeAlertManagerDefinition},
		{Name: "DeleteAlertManagerDefinition", Method: del, Path: definition, Serve: a.deleteAlertManagerDefinition},
	}
}

const unsettled = "it documents the states; which errors are reported immediately and which later is an assumption"

func namespaceRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "a namespace is CREATING or UPDATING, then ACTIVE, by the local cloud's clock; it is CREATION_FAILED or UPDATE_FAILED " +
			"with a statusReason if Prometheus refuses a rule, and the previous file stays in " +
			"effect", Basis: gateway.Inferred, Source: model + " (" + unsettled + ")"},
		{Text: "a file that is not a YAML rules file is refused immediately with 400 ValidationException", Basis: gateway.Inferred,
			Source: model + " (it documents the exception; the error text is an assumption)"},
		{Text: "a rule group with an interval below 30 seconds is refused", Basis: gateway.Confirmed, Source: guide +
			", service quotas (it is assumed that the request succeeds and the namespace fails later)"},
		{Text: "the names of a namespace and of a rule group have at most 721 bytes together", Basis: gateway.Confirmed,
			Source: model + " (it is assumed that the request succeeds and the namespace fails later)"},
		{Text: "a file with more than 1,000,000 bytes is refused with 400; rules beyond 2,000 in a workspace are refused with 402 " +
			"ServiceQuotaExceededException",
			Basis:  gateway.Confirmed,
			Source: guide + ", service quotas (it documents the limits; the HTTP status codes are assumptions)"},
		{Text: "a name has 1 to 128 characters of `[0-9A-Za-z][-.0-9A-Z_a-z]*`; an existing name is refused with 409 ConflictException",
			Basis:  gateway.Confirmed,
			Source: model},
	}
}

func definitionRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "a definition is CREATING or UPDATING, then ACTIVE, by the local cloud's clock; it is CREATION_FAILED or UPDATE_FAILED " +
			"with a statusReason if the configuration is refused, and the previous definition stays in effect", Basis: gateway.Inferred,
			Source: model + " (" + unsettled + ")"},
		{Text: "a file whose alertmanager_config is not a string, or that has keys other than alertmanager_config and template_files, " +
			"is refused with 400 ValidationException " +
			"`Malformed Alertmanager definition`", Basis: gateway.Confirmed, Source: guide +
			", alert manager configuration (it documents the keys); user report " +
			"(terraform-aws-modules/terraform-aws-managed-service-prometheus#4: the text)"},
		{Text: "only receivers of type sns_configs and pagerduty_configs are accepted; sns_configs require sigv4.region and must not " +
			"have api_url or http_config; a routing_key must be a reference to AWS Secrets Manager", Basis: gateway.Confirmed,
			Source: guide + ", alert manager receivers"},
		{Text: "sns_configs require the topic_arn of a standard topic", Basis: gateway.Inferred, Source: guide + ", alert manager receivers"},
		{Text: "a template that the configuration names must be in template_files", Basis: gateway.Assumed, Source: "no source found"},
		{Text: "a definition with more than 1,000,000 bytes is refused with 400", Basis: gateway.Confirmed, Source: guide +
			", service quotas (the HTTP status code is an assumption)"},
		{Text: "creating a second definition is refused with 409 ConflictException", Basis: gateway.Inferred,
			Source: model + " (`don't use this operation to update it`)"},
	}
}

func evaluationRules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "Prometheus' rule manager evaluates rules at the interval of their group (60 s by default), delayed by the workspace's " +
			"rule query offset; ALERTS and recorded series are written to the workspace", Basis: gateway.Confirmed,
			Source: guide + ", rules and workspace configuration (the default interval is that of Prometheus)"},
		{Text: "alerts are sent to Alertmanager, which groups, inhibits, silences and repeats them; repeat_interval is at most 5 days",
			Basis:  gateway.Confirmed,
			Source: guide + ", alert manager"},
		{Text: "SNS is called by the service principal aps.amazonaws.com, with the workspace's aws:SourceAccount and aws:SourceArn; " +
			"PagerDuty is not called",
			Basis: gateway.Confirmed, Source: guide + ", SNS receiver (it documents the policy of the topic; not calling PagerDuty is a " +
				"simplification of " +
				"the local cloud)"},
		{Text: "a subject is truncated to 100 characters and a message to 256 KB, with the attributes truncated and modified; a subject " +
			"that is " +
			"not " +
			"printable ASCII is replaced", Basis: gateway.Confirmed, Source: guide + ", SNS message validation rules"},
		{Text: "a restart clears the notification log and keeps silences; Alertmanager uses the machine's clock, and rules use the " +
			"local cloud's clock",
			Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
	}
}
