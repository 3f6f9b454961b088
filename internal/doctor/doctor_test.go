package doctor

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

// TestNeedsNameEarlierChecks: Run takes the checks in the order of the list.
func TestNeedsNameEarlierChecks(t *testing.T) {
	var before []string
	for _, c := range Preflight() {
		for _, id := range c.Needs {
			if !slices.Contains(before, id) {
				t.Errorf("%s needs %s, which does not come before it", c.ID, id)
			}
		}
		before = append(before, c.ID)
	}
}

// TestWhatNeedsAFailedCheckIsSkipped, and what needs one that is unknown is run.
func TestWhatNeedsAFailedCheckIsSkipped(t *testing.T) {
	gives := func(f Finding) func(context.Context, *Env) Finding {
		return func(context.Context, *Env) Finding { return f }
	}
	checks := []Check{
		{ID: "bad", Run: gives(failed(errors.New("broken")))},
		{ID: "refused", Run: gives(unlessRefused(hint.New(hint.Denied, errors.New("AWS will not say"), "ask")))},
		{ID: "absent", Run: gives(skipped("does not apply"))},
		{ID: "needs bad", Needs: []string{"bad"}},
		{ID: "needs that", Needs: []string{"needs bad"}},
		{ID: "needs refused", Needs: []string{"refused", "absent"}, Run: gives(failed(nil))},
	}
	got := map[string]Status{}
	err := Run(t.Context(), &Env{}, checks, func(c Check, f Finding) error {
		got[c.ID] = f.Status
		return nil
	})
	want := map[string]Status{"bad": Failed, "refused": Unknown, "absent": Skipped, "needs bad": Skipped, "needs that": Skipped,
		"needs refused": OK}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
