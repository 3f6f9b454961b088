package doctor

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

type none struct{}

func gives(f Finding) func(context.Context, none) Finding {
	return func(context.Context, none) Finding { return f }
}

// TestWhatNeedsAFailedCheckIsUnknown, and what needs one that is unknown is run: it is unknown because of that one
// where it says so itself.
func TestWhatNeedsAFailedCheckIsUnknown(t *testing.T) {
	checks := []Check[none]{
		{ID: "needs that", Needs: []string{"needs bad"}, Run: gives(Good(""))},
		{ID: "bad", Run: gives(Failure(errors.New("broken")))},
		{ID: "refused", Run: gives(UnlessRefused(hint.New(hint.Denied, errors.New("AWS will not say"), "ask")))},
		{ID: "absent", Run: gives(Skip("does not apply"))},
		{ID: "needs bad", Needs: []string{"absent", "bad"}, Run: gives(Good(""))},
		{ID: "needs refused", Needs: []string{"refused", "absent"}, Run: gives(Failure(nil))},
		{ID: "follows", Needs: []string{"refused"}, Run: gives(Follows("refused"))},
		{ID: "needs what follows", Needs: []string{"follows"}, Run: gives(Good(""))},
		{ID: "needs an earlier one", Needs: []string{"earlier"}, Run: gives(Good(""))},
	}
	type found struct {
		Status  Status
		Because string
	}
	for name, atOnce := range map[string]int{"one after the other": 0, "at once": 4} {
		list := checks
		if atOnce == 0 {
			list = append(checks[1:len(checks):len(checks)], checks[0]) // a check waits for those before it
		}
		got := map[string]found{}
		all, err := Run(t.Context(), none{}, list, Options{AtOnce: atOnce, Before: []Result{{ID: "earlier", Finding: Fault("x", "")}}},
			func(r Result) error {
				got[r.ID] = found{r.Status, r.Because}
				return nil
			})
		want := map[string]found{"bad": {Failed, ""}, "refused": {Unknown, ""}, "absent": {Skipped, ""}, "needs bad": {Unknown, "bad"},
			"needs that": {Unknown, "bad"}, "needs refused": {OK, ""}, "needs an earlier one": {Unknown, "earlier"},
			"follows": {Unknown, "refused"}, "needs what follows": {Unknown, "refused"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(name, diff, err)
		}
		if OutcomeOf(all) != SomeWrong || hint.CodeOf(Err(all)) != hint.Failure {
			t.Errorf("%s: %s, %v", name, OutcomeOf(all), Err(all))
		}
	}
}

// TestACheckThatHangsIsUnknown: whether it looks at its context or not.
func TestACheckThatHangsIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		checks := []Check[none]{
			{ID: "deaf", Run: func(context.Context, none) Finding { <-release; return Good("") }},
			{ID: "hears", Run: func(ctx context.Context, _ none) Finding { <-ctx.Done(); return Failure(ctx.Err()) }},
			{ID: "quick", Run: gives(Good(""))},
		}
		start := time.Now()
		all, err := Run(t.Context(), none{}, checks, Options{AtOnce: 2, Bound: 10 * time.Second}, func(Result) error { return nil })
		var got []Status
		for _, r := range all {
			got = append(got, r.Status)
		}
		if diff := cmp.Diff([]Status{Unknown, Unknown, OK}, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("it took %s", took)
		}
		if OutcomeOf(all) != NotKnown || hint.CodeOf(Err(all)) != hint.Unsure {
			t.Errorf("%s, %v", OutcomeOf(all), Err(all))
		}
	})
}

// TestReportEndsARun: the checks that run are told to end.
func TestReportEndsARun(t *testing.T) {
	stop := errors.New("stop")
	checks := []Check[none]{
		{ID: "first", Run: gives(Good(""))},
		{ID: "waits", Run: func(ctx context.Context, _ none) Finding { <-ctx.Done(); return Good("") }},
	}
	all, err := Run(t.Context(), none{}, checks, Options{AtOnce: 2}, func(Result) error { return stop })
	if len(all) != 1 || !errors.Is(err, stop) {
		t.Error(all, err)
	}
}

func TestNothingWrong(t *testing.T) {
	all := []Result{{Finding: Good("")}, {Finding: Skip("")}}
	if OutcomeOf(all) != AllGood || Err(all) != nil {
		t.Error(OutcomeOf(all), Err(all))
	}
}
