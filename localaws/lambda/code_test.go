package lambda

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parascope/parascope/localaws/gateway"
	"github.com/parascope/parascope/localaws/lambda/environment"
	"github.com/parascope/parascope/localaws/localtest/check"
	"github.com/parascope/parascope/localaws/state"
)

// entry is a file of an archive, and what its header says of its size.
type entry struct {
	body     string
	declared uint64
	name     string // "": a letter
	mode     fs.FileMode
}

// lying is an archive whose headers declare what they like.
func lying(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, e := range entries {
		h := &zip.FileHeader{Name: cmp.Or(e.name, string(rune('a'+i))), Method: zip.Store, UncompressedSize64: e.declared,
			CompressedSize64: uint64(len(e.body)), CRC32: crc32.ChecksumIEEE([]byte(e.body))}
		h.SetMode(cmp.Or(e.mode, 0o644))
		f, err := w.CreateRaw(h)
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
	const large, unread = "Unzipped size must be smaller than", "Could not unzip uploaded file"
	for name, c := range map[string]struct {
		entries []entry
		limit   int64
		says    string
	}{
		"sizes that overflow":    {slices.Repeat([]entry{{body: "x", declared: 1 << 61}}, 8), maxUnzipped, large},
		"one that is too large":  {[]entry{{body: "x", declared: maxUnzipped + 1}}, maxUnzipped, large},
		"more than is declared":  {[]entry{{body: strings.Repeat("x", 100), declared: 1}}, maxUnzipped, unread},
		"less than is declared":  {[]entry{{body: "x", declared: 100}}, maxUnzipped, unread},
		"together over the size": {[]entry{{body: "12345", declared: 5}, {body: "67890", declared: 5}}, 9, large},
		"a name twice":           {[]entry{{name: "x"}, {name: "./x"}}, maxUnzipped, unread},
		"a file with files":      {[]entry{{name: "x"}, {name: "x/y"}}, maxUnzipped, unread},
		"files in a file":        {[]entry{{name: "x/y/z"}, {name: "x"}}, maxUnzipped, unread},
		"a folder and a file":    {[]entry{{name: "x/"}, {name: "x"}}, maxUnzipped, unread},
		"an absolute name":       {[]entry{{name: "/x"}}, maxUnzipped, unread},
		"a name that leaves":     {[]entry{{name: "x/../../y"}}, maxUnzipped, unread},
		"no name":                {[]entry{{name: "."}}, maxUnzipped, unread},
		"a zero byte":            {[]entry{{name: "x\x00y"}}, maxUnzipped, unread},
		"a long name":            {[]entry{{name: strings.Repeat("x", maxPartName+1)}}, maxUnzipped, unread},
		"a long path":            {[]entry{{name: strings.Repeat("x/", maxName/2) + "xy"}}, maxUnzipped, unread},
		"a link":                 {[]entry{{name: "x", body: "/etc", declared: 4, mode: fs.ModeSymlink | 0o777}}, maxUnzipped, "supports only files and folders"},
		"a device":               {[]entry{{name: "x", mode: fs.ModeDevice | 0o666}}, maxUnzipped, "supports only files and folders"},
		"many folders":           {deep(maxEntries/(maxName/2-1) + 1), maxUnzipped, "unpacks at most 65535 files and folders"},
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

// deep are files that are each in as many folders of their own as a name has room for.
func deep(n int) (all []entry) {
	for i := range n {
		prefix := fmt.Sprintf("%04d/", i)
		all = append(all, entry{name: prefix + strings.Repeat("x/", (maxName-len(prefix)-1)/2) + "x"})
	}
	return all
}

// Code that was replaced stays while an environment runs it, and who has loaded a function
// of before gets the one of now.
func TestCodeThatIsRun(t *testing.T) {
	dir := t.TempDir()
	db, err := state.Open(t.TempDir())
	check.OK(t, err)
	defer func() { check.OK(t, db.Close()) }()
	l, err := New(Options{Dir: dir, State: db, NewID: uuid.NewString, Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	check.OK(t, err)
	c, err := l.unpack(lying(t, entry{name: "bootstrap"}), maxUnzipped)
	check.OK(t, err)
	there := func() bool { _, err := os.Stat(filepath.Join(dir, c.Dir)); return err == nil }
	l.using[c.Dir] = 2
	l.drop(c)
	l.ended(c.Dir)
	if !there() {
		t.Error("code that is run was removed")
	}
	l.ended(c.Dir)
	if there() {
		t.Error("code that was run is still there")
	}
	_, err = l.execute(t.Context(), &function{Region: "us-east-2", Name: "f", Code: c}, environment.Invocation{})
	if refused, ok := errors.AsType[*gateway.Error](err); !ok || refused.Code != "ResourceNotFoundException" {
		t.Errorf("a function that is gone since it was loaded: %v", err)
	}
}

// Names that archives of ordinary tools have are taken, whatever order they stand in.
func TestArchivesOfTools(t *testing.T) {
	dir := t.TempDir()
	l := &Lambda{opts: Options{Dir: dir, NewID: uuid.NewString, Logger: slog.New(slog.DiscardHandler)}}
	c, err := l.unpack(lying(t, entry{name: "./"}, entry{name: "lib/a/b", body: "b", declared: 1}, entry{name: "lib/"}, entry{name: "lib/a/"},
		entry{name: "./bootstrap", body: "run", declared: 3, mode: 0o755}), maxUnzipped)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, c.Dir, "bootstrap"))
	if err != nil || info.Mode() != 0o755 || info.Size() != 3 {
		t.Errorf("%+v, %v", info, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, c.Dir, "lib/a/b")); err != nil || string(b) != "b" {
		t.Errorf("%s, %v", b, err)
	}
}
