package parascope_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Sizes past which a reader loses the thread. They are cheap to keep from the
// first day only.
const (
	maxFileLines    = 500
	maxFuncLines    = 80
	maxPackageLines = 2500 // without tests
	maxColumns      = 140  // a tab is one
)

// bannedPackages are names that say nothing about what is inside.
var bannedPackages = []string{"util", "utils", "common", "helper", "helpers", "shared", "types", "misc", "base", "mock", "mocks",
	"interfaces"}

type source struct {
	path  string
	file  *ast.File
	lines int
	test  bool
}

func TestSizes(t *testing.T) {
	fset, sources := parseAll(t)
	packages := map[string]int{}
	for _, s := range sources {
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines; at most %d: split it by what it is about", s.path, s.lines, maxFileLines)
		}
		if !s.test {
			packages[filepath.Dir(s.path)] += s.lines
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			if n := fset.Position(f.End()).Line - fset.Position(f.Pos()).Line + 1; n > maxFuncLines {
				t.Errorf("%s: %s has %d lines; at most %d", s.path, f.Name.Name, n, maxFuncLines)
			}
		}
	}
	for dir, n := range packages {
		if n > maxPackageLines {
			t.Errorf("package %s has %d lines; at most %d", dir, n, maxPackageLines)
		}
	}
}

// TestLineLengths does not count the text of raw strings, which cannot be broken, and counts
// gofmt's alignment as one column.
func TestLineLengths(t *testing.T) {
	fset, sources := parseAll(t)
	aligned := regexp.MustCompile(" +")
	for _, s := range sources {
		content, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(l.Value, "`") {
				for i := fset.Position(l.Pos()).Offset; i < fset.Position(l.End()).Offset; i++ {
					if content[i] != '\n' {
						content[i] = 0
					}
				}
			}
			return true
		})
		for i, line := range bytes.Split(content, []byte("\n")) {
			if n := utf8.RuneCount(aligned.ReplaceAll(bytes.ReplaceAll(line, []byte{0}, nil), []byte(" "))); n > maxColumns {
				t.Errorf("%s:%d has %d columns; at most %d", s.path, i+1, n, maxColumns)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	_, sources := parseAll(t)
	documented := map[string]bool{}
	for _, s := range sources {
		if s.test {
			continue
		}
		dir := filepath.Dir(s.path)
		documented[dir] = documented[dir] || s.file.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no doc comment", dir)
		}
	}
}

func TestBannedConstructs(t *testing.T) {
	fset, sources := parseAll(t)
	exits := map[string]int{} // by program
	for _, s := range sources {
		for _, b := range bannedPackages {
			if s.file.Name.Name == b || strings.TrimSuffix(filepath.Base(s.path), ".go") == b {
				t.Errorf("%s: the name %q says nothing about what is inside", s.path, b)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: func init: families are literal lists, not registries", fset.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok {
					return true
				}
				switch call := x.Name + "." + n.Sel.Name; {
				case call == "time.Sleep":
					t.Errorf("%s: time.Sleep: wait on a channel, a ticker or virtual time, and on ctx", fset.Position(n.Pos()))
				case s.test:
				case call == "os.Exit" && s.file.Name.Name != "main":
					t.Errorf("%s: os.Exit: exits are main's", fset.Position(n.Pos()))
				case call == "os.Exit":
					exits[filepath.Dir(s.path)]++
				case call == "context.Background" && s.path != "internal/cli/cli.go" && s.file.Name.Name != "main":
					t.Errorf("%s: context.Background below main: pass ctx on", fset.Position(n.Pos()))
				case call == "slog.Default", call == "prometheus.DefaultRegisterer", call == "prometheus.MustRegister",
					strings.HasPrefix(call, "log.Fatal"):
					t.Errorf("%s: %s: loggers and registries are given, exits are main's", fset.Position(n.Pos()), call)
				}
			}
			return true
		})
	}
	if exits["cmd/parascope"] == 0 {
		t.Error("no os.Exit found in cmd/parascope: this test looks in the wrong place")
	}
	for program, n := range exits {
		if n > 1 {
			t.Errorf("%s calls os.Exit in %d places; main is the only one", program, n)
		}
	}
}

// TestLocalCloudNamesNoProduct: the local cloud is a project of its own. Names, texts
// and hints that are the product's come from whoever starts it.
func TestLocalCloudNamesNoProduct(t *testing.T) {
	files := 0
	err := filepath.WalkDir("localaws", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() { // not what npm makes
			if slices.Contains([]string{"node_modules", "dist", "dist-test"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		files++
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(path+"\n"+string(content), "\n") {
			if strings.Contains(strings.ToLower(strings.ReplaceAll(line, module, "")), "parascope") {
				t.Errorf("%s:%d names the product: take it from the options, or say it neutrally: %.120s", path, i, line)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("%d files in localaws: this test looks in the wrong place", files)
	}
}

// parseAll parses every Go file of the module but generated ones.
func parseAll(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	fset := token.NewFileSet()
	var all []source
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "third_party" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		if !ast.IsGenerated(f) {
			all = append(all, source{path: path, file: f, lines: fset.File(f.Pos()).LineCount(), test: strings.HasSuffix(path, "_test.go")})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no Go files found: this test looks in the wrong place")
	}
	return fset, all
}
