package artifact

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/localaws/localtest/check"
)

// program is the name that these tests look for.
const program = "parascope-node"

// carry is the file system of a build that carries the program with this content.
func carry(t *testing.T, content string) fstest.MapFS {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	check.OK(t, err)
	check.OK(t, w.Close())
	return fstest.MapFS{packedProgram(program, runtime.GOOS, runtime.GOARCH): {Data: b.Bytes()}}
}

// TestFindProgramInOrder: beside this program, then in PATH, then the carried copy.
func TestFindProgramInOrder(t *testing.T) {
	beside, inPath, cache := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("PATH", inPath)
	t.Setenv("XDG_CACHE_HOME", cache)
	carried := carry(t, "#!carried")
	for _, dir := range []string{beside, inPath} {
		check.OK(t, os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh"), 0o755))
	}
	for _, dir := range []string{beside, inPath} {
		got, err := findProgram(program, beside, carried)
		check.OK(t, err)
		if want := filepath.Join(dir, program); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
		check.OK(t, os.Chmod(filepath.Join(dir, program), 0o644)) // a file that cannot be run is not the program
	}
	got, err := findProgram(program, beside, carried)
	check.OK(t, err)
	content, err := os.ReadFile(got)
	check.OK(t, err)
	if !strings.HasPrefix(got, cache) || string(content) != "#!carried" || !isExecutable(got) {
		t.Errorf("%s has %q", got, content)
	}

	// A copy that was damaged is written again.
	check.OK(t, os.WriteFile(got, []byte("#!damaged"), 0o755))
	again, err := findProgram(program, beside, carried)
	check.OK(t, err)
	if content, err = os.ReadFile(again); err != nil || again != got || string(content) != "#!carried" {
		t.Errorf("%s has %q, %v", again, content, err)
	}
}

// TestCarriedHelper: the node's program finds its helper beside itself.
func TestCarriedHelper(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	carried := carry(t, "#!carried")
	for _, content := range []string{"#!helper", "#!helper of a later build"} {
		carried[packedProgram(nodeHelper, runtime.GOOS, runtime.GOARCH)] = carry(t, content)[packedProgram(program, runtime.GOOS,
			runtime.GOARCH)]
		path, err := findProgram(program, t.TempDir(), carried)
		check.OK(t, err)
		helper := filepath.Join(filepath.Dir(path), nodeHelper)
		got, err := os.ReadFile(helper)
		check.OK(t, err)
		if string(got) != content || !isExecutable(helper) {
			t.Errorf("the helper is %q", got)
		}
	}
}

func TestFindProgramThatIsNowhere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := findProgram(program, t.TempDir(), fstest.MapFS{})
	if hint.CodeOf(err) != hint.NotFound || !strings.Contains(err.Error(), program) || !strings.Contains(hint.Next(err), "make build") {
		t.Errorf("%v; next: %s", err, hint.Next(err))
	}
}

func TestCarriedCopyThatCannotBeWritten(t *testing.T) {
	notADirectory := filepath.Join(t.TempDir(), "file")
	check.OK(t, os.WriteFile(notADirectory, nil, 0o644))
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", notADirectory)
	_, err := findProgram(program, t.TempDir(), carry(t, "x"))
	if hint.CodeOf(err) != hint.Failure || !strings.Contains(hint.Next(err), "XDG_CACHE_HOME") {
		t.Errorf("%v; next: %s", err, hint.Next(err))
	}
}

// TestNodePrograms: those that are carried, and an error where there are none.
func TestNodePrograms(t *testing.T) {
	if _, err := nodePrograms(fstest.MapFS{}); hint.CodeOf(err) != hint.NotFound {
		t.Errorf("without any: %v", err)
	}
	got, err := nodePrograms(fstest.MapFS{
		"programs/parascope-node-linux-arm64.gz": {Data: []byte("a")}, "programs/parascope-head-linux-arm64.gz": {Data: []byte("b")},
		"programs/parascope-node-darwin-arm64.gz": {Data: []byte("c")},
	})
	if err != nil || len(got) != 2 || got[0].Name != "parascope-node" || got[1].Architecture != "arm64" {
		t.Errorf("carried: %+v, %v", got, err)
	}
}

// TestWhatNodesFetchStays: down says what keeps the bucket, and how it goes.
func TestWhatNodesFetchStays(t *testing.T) {
	const want = "the bucket holds files that clusters of stack s install; 'parascope down --stack s' deletes the files if no " +
		"cluster needs them"
	if got := whose("b", "parascope/s/v1/install.sh"); got != want {
		t.Errorf("%q", got)
	}
}
