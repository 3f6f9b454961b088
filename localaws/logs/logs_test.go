package logs_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
	"github.com/parascope/parascope/localaws/logs"
)

// cloud is CloudWatch Logs behind the gateway.
type cloud struct {
	*servicetest.Base
	asked []string
}

func start(t *testing.T, dir string) *cloud {
	t.Helper()
	c := &cloud{Base: servicetest.Open(t, dir)}
	c.Account()
	service, err := logs.New(logs.Options{State: c.State, Now: c.Clock.Now, NewID: uuid.NewString, Logger: c.Logger})
	check.OK(t, err)
	c.Serve(gateway.Options{
		Services: []gateway.Service{service.Service()},
		Authorize: func(a gateway.Ask) (gateway.Decision, error) {
			c.asked = append(c.asked, a.Action+" "+a.Resource)
			return gateway.Decision{Allowed: true}, nil
		},
	})
	return c
}

func (c *cloud) client() *sdk.Client { return sdk.NewFromConfig(c.Config("us-east-2")) }

func isError(err error, code, says string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code && strings.Contains(api.ErrorMessage(), says)
}

var group = aws.String("/aws/lambda/f")

func makeGroup(t *testing.T, c *cloud, streams ...string) {
	t.Helper()
	if _, err := c.client().CreateLogGroup(t.Context(), &sdk.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	for _, s := range streams {
		if _, err := c.client().CreateLogStream(t.Context(), &sdk.CreateLogStreamInput{LogGroupName: group, LogStreamName: &s}); err != nil {
			t.Fatal(err)
		}
	}
}

func put(t *testing.T, c *cloud, stream string, at time.Time, messages ...string) *sdk.PutLogEventsOutput {
	t.Helper()
	in := &sdk.PutLogEventsInput{LogGroupName: group, LogStreamName: &stream}
	for i, m := range messages {
		in.LogEvents = append(in.LogEvents, types.InputLogEvent{Message: &m, Timestamp: aws.Int64(at.UnixMilli() + int64(i))})
	}
	out, err := c.client().PutLogEvents(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// filter returns all messages that a FilterLogEvents finds, two a page.
func filter(t *testing.T, c *cloud, in *sdk.FilterLogEventsInput) []string {
	t.Helper()
	in.LogGroupName, in.Limit = group, aws.Int32(2)
	got := []string{}
	for pages := sdk.NewFilterLogEventsPaginator(c.client(), in); pages.HasMorePages() && len(got) < 100; {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got = append(got, *e.LogStreamName+" "+*e.Message)
		}
	}
	return got
}

func TestEventsOfAllStreamsByTimeAfterARestart(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	makeGroup(t, c, "s1", "s2/[$LATEST]x")
	begin := time.Now().Add(-time.Minute)
	put(t, c, "s1", begin, "one", "two")
	put(t, c, "s2/[$LATEST]x", begin.Add(-time.Second), "zero")
	put(t, c, "s1", begin.Add(time.Second), "three ERROR")
	c.Stop()
	c = start(t, dir)
	for _, tc := range []struct {
		name string
		in   sdk.FilterLogEventsInput
		want []string
	}{
		{"all", sdk.FilterLogEventsInput{}, []string{"s2/[$LATEST]x zero", "s1 one", "s1 two", "s1 three ERROR"}},
		{"range", sdk.FilterLogEventsInput{StartTime: aws.Int64(begin.UnixMilli()), EndTime: aws.Int64(begin.UnixMilli() + 1)},
			[]string{"s1 one", "s1 two"}},
		{"stream", sdk.FilterLogEventsInput{LogStreamNamePrefix: aws.String("s2")}, []string{"s2/[$LATEST]x zero"}},
		{"streams", sdk.FilterLogEventsInput{LogStreamNames: []string{"s1"}}, []string{"s1 one", "s1 two", "s1 three ERROR"}},
		{"term", sdk.FilterLogEventsInput{FilterPattern: aws.String("ERROR")}, []string{"s1 three ERROR"}},
		{"none", sdk.FilterLogEventsInput{FilterPattern: aws.String("error")}, []string{}},
	} {
		if diff := cmp.Diff(tc.want, filter(t, c, &tc.in)); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
	_, err := c.client().FilterLogEvents(t.Context(), &sdk.FilterLogEventsInput{LogGroupName: group, FilterPattern: aws.String(`{ $.a = 1 }`)})
	if !isError(err, "InvalidParameterException", "not JSON") {
		t.Errorf("a pattern for JSON: %v", err)
	}
}

func TestReadingAStreamBothWays(t *testing.T) {
	c := start(t, t.TempDir())
	makeGroup(t, c, "s1")
	put(t, c, "s1", time.Now().Add(-time.Minute), "1", "2", "3", "4", "5")
	in := sdk.GetLogEventsInput{LogGroupName: group, LogStreamName: aws.String("s1"), Limit: aws.Int32(2), StartFromHead: aws.Bool(true)}
	var got []string
	pages := sdk.NewGetLogEventsPaginator(c.client(), &in, func(o *sdk.GetLogEventsPaginatorOptions) { o.StopOnDuplicateToken = true })
	for range 10 {
		if !pages.HasMorePages() {
			break
		}
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			got = append(got, *e.Message)
		}
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "5"}, got); diff != "" {
		t.Error(diff)
	}
	in.StartFromHead = nil
	latest, err := c.client().GetLogEvents(t.Context(), &in)
	if err != nil || len(latest.Events) != 2 || *latest.Events[0].Message != "4" {
		t.Fatalf("latest: %+v, %v", latest, err)
	}
	in.NextToken = latest.NextBackwardToken
	before, err := c.client().GetLogEvents(t.Context(), &in)
	if err != nil || len(before.Events) != 2 || *before.Events[0].Message != "2" {
		t.Errorf("before: %+v, %v", before, err)
	}
}

func TestRetention(t *testing.T) {
	dir := t.TempDir()
	c := start(t, dir)
	makeGroup(t, c, "s1")
	if _, err := c.client().PutRetentionPolicy(t.Context(),
		&sdk.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(2)}); !isError(err, "InvalidParameterException",
		"retentionInDays") {
		t.Errorf("2 days: %v", err)
	}
	if _, err := c.client().PutRetentionPolicy(t.Context(),
		&sdk.PutRetentionPolicyInput{LogGroupName: group, RetentionInDays: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	edge := time.Now().AddDate(0, 0, -1)
	put(t, c, "s1", edge.Add(time.Minute), "still here")
	out := put(t, c, "s1", edge.Add(-time.Minute), "too late")
	if out.RejectedLogEventsInfo == nil || aws.ToInt32(out.RejectedLogEventsInfo.ExpiredLogEventEndIndex) != 1 {
		t.Errorf("an expired event: %+v", out)
	}
	if diff := cmp.Diff([]string{"s1 still here"}, filter(t, c, &sdk.FilterLogEventsInput{})); diff != "" {
		t.Error(diff)
	}
	c.Clock.Set(3 * time.Minute)
	if diff := cmp.Diff([]string{}, filter(t, c, &sdk.FilterLogEventsInput{})); diff != "" {
		t.Error(diff)
	}
	if _, err := c.client().DeleteRetentionPolicy(t.Context(), &sdk.DeleteRetentionPolicyInput{LogGroupName: group}); err != nil {
		t.Error(err)
	}
}

func TestBatchesRefused(t *testing.T) {
	c := start(t, t.TempDir())
	makeGroup(t, c, "s1")
	now := time.Now().UnixMilli()
	for name, tc := range map[string]struct {
		stream string
		events []types.InputLogEvent
		says   string
	}{
		"order": {"s1", []types.InputLogEvent{{Message: aws.String("a"), Timestamp: aws.Int64(now)},
			{Message: aws.String("b"), Timestamp: aws.Int64(now - 1)}}, "chronological order"},
		"span": {"s1", []types.InputLogEvent{{Message: aws.String("a"), Timestamp: aws.Int64(now - 90_000_000)},
			{Message: aws.String("b"), Timestamp: aws.Int64(now)}}, "24 hours"},
		"size": {"s1", []types.InputLogEvent{{Message: aws.String(strings.Repeat("a", 1<<20)), Timestamp: aws.Int64(now)}}, "Upload too large"},
		"stream": {"s2", []types.InputLogEvent{{Message: aws.String("a"), Timestamp: aws.Int64(now)}},
			"The specified log stream does not exist."},
	} {
		_, err := c.client().PutLogEvents(t.Context(), &sdk.PutLogEventsInput{LogGroupName: group, LogStreamName: &tc.stream,
			LogEvents: tc.events})
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGroupsStreamsAndTags(t *testing.T) {
	c := start(t, t.TempDir())
	makeGroup(t, c, "b", "a")
	if _, err := c.client().CreateLogGroup(t.Context(), &sdk.CreateLogGroupInput{LogGroupName: group}); !isError(err,
		"ResourceAlreadyExistsException", "already exists") {
		t.Errorf("twice: %v", err)
	}
	put(t, c, "b", time.Now(), "x")
	streams, err := c.client().DescribeLogStreams(t.Context(), &sdk.DescribeLogStreamsInput{LogGroupName: group, OrderBy: "LastEventTime",
		Descending: aws.Bool(true), Limit: aws.Int32(1)})
	if err != nil || len(streams.LogStreams) != 1 || *streams.LogStreams[0].LogStreamName != "b" || streams.NextToken == nil {
		t.Errorf("%+v, %v", streams, err)
	}
	described, err := c.client().DescribeLogGroups(t.Context(), &sdk.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/")})
	if err != nil || len(described.LogGroups) != 1 ||
		*described.LogGroups[0].Arn != "arn:aws:logs:us-east-2:111122223333:log-group:/aws/lambda/f:*" {
		t.Fatalf("%+v, %v", described, err)
	}
	arn := described.LogGroups[0].LogGroupArn
	if _, err := c.client().TagResource(t.Context(),
		&sdk.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"k": "v", "l": "w"}}); err != nil {
		t.Error(err)
	}
	if _, err := c.client().UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"l"}}); err != nil {
		t.Error(err)
	}
	tags, err := c.client().ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceArn: arn})
	if err != nil || cmp.Diff(map[string]string{"k": "v"}, tags.Tags) != "" {
		t.Errorf("%+v, %v", tags, err)
	}
	if _, err := c.client().DeleteLogGroup(t.Context(), &sdk.DeleteLogGroupInput{LogGroupName: group}); err != nil {
		t.Error(err)
	}
	makeGroup(t, c)
	if got := filter(t, c, &sdk.FilterLogEventsInput{}); len(got) > 0 {
		t.Errorf("a new group has an old one's events: %v", got)
	}
	const prefix = "arn:aws:logs:us-east-2:111122223333:log-group:"
	want := []string{
		"logs:CreateLogGroup " + prefix + "/aws/lambda/f:log-stream:",
		"logs:CreateLogStream " + prefix + "/aws/lambda/f:log-stream:b",
		"logs:CreateLogStream " + prefix + "/aws/lambda/f:log-stream:a",
		"logs:CreateLogGroup " + prefix + "/aws/lambda/f:log-stream:",
		"logs:PutLogEvents " + prefix + "/aws/lambda/f:log-stream:b",
		"logs:DescribeLogStreams " + prefix + "/aws/lambda/f:log-stream:",
		"logs:DescribeLogGroups " + prefix + ":log-stream:",
		"logs:TagResource " + prefix + "/aws/lambda/f",
	}
	if diff := cmp.Diff(want, c.asked[:len(want)]); diff != "" {
		t.Error(diff)
	}
}

// TestTailOfTheRealCommand follows a group with the AWS CLI, version 2, as a
// person does.
func TestTailOfTheRealCommand(t *testing.T) {
	const cli = "/usr/bin/aws"
	if version, err := exec.CommandContext(t.Context(), cli, "--version").Output(); err != nil ||
		!strings.HasPrefix(string(version), "aws-cli/2") {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not the AWS CLI version 2: %s %v", cli, version, err)
		}
		t.Skipf("%s is not the AWS CLI version 2 (apt-get install awscli): %s %v", cli, version, err)
	}
	c := start(t, t.TempDir())
	makeGroup(t, c, "s1")
	put(t, c, "s1", time.Now().Add(-time.Minute), "before\n")
	cmd := exec.CommandContext(t.Context(), cli, "--endpoint-url", c.URL(), "--region", "us-east-2", "--color", "off", "logs", "tail", *group,
		"--follow", "--since", "1h", "--format", "short")
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+c.Key.ID, "AWS_SECRET_ACCESS_KEY="+c.Key.Secret)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	var got []string
	for lines := bufio.NewScanner(stdout); len(got) < 3 && lines.Scan(); {
		_, message, _ := strings.Cut(lines.Text(), " ")
		if message == "" {
			continue
		}
		got = append(got, message)
		if len(got) < 3 {
			put(t, c, "s1", time.Now(), fmt.Sprintf("after %d\n", len(got)))
		}
	}
	cmd.Process.Kill()
	cmd.Wait() // it was killed: that is no failure
	if diff := cmp.Diff([]string{"before", "after 1", "after 2"}, got); diff != "" {
		t.Error(diff)
	}
}
