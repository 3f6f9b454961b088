package stack

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope"
)

func TestTemplateNamesThePlaceAndChangesNothingElse(t *testing.T) {
	got, err := Template(Place{Bucket: "parascope-111122223333-us-east-2", Key: "grafana-datasource-setup/ab-x86_64.zip", Architecture: X8664})
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

func TestZipHoldsOneProgramThatRuns(t *testing.T) {
	first, err := zipFunction([]byte("binary"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.File) != 1 || r.File[0].Name != "bootstrap" || r.File[0].Mode().Perm() != 0o755 {
		t.Fatalf("the zip holds %+v", r.File[0].FileHeader)
	}
	f, err := r.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(f); err != nil || string(content) != "binary" {
		t.Errorf("bootstrap is %q, %v", content, err)
	}
	again, err := zipFunction([]byte("binary"))
	if err != nil || !bytes.Equal(first, again) {
		t.Error("the same binary gives another zip: each deployment would upload and update the function")
	}
	if a, b := (Function{first, ARM64}).Key(""), (Function{[]byte("other"), ARM64}).Key(""); a == b {
		t.Errorf("another function has the same key %s", a)
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
