package cloudwatch_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/amp/dataplane"
	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
)

// ask sends a request that AWS's signer signed, as every client's query of CloudWatch is.
func ask(t *testing.T, b *servicetest.Base, path, contentType, body string) (int, string) {
	t.Helper()
	resp, said := send(t, b, path, contentType, body, nil)
	return resp.StatusCode, said
}

func send(t *testing.T, b *servicetest.Base, path, contentType, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for name, value := range header {
		r.Header.Set(name, value)
	}
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
	return resp, string(raw)
}

func TestCloudWatch(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{State: b.State})})
	times := url.Values{"StartTime": {"2026-11-23T00:00:00Z"}, "EndTime": {"2026-11-23T01:00:00Z"}}.Encode()
	for body, want := range map[string]struct {
		status int
		says   string
	}{
		"Action=ListMetrics&Namespace=AWS/EC2": {200, "<ListMetricsResult><Metrics></Metrics></ListMetricsResult>"},
		"Action=ListMetrics&Namespace=%3Ax":    {400, "InvalidParameterValue"},
		"Action=ListMetrics&MetricName=":       {400, "MetricName"},
		"Action=DescribeAlarms":                {200, "<MetricAlarms></MetricAlarms>"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=m1&MetricDataQueries.member.1.MetricStat.Stat=Sum&" +
			"MetricDataQueries.member.1.Label=sum": {200,
			"<MetricDataResults><member><Id>m1</Id><Label>sum</Label><StatusCode>Complete</StatusCode>"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=M1&MetricDataQueries.member.1.Expression=1": {400, "M1"},
		"Action=GetMetricData&" + times: {400, "MetricDataQueries is required"},
		"Action=GetMetricData&StartTime=2026-11-23T02:00:00Z&EndTime=2026-11-23T01:00:00Z": {400, "must be less than"},
		"Action=GetMetricData": {400, "StartTime"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=m1&MetricDataQueries.member.1.Expression=1%2B1": {400,
			"supports only the expression SEARCH"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=m1&MetricDataQueries.member.1.MetricStat.Stat=p99": {400,
			"p99"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=m1&" +
			"MetricDataQueries.member.1.Expression=" + strings.Repeat("x", 2049): {400, "at most 2048 characters"},
		"Action=GetMetricData&" + times + "&MetricDataQueries.member.1.Id=m1&MetricDataQueries.member.1.MetricStat.Stat=Sum&" +
			"MetricDataQueries.member.1.Label=" + strings.Repeat("x", 2049): {400, "at most 2048 characters"},
		"Action=PutMetricAlarm": {501, "does not implement cloudwatch:PutMetricAlarm"},
		"Action=PutMetricData&Namespace=AWS/EC2&MetricData.member.1.MetricName=x&MetricData.member.1.Value=1": {400, "Namespace"},
		"Action=PutMetricData&Namespace=N":                                  {400, "MetricData is required"},
		"Action=PutMetricData&Namespace=N&MetricData.member.1.MetricName=x": {400, "InvalidParameterCombination"},
		"Action=PutMetricData&Namespace=N&MetricData.member.1.MetricName=x&MetricData.member.1.Value=1&" +
			"MetricData.member.1.Timestamp=2020-01-01T00:00:00Z": {
			400, "Timestamp"},
	} {
		if status, got := ask(t, b, "/", "application/x-www-form-urlencoded", body+"&Version=2010-08-01"); status != want.status ||
			!strings.Contains(got, want.says) {
			t.Errorf("%s: %d %s, want %d %s", body, status, got, want.status, want.says)
		}
	}
}

// TestProtocols asks the same of the two protocols that newer clients speak.
func TestProtocols(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{State: b.State})})
	const from, to = 1763856000, 1763859600
	query := cbor.Map{"StartTime": cbor.Tag{ID: 1, Value: cbor.Float64(from)}, "EndTime": cbor.Tag{ID: 1, Value: cbor.Uint(to)},
		"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String("m1"), "Label": cbor.String("m1"),
			"MetricStat": cbor.Map{"Stat": cbor.String("Sum")}}}}
	for name, c := range map[string]struct {
		operation, json string
		cbor            cbor.Map
		status          int
		want            cbor.Map
		says            string
	}{
		"no metrics": {"ListMetrics", `{"Namespace":"AWS/EC2"}`, cbor.Map{"Namespace": cbor.String("AWS/EC2")}, 200,
			cbor.Map{"Metrics": cbor.List{}}, `{"Metrics":[]}`},
		"no values": {"GetMetricData", fmt.Sprintf(
			`{"StartTime":%d,"EndTime":%d.0,"MetricDataQueries":[{"Id":"m1","Label":"m1","MetricStat":{"Stat":"Sum"}}]}`, from, to),
			query, 200, cbor.Map{"MetricDataResults": cbor.List{cbor.Map{"Id": cbor.String("m1"), "Label": cbor.String("m1"),
				"StatusCode": cbor.String("Complete"), "Timestamps": cbor.List{}, "Values": cbor.List{}}}},
			`{"MetricDataResults":[{"Id":"m1","Label":"m1","StatusCode":"Complete","Timestamps":[],"Values":[]}]}`},
		"refused": {"ListMetrics", `{"Namespace":":x"}`, cbor.Map{"Namespace": cbor.String(":x")}, 400,
			cbor.Map{"__type": cbor.String("InvalidParameterValue"), "message": cbor.String("The value :x for parameter Namespace is invalid.")},
			`"__type":"InvalidParameterValue"`},
		"not read": {"ListMetrics", `{"Namespace":7}`, cbor.Map{"Namespace": cbor.Uint(7)}, 400,
			cbor.Map{"__type": cbor.String("SerializationException"), "message": cbor.String("The request could not be read")},
			`"__type":"SerializationException"`},
	} {
		header := map[string]string{"X-Amz-Target": "GraniteServiceVersion20100801." + c.operation}
		resp, got := send(t, b, "/", "application/x-amz-json-1.0", c.json, header)
		if resp.StatusCode != c.status || !strings.Contains(got, c.says) || resp.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
			t.Errorf("%s, JSON: %d %s", name, resp.StatusCode, got)
		}
		resp, got = send(t, b, "/service/GraniteServiceVersion20100801/operation/"+c.operation, "application/cbor",
			string(cbor.Encode(c.cbor)), map[string]string{"Smithy-Protocol": "rpc-v2-cbor"})
		value, err := cbor.Decode([]byte(got))
		if diff := cmp.Diff(cbor.Value(c.want), value); diff != "" || err != nil || resp.StatusCode != c.status ||
			resp.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
			t.Errorf("%s, CBOR: %d %v %v %s", name, resp.StatusCode, resp.Header, err, diff)
		}
		if c.status == 400 && !strings.HasSuffix(resp.Header.Get("X-Amzn-Query-Error"), ";Sender") {
			t.Errorf("%s: no code of the query protocol", name)
		}
	}
	const path = "/service/GraniteServiceVersion20100801/operation/"
	resp, got := send(t, b, path+"PutMetricAlarm", "application/cbor", "\xa0", nil)
	if resp.StatusCode != 501 || !strings.Contains(got, "does not implement cloudwatch-cbor:PutMetricAlarm") {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	deep := strings.Repeat("\x81", 100) + "\x00"
	if resp, got := send(t, b, path+"ListMetrics", "application/cbor", deep, nil); resp.StatusCode != 400 {
		t.Errorf("nested: %d %s", resp.StatusCode, got)
	}
}

// TestCommandLines asks with the AWS CLIs that are here, each by the protocol that its
// model of the service prefers.
func TestCommandLines(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{State: b.State})})
	found := map[string]bool{}
	for _, name := range []string{"/usr/bin/aws", "aws"} {
		if path, err := exec.LookPath(name); err == nil {
			found[path] = true
		}
	}
	if len(found) == 0 {
		t.Skip("there is no AWS CLI")
	}
	for path := range found {
		run := func(args ...string) string {
			cmd := exec.CommandContext(t.Context(), path, append(args, "--endpoint-url", b.URL(), "--region", "us-east-2", "--output", "json")...)
			others := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
			cmd.Env = append(others, "AWS_ACCESS_KEY_ID="+b.Key.ID, "AWS_SECRET_ACCESS_KEY="+b.Key.Secret,
				"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_PAGER=")
			out, _ := cmd.CombinedOutput() // what it says tells whether it failed
			return strings.Join(strings.Fields(string(out)), " ")
		}
		t.Log(path, run("--version"))
		if got := run("cloudwatch", "list-metrics", "--namespace", "AWS/EC2"); got != `{ "Metrics": [] }` {
			t.Errorf("%s: %s", path, got)
		}
		got := run("cloudwatch", "get-metric-data", "--start-time", "2026-11-23T00:00:00Z", "--end-time", "2026-11-23T01:00:00Z",
			"--metric-data-queries", `[{"Id":"m1","MetricStat":{"Metric":{"Namespace":"N","MetricName":"M","Dimensions":[{"Name":"a","Value":"b"}]},"Period":60,"Stat":"Sum"}}]`)
		if !strings.Contains(got, `"StatusCode": "Complete"`) || !strings.Contains(got, `"Values": []`) {
			t.Errorf("%s: %s", path, got)
		}
		if got := run("cloudwatch", "list-metrics", "--namespace", ":x"); !strings.Contains(got,
			"An error occurred (InvalidParameterValue) when calling the ListMetrics operation") {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// TestUsageOfAMP: the two usage metrics that are there, as AMP's documentation names them.
func TestUsageOfAMP(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{
		State: b.State,
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
		"<Id>m1</Id><Label>ResourceCount</Label><StatusCode>Complete</StatusCode><Timestamps><member>2020-11-23T02:00:00Z</member>" +
			"<member>2020-11-23T00:00:00Z</member></Timestamps><Values><member>2</member><member>2</member></Values>",
		"<Values><member>5</member><member>5</member></Values>",
		"<Id>m3</Id><Label>ResourceCount</Label><StatusCode>Complete</StatusCode><Timestamps></Timestamps><Values></Values>",
	} {
		if status != 200 || !strings.Contains(got, want) {
			t.Errorf("%d %s\nlacks %s", status, got, want)
		}
	}
}
