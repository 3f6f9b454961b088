package lambda

import (
	"archive/zip"
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
)

// entry is a file of an archive, and what its header says of its size.
type entry struct {
	body     string
	declared uint64
}

// lying is an archive whose headers declare what they like.
func lying(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, e := range entries {
		f, err := w.CreateRaw(&zip.FileHeader{Name: string(rune('a' + i)), Method: zip.Store, UncompressedSize64: e.declared,
			CompressedSize64: uint64(len(e.body))})
		if err == nil {
			_, err = f.Write([]byte(e.body))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArchivesThatLie: what counts is what is written, and nothing of a refused archive stays.
func TestArchivesThatLie(t *testing.T) {
	for name, c := range map[string]struct {
		entries []entry
		limit   int64
		says    string
	}{
		"sizes that overflow":    {slicesOf(8, entry{"x", 1 << 61}), maxUnzipped, "Unzipped size must be smaller than"},
		"one that is too large":  {[]entry{{"x", maxUnzipped + 1}}, maxUnzipped, "Unzipped size must be smaller than"},
		"more than is declared":  {[]entry{{strings.Repeat("x", 100), 1}}, maxUnzipped, "Could not unzip uploaded file"},
		"less than is declared":  {[]entry{{"x", 100}}, maxUnzipped, "Could not unzip uploaded file"},
		"together over the size": {[]entry{{"12345", 5}, {"67890", 5}}, 9, "Unzipped size must be smaller than"},
	} {
		dir := t.TempDir()
		l := &Lambda{opts: Options{Dir: dir, NewID: uuid.NewString, Logger: slog.New(slog.DiscardHandler)}}
		_, err := l.unpack(lying(t, c.entries...), c.limit)
		refused, ok := errors.AsType[*gateway.Error](err)
		if !ok || refused.Status != http.StatusBadRequest || !strings.Contains(refused.Message, c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%s: %v stays, %v", name, left, err)
		}
	}
}

func slicesOf(n int, e entry) []entry {
	all := make([]entry, n)
	for i := range all {
		all[i] = e
	}
	return all
}
