package cloudwatch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
)

// ask sends a request that AWS's signer signed, as every client's query of CloudWatch is.
func ask(t *testing.T, b *servicetest.Base, path, contentType, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	sum := sha256.Sum256([]byte(body))
	if err := sdk.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: b.Key.ID, SecretAccessKey: b.Key.Secret}, r,
		hex.EncodeToString(sum[:]), "monitoring", "us-east-2", time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func TestCloudWatch(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{})})
	times := url.Values{"StartTime": {"2026-11-23T00:00:00Z"}, "EndTime": {"2026-11-23T01:00:00Z"}}.Encode()
	for body, want := range map[string]struct {
		status int
		says   string
	}{
		"Action=ListMetrics&Namespace=AWS/EC2": {200, "<ListMetricsResult><Metrics></Metrics></ListMetricsResult>"},
		"Action=ListMetrics&Namespace=%3Ax":    {400, "InvalidParameterValue"},
		"Action=ListMetrics&MetricName=":       {400, "MetricName"},
		"Action=DescribeAlarms":                {200, "<MetricAlarms></MetricAlarms>"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=m1&MetricDataQueries.member.1.MetricStat.Stat=Sum": {200,
			"<MetricDataResults><member><Id>m1</Id><Label>m1</Label><StatusCode>Complete</StatusCode>"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=M1&MetricDataQueries.member.1.Expression=1": {400, "M1"},
		"Action=GetMetricData&" + times: {400, "MetricDataQueries is required"},
		"Action=GetMetricData&StartTime=2026-11-23T02:00:00Z&EndTime=2026-11-23T01:00:00Z": {400, "must be less than"},
		"Action=GetMetricData": {400, "StartTime"},
		"Action=PutMetricData": {501, "does not implement cloudwatch:PutMetricData"},
	} {
		if status, got := ask(t, b, "/", "application/x-www-form-urlencoded", body+"&Version=2010-08-01"); status != want.status ||
			!strings.Contains(got, want.says) {
			t.Errorf("%s: %d %s, want %d %s", body, status, got, want.status, want.says)
		}
	}
	if status, got := ask(t, b, "/service/GraniteServiceVersion20100801/operation/ListMetrics", "application/cbor",
		"\xa0"); status != 501 || !strings.Contains(got, "query protocol only") {
		t.Errorf("CBOR: %d %s", status, got)
	}
}

// TestUsageOfAMP: the two usage metrics that are there, as AMP's documentation names them.
func TestUsageOfAMP(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{
		Usage: func(_ context.Context, region, workspace string, _ time.Time, _ time.Duration, steps int) ([]dataplane.Usage, error) {
			if region != "us-east-2" || workspace != "ws-1" {
				return nil, nil
			}
			return slices.Repeat([]dataplane.Usage{{Samples: 7200, Series: 5}, {}}, steps)[:steps], nil
		},
	})})
	query := func(id, resource, workspace string) string {
		at := "MetricDataQueries.member." + id + "."
		values := url.Values{at + "Id": {"m" + id}, at + "MetricStat.Stat": {"Average"}, at + "MetricStat.Period": {"3600"},
			at + "MetricStat.Metric.Namespace": {"AWS/Usage"}, at + "MetricStat.Metric.MetricName": {"ResourceCount"}}
		for i, d := range [][2]string{{"Service", "Prometheus"}, {"Type", "Resource"}, {"Class", "None"}, {"Resource", resource},
			{"ResourceId", workspace}} {
			values.Set(at+"MetricStat.Metric.Dimensions.member."+strconv.Itoa(i+1)+".Name", d[0])
			values.Set(at+"MetricStat.Metric.Dimensions.member."+strconv.Itoa(i+1)+".Value", d[1])
		}
		return "&" + values.Encode()
	}
	times := url.Values{"StartTime": {"2020-11-23T00:00:00Z"}, "EndTime": {"2020-11-23T03:00:00Z"}}.Encode()
	body := "Version=2010-08-01&Action=GetMetricData&" + times + query("1", "IngestionRate", "ws-1") + query("2", "ActiveSeries", "ws-1") +
		query("3", "IngestionRate", "ws-2")
	status, got := ask(t, b, "/", "application/x-www-form-urlencoded", body)
	for _, want := range []string{
		"<Id>m1</Id><Label>m1</Label><StatusCode>Complete</StatusCode><Timestamps><member>2020-11-23T02:00:00Z</member>" +
			"<member>2020-11-23T00:00:00Z</member></Timestamps><Values><member>2</member><member>2</member></Values>",
		"<Values><member>5</member><member>5</member></Values>",
		"<Id>m3</Id><Label>m3</Label><StatusCode>Complete</StatusCode><Timestamps></Timestamps><Values></Values>",
	} {
		if status != 200 || !strings.Contains(got, want) {
			t.Errorf("%d %s\nlacks %s", status, got, want)
		}
	}
}
