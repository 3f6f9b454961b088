package server

import "github.com/parascope/parascope/localaws/gateway"

// Sources of the rules below, named once.
const (
	httpAPI  = "Grafana's HTTP API documentation"
	source   = "Grafana's published source, read for its behaviour"
	versions = "AMG user guide, differences between versions"
	nothing  = "no source found"
)

// Rules are how the workspaces' Grafanas behave.
func Rules() []gateway.Rule {
	return []gateway.Rule{
		{Text: "Grafana: a workspace that is not ACTIVE, UPDATING or DEGRADED answers 503", Basis: gateway.Assumed, Source: nothing},
		{Text: "Grafana: service account tokens and, before 12, API keys as bearer tokens; a bad one is 401 `Invalid API key` or `Expired API " +
			"key`, none is 401 `Unauthorized`; from 10 on with messageId", Basis: gateway.Confirmed,
			Source: source + " (which version began with messageId is inferred)"},
		{Text: "Grafana: roles are enforced; a refusal is 403 `You'll need additional permissions to perform this action. Permissions needed: …`",
			Basis: gateway.Confirmed, Source: source + " (which role each path needs: Grafana's basic roles)"},
		{Text: "Grafana: /healthz is open; /api/health and unknown paths are 404 `Not found`", Basis: gateway.Confirmed,
			Source: "aws/amazon-managed-grafana-roadmap#41"},
		{Text: "Grafana: creating a data source with an existing name or uid is 409 `data source with the same name already exists`; an " +
			"older version in " +
			"an update is 409", Basis: gateway.Confirmed, Source: source},
		{Text: "Grafana: making a data source the default removes the default mark of the previous one; secureJsonData is never returned",
			Basis:  gateway.Inferred,
			Source: httpAPI + " (secureJsonFields; that there is one default only)"},
		{Text: "Grafana: uids of data sources are letters, digits, - and _ from 12 on (400); numeric ids are gone from 13 on (404)",
			Basis: gateway.Confirmed, Source: versions + " (statuses and texts are assumed)"},
		{Text: "Grafana: health of a Prometheus data source is the instant query 1+1 at 4 s into 1970, then buildinfo, whose failure is " +
			"ignored; a failed check is 400, status ERROR and `… - There was an error returned querying the Prometheus API.`",
			Basis:  gateway.Confirmed,
			Source: source + " (assumed: how AMP's text is included)"},
		{Text: "Grafana: data sources of type prometheus sign up to 10, grafana-amazonprometheus-datasource from 12 on; before 12 there is no " +
			"such plugin (404), from 12 on the core type sends without a signature", Basis: gateway.Inferred,
			Source: versions + " (SigV4 of the core type is deprecated; AWS migrates such data sources, the local Grafana does not)"},
		{Text: "Grafana: sigV4AuthType and authType are ec2_iam_role or default, both the workspace's role; others are `trying to use " +
			"non-allowed auth method …`, but CloudWatch data sources treat unknown values as default", Basis: gateway.Confirmed,
			Source: "Grafana's AWS SDK, published source"},
		{Text: "Grafana: health of a CloudWatch data source calls ListMetrics and DescribeLogGroups as the workspace's role; its queries are 501",
			Basis: gateway.Confirmed, Source: source + " (the second half is a simplification of the local cloud)"},
		{Text: "Grafana: /api/ds/query runs instant and range queries of Prometheus and answers with data frames; if a query fails, the " +
			"status is 400, and the results of the others are included", Basis: gateway.Confirmed,
			Source: httpAPI + " and " + source + " (no exemplars, expressions or alerts)"},
		{Text: "Grafana: creating a folder with an existing uid is 412 version-mismatch, with an existing name 409 up to version 10; " +
			"from 12 on names may repeat",
			Basis: gateway.Inferred, Source: source + " and reports of 409 and of 412"},
		{Text: "Grafana: saving a dashboard of another version without overwrite is 412 version-mismatch, and an existing name in the " +
			"folder is 412 name-exists up to version 10; uids have up to 40 letters, digits, - and _", Basis: gateway.Confirmed, Source: httpAPI},
		{Text: "Grafana: /api/dashboards/import replaces `${NAME}` in all strings by the value of the input NAME of `__inputs`, drops " +
			"`__inputs` and the id, and saves; an input without a value is 400 `Dashboard input variable: NAME missing from import command`",
			Basis: gateway.Confirmed, Source: source + " (the status is inferred; dashboards of plugins are not imported here)"},
		{Text: "Grafana: 2,000 dashboards and data sources in a workspace, then 403 `Quota reached`", Basis: gateway.Confirmed,
			Source: "AMG user guide, service quotas (status and text are Grafana's)"},
		{Text: "Grafana: a user's role is the highest of the user's own and those of the user's groups, read at each request; a user " +
			"without a role can sign in but sees only a message", Basis: gateway.Inferred,
			Source: "AMG user guide, managing user and group access (assumed: changes take effect immediately)"},
		{Text: "Grafana: /api/user/orgs has the role of the caller", Basis: gateway.Confirmed, Source: httpAPI},
		{Text: "Grafana: users sign in with their e-mail address in IAM Identity Center and without a password; the pages are the local " +
			"cloud's own, over this API", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
	}
}
