package artifact

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

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
