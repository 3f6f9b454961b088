package outfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		f, err := New(name, nil)
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
	f, err := New("link", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	if err := f.Write("new"); err != nil {
		t.Fatal(err)
	}
	to, err := os.Readlink("link")
	has, err2 := os.ReadFile(target)
	info, err3 := os.Stat(target)
	if err != nil || err2 != nil || err3 != nil || to != target || string(has) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("the link leads to %q, the file has %q: %v %v %v", to, has, err, err2, err3)
	}
}
