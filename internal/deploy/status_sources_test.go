package deploy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSourcesSaid(t *testing.T) {
	var s sourcesSaid
	at := time.Unix(1700000000, 0)
	for i, line := range []string{
		"START RequestId: 1 Version: $LATEST",
		`time=2026-01-01T00:00:00Z level=INFO msg="data source" name="Amazon Managed Prometheus" uid=p default=true action=created`,
		`time=2026-01-01T00:00:00Z level=INFO msg="data source" name=CloudWatch uid=c default=false action=created`,
		`time=2026-01-01T00:00:00Z level=INFO msg=health name="Amazon Managed Prometheus" status=OK message="Successfully \"queried\"."`,
		`time=2026-01-01T00:00:00Z level=ERROR msg="not connected" err="no=role"`,
		"REPORT RequestId: 1\tDuration: 3 ms",
		`half a line="`,
	} {
		if err := s.add(LogLine{at.Add(time.Duration(i) * time.Second), line}); err != nil {
			t.Fatal(err)
		}
	}
	want := []DataSource{{"Amazon Managed Prometheus", true, `OK: Successfully "queried".`, at.Add(3 * time.Second)}, {Name: "CloudWatch"}}
	if diff := cmp.Diff(want, s.sources); diff != "" {
		t.Error(diff)
	}
	if s.failed != "no=role" || !s.at.Equal(at.Add(4*time.Second)) {
		t.Errorf("failed %q at %s", s.failed, s.at)
	}
	if err := s.add(LogLine{at, `msg="data source" name=CloudWatch default=false`}); err != nil || s.failed != "" {
		t.Errorf("another run began: failed %q, %v", s.failed, err)
	}
}
