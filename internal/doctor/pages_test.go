package doctor_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parascope/parascope/internal/doctor"
	"github.com/parascope/parascope/internal/doctor/awsside"
	"github.com/parascope/parascope/internal/doctor/headside"
	"github.com/parascope/parascope/internal/doctor/preflight"
)

// TestEachCheckHasAPage, and each page a check; needs name checks that come earlier. Pages of what can break while
// the stack runs have three commands and say what to do.
func TestEachCheckHasAPage(t *testing.T) {
	listed := map[string]bool{}
	earlier := func(id string, needs []string, before map[string]bool) {
		for _, n := range needs {
			if !before[n] {
				t.Errorf("%s needs %s, which does not come before it", id, n)
			}
		}
		before[id] = true
		listed[id] = true
	}
	atUp := names(preflight.Checks(), map[string]bool{}, earlier)
	ofStack := names(awsside.Checks(), map[string]bool{}, earlier)
	names(awsside.ClusterChecks(), ofStack, earlier)
	names(awsside.NodeChecks("n", false), ofStack, earlier)
	names(headside.Checks(), map[string]bool{}, earlier)

	dir := filepath.Join("..", "..", "docs", "checks")
	index, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for id := range listed {
		text, err := os.ReadFile(filepath.Join(dir, id+".md"))
		if err != nil || !strings.HasPrefix(string(text), "# "+id+"\n\n## What is checked\n") || !strings.Contains(string(text), "\n    ") {
			t.Errorf("the page of %s: %v", id, err)
		}
		running := ofStack[id] || !atUp[id]
		if running && (strings.Count(string(text), "\n    ") < 3 || !strings.Contains(string(text), "\n## What to do\n")) {
			t.Errorf("the page of %s has less than three commands, or does not say what to do", id)
		}
		if !strings.Contains(string(index), "["+id+"]("+id+".md)") {
			t.Errorf("docs/checks/README.md does not list %s", id)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if id := strings.TrimSuffix(f.Name(), ".md"); !listed[id] && id != "README" {
			t.Errorf("docs/checks/%s is of no check", f.Name())
		}
	}
}

// TestHowLongARunTakes: where nothing answers, a run of all checks of a stack is over after eight times the bound of
// a check: seven wait for one another, and eight run at once. Those of a cluster
// take five at most, and those of a head node six: which of the checks that wait runs next is by chance.
func TestHowLongARunTakes(t *testing.T) {
	took(t, "a stack", awsside.Checks(), 8)
	took(t, "a cluster", awsside.ClusterChecks(), 5)
	took(t, "a head node", headside.Checks(), 6)
}

func took[E any](t *testing.T, what string, list []doctor.Check[E], most time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		for i := range list {
			list[i].Run = func(ctx context.Context, _ E) doctor.Finding { <-ctx.Done(); return doctor.Failure(ctx.Err()) }
		}
		const bound = 15 * time.Second
		began := time.Now()
		var env E
		all, err := doctor.Run(t.Context(), env, list, doctor.Options{AtOnce: 8, Bound: bound}, func(doctor.Result) error { return nil })
		if n := time.Since(began); err != nil || n > most*bound {
			t.Errorf("%s: %s, which is %d times the bound; %v", what, n, n/bound, err)
		}
		for _, r := range all {
			if r.Status != doctor.Unknown || r.Detail == "" {
				t.Errorf("%s: %+v", what, r)
			}
		}
	})
}

func names[E any](all []doctor.Check[E], before map[string]bool, each func(string, []string, map[string]bool)) map[string]bool {
	for _, c := range all {
		each(c.ID, c.Needs, before)
	}
	return before
}
