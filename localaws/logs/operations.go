package logs

import "github.com/parascope/parascope/localaws/gateway"

// Sources of the rules below, named once.
const (
	reference = "CloudWatch Logs API reference"
	guide     = "CloudWatch Logs user guide"

	simplification = "a simplification of the local cloud"
)

// Service is CloudWatch Logs for the gateway.
func (l *Logs) Service() gateway.Service {
	return gateway.Service{
		Name: "logs", Title: "Amazon CloudWatch Logs", SigningName: "logs", Version: "2014-03-28", TargetPrefix: "Logs_20140328",
		Protocol:   gateway.JSON11,
		Operations: gateway.RequireActions("logs", resource, l.operations()),
		Rules: []gateway.Rule{
			{Text: "permissions on a log group are checked for the resource `…:log-group:NAME:log-stream:`, permissions on a log stream " +
				"for `…:log-group:NAME:log-stream:STREAM`, and permissions on tags for `…:log-group:NAME`", Basis: gateway.Confirmed,
				Source: "AWS's error responses as reported by users (PutRetentionPolicy in terraform-aws-eks-blueprints#1454)"},
			{Text: "events older than their group's retention are not returned, and are deleted at the next start",
				Basis: gateway.Inferred, Source: guide + " (AWS hides expired events and deletes them within 72 hours)"},
			{Text: "storedBytes of a log stream is always 0", Basis: gateway.Assumed,
				Source: "a simplification of the local cloud; AWS's value is updated with hours of delay, and is 0 for streams since 2019"},
		},
	}
}

func (l *Logs) operations() []gateway.Operation {
	return append([]gateway.Operation{
		{Name: "CreateLogGroup", Serve: l.createLogGroup, Rules: []gateway.Rule{
			{Text: "a request with tags also requires logs:TagResource", Basis: gateway.Confirmed, Source: reference + ", CreateLogGroup"},
			{Text: "KMS keys and classes are accepted and ignored", Basis: gateway.Assumed, Source: "a simplification of the local cloud"},
		}},
		{Name: "DeleteLogGroup", Serve: l.deleteLogGroup},
		{Name: "DescribeLogGroups", Serve: l.describeLogGroups, Resources: anyGroup, Rules: []gateway.Rule{
			{Text: "the permission is checked for the resource `…:log-group::log-stream:`, whatever the prefix in the " +
				"request", Basis: gateway.Inferred,
				Source: "AWS's error responses as reported by users"},
		}},
		{Name: "PutRetentionPolicy", Serve: l.putRetentionPolicy, Rules: []gateway.Rule{
			{Text: "retentionInDays is 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653",
				Basis: gateway.Confirmed, Source: reference + ", PutRetentionPolicy"},
		}},
		{Name: "DeleteRetentionPolicy", Serve: l.deleteRetentionPolicy},
		{Name: "CreateLogStream", Serve: l.createLogStream},
		{Name: "DeleteLogStream", Serve: l.deleteLogStream},
		{Name: "DescribeLogStreams", Serve: l.describeLogStreams},
		{Name: "PutLogEvents", Serve: l.putLogEvents, Rules: []gateway.Rule{
			{Text: "events must be in chronological order and within 24 hours; at most 10,000 events and 1 MiB, counting 26 bytes of " +
				"overhead for each event; other requests are refused with 400 InvalidParameterException",
				Basis: gateway.Confirmed, Source: reference + ", PutLogEvents"},
			{Text: "events older than 14 days or the retention, or more than 2 hours ahead, are omitted and reported in rejectedLogEventsInfo",
				Basis: gateway.Confirmed, Source: reference + ", PutLogEvents"},
			{Text: "sequence tokens are ignored", Basis: gateway.Confirmed, Source: reference + ", PutLogEvents (since 2023-01)"},
		}},
		{Name: "GetLogEvents", Serve: l.getLogEvents, Rules: []gateway.Rule{
			{Text: "startTime is included and endTime is not; the newest events are returned unless startFromHead is set; if there are no " +
				"more events, the same " +
				"token is returned",
				Basis: gateway.Confirmed, Source: reference + ", GetLogEvents"},
		}},
		{Name: "FilterLogEvents", Serve: l.filterLogEvents, Rules: []gateway.Rule{
			{Text: "the events of all streams are sorted by time; startTime and endTime are included", Basis: gateway.Confirmed,
				Source: reference + ", FilterLogEvents"},
			{Text: "patterns have terms, \"quoted terms\", ?optional and -excluded terms, and are case-sensitive; JSON, column and regular " +
				"expression patterns are refused with 400 InvalidParameterException", Basis: gateway.Confirmed,
				Source: guide + ", filter pattern syntax (refusing other patterns is a limitation of the local cloud)"},
			{Text: "a term also matches within words", Basis: gateway.Assumed, Source: "no source found"},
		}},
		{Name: "StartQuery", Serve: l.startQuery, Resources: ofQuery, Rules: []gateway.Rule{
			{Text: "a request has one of logGroupName, logGroupNames and logGroupIdentifiers, with up to 50 existing groups, and requires " +
				"permission on each of them",
				Basis: gateway.Confirmed, Source: reference + ", StartQuery"},
			{Text: "the supported commands are fields (with ltrim(@FIELD) as NAME), filter @message like /PATTERN/, sort @timestamp, and " +
				"limit; other commands, which " +
				"neither the dashboards nor Grafana use, are refused with 400 MalformedQueryException", Basis: gateway.Assumed, Source: simplification},
		}},
		{Name: "GetQueryResults", Serve: l.getQueryResults, Resources: anyGroup, Rules: []gateway.Rule{
			{Text: "rows are sorted from the newest, at most 1000 unless a limit is given, and have the field @ptr; times are in UTC with " +
				"milliseconds", Basis: gateway.Confirmed,
				Source: guide + ", Logs Insights"},
			{Text: "a query is Complete immediately, and deleted after 7 days", Basis: gateway.Assumed, Source: simplification},
		}},
		{Name: "StopQuery", Serve: l.stopQuery, Resources: anyGroup, Rules: []gateway.Rule{
			{Text: "stopping a query that has ended is refused with 400 InvalidParameterException", Basis: gateway.Confirmed,
				Source: "Grafana's CloudWatch data source, which expects this response"},
		}},
		{Name: "ListTagsForResource", Serve: l.listTagsForResource},
		{Name: "TagResource", Serve: l.tagResource},
		{Name: "UntagResource", Serve: l.untagResource},
	}, unserved()...)
}

// anyGroup is the resource of what is about no group in particular.
func anyGroup(r *gateway.Request) []string {
	return []string{groupARN(r.Region, "") + ":log-stream:"}
}

// unserved are the operations that are known by name only.
func unserved() []gateway.Operation {
	var operations []gateway.Operation
	for _, name := range []string{
		"AssociateKmsKey", "CancelExportTask", "CreateDelivery", "CreateExportTask", "CreateLogAnomalyDetector",
		"DeleteDestination", "DeleteMetricFilter", "DeleteQueryDefinition", "DeleteResourcePolicy", "DeleteSubscriptionFilter",
		"DescribeDestinations", "DescribeExportTasks", "DescribeMetricFilters", "DescribeQueries", "DescribeQueryDefinitions",
		"DescribeResourcePolicies", "DescribeSubscriptionFilters", "DisassociateKmsKey", "GetLogGroupFields", "GetLogRecord",
		"ListAnomalies", "ListLogGroups", "ListTagsLogGroup", "PutDestination", "PutMetricFilter",
		"PutQueryDefinition", "PutResourcePolicy", "PutSubscriptionFilter", "StartLiveTail",
		"TagLogGroup", "TestMetricFilter", "UntagLogGroup",
	} {
		operations = append(operations, gateway.Operation{Name: name})
	}
	return operations
}
