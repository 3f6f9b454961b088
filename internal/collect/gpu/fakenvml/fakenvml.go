// Package fakenvml builds a libnvidia-ml.so.1 that answers from a table (testdata/fake.c), makes
// tables of imitated nodes, and computes what a page must say about them. It is for
// tests. It shares nothing with what it checks: it is compiled against NVIDIA's nvml.h,
// and the values come from the table and the units of dcgm-exporter's documentation.
package fakenvml

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// headers is the module whose cache has nvml.h.
const headers = "github.com/NVIDIA/go-nvml"

// Built is what Build made: files that many tests use.
type Built struct {
	Library string // libnvidia-ml.so.1
	Helper  string // parascope-nvml
}

// Build compiles the library and the helper process into dir. An error of ErrNoCompiler
// says that there is no gcc.
func Build(ctx context.Context, dir string) (Built, error) {
	b := Built{Library: filepath.Join(dir, "libnvidia-ml.so.1"), Helper: filepath.Join(dir, "parascope-nvml")}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return b, ErrNoCompiler
	}
	root, err := run(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return b, err
	}
	out, err := run(ctx, root, "go", "mod", "download", "-json", headers)
	if err != nil {
		return b, err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return b, fmt.Errorf("could not get %s: %w", headers, err)
	}
	if _, err := run(ctx, "", gcc, "-Wall", "-Werror", "-Wno-deprecated-declarations", "-shared", "-fPIC", "-fvisibility=hidden",
		"-I", filepath.Join(module.Dir, "pkg/nvml"), "-o", b.Library,
		filepath.Join(root, "internal/collect/gpu/fakenvml/testdata/fake.c")); err != nil {
		return b, err
	}
	_, err = run(ctx, root, "go", "build", "-ldflags=-s -w", "-o", b.Helper, "./cmd/parascope-nvml")
	return b, err
}

// ErrNoCompiler says that the library cannot be built here.
var ErrNoCompiler = errors.New("gcc is not installed")

// Library is what a test's library answers, and what it was asked.
type Library struct{ dir string }

// Use makes the libraries of processes that the test starts answer from one table.
func Use(t testing.TB) *Library {
	t.Helper()
	l := &Library{dir: t.TempDir()}
	t.Setenv("FAKE_NVML_TABLE", filepath.Join(l.dir, "table"))
	t.Setenv("FAKE_NVML_LOG", filepath.Join(l.dir, "calls"))
	return l
}

func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%s: %w: %s%s", name, err, out, failed.Stderr)
	}
	return string(bytes.TrimSpace(out)), err
}

// Set has the library answer from the table from now on.
func (l *Library) Set(t testing.TB, table Table) {
	t.Helper()
	var b bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&b, "%s %s\n", key, table[key])
	}
	next := filepath.Join(l.dir, "next")
	if err := errors.Join(os.WriteFile(next, b.Bytes(), 0o600), os.Rename(next, filepath.Join(l.dir, "table"))); err != nil {
		t.Fatal(err)
	}
}

// Calls returns the calls on devices since the last time: "FUNCTION PREFIX".
func (l *Library) Calls(t testing.TB) []string {
	t.Helper()
	path := filepath.Join(l.dir, "calls")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	var calls []string
	for line := range bytes.Lines(text) {
		calls = append(calls, string(bytes.TrimSpace(line)))
	}
	return calls
}

// Table is what the library answers: see fake.c.
type Table map[string]string

// With is a copy with one more answer.
func (t Table) With(key, value string) Table {
	c := maps.Clone(t)
	c[key] = value
	return c
}

// Of answers for one GPU.
func (t Table) of(gpu int, key, value string) { t[strconv.Itoa(gpu)+"."+key] = value }

func (t Table) number(gpu int, key string, value uint64) {
	t.of(gpu, key, strconv.FormatUint(value, 10))
}

// Buses are the addresses of a p5.48xlarge's GPUs, by index.
func Buses() []string { return []string{"53", "64", "75", "86", "97", "a8", "b9", "ca"} }

// H100 is a p5.48xlarge with 8 × H100, whose values differ by GPU and grow with step.
// The minor numbers run against the index, as they may.
func H100(step int) Table {
	t := node("NVIDIA H100 80GB HBM3", 81559, step)
	for gpu := range 8 {
		t.of(gpu, "gpm", "1")
		t.number(gpu, "margin", uint64(40-gpu))
		t.of(gpu, "f.230", "u 0")
		t.gpm(gpu, "gpm.", step)
	}
	return t
}

// A100 is a p4d.24xlarge with 8 × A100: no GPM, no margin, no recovery action.
func A100(step int) Table { return node("NVIDIA A100-SXM4-40GB", 40960, step) }

func node(name string, mib uint64, step int) Table {
	s := uint64(step)
	t := Table{"init": "0", "driver": "580.126.20", "nvml": "13.580.126.20", "count": "8"}
	for gpu, bus := range Buses() {
		g := uint64(gpu)
		t.of(gpu, "handle", "0")
		t.of(gpu, "uuid", fmt.Sprintf("GPU-00000000-0000-0000-0000-00000000000%d", gpu))
		t.of(gpu, "bus", "00000000:"+upper(bus)+":00.0")
		t.of(gpu, "name", name)
		t.number(gpu, "minor", 7-g)
		t.number(gpu, "temp", 30+g+s)
		t.number(gpu, "power", 612268+1000*g+s)
		t.of(gpu, "powerlimit", "700000")
		t.number(gpu, "util.gpu", 90+g)
		t.number(gpu, "util.mem", 40+g+s)
		t.of(gpu, "reasons", "4")
		t.number(gpu, "mem.total", mib<<20)
		t.number(gpu, "mem.reserved", 479<<20)
		t.number(gpu, "mem.used", (59+g+s)<<20)
		t.number(gpu, "mem.free", (mib-479-59-g-s)<<20)
		t.number(gpu, "smclock", 1980)
		t.number(gpu, "memclock", 2619)
		t.number(gpu, "encoder", 0)
		t.number(gpu, "decoder", 3)
		t.number(gpu, "replays", g)
		t.of(gpu, "f.82", fmt.Sprintf("u %d", 41+g))
		t.of(gpu, "f.83", fmt.Sprintf("U %d", 128996013422+1000*s))
		t.of(gpu, "f.74", "U 5000000")
		t.of(gpu, "f.75", fmt.Sprintf("U %d", 6000000+g))
		t.of(gpu, "f.3", "U 2")
		t.of(gpu, "f.4", "U 0")
		t.of(gpu, "f.142", "u 3")
		t.of(gpu, "f.143", fmt.Sprintf("u %d", g%2))
		t.of(gpu, "f.145", "u 0")
		t.of(gpu, "f.38", "U 11")
		t.of(gpu, "f.45", "U 12")
		t.of(gpu, "f.52", "U 13")
		t.of(gpu, "f.59", fmt.Sprintf("U %d", g))
		t.of(gpu, "f.138.4294967295", fmt.Sprintf("U %d", 123456789+s*1000+g))
		t.of(gpu, "f.139.4294967295", fmt.Sprintf("U %d", 223456789+s*1000+g))
	}
	return t
}

// gpm are counters of step windows of 15 s.
func (t Table) gpm(gpu int, prefix string, step int) {
	seconds := float64(15 * step)
	t.of(gpu, prefix+"seconds", strconv.FormatFloat(seconds, 'g', -1, 64))
	for i, id := range []int{1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 20, 21, 60, 61} {
		// A mean of (10 + i + gpu/8) percent or MiB a second, and 0.5 more in each window.
		mean := float64(10+i) + float64(gpu)/8
		t.of(gpu, prefix+strconv.Itoa(id), strconv.FormatFloat(mean*seconds+0.5*15*float64(step*(step-1)/2), 'g', -1, 64))
	}
}

// MIG is one H100 with four MIG devices beside one without, as on a node of two.
func MIG(step int) Table {
	t := H100(step)
	t["count"] = "2"
	t["0.mig"] = "1"
	t["0.migmax"] = "7"
	for _, key := range []string{"0.util.gpu", "0.util.mem"} {
		delete(t, key) // a GPU in MIG mode has no utilization of its own
	}
	for i, part := range []struct{ gi, slices, mib int }{{2, 3, 40448}, {3, 2, 20096}, {9, 1, 9984}, {10, 1, 9984}} {
		place := i
		if i == 3 {
			place = 4 // a place without an instance lies between them
		}
		prefix := fmt.Sprintf("mig.%d.", place)
		t.of(0, prefix+"gi", strconv.Itoa(part.gi))
		t.of(0, prefix+"ci", "0")
		t.of(0, prefix+"uuid", fmt.Sprintf("MIG-00000000-0000-0000-0000-00000000000%d", i))
		t.of(0, prefix+"slices", strconv.Itoa(part.slices))
		t.of(0, prefix+"memorymb", strconv.Itoa(part.mib))
		t.number(0, prefix+"mem.total", uint64(part.mib)<<20)
		t.number(0, prefix+"mem.reserved", 0)
		t.number(0, prefix+"mem.used", uint64(9+i+step)<<20)
		t.number(0, prefix+"mem.free", uint64(part.mib-9-i-step)<<20)
		t.gpm(0, fmt.Sprintf("gi.%d.gpm.", part.gi), step)
	}
	return t
}

func upper(s string) string { return string(bytes.ToUpper([]byte(s))) }
