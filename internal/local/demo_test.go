package local

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkcw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/parascope/parascope/internal/madeup"
	"github.com/parascope/parascope/localaws"
	"github.com/parascope/parascope/localaws/localtest"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// TestDemoAnswersByItsOwnNameOnly: a page in a browser cannot have it answer for another site.
func TestDemoAnswersByItsOwnNameOnly(t *testing.T) {
	now := time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	d := &demo{live: madeup.NewLive(now, 0), address: "127.0.0.1:4711", now: func() time.Time { return now }}
	for _, c := range []struct {
		host, path, says string
		code             int
	}{
		{"127.0.0.1:4711", "/demo-head/slurm", "slurm_gpus_alloc 20", 200},
		{"127.0.0.1:4711", "/demo-head/node", `instance_id="` + madeup.LiveHeadInstance + `"`, 200},
		{"127.0.0.1:4711", "/targets/slurm", `"__metrics_path__":"/demo-head/slurm"`, 200},
		{"127.0.0.1:4711", "/targets/none", "[]", 200},
		{"127.0.0.1:4711", "/demo-cpu-dy-hpc7a-5/node", "does not answer", 503},
		{"127.0.0.1:4711", "/", "does not answer", 503},
		{"localhost:4711", "/demo-head/slurm", "this server accepts no other host names", 421},
		{"evil.example", "/targets/slurm", "this server accepts no other host names", 421},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+c.host+c.path, nil)
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s%s answers %d %.80q", c.host, c.path, w.Code, w.Body.String())
		}
	}
}

// TestDemoGoesOnWhereItWas: a restart keeps when it began, unless what was noted is nonsense.
func TestDemoGoesOnWhereItWas(t *testing.T) {
	dir, first := t.TempDir(), time.Date(2027, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, c := range []struct{ now, want time.Time }{
		{first, first}, {first.Add(time.Hour), first}, {first.Add(-time.Hour), first.Add(-time.Hour)},
	} {
		if got, err := demoBegan(dir, c.now); err != nil || !got.Equal(c.want) {
			t.Errorf("at %s it began %s, want %s: %v", c.now, got, c.want, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "demo-began"), []byte("?"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := demoBegan(dir, first); err != nil || !got.Equal(first) {
		t.Errorf("after nonsense it began %s: %v", got, err)
	}
}

// TestDemoInCloudWatch: the last hour is there at once, and a restart writes no line twice.
func TestDemoInCloudWatch(t *testing.T) {
	cloud := localtest.Start(t, localaws.Options{})
	began := time.Now()
	for range 2 {
		d := &demo{now: time.Now}
		check.OK(t, d.watch(t.Context(), cloud.Operator(), began, cloud.RecordMetrics, func(e Event) { t.Error(e) }))
	}
	to := time.Now()
	got, err := sdkcw.NewFromConfig(cloud.Operator()).GetMetricData(t.Context(),
		&sdkcw.GetMetricDataInput{StartTime: aws.Time(to.Add(-time.Hour)),
			EndTime: &to, MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("a"), MetricStat: &cwtypes.MetricStat{
				Metric: &cwtypes.Metric{Namespace: aws.String("CWAgent"), MetricName: aws.String("disk_used_percent"), Dimensions: []cwtypes.Dimension{
					{Name: aws.String("path"), Value: aws.String("/")}, {Name: aws.String("InstanceId"), Value: aws.String(madeup.LiveHeadInstance)}}},
				Period: aws.Int32(300), Stat: aws.String("Sum")}}}})
	check.OK(t, err)
	if values := got.MetricDataResults[0].Values; len(values) < 12 || values[0] != 62 {
		t.Errorf("the disk of the head node is %v", values)
	}
	events, err := cloudwatchlogs.NewFromConfig(cloud.Operator()).FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(demoLog(began)), FilterPattern: aws.String("InsufficientInstanceCapacity")})
	check.OK(t, err)
	if n := len(events.Events); n < 4 || n > 5 {
		t.Errorf("the last hour has %d lines about capacity, one each quarter of an hour: %v", n, events.Events)
	}
}
