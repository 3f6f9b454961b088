package stack

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope"
	"github.com/parascope/parascope/internal/artifact"
)

func TestTemplateNamesThePlaceAndChangesNothingElse(t *testing.T) {
	got, err := Template(artifact.Place{Bucket: "parascope-111122223333-us-east-2", Key: "grafana-datasource-setup/ab-x86_64.zip",
		Architecture: artifact.X8664})
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	want := strings.Split(parascope.Template, "\n")
	for i, line := range strings.Split(got, "\n") {
		if line != want[i] {
			changed = append(changed, line)
		}
	}
	if diff := cmp.Diff([]string{
		"    Default: parascope-111122223333-us-east-2",
		"    Default: grafana-datasource-setup/ab-x86_64.zip",
		"    Default: x86_64",
	}, changed); diff != "" {
		t.Errorf("changed lines (-want +got):\n%s", diff)
	}
}

func TestATemplateWithoutThePlaceIsAnError(t *testing.T) {
	for _, text := range []string{"", "\n  SetupFunctionBucket:\n    Type: String\n  SetupFunctionKey:\n    Default: ''\n"} {
		if _, err := setDefault(text, "SetupFunctionBucket", "''", "b"); err == nil {
			t.Errorf("%q was filled in", text)
		}
	}
}

func TestCaptions(t *testing.T) {
	all, err := captions()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"PrometheusWorkspace", "GrafanaWorkspace", "Connection"} {
		if all[id] == "" {
			t.Errorf("%s has no caption, and people wait for it by name", id)
		}
	}
}

// TestTheTemplateLeavesRoom: CloudFormation takes 51,200 bytes in a request. What grows, such
// as alert rules, has another place.
func TestTheTemplateLeavesRoom(t *testing.T) {
	const most = 45_000
	text, err := Template(artifact.Place{Bucket: strings.Repeat("b", 63), Key: strings.Repeat("k", 128), Architecture: artifact.X8664})
	if err != nil || len(text) > most {
		t.Errorf("the packaged template has %d bytes, at most %d: %v", len(text), most, err)
	}
}
