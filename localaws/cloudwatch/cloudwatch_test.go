package cloudwatch_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/principal"
)

var key = principal.AccessKey{ID: "AKIAEXAMPLE", Secret: "secret", Principal: principal.Principal{Account: principal.Account}}

// ask sends a request that AWS's signer signed, as every client's query of CloudWatch is.
func ask(t *testing.T, base, path, contentType, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	sum := sha256.Sum256([]byte(body))
	if err := sdk.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, r,
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
	gw, err := gateway.New(gateway.Options{
		Services: cloudwatch.Services(), Lookup: func(id string) (principal.AccessKey, bool, error) { return key, id == key.ID, nil },
		Authorize: gateway.AllowAll, Now: time.Now, NewID: uuid.NewString, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gw)
	defer srv.Close()
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
		if status, got := ask(t, srv.URL, "/", "application/x-www-form-urlencoded", body+"&Version=2010-08-01"); status != want.status ||
			!strings.Contains(got, want.says) {
			t.Errorf("%s: %d %s, want %d %s", body, status, got, want.status, want.says)
		}
	}
	if status, got := ask(t, srv.URL, "/service/GraniteServiceVersion20100801/operation/ListMetrics", "application/cbor",
		"\xa0"); status != 501 || !strings.Contains(got, "query protocol only") {
		t.Errorf("CBOR: %d %s", status, got)
	}
}
