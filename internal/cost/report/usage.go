package report

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
	"github.com/shopspring/decimal"

	"github.com/parascope/parascope/internal/awserr"
	"github.com/parascope/parascope/internal/cost/price"
)

// period is that of AMP's documentation: hourly means of the rate, times 3,600, summed.
const period = 3600

// askUsage asks CloudWatch for the workspace's usage metrics of the month: AWS/Usage ResourceCount with
// Resource IngestionRate and ActiveSeries, and AWS/Prometheus QuerySamplesProcessed. A metric that is
// missing is the same as one of 0 (AMP user guide, AMP-CW-usage-metrics).
func (r *Report) askUsage(ctx context.Context, cfg aws.Config, workspaceID string) error {
	client := cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801) // which every CloudWatch speaks, the local one too
	})
	explain := func(err error) error {
		return awserr.Explain("query CloudWatch for the usage of "+workspaceID, err, awserr.Next{Denied: awserr.WhoAsks})
	}
	queries := []types.MetricDataQuery{
		query("ingested", "Average", usage("IngestionRate", workspaceID)), query("series", "Maximum", usage("ActiveSeries", workspaceID)),
	}
	name, space := "QuerySamplesProcessed", "AWS/Prometheus"
	listed, err := client.ListMetrics(ctx, &cloudwatch.ListMetricsInput{Namespace: &space, MetricName: &name})
	if err != nil {
		return explain(err)
	}
	for _, m := range listed.Metrics {
		for _, d := range m.Dimensions {
			if aws.ToString(d.Value) == workspaceID && len(queries) == 2 {
				queries = append(queries, query("queried", "Sum", &m))
			}
		}
	}
	counted := Usage{new(price.Number), new(price.Number), new(int)}
	pages := cloudwatch.NewGetMetricDataPaginator(client,
		&cloudwatch.GetMetricDataInput{MetricDataQueries: queries, StartTime: &r.From, EndTime: &r.To})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explain(err)
		}
		for _, result := range page.MetricDataResults {
			if result.StatusCode == types.StatusCodeInternalError || result.StatusCode == types.StatusCodeForbidden {
				return fmt.Errorf("CloudWatch returned status %s for the usage of %s", result.StatusCode, workspaceID)
			}
			counted.take(aws.ToString(result.Id), result, r.From, r.To)
		}
	}
	r.Usage = counted
	return nil
}

// take adds what a metric says of the time from and to.
func (u *Usage) take(id string, result types.MetricDataResult, from, to time.Time) {
	newest := from
	for i, v := range result.Values {
		value := decimal.NewFromFloat(v)
		switch id {
		case "ingested":
			seconds := int64(period)
			if i < len(result.Timestamps) { // of the hour that still runs, what is over
				seconds = min(seconds, int64(to.Sub(result.Timestamps[i])/time.Second))
			}
			u.Samples.Decimal = u.Samples.Add(value.Mul(decimal.NewFromInt(seconds))).Round(0)
		case "queried":
			u.Queried.Decimal = u.Queried.Add(value).Round(0)
		case "series":
			if i < len(result.Timestamps) && !result.Timestamps[i].Before(newest) {
				newest, *u.Series = result.Timestamps[i], int(v)
			}
		}
	}
}

func query(id, stat string, m *types.Metric) types.MetricDataQuery {
	return types.MetricDataQuery{Id: &id, MetricStat: &types.MetricStat{Metric: m, Period: aws.Int32(period), Stat: &stat}}
}

// usage is a usage metric of a workspace.
func usage(resource, workspaceID string) *types.Metric {
	m := &types.Metric{Namespace: aws.String("AWS/Usage"), MetricName: aws.String("ResourceCount")}
	for _, d := range [][2]string{
		{"Service", "Prometheus"}, {"Resource", resource}, {"Type", "Resource"}, {"Class", "None"}, {"ResourceId", workspaceID},
	} {
		m.Dimensions = append(m.Dimensions, types.Dimension{Name: aws.String(d[0]), Value: aws.String(d[1])})
	}
	return m
}
