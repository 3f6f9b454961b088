package deploy

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/connector/result"
)

// logged is a run as the function's log has it.
func logged(t *testing.T, at time.Time, failed error, sources ...result.DataSource) string {
	t.Helper()
	run := result.Run{Connection: result.Connection{DataSources: sources}, Outcome: result.Connected, Started: at.Add(-time.Second),
		Finished: at}
	if failed != nil {
		run.Outcome, run.Error = result.Failed, failed.Error()
	}
	line, err := run.Line()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(line), "\n")
}

func TestLastRuns(t *testing.T) {
	at := time.Unix(1700000000, 0).UTC()
	prometheus := result.DataSource{Name: "Amazon Managed Prometheus", Default: true, Health: `OK: Successfully "queried".`}
	cloudWatch := result.DataSource{Name: "CloudWatch"}
	both := []DataSource{{"Amazon Managed Prometheus", true, `OK: Successfully "queried".`, at}, {Name: "CloudWatch"}}
	good, bad := logged(t, at, nil, prometheus, cloudWatch), logged(t, at.Add(time.Minute), errors.New("no role"))
	prose := `time=2026-01-01T00:00:00Z level=INFO msg="data source" name=CloudWatch uid=c default=false action=created`
	for name, c := range map[string]struct {
		lines   []string
		sources []DataSource
		failed  string
	}{
		"nothing":                    {},
		"prose of an older function": {lines: []string{"START RequestId: 1", prose, `level=ERROR msg="not connected" err="no=role"`}},
		"a run": {lines: []string{"START RequestId: 1", prose, good, "REPORT RequestId: 1\tDuration: 3 ms"},
			sources: both},
		"one that failed after it":         {lines: []string{good, bad}, sources: both, failed: "no role"},
		"one that failed before it":        {lines: []string{bad, good}, sources: both},
		"half of one that failed after it": {lines: []string{good, bad[:len(bad)-1]}, sources: both},
		"one that failed, and found sources": {lines: []string{logged(t, at, errors.New("x"), prometheus, cloudWatch)}, sources: both,
			failed: "x"},
	} {
		var s lastRuns
		for _, text := range c.lines {
			if err := s.add(LogLine{at, text}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(c.sources, s.sources()); diff != "" || s.last.Error != c.failed {
			t.Errorf("%s: failed %q, sources (-want +got):\n%s", name, s.last.Error, diff)
		}
	}
}
