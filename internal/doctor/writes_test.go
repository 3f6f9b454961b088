package doctor

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestALeftBehindCheckWritesNothing: it still runs while others read what it would write. Under the
// race detector, a check that wrote by itself would be reported.
func TestALeftBehindCheckWritesNothing(t *testing.T) { synctest.Test(t, leaveBehind) }

func leaveBehind(t *testing.T) {
	type env struct{ found int }
	e := &env{}
	reads, wrote := make(chan struct{}), make(chan struct{})
	checks := []Check[*env]{
		{ID: "deaf", Run: func(_ context.Context, e *env) Finding {
			defer close(wrote)
			<-reads
			return Good("").Keeping(func() { e.found = 1 })
		}},
		{ID: "reads", Needs: []string{"deaf"}, Run: func(_ context.Context, e *env) Finding {
			close(reads)
			if e.found != 0 {
				return Fault("it was kept", "")
			}
			return Good("").Keeping(func() { e.found += 2 })
		}},
		{ID: "reads that", Needs: []string{"reads"}, Run: func(_ context.Context, e *env) Finding {
			if e.found != 2 {
				return Fault("it was not kept", "")
			}
			return Good("")
		}},
	}
	all, err := Run(t.Context(), e, checks, Options{AtOnce: 2, Bound: time.Minute}, func(Result) error { return nil })
	<-wrote
	if err != nil || all[0].Status != Unknown || all[1].Status != OK || all[2].Status != OK || e.found != 2 {
		t.Errorf("%v %+v %d", err, all, e.found)
	}
}

// TestChecksWriteByKeepingAlone reads the checks' source: none assigns to what it is given but in
// the function that it hands over.
func TestChecksWriteByKeepingAlone(t *testing.T) {
	files, err := filepath.Glob("*side/*.go")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	more, err := filepath.Glob("preflight/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, more...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && f.Name.Name != "Begin" {
				ast.Inspect(f.Body, func(n ast.Node) bool { return inspect(t, set, n) })
			}
		}
	}
}

// inspect reports an assignment to a field of e, and continues below unless the node is a function.
func inspect(t *testing.T, set *token.FileSet, n ast.Node) bool {
	if _, handed := n.(*ast.FuncLit); handed {
		return false
	}
	assigned, ok := n.(*ast.AssignStmt)
	if !ok {
		return true
	}
	for _, left := range assigned.Lhs {
		for {
			if i, indexed := left.(*ast.IndexExpr); indexed {
				left = i.X
			} else if s, selected := left.(*ast.SelectorExpr); selected {
				if root, named := s.X.(*ast.Ident); named && root.Name == "e" {
					t.Errorf("%s: a check assigns to e.%s; Finding.Keeping is for that", set.Position(assigned.Pos()), s.Sel.Name)
				}
				left = s.X
			} else {
				break
			}
		}
	}
	return true
}
