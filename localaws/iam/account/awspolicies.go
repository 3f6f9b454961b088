package account

import (
	"encoding/json"
	"fmt"
	"time"
)

// awsPolicy is one of the policies that AWS keeps in every account: those that
// the guide, ParallelCluster or a person who tries the local cloud attaches.
type awsPolicy struct {
	path, name string
	statements []allow
}

// allow is an allowing statement.
type allow struct {
	Effect   string
	Action   []string
	Resource []string
}

func allowing(resource string, actions ...string) allow {
	return allow{"Allow", actions, []string{resource}}
}

// awsTable holds the documents as AWS published them when this was written; what
// AWS changes, changes here by hand.
func awsTable() []awsPolicy {
	return []awsPolicy{
		{"/", "AdministratorAccess", []allow{allowing("*", "*")}},
		{"/", "AmazonPrometheusRemoteWriteAccess", []allow{allowing("*", "aps:RemoteWrite")}},
		{"/", "AmazonPrometheusQueryAccess", []allow{allowing("*", "aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries",
			"aps:QueryMetrics")}},
		{"/service-role/", "AmazonGrafanaCloudWatchAccess", []allow{
			allowing("*", "cloudwatch:DescribeAlarmsForMetric", "cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms",
				"cloudwatch:ListMetrics", "cloudwatch:GetMetricStatistics", "cloudwatch:GetMetricData", "cloudwatch:GetInsightRuleReport"),
			allowing("*", "logs:DescribeLogGroups", "logs:GetLogGroupFields", "logs:StartQuery", "logs:StopQuery", "logs:GetQueryResults",
				"logs:GetLogEvents"),
			allowing("*", "ec2:DescribeTags", "ec2:DescribeInstances", "ec2:DescribeRegions"),
			allowing("*", "tag:GetResources"),
			allowing("*", "oam:ListSinks", "oam:ListAttachedLinks"),
		}},
		{"/service-role/", "AWSLambdaBasicExecutionRole",
			[]allow{allowing("*", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")}},
		{"/", "AmazonS3ReadOnlyAccess", []allow{allowing("*", "s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*",
			"s3-object-lambda:List*")}},
		{"/", "CloudWatchAgentServerPolicy", []allow{
			allowing("*", "cloudwatch:PutMetricData", "ec2:DescribeVolumes", "ec2:DescribeTags", "logs:PutLogEvents", "logs:PutRetentionPolicy",
				"logs:DescribeLogStreams", "logs:DescribeLogGroups", "logs:CreateLogStream", "logs:CreateLogGroup", "xray:PutTraceSegments",
				"xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:GetSamplingStatisticSummaries"),
			allowing("arn:aws:ssm:*:*:parameter/AmazonCloudWatch-*", "ssm:GetParameter"),
		}},
		{"/", "AWSGrafanaWorkspacePermissionManagementV2", []allow{
			allowing("arn:aws:grafana:*:*:/workspaces*", "grafana:DescribeWorkspace", "grafana:DescribeWorkspaceAuthentication",
				"grafana:UpdatePermissions", "grafana:ListPermissions", "grafana:ListWorkspaces"),
			allowing("*", "sso:DescribeRegisteredRegions", "sso:GetSharedSsoConfiguration", "sso:ListDirectoryAssociations",
				"sso:GetManagedApplicationInstance",
				"sso:ListProfiles", "sso:GetProfile", "sso:ListProfileAssociations", "sso-directory:DescribeUser", "sso-directory:DescribeGroup"),
		}},
	}
}

// awsBegan is when the policies say that they were made.
var awsBegan = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// awsPolicies are the policies of the table.
func awsPolicies() []Policy {
	var all []Policy
	for n, p := range awsTable() {
		document, err := json.Marshal(struct {
			Version   string
			Statement []allow
		}{"2012-10-17", p.statements})
		if err != nil {
			panic(fmt.Sprintf("encode %s: %v", p.name, err)) // strings only: cannot be
		}
		all = append(all, Policy{
			ARN: "arn:aws:iam::aws:policy" + p.path + p.name, Name: p.name, Path: p.path, ID: fmt.Sprintf("ANPAAWSMANAGED%06d", n),
			Created: awsBegan, Updated: awsBegan, Default: "v1", Made: 1,
			Versions: []Version{{"v1", string(document), awsBegan}},
		})
	}
	return all
}

func awsManaged(arn string) (Policy, bool) {
	for _, p := range awsPolicies() {
		if p.ARN == arn {
			return p, true
		}
	}
	return Policy{}, false
}
