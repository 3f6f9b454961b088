package logs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/logs"
)

func ask(t *testing.T, c *cloud, text string, from, to time.Time) []string {
	t.Helper()
	started, err := c.client().StartQuery(t.Context(), &sdk.StartQueryInput{LogGroupNames: []string{*group}, QueryString: &text,
		StartTime: aws.Int64(from.Unix()), EndTime: aws.Int64(to.Unix())})
	check.OK(t, err)
	got, err := c.client().GetQueryResults(t.Context(), &sdk.GetQueryResultsInput{QueryId: started.QueryId})
	check.OK(t, err)
	if got.Status != "Complete" {
		t.Errorf("%s is %s", text, got.Status)
	}
	rows := []string{}
	for _, row := range got.Results {
		var cells []string
		for _, f := range row {
			if *f.Field != "@ptr" {
				cells = append(cells, *f.Field+"="+*f.Value)
			}
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

// TestLogsInsights asks what the dashboards' panel asks, as Grafana writes it, with AWS' SDK.
func TestLogsInsights(t *testing.T) {
	c := start(t, t.TempDir())
	makeGroup(t, c, "head.clustermgtd", "head.slurmctld")
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	put(t, c, "head.clustermgtd", at, "ERROR - one", "INFO - two", "ERROR - a|b/c")
	put(t, c, "head.slurmctld", at.Add(time.Minute), "error: three", "ERROR four")
	put(t, c, "head.slurmctld", at.Add(30*time.Minute), "ERROR late")
	stamp := func(after time.Duration) string {
		return "@timestamp=" + at.Add(after).Format("2006-01-02 15:04:05.000")
	}
	to := at.Add(10 * time.Minute)
	for text, want := range map[string][]string{
		`fields @timestamp,ltrim(@log) as __log__grafana_internal__,ltrim(@logStream) as __logstream__grafana_internal__|` +
			`fields @timestamp, @logStream, @message | filter @message like /ERROR/ | sort @timestamp desc | limit 2`: {
			stamp(time.Minute+time.Millisecond) +
				" __log__grafana_internal__=111122223333:/aws/lambda/f __logstream__grafana_internal__=head.slurmctld " +
				"@logStream=head.slurmctld @message=ERROR four",
			stamp(2*time.Millisecond) + " __log__grafana_internal__=111122223333:/aws/lambda/f __logstream__grafana_internal__=head.clustermgtd " +
				"@logStream=head.clustermgtd @message=ERROR - a|b/c",
		},
		`fields @message | filter @message like /(?i)error/ | filter @message like /o/ | sort @timestamp asc`: {"@message=ERROR - one",
			"@message=error: three", "@message=ERROR four"},
		`fields @message | filter @message like /a|b\/c/`: {"@message=ERROR - a|b/c"},
		`filter @message like /two/`:                      {stamp(time.Millisecond) + " @message=INFO - two"},
	} {
		if diff := cmp.Diff(want, ask(t, c, text, at, to)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	asked := strings.Join(c.asked, "\n")
	for _, want := range []string{"logs:StartQuery arn:aws:logs:us-east-2:111122223333:log-group:/aws/lambda/f:log-stream:",
		"logs:GetQueryResults arn:aws:logs:us-east-2:111122223333:log-group::log-stream:"} {
		if !strings.Contains(asked, want) {
			t.Errorf("no permission was asked for: %s", want)
		}
	}
	client := c.client()
	for text, code := range map[string]string{"stats count(*)": "MalformedQueryException", "fields @x": "MalformedQueryException",
		"filter @message like /(/": "MalformedQueryException", "limit 0": "MalformedQueryException", "": "InvalidParameterException"} {
		_, err := client.StartQuery(t.Context(), &sdk.StartQueryInput{LogGroupNames: []string{*group}, QueryString: &text,
			StartTime: aws.Int64(1), EndTime: aws.Int64(2)})
		if !isError(err, code, "") {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := client.StartQuery(t.Context(), &sdk.StartQueryInput{LogGroupNames: []string{"none"}, QueryString: aws.String("limit 1"),
		StartTime: aws.Int64(1), EndTime: aws.Int64(2)})
	if !isError(err, "ResourceNotFoundException", "log group") {
		t.Errorf("a group that is not there: %v", err)
	}
	if _, err := client.GetQueryResults(t.Context(), &sdk.GetQueryResultsInput{QueryId: aws.String("none")}); !isError(err,
		"ResourceNotFoundException", "query") {
		t.Errorf("a query that is not there: %v", err)
	}
}

// FuzzQuery: no text breaks the reader.
func FuzzQuery(f *testing.F) {
	f.Add(`fields @timestamp, @message | filter @message like /a\/|b/ | sort @timestamp desc | limit 100`)
	f.Add(`fields ltrim(@log) as x|||`)
	f.Add(`filter @message like /\`)
	f.Fuzz(func(_ *testing.T, text string) { _ = logs.CheckQuery(text) })
}
