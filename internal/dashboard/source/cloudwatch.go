package source

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cloudwatch"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"github.com/parascope/parascope/internal/dashboard"
)

// cloudWatchSource is the data source of CloudWatch, whose uid the connector fills in.
func cloudWatchSource() common.DataSourceRef {
	plugin, uid := "cloudwatch", dashboard.CloudWatchPlaceholder
	return common.DataSourceRef{Type: &plugin, Uid: &uid}
}

// cloudWatch is a time series panel of half a row over CloudWatch.
func cloudWatch(title, description, unit string, queries ...*cloudwatch.CloudWatchMetricsQueryBuilder) *timeseries.PanelBuilder {
	p := timeseries.NewPanelBuilder().Title(title).Description(description).Unit(unit).Min(0).
		Datasource(cloudWatchSource()).Span(12).Height(8)
	for _, q := range queries {
		p = p.WithTarget(q)
	}
	return p
}

// search finds metrics by an expression of CloudWatch, in the data source's own region, and
// calls each as the label says.
func search(refID, expression, statistic, label string) *cloudwatch.CloudWatchMetricsQueryBuilder {
	return cloudwatch.NewCloudWatchMetricsQueryBuilder().RefId(refID).Id("").Region("default").Period("300").
		QueryMode(cloudwatch.CloudWatchQueryModeMetrics).MetricQueryType(cloudwatch.MetricQueryTypeSearch).Datasource(cloudWatchSource()).
		MetricEditorMode(cloudwatch.MetricEditorModeCode).Label(label).
		Expression(`SEARCH('` + expression + `', '` + statistic + `', 300)`).Statistic(statistic)
}

// What CloudWatch calls a metric in a label.
const (
	itsName   = "${PROP('MetricName')}"
	itsSystem = "${PROP('Dim.FileSystemId')}"
)

// filtered are ParallelCluster's metric filters of these names.
func filtered(statistic string, names ...string) *cloudwatch.CloudWatchMetricsQueryBuilder {
	return search("A", `{ParallelCluster,ClusterName} ClusterName="$cluster" MetricName=("`+strings.Join(names, `" OR "`)+`")`, statistic, itsName)
}

// logGroup is a variable: the cluster's log groups, the newest first. The data source answers
// with ARNs, and queries take names.
func logGroup() *grafana.QueryVariableBuilder {
	return grafana.NewQueryVariableBuilder("log_group").Label("Log group").Datasource(cloudWatchSource()).
		Query(grafana.StringOrMap{Map: map[string]any{"refId": "CloudWatchVariableQueryEditor-VariableQuery", "queryType": "logGroups",
			"region": "default", "logGroupPrefix": "/aws/parallelcluster/$cluster-"}}).
		Regex("/log-group:([^:]+)/").Refresh(grafana.VariableRefreshOnDashboardLoad).Sort(grafana.VariableSortAlphabeticalDesc)
}

// logLines is a panel of lines of the cluster's log group that an expression of Logs Insights
// finds, the newest first.
func logLines(title, description, expression string) *logs.PanelBuilder {
	q := cloudwatch.NewCloudWatchLogsQueryBuilder().RefId("A").Id("").Region("default").QueryMode(cloudwatch.CloudWatchQueryModeLogs).
		Expression(expression).LogGroupNames([]string{"$log_group"}).Datasource(cloudWatchSource())
	return logs.NewPanelBuilder().Title(title).Description(description).Datasource(cloudWatchSource()).Span(24).Height(10).
		ShowTime(true).WrapLogMessage(true).SortOrder(common.LogsSortOrderDescending).WithTarget(q)
}
