package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestProgram builds the helper for both architectures as releases do: it is small, and
// needs no more of a machine than the C library that the driver's library needs.
func TestProgram(t *testing.T) {
	const most = 3 << 20
	for _, arch := range []string{"amd64", "arm64"} {
		path := filepath.Join(t.TempDir(), "parascope-nvml")
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", path, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > most {
			t.Errorf("%s: %d bytes; at most %d", arch, info.Size(), most)
		}
		f, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		libraries, err := f.ImportedLibraries()
		slices.Sort(libraries)
		if diff := cmp.Diff([]string{"libc.so.6", "libdl.so.2", "libpthread.so.0"}, libraries); diff != "" || err != nil {
			t.Errorf("%s: error %v, libraries (-want +got):\n%s", arch, err, diff)
		}
		// A symbol with a version would bind the program to that C library or a newer one.
		symbols, err := f.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range symbols {
			if s.Version != "" {
				t.Errorf("%s: symbol %s needs version %s", arch, s.Name, s.Version)
			}
		}
	}
}

// TestWithoutLibrary is a machine whose driver has no library: an answer, not an end.
func TestWithoutLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "parascope-nvml")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), path, filepath.Join(t.TempDir(), "libnvidia-ml.so.1"))
	cmd.Stdin = strings.NewReader("init\ngpu 0\nread 0 temp\nbogus\n")
	out, err := cmd.Output()
	if lines := strings.Split(string(out), "\n"); err != nil || len(lines) != 6 || !strings.HasPrefix(lines[0], `error "could not load `) ||
		lines[1] != "end -2" || lines[2] != "end 1" {
		t.Errorf("error %v, answers:\n%s", err, out)
	}
}
