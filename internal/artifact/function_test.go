package artifact

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"
)

func TestZipHoldsOneProgramThatRuns(t *testing.T) {
	packed := gzipped(t, "binary")
	first, err := zipFunction(packed)
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
	again, err := zipFunction(packed)
	if err != nil || !bytes.Equal(first, again) {
		t.Error("the same binary gives another zip: each deployment would upload and update the function")
	}
	if a, b := (Function{first, ARM64}).Key(""), (Function{[]byte("other"), ARM64}).Key(""); a == b {
		t.Errorf("another function has the same key %s", a)
	}
}

// TestFunctionPackedInAnotherWay: a name in the frame, or no frame at all, would end up in
// the zip as if it were data.
func TestFunctionPackedInAnotherWay(t *testing.T) {
	named := gzipped(t, "binary", func(w *gzip.Writer) { w.Name = "bootstrap" })
	for _, packed := range [][]byte{nil, []byte("binary"), named, []byte("PK\x03\x04 and some more bytes")} {
		if _, err := zipFunction(packed); err == nil {
			t.Errorf("%q was taken", packed)
		}
	}
}

// gzipped is the text as gzip -n packs it, but for what is set in the header.
func gzipped(t *testing.T, text string, set ...func(*gzip.Writer)) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for _, s := range set {
		s(w)
	}
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
