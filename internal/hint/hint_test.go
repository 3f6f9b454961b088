package hint_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parascope/parascope/internal/hint"
)

func TestHintsSurviveWrapping(t *testing.T) {
	cause := errors.New("cause")
	hinted := hint.New(hint.Busy, fmt.Errorf("do a thing: %w", cause), "do another")
	for name, c := range map[string]struct {
		err  error
		code hint.Code
		next string
	}{
		"none":            {nil, 0, ""},
		"without a hint":  {cause, hint.Failure, ""},
		"a hint":          {hinted, hint.Busy, "do another"},
		"wrapped":         {fmt.Errorf("run: %w", hinted), hint.Busy, "do another"},
		"joined":          {errors.Join(context.Canceled, hinted), hint.Busy, "do another"},
		"the outer wins":  {hint.New(hint.Denied, hinted, "sign in"), hint.Denied, "sign in"},
		"no better step":  {hint.New(hint.BadInput, cause, ""), hint.BadInput, ""},
		"the first joins": {errors.Join(hinted, hint.New(hint.Usage, cause, "")), hint.Busy, "do another"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := hint.CodeOf(c.err); got != c.code {
				t.Errorf("code %d, want %d", got, c.code)
			}
			if got := hint.Next(c.err); got != c.next {
				t.Errorf("next step %q, want %q", got, c.next)
			}
		})
	}
	if !errors.Is(hinted, cause) || hinted.Error() != "do a thing: cause" {
		t.Errorf("the cause is hidden, or the text changed: %v", hinted)
	}
}

// TestExitCodesAreDocumented: scripts rely on docs/exit-codes.md, which must have
// every code and no other.
func TestExitCodesAreDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "exit-codes.md"))
	if err != nil {
		t.Fatal(err)
	}
	var documented []hint.Code
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllSubmatch(b, -1) {
		n, err := strconv.Atoi(string(row[1]))
		if err != nil {
			t.Fatal(err)
		}
		documented = append(documented, hint.Code(n))
	}
	// 0 and 130 are the shell's: package cli gives them without a hint.
	want := []hint.Code{0, hint.Failure, hint.Usage, hint.BadInput, hint.Denied, hint.NotFound, hint.Busy, hint.Unsure, 130}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/exit-codes.md (-code +documented):\n%s", diff)
	}
}
