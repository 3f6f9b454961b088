package cloudwatch_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkcw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/localaws/cloudwatch"
	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/localtest/servicetest"
)

func dims(pairs ...string) (all []types.Dimension) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, types.Dimension{Name: &pairs[i], Value: &pairs[i+1]})
	}
	return all
}

// TestMetricsThatArePut puts metrics with AWS' SDK and reads them by name and by SEARCH.
func TestMetricsThatArePut(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	o := cloudwatch.Options{State: b.State}
	b.Serve(gateway.Options{Services: cloudwatch.Services(o)})
	client := sdkcw.NewFromConfig(b.Config("us-east-2"))
	at := time.Now().UTC().Truncate(5 * time.Minute).Add(-time.Hour)
	datum := func(name string, after time.Duration, value float64, d ...types.Dimension) types.MetricDatum {
		return types.MetricDatum{MetricName: &name, Dimensions: d, Timestamp: aws.Time(at.Add(after)), Value: &value}
	}
	one, two := dims("ClusterName", "one"), dims("ClusterName", "two")
	data := []types.MetricDatum{datum("Errors", 0, 3, one...), datum("Errors", 20*time.Second, 5, one...),
		datum("Errors", 2*time.Minute, 1, one...),
		datum("Errors", 5*time.Minute, 7, one...), datum("Errors", 0, 100, two...), datum("Idle", 0, 9, one...), datum("Errors", 0, 1),
		{MetricName: aws.String("Set"), Timestamp: &at, StatisticValues: &types.StatisticSet{SampleCount: aws.Float64(4), Sum: aws.Float64(10),
			Minimum: aws.Float64(1), Maximum: aws.Float64(6)}},
		{MetricName: aws.String("List"), Timestamp: &at, Values: []float64{2, 8}, Counts: []float64{3, 1}}}
	for range 300 { // so many that the SDK compresses them
		data = append(data, datum("Filler", 0, 0, dims("a", "b")...))
	}
	_, err := client.PutMetricData(t.Context(), &sdkcw.PutMetricDataInput{Namespace: aws.String("Test"), MetricData: data})
	check.OK(t, err)
	stat := func(name, statistic string, d []types.Dimension) types.MetricDataQuery {
		return types.MetricDataQuery{MetricStat: &types.MetricStat{Period: aws.Int32(300), Stat: &statistic,
			Metric: &types.Metric{Namespace: aws.String("Test"), MetricName: &name, Dimensions: d}}}
	}
	find := func(expression, label string) types.MetricDataQuery {
		q := types.MetricDataQuery{Expression: &expression}
		if label != "" {
			q.Label = &label
		}
		return q
	}
	for name, c := range map[string]struct {
		query types.MetricDataQuery
		want  map[string][]float64 // newest first
	}{
		"sum":             {stat("Errors", "Sum", one), map[string][]float64{"Errors": {7, 9}}},
		"average":         {stat("Errors", "Average", one), map[string][]float64{"Errors": {7, 3}}},
		"least":           {stat("Errors", "Minimum", one), map[string][]float64{"Errors": {7, 1}}},
		"most":            {stat("Errors", "Maximum", one), map[string][]float64{"Errors": {7, 5}}},
		"count":           {stat("Errors", "SampleCount", one), map[string][]float64{"Errors": {1, 3}}},
		"set":             {stat("Set", "Average", nil), map[string][]float64{"Set": {2.5}}},
		"list":            {stat("List", "Average", nil), map[string][]float64{"List": {3.5}}},
		"another cluster": {stat("Errors", "Sum", two), map[string][]float64{"Errors": {100}}},
		"no dimensions":   {stat("Errors", "Sum", nil), map[string][]float64{"Errors": {1}}},
		"no data":         {stat("Errors", "Sum", dims("ClusterName", "three")), map[string][]float64{"Errors": {}}},
		"search": {find(`SEARCH('{Test,ClusterName} MetricName="Errors"', 'Sum', 300)`, ""),
			map[string][]float64{"one": {7, 9}, "two": {100}}},
		"search of names": {find(`SEARCH('{Test,ClusterName} MetricName=("Errors" OR "Idle") ClusterName="one"', 'Maximum', 300)`,
			"${PROP('MetricName')} of ${PROP('Dim.ClusterName')}"), map[string][]float64{"Errors of one": {7, 5}, "Idle of one": {9}}},
		"search without dimensions": {find(`SEARCH('{Test} MetricName="Errors"', 'Sum', 300)`, ""), map[string][]float64{"Errors": {1}}},
		"search that finds nothing": {find(`SEARCH('{Test,Other} MetricName="Errors"', 'Sum', 300)`, ""), map[string][]float64{}},
	} {
		c.query.Id = aws.String("q")
		got, err := client.GetMetricData(t.Context(), &sdkcw.GetMetricDataInput{StartTime: &at, EndTime: aws.Time(at.Add(time.Hour)),
			MetricDataQueries: []types.MetricDataQuery{c.query}})
		check.OK(t, err)
		values := map[string][]float64{}
		for _, r := range got.MetricDataResults {
			values[*r.Label] = append([]float64{}, r.Values...)
			if len(r.Timestamps) > 1 && !r.Timestamps[0].After(r.Timestamps[1]) {
				t.Errorf("%s: the oldest comes first", name)
			}
		}
		if diff := cmp.Diff(c.want, values); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	testListing(t, client)
	for _, expression := range []string{"SUM(METRICS())", `SEARCH('MetricName="Errors"', 'Sum', 300)`, `SEARCH('{Test} Errors', 'Sum', 300)`,
		`SEARCH('{Test} MetricName="Errors"', 'p99', 300)`} {
		q := find(expression, "")
		q.Id = aws.String("q")
		if _, err := client.GetMetricData(t.Context(), &sdkcw.GetMetricDataInput{StartTime: &at, EndTime: aws.Time(at.Add(time.Hour)),
			MetricDataQueries: []types.MetricDataQuery{q}}); err == nil || !strings.Contains(err.Error(), "ValidationError") {
			t.Errorf("%s: %v", expression, err)
		}
	}
	b.Clock.Set(16 * 24 * time.Hour)
	check.OK(t, cloudwatch.Forget(b.State, b.Clock.Now()))
	b.Clock.Set(0)
	if list, err := client.ListMetrics(t.Context(), &sdkcw.ListMetricsInput{}); err != nil || len(list.Metrics) > 0 {
		t.Errorf("after 16 days: %v %v", list, err)
	}
}

func testListing(t *testing.T, client *sdkcw.Client) {
	t.Helper()
	for name, c := range map[string]struct {
		in   sdkcw.ListMetricsInput
		want []string
	}{
		"by name": {sdkcw.ListMetricsInput{MetricName: aws.String("Errors")}, []string{"Errors", "Errors one", "Errors two"}},
		"by dimension": {sdkcw.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: aws.String("ClusterName")}}},
			[]string{"Errors one", "Errors two", "Idle one"}},
		"by value": {sdkcw.ListMetricsInput{Dimensions: []types.DimensionFilter{{Name: aws.String("ClusterName"), Value: aws.String("two")}}},
			[]string{"Errors two"}},
		"by namespace": {sdkcw.ListMetricsInput{Namespace: aws.String("Other")}, nil},
	} {
		list, err := client.ListMetrics(t.Context(), &c.in)
		check.OK(t, err)
		var got []string
		for _, m := range list.Metrics {
			text := *m.MetricName
			for _, d := range m.Dimensions {
				text += " " + *d.Value
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("listed %s: %s", name, diff)
		}
	}
}

// TestBombs: a body is not unpacked beyond what PutMetricData may have.
func TestBombs(t *testing.T) {
	b := servicetest.Open(t, t.TempDir())
	b.Account()
	b.Serve(gateway.Options{Services: cloudwatch.Services(cloudwatch.Options{State: b.State})})
	resp, got := send(t, b, "/", "application/x-amz-json-1.0", zipped(t, `{"Namespace":"`+strings.Repeat("x", 2<<20)+`"}`),
		map[string]string{"X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics", "Content-Encoding": "gzip"})
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(got, "SerializationException") {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
}

func zipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write([]byte(text))
	check.OK(t, err)
	check.OK(t, z.Close())
	return out.String()
}
