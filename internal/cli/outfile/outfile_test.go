package outfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parascope/parascope/internal/hint"
)

// TestNamesThatCannotBeWritten: each is refused before the command does its work, and nothing is left there.
func TestNamesThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Symlink("gone.yaml", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ err, next string }{
		"":          {"the name of the output file is empty", "- for standard output"},
		"nodir/x":   {"could not write nodir/x: the directory nodir does not exist", "create the directory"},
		dir:         {"could not write " + dir + ": it is a directory", "give --output another FILE"},
		"link.yaml": {"could not write link.yaml: it is a symbolic link to a file that does not exist", "create that file"},
		"file/x":    {"could not write file/x: ", "give --output another FILE"},
	} {
		f, err := New(t.Context(), name, nil)
		if err == nil {
			f.Discard()
			t.Errorf("%q is taken", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), want.err) || !strings.Contains(hint.Next(err), want.next) || hint.CodeOf(err) != hint.BadInput {
			t.Errorf("%q: %v; %s", name, err, hint.Next(err))
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// TestLink: the file that a link leads to is replaced, and the link stays.
func TestLink(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("there", 0o755); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join("there", "file")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, "link"); err != nil {
		t.Fatal(err)
	}
	f, err := New(t.Context(), "link", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if err := f.Write(t.Context(), "new"); err != nil {
		t.Fatal(err)
	}
	to, err := os.Readlink("link")
	has, err2 := os.ReadFile(target)
	info, err3 := os.Stat(target)
	if err != nil || err2 != nil || err3 != nil || to != target || string(has) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("the link leads to %q, the file has %q: %v %v %v", to, has, err, err2, err3)
	}
}

// TestPipe: a pipe without its other end is waited for, and the wait ends with the context.
func TestPipe(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	if _, err := New(interrupted, "pipe", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the opening ends with %v", err)
	}
	if _, err := Read(interrupted, "pipe", 100); !errors.Is(err, context.Canceled) {
		t.Errorf("the reading ends with %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := New(ctx, "pipe", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the opening ends with %v", err)
	}

	// A reader that does not read: the write ends too.
	reader, err := os.OpenFile("pipe", os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	f, err := New(t.Context(), "pipe", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if f.Regular() {
		t.Error("a pipe is a regular file")
	}
	if err := f.Write(t.Context(), "small"); err != nil {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := f.Write(ctx, strings.Repeat("large", 1<<20)); !errors.Is(err, context.Canceled) {
		t.Errorf("the writing ends with %v", err)
	}

	// Standard output is one as well.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	f, err = New(t.Context(), "-", w)
	if err != nil || f.Regular() {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := f.Write(ctx, strings.Repeat("large", 1<<20)); !errors.Is(err, context.Canceled) {
		t.Errorf("the writing ends with %v", err)
	}
}

// TestErrorsNameTheFile: the one that the person gave, and not the one beside it; and what to do.
func TestErrorsNameTheFile(t *testing.T) {
	t.Chdir(t.TempDir())
	full, err := New(t.Context(), "/dev/full", nil)
	if err != nil {
		t.Skipf("this system has no /dev/full: %v", err)
	}
	defer full.Discard()
	if err := full.Write(t.Context(), "x"); err == nil || err.Error() != "could not write /dev/full: no space left on device" ||
		hint.Next(err) == "" {
		t.Errorf("%v; %s", err, hint.Next(err))
	}
	if err := os.Mkdir("there", 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := New(t.Context(), "there/file", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll("there"); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(t.Context(), "x"); err == nil || err.Error() != "could not write there/file: no such file or directory" ||
		hint.Next(err) == "" {
		t.Errorf("%v; %s", err, hint.Next(err))
	}
	if _, err := New(t.Context(), "/proc/x", nil); err == nil || strings.Contains(err.Error(), ".x.") ||
		!strings.HasPrefix(err.Error(), "could not write /proc/x: ") {
		t.Error(err)
	}
	regular, err := os.Create("out")
	if err != nil {
		t.Fatal(err)
	}
	defer regular.Close()
	if f, err := New(t.Context(), "-", regular); err != nil || !f.Regular() {
		t.Errorf("%v; standard output that leads to a file is one", err)
	}
}
