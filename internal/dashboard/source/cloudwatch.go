package source

import (
	"github.com/grafana/grafana-foundation-sdk/go/cloudwatch"
	"github.com/grafana/grafana-foundation-sdk/go/common"
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
		Datasource(cloudWatchSource()).Span(12).Height(8).FillOpacity(10)
	for _, q := range queries {
		p = p.WithTarget(q)
	}
	return p
}

// search finds metrics by an expression of CloudWatch, in the data source's own region.
func search(refID, expression, statistic string) *cloudwatch.CloudWatchMetricsQueryBuilder {
	return metric(refID).MetricEditorMode(cloudwatch.MetricEditorModeCode).
		Expression(`SEARCH('` + expression + `', '` + statistic + `', 300)`).Statistic(statistic)
}

// one is one metric with the dimension ClusterName, as ParallelCluster's metric filters make it.
func one(refID, namespace, name, statistic string) *cloudwatch.CloudWatchMetricsQueryBuilder {
	cluster := "$cluster"
	return metric(refID).MetricEditorMode(cloudwatch.MetricEditorModeBuilder).Namespace(namespace).MetricName(name).Statistic(statistic).
		Dimensions(cloudwatch.Dimensions{"ClusterName": {String: &cluster}}).MatchExact(true)
}

func metric(refID string) *cloudwatch.CloudWatchMetricsQueryBuilder {
	return cloudwatch.NewCloudWatchMetricsQueryBuilder().RefId(refID).Id("").Region("default").Period("300").
		QueryMode(cloudwatch.CloudWatchQueryModeMetrics).MetricQueryType(cloudwatch.MetricQueryTypeSearch).Datasource(cloudWatchSource())
}

// logLines is a panel of lines of the cluster's log group that an expression of Logs Insights finds.
func logLines(title, description, expression string) *logs.PanelBuilder {
	q := cloudwatch.NewCloudWatchLogsQueryBuilder().RefId("A").Id("").Region("default").QueryMode(cloudwatch.CloudWatchQueryModeLogs).
		Expression(expression).LogGroupNames([]string{"$log_group"}).Datasource(cloudWatchSource())
	return logs.NewPanelBuilder().Title(title).Description(description).Datasource(cloudWatchSource()).Span(24).Height(9).
		ShowTime(true).WrapLogMessage(true).WithTarget(q)
}
