package cloudwatch

import (
	"slices"
	"testing"
	"time"
)

func FuzzSearch(f *testing.F) {
	for _, text := range []string{
		`SEARCH('{ParallelCluster,ClusterName} ClusterName="hpc" MetricName=("a" OR "b")', 'Sum', 300)`,
		`SEARCH('{AWS/FSx,FileSystemId} MetricName="DataReadBytes"', 'Average')`, `SEARCH('{,}', 'Sum', 0)`, `SEARCH('', '', )`, `m1 + m2`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSearch(text, time.Minute)
		if err != nil {
			return
		}
		if s.namespace == "" || !slices.Contains(statistics, s.statistic) || s.period < time.Minute || !slices.IsSorted(s.dimensions) {
			t.Errorf("%q was read as %+v", text, s)
		}
		s.finds(metric{Namespace: s.namespace, MetricName: "m"})
	})
}
