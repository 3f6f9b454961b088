package parascope_test

import (
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRetiredPhrases holds that no message and no document has a phrase that
// docs/glossary.md retires. Comments are not read: who touches them rewords them.
func TestRetiredPhrases(t *testing.T) {
	retired := retiredPhrases(t)
	find := func(place, text string) {
		text = strings.ToLower(strings.Join(strings.Fields(text), " "))
		for _, phrase := range retired {
			if strings.Contains(text, phrase) {
				t.Errorf("%s has the retired phrase %q: docs/glossary.md says what to write instead", place, phrase)
			}
		}
	}
	fset, sources := parseAll(t)
	for _, s := range sources {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				find(fset.Position(l.Pos()).String(), l.Value)
			}
			return true
		})
	}
	for _, name := range documents(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		find(name, string(text))
	}
}

// retiredPhrases are the phrases in the first column of the glossary's last table.
func retiredPhrases(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("docs/glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| instead of | write |\n|---|---|\n")
	if !found {
		t.Fatal("docs/glossary.md has no table of retired phrases")
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			t.Fatalf("docs/glossary.md: %q is not a row of the table", line)
		}
		for phrase := range strings.SplitSeq(cells[1], ";") {
			all = append(all, strings.ToLower(strings.TrimSpace(phrase)))
		}
	}
	return all
}

// documents are the project's texts for readers: what is generated from code as well, but
// not the list of changes, which is history, and not the glossary itself.
func documents(t *testing.T) (all []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md" && path != "CHANGELOG.md" && path != "docs/glossary.md":
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
