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
		{Text: "Grafana: a workspace that is not ACTIVE, UPDATING or DEGRADED returns 503", Basis: gateway.Assumed, Source: nothing},
		{Text: "Grafana: service account tokens and, before version 12, API keys are accepted as bearer tokens; an invalid token is " +
			"refused with 401 `Invalid API key` or `Expired API key`, and a request without a token with 401 `Unauthorized`; from version " +
			"10 on, the response has the field messageId", Basis: gateway.Confirmed,
			Source: source + " (the first version with messageId is inferred)"},
		{Text: "Grafana: roles are enforced; a request without permission is refused with 403 `You'll need additional permissions to " +
			"perform this action. Permissions needed: …`",
			Basis: gateway.Confirmed, Source: source + " (the required roles of the paths are those of Grafana's basic roles)"},
		{Text: "Grafana: /healthz requires no authentication; /api/health and unknown paths return 404 `Not found`", Basis: gateway.Confirmed,
			Source: "aws/amazon-managed-grafana-roadmap#41"},
		{Text: "Grafana: creating a data source with an existing name or uid is refused with 409 `data source with the same name " +
			"already exists`; an update with an older version is refused with 409", Basis: gateway.Confirmed, Source: source},
		{Text: "Grafana: making a data source the default removes the default mark of the previous one; secureJsonData is never returned",
			Basis:  gateway.Inferred,
			Source: httpAPI + " (it documents secureJsonFields and the single default data source)"},
		{Text: "Grafana: from version 12 on, uids of data sources must consist of letters, digits, - and _ (otherwise 400); from " +
			"version 13 on, numeric ids are not supported (404)",
			Basis: gateway.Confirmed, Source: versions + " (the HTTP status codes and error texts are assumptions)"},
		{Text: "Grafana: the health check of a Prometheus data source runs the instant query 1+1 at the time 4 (Unix seconds), then " +
			"reads buildinfo and ignores its errors; a failed check returns 400, status ERROR and `… - There was an error returned " +
			"querying the Prometheus API.`",
			Basis:  gateway.Confirmed,
			Source: source + " (how AMP's error text is included is an assumption)"},
		{Text: "Grafana: up to version 10, data sources of type prometheus sign requests; from version 12 on, data sources of type " +
			"grafana-amazonprometheus-datasource sign requests, and the type prometheus sends unsigned requests; before version 12 the " +
			"plugin grafana-amazonprometheus-datasource does not exist (404)", Basis: gateway.Inferred,
			Source: versions + " (SigV4 of the core type is deprecated; AWS migrates such data sources, the local Grafana does not)"},
		{Text: "Grafana: sigV4AuthType and authType can be ec2_iam_role or default, which both use the workspace's role; other values " +
			"are refused with `trying to use non-allowed auth method …`, but CloudWatch data sources treat unknown values as " +
			"default", Basis: gateway.Confirmed,
			Source: "Grafana's AWS SDK, published source"},
		{Text: "Grafana: the health check of a CloudWatch data source calls ListMetrics and DescribeLogGroups with the workspace's " +
			"role; queries of the data source are refused with 501",
			Basis: gateway.Confirmed, Source: source + " (not running the queries is a simplification of the local cloud)"},
		{Text: "Grafana: /api/ds/query runs instant and range queries of Prometheus and returns data frames; if a query fails, the " +
			"status is 400, and the results of the others are included", Basis: gateway.Confirmed,
			Source: httpAPI + " and " + source + " (exemplars, expressions and alerts are not supported)"},
		{Text: "Grafana: creating a folder with an existing uid is refused with 412 version-mismatch; an existing name is refused with " +
			"409 up to version 10, and accepted from version 12 on",
			Basis: gateway.Inferred, Source: source + " and user reports of the status codes 409 and 412"},
		{Text: "Grafana: saving a dashboard of another version without overwrite is refused with 412 version-mismatch; up to version " +
			"10, an existing name in the folder is refused with 412 name-exists; uids have up to 40 letters, digits, - and " +
			"_", Basis: gateway.Confirmed, Source: httpAPI},
		{Text: "Grafana: /api/dashboards/import replaces `${NAME}` in all strings by the value of the input NAME of `__inputs`, drops " +
			"`__inputs` and the id, and saves; an input without a value is refused with 400 `Dashboard input variable: NAME missing from " +
			"import command`",
			Basis: gateway.Confirmed, Source: source + " (the HTTP status code is inferred; importing the dashboards of plugins is not supported)"},
		{Text: "Grafana: a workspace has at most 2,000 dashboards and 2,000 data sources; further ones are refused with 403 `Quota " +
			"reached`", Basis: gateway.Confirmed,
			Source: "AMG user guide, service quotas (the status code and the error text are those of Grafana)"},
		{Text: "Grafana: a user's role is the highest of the user's own and those of the user's groups, read at each request; a user " +
			"without a role can sign in but sees only a message", Basis: gateway.Inferred,
			Source: "AMG user guide, managing user and group access (it is assumed that changes take effect immediately)"},
		{Text: "Grafana: a request has up to 200 queries and 32 MiB of data, requests in progress together have 64 MiB, a legend has up " +
			"to 4096 bytes, and an import fills in up to 16 MiB; what is above is refused",
			Basis: gateway.Assumed, Source: "limits of the local cloud"},
		{Text: "Grafana: /api/user/orgs returns the role of the caller", Basis: gateway.Confirmed, Source: httpAPI},
		{Text: "Grafana: users sign in with their e-mail address in IAM Identity Center and without a password; the pages are the local " +
			"cloud's own, over this API", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
	}
}
